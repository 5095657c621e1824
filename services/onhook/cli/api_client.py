"""Asking a running service over HTTP, for commands that only speak to one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from onhook.cli.failure import Failure

TIMEOUT_S = 10.0
ADDRESS_OF = {
    "call emulator": "ONHOOK_EMULATOR_URL",
    "worker": "ONHOOK_WORKER_URL",
    "sink": "ONHOOK_SINK_URL",
}

# A proxy of the environment is for the outside; the services are ours.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Failure):
    """The service answered with an error."""

    def __init__(self, message: str, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


def call(service: str, method: str, url: str, body: bytes | None = None) -> Any:
    """The answer's JSON. Raises Refused with its message, Failure when no service answers."""
    request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - settings check it
    request.add_header("Accept", "application/json")
    if body is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as response:
            content = response.read()
    except urllib.error.HTTPError as error:
        raise Refused(_message(error), error.code) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Failure(
            f"no {service} answers at {url} ({reason}); start it with `onhook up`, or set "
            f"{ADDRESS_OF[service]}"
        ) from None
    return json.loads(content) if content else None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"answered {error.code} {error.reason}"

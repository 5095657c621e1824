"""Asking a running service over HTTP, for commands that only speak to one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlsplit

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


def call(
    service: str, method: str, url: str, body: bytes | None = None, *, timeout_s: float = TIMEOUT_S
) -> Any:
    """The answer's JSON. Raises Refused with its message, Failure when no service answers."""
    content, _ = _answered(service, method, url, body, timeout_s)
    return json.loads(content) if content else None


def call_page(service: str, url: str) -> tuple[list[Any], str | None]:
    """A list's page, and the cursor of the next one, from its Link header. Raises as `call`."""
    content, headers = _answered(service, "GET", url, None, TIMEOUT_S)
    link = (headers.get("Link") or "").partition(">")[0].removeprefix("<")
    after = parse_qs(urlsplit(link).query).get("after")
    return json.loads(content), after[0] if after else None


def _answered(
    service: str, method: str, url: str, body: bytes | None, timeout_s: float
) -> tuple[bytes, Message]:
    request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - settings check it
    request.add_header("Accept", "application/json")
    if body is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with _opener.open(request, timeout=timeout_s) as response:
            return response.read(), response.headers
    except urllib.error.HTTPError as error:
        raise Refused(_message(error), error.code) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Failure(
            f"no {service} answers at {url} ({reason}); start it with `onhook up`, or set "
            f"{ADDRESS_OF[service]}"
        ) from None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"answered {error.code} {error.reason}"

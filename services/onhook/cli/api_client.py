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
TITLES = {
    "Onhook call emulator": "call emulator",
    "Onhook event-flow worker": "worker",
    "Onhook sink": "sink",
}
"""What each service calls itself at /openapi.json."""
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
    return _read(service, url, content) if content else None


def call_page(service: str, url: str) -> tuple[list[Any], str | None]:
    """A list's page, and the cursor of the next one, from its Link header. Raises as `call`."""
    content, headers = _answered(service, "GET", url, None, TIMEOUT_S)
    link = (headers.get("Link") or "").partition(">")[0].removeprefix("<")
    after = parse_qs(urlsplit(link).query).get("after")
    return _read(service, url, content), after[0] if after else None


def _read(service: str, url: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        said = mistaken_for(service, url) or f"what answers at {url} is no {service}"
        raise Failure(said) from None


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
        message = _message(error)
        mistaken = mistaken_for(service, url) if error.code in (404, 405) else None
        raise Refused(mistaken or message, error.code) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Failure(
            f"no {service} answers at {url} ({reason}); start it with `onhook up`, or set "
            f"{ADDRESS_OF[service]}"
        ) from None


def mistaken_for(service: str, url: str) -> str | None:
    """What to say where another of the services answers at the address of `url`."""
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc}"
    try:
        with _opener.open(f"{address}/openapi.json", timeout=TIMEOUT_S) as response:
            found = TITLES.get(json.loads(response.read())["info"]["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if found in (None, service):
        return None
    return f"{address} is the {found}, not the {service}; correct {ADDRESS_OF[service]}"


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"answered {error.code} {error.reason}"

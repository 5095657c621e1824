"""The head of a request: what may stand in it, and its bytes.

Pure checks, shared by every adapter, and pure writing: no socket, no HTTP library. Values are
never quoted in messages, because they may be secrets.
"""

from __future__ import annotations

import re
from functools import lru_cache

from onhook import __version__
from onhook.egress.port import Fault, Request, SendError

USER_AGENT = f"onhook/{__version__}"
_AGENT = f"User-Agent: {USER_AGENT}\r\n"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# These frame the message or steer the connection: two writers of them is how requests are
# smuggled, and a Host of one's own reaches another site behind the same address.
_OURS = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


_LENGTHLESS = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods whose requests say nothing of a body when they have none (RFC 9110, section 8.6)."""


def write_request(start: str, request: Request, names: frozenset[str]) -> bytes:
    """The bytes of a checked request.

    `start` is its request line and the lines that depend on its URL alone; `names` are what
    check_head returned.
    """
    lines = [f"{name}: {value}\r\n" for name, value in request.headers]
    if "user-agent" not in names:
        lines.append(_AGENT)
    body = request.body
    if body or request.method not in _LENGTHLESS:
        lines.append(f"Content-Length: {len(body)}\r\n")
    return f"{start}{''.join(lines)}\r\n".encode() + body


def check_head(request: Request) -> frozenset[str]:
    """The names of the headers, in lower case. Raises SendError with Fault.INVALID."""
    if not _TOKEN.fullmatch(request.method) or request.method.upper() == "CONNECT":
        raise _invalid(f'the method "{_shown(request.method)}" cannot be sent')
    if not request.timeout_s > 0:
        raise _invalid("the request's timeout must be above 0")
    headers = request.headers
    names = _read_names(tuple([name for name, _ in headers]))
    values = "".join([value for _, value in headers])
    if values.isascii() and values.isprintable():
        return names
    for name, value in headers:
        if _UNSENDABLE.search(value):
            raise _invalid(f'the value of the header "{name}" has a control character; remove it')
    return names


@lru_cache(maxsize=256)  # a node sends the same names each time
def _read_names(names: tuple[str, ...]) -> frozenset[str]:
    for name in names:
        if not _TOKEN.fullmatch(name):
            raise _invalid(f'the header name "{_shown(name)}" has a character it must not have')
    known = frozenset(name.lower() for name in names)
    if not known.isdisjoint(_OURS):
        name = min(known & _OURS)
        raise _invalid(f'the header "{name}" is written by the client itself; remove it')
    return known


def _shown(text: str) -> str:
    return text[:60].encode("unicode_escape").decode("ascii")


def _invalid(message: str) -> SendError:
    return SendError(Fault.INVALID, message, 0.0)

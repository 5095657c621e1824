"""The HTTP client that delivers, as the worker sees it: one request out, one response or fault.

Only shapes and promises live here. Every adapter keeps the address guard, sends the bytes it is
given, follows no redirect, reads a bounded body and never decompresses it.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from msgspec import Struct


class Fault(Enum):
    """Why no response came."""

    BLOCKED = "blocked"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    PROTOCOL = "protocol"
    TOKEN = "token"  # noqa: S105 - the name of a fault
    """The endpoint was not asked: no access token for it could be had."""
    INVALID = "invalid"
    """The request itself cannot be sent: its URL or a header is no HTTP."""


class Transport(Struct, frozen=True, kw_only=True):
    """How an endpoint is reached, where that differs from the usual. Paths are of PEM files.

    Requests share kept connections only with those of an equal transport.
    """

    ca_file: str | None = None
    """The authorities to trust instead of the system's."""
    client_cert: str | None = None
    client_key: str | None = None
    """None where the certificate's file holds the key too."""
    proxy: str | None = None
    """`http://host:port`, with `user:password@` before the host where it asks for them."""
    written_at: tuple[int, ...] = ()
    """When the files were written last: what was connected with earlier ones is not used again."""

    def __repr__(self) -> str:
        proxied = "" if self.proxy is None else ", proxied"
        return f"Transport({self.ca_file!r}, {self.client_cert!r}{proxied})"


class Request(Struct, frozen=True, kw_only=True):
    """What to send. `timeout_s` covers everything, from the connection to the body's end."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout_s: float
    transport: Transport | None = None


class Response(Struct, frozen=True, kw_only=True):
    """What came back. `body` is cut at the adapter's limit; `is_cut` says so."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    is_cut: bool
    elapsed_s: float


class SendError(Exception):
    """No response came. The text says what happened and, where there is one, the way out."""

    def __init__(self, fault: Fault, message: str, elapsed_s: float) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message
        self.elapsed_s = elapsed_s


class Client(Protocol):
    async def send(self, request: Request) -> Response:
        """Send once. Raises SendError when no response came."""
        ...

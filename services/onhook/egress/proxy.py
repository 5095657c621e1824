"""An egress proxy: its URL read strictly, and the tunnel through it to a host that speaks TLS.

What a proxy may be asked for is the guard's to say, and so is whether its address may be dialled.
Its credentials stand in no message and no `repr`.
"""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from onhook.egress.fault_text import proxy_no_http, proxy_refused
from onhook.egress.port import Fault, SendError
from onhook.egress.target import Target, read_target

_CREDENTIALS = re.compile(r"(https?://)([^@/?#\\]*)@", re.ASCII | re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_LARGEST_HEAD = 16 * 1024


class Proxy(Struct, frozen=True):
    """`authorization` is the value of a Proxy-Authorization header, or None."""

    target: Target
    authorization: str | None

    def __repr__(self) -> str:
        return f"Proxy({self.target.where!r})"

    @property
    def headers(self) -> str:
        """The header lines that every request to the proxy itself carries."""
        return (
            "" if self.authorization is None else f"Proxy-Authorization: {self.authorization}\r\n"
        )


@lru_cache(maxsize=256)
def read_proxy(url: str) -> Proxy:
    """Read `http://user:password@host:port`. Raises SendError with Fault.INVALID."""
    credentials = _CREDENTIALS.match(url)
    plain = url if credentials is None else credentials[1] + url[credentials.end() :]
    try:
        target = read_target(plain)
    except SendError as error:
        what = error.message.removeprefix("the request's URL ")
        raise SendError(Fault.INVALID, f"the proxy's URL {what}", 0.0) from None
    if target.scheme != "http" or target.path != "/":
        raise SendError(Fault.INVALID, "the proxy's URL must be http://host:port, no more", 0.0)
    if credentials is None:
        return Proxy(target, None)
    user, _, password = credentials[2].partition(":")
    both = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return Proxy(target, f"Basic {base64.b64encode(both).decode('ascii')}")


async def open_tunnel(sock: socket.socket, proxy: Proxy, target: Target) -> None:
    """Have the proxy join this socket to the target. Raises SendError, or OSError when it ends."""
    loop = asyncio.get_running_loop()
    where = target.where
    request = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{proxy.headers}\r\n"
    await loop.sock_sendall(sock, request.encode("ascii"))
    head = b""
    while b"\r\n\r\n" not in head:
        data = await loop.sock_recv(sock, 4096)
        if not data:
            raise ConnectionResetError("the proxy ended the connection")
        head += data
        if len(head) > _LARGEST_HEAD:
            raise proxy_no_http(proxy.target.where)
    status = _STATUS.match(head)
    # TLS begins with our words: bytes behind the head would be somebody else's.
    if status is None or (status[1][:1] == b"2" and not head.endswith(b"\r\n\r\n")):
        raise proxy_no_http(proxy.target.where)
    if status[1][:1] != b"2":
        raise proxy_refused(proxy.target.where, where, int(status[1]))

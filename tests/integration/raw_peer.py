"""An HTTP peer made of bytes, for tests of clients: it says exactly what a test tells it to.

It knows no HTTP beyond where a request ends, so it can break every rule of it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Talk:
    """One connection that a client made."""

    def __init__(
        self, peer: Peer, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.peer = peer
        self.number = number
        self._reader = reader
        self._writer = writer

    async def request(self) -> bytes:
        """The next request, to its last byte. Raises IncompleteReadError when there is none."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        whole = head + await self._reader.readexactly(int(length[1]) if length else 0)
        self.peer.requests.append(whole)
        return whole

    async def requests(self) -> AsyncIterator[bytes]:
        """Requests until the client closes."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                yield await self.request()

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, status: int = 200, body: bytes = b"", headers: bytes = b"") -> None:
        await self.say(
            b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)
        )

    async def until_closed(self) -> None:
        """Wait for the client to close the connection."""
        with suppress(ConnectionError):
            while await self._reader.read(65_536):
                pass

    def reset(self) -> None:
        """End with RST instead of FIN."""
        raw: socket.socket = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class Peer:
    """A listening peer; `requests` are those that came in whole."""

    def __init__(self, script: Callable[[Talk], Awaitable[None]]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.failures: list[Exception] = []
        self.port = 0
        self._script = script

    def url(self, path: str = "/hook", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._script(Talk(self, self.connections, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, which some scripts are about
        except Exception as error:  # noqa: BLE001 - raw_peer fails the test with it
            self.failures.append(error)
        finally:
            writer.close()


@asynccontextmanager
async def raw_peer(
    script: Callable[[Talk], Awaitable[None]], *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Peer]:
    """Serve on a free port of 127.0.0.1; one call of `script` for each connection."""
    peer = Peer(script)
    server = await asyncio.start_server(peer.talk, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
        assert not peer.failures
    finally:
        server.close()

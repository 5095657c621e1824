"""A passage to a broker that can be closed and opened: the network between, in a test's hands."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


class Passage:
    """Forwards a port of 127.0.0.1 to the broker of an AMQP address, while it is open."""

    def __init__(self, amqp_url: str) -> None:
        self._there = urlsplit(amqp_url)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The broker's address, by way of the passage."""
        login, at, _ = self._there.netloc.rpartition("@")
        return self._there._replace(netloc=f"{login}{at}127.0.0.1:{self._port}").geturl()

    async def __aenter__(self) -> Passage:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut every connection, and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(
            self._there.hostname, self._there.port or 5672
        )
        self._writers |= {writer, far_writer}
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_copy(reader, far_writer))
                ways.create_task(_copy(far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One way, until one side ends; then the other ends too."""
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()

"""Parts of the sink's tests: the whole sink on a free port, and a client down to raw sockets."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from onhook.settings import Settings, load
from onhook.settings.settings import SEEDED_TOKEN
from onhook.sink.app import running
from onhook.sink.capture import Captured
from onhook.web.serving import address_of, bind, port_of

TIMEOUT_S = 10
HOST = b"Host: sink.example\r\n"


def sink_settings(folder: Path, **flags: str) -> Settings:
    return load({}, {"data": str(folder), "synchronous": "normal", "grace": "5", **flags})


class Answer:
    """An HTTP answer, read."""

    def __init__(self, status: int, headers: Any, body: bytes, json: Any) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.json = json

    def __repr__(self) -> str:
        return f"{self.status} {self.body[:500]!r}"


class Client:
    """Speaks to a sink; `token` is the seeded one."""

    def __init__(self, session: aiohttp.ClientSession, address: str, port: int) -> None:
        self._session = session
        self.address = address
        self.port = port
        self.token = SEEDED_TOKEN

    async def send(self, method: str, path: str, **request: Any) -> Answer:
        async with self._session.request(method, self.address + path, **request) as response:
            body = await response.read()
            is_json = response.content_type == "application/json" and body
            return Answer(
                response.status,
                response.headers,
                body,
                await response.json() if is_json else None,
            )

    async def get(self, path: str) -> Answer:
        return await self.send("GET", path)

    async def make_token(self, **fields: Any) -> str:
        answer = await self.send("POST", "/token", json=fields)
        assert answer.status == 201, answer
        token: str = answer.json["uuid"]
        return token

    async def post(self, path: str, body: bytes = b"") -> Answer:
        return await self.send("POST", path, data=body)

    async def requests(self, token: str | None = None, **query: Any) -> dict[str, Any]:
        """The list of captures."""
        path = f"/token/{token or self.token}/requests"
        answer = await self.send("GET", path, params=query)
        assert answer.status == 200, answer
        envelope: dict[str, Any] = answer.json
        return envelope

    async def latest(self, token: str | None = None) -> dict[str, Any]:
        answer = await self.get(f"/token/{token or self.token}/request/latest")
        assert answer.status == 200, answer
        capture: dict[str, Any] = answer.json
        return capture

    async def raw(self, *parts: bytes) -> bytes:
        """Send bytes over a connection of their own; what came back until the sink closed it."""
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                return await reader.read()
            finally:
                writer.close()


@asynccontextmanager
async def served_sink(
    folder: Path, *, observe: Callable[[Captured], None] | None = None, **flags: str
) -> AsyncIterator[Client]:
    """The whole service on a free port, and a client of it."""
    settings = sink_settings(folder, **flags)
    listener = bind("127.0.0.1", 0, "ONHOOK_SINK_PORT")
    address = address_of(listener, "127.0.0.1")
    async with (
        running(settings, listener, public_url=address, observe=observe),
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        yield Client(session, address, port_of(listener))


def request_of(
    target: str | bytes,
    *,
    method: bytes = b"POST",
    head: bytes = b"",
    body: bytes = b"",
    version: bytes = b"HTTP/1.1",
) -> bytes:
    """A request as bytes, with its length, that asks for the connection to be closed."""
    target = target.encode() if isinstance(target, str) else target
    length = b"Content-Length: %d\r\n" % len(body)
    line = b"%b %b %b\r\n" % (method, target, version)
    return line + HOST + head + length + b"Connection: close\r\n\r\n" + body


def body_of(capture: dict[str, Any]) -> bytes:
    return base64.b64decode(capture["content_base64"])


def headers_of(capture: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in capture["raw_headers"]
    ]


def new_id() -> str:
    return str(uuid.uuid4())

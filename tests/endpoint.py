"""An HTTP endpoint that does as it is told: it records requests and answers them by a plan.

Made of plain sockets, so that it can also keep silent, hang up or reset.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

PATIENCE_S = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """One answer. `held` waits with it until `Endpoint.release`."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    held: bool = False


@dataclass(frozen=True)
class Ending:
    """No answer: `reset` or `hang up` the connection, or keep `silent` until the client goes."""

    how: str


RESET, HANG_UP, SILENCE = Ending("reset"), Ending("hang up"), Ending("silent")
HELD = Answer(held=True)

Plan = int | Answer | Ending


@dataclass(frozen=True)
class Received:
    """A request as it came, and the moment (the loop's clock)."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float

    def header(self, name: str) -> str:
        """The one value of a header."""
        (value,) = [value for key, value in self.headers if key.lower() == name]
        return value

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Endpoint:
    """Answers 204 wherever no plan says otherwise."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.port = 0
        self.decide: Callable[[Received], Plan | None] = lambda _received: None
        """What goes before every plan."""
        self._plans: dict[str, deque[Plan]] = {}
        self._changed = asyncio.Event()
        self._released = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def plan(self, *answers: Plan, path: str = "/hook") -> None:
        """Answer in this order from now on; the last one stays."""
        self._plans[path] = deque(answers)

    def release(self) -> None:
        """Send the answers that are held, and hold none any more."""
        self._released.set()

    def at(self, path: str | None) -> list[Received]:
        return [each for each in self.requests if path in (None, each.path)]

    async def arrived(self, count: int = 1, path: str | None = None) -> list[Received]:
        """Wait for that many requests (to `path`); all of them."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := self.at(path)) < count:
                await self._changed.wait()
        return found

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections; `start` listens on the same port again."""
        self.release()
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._answer_one(reader, writer):
                    pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        received = _read(head, body)
        self.requests.append(received)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        planned = self.decide(received) or self._next(received.path)
        if isinstance(planned, Ending):
            if planned is SILENCE:
                await reader.read()
            elif planned is RESET:
                raw: socket.socket = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            return False
        answer = Answer(planned) if isinstance(planned, int) else planned
        if answer.held:
            await self._released.wait()
        writer.write(_written(answer))
        await writer.drain()
        return True

    def _next(self, path: str) -> Plan:
        plan = self._plans.get(path)
        if not plan:
            return 204
        return plan.popleft() if len(plan) > 1 else plan[0]


def _read(head: bytes, body: bytes) -> Received:
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _version = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name, value.strip()) for name, _, value in pairs)
    return Received(method, path, headers, body, asyncio.get_running_loop().time())


def _written(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if answer.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(answer.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body


@asynccontextmanager
async def serving_endpoint() -> AsyncIterator[Endpoint]:
    """An endpoint on a free port of 127.0.0.1."""
    endpoint = Endpoint()
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await endpoint.stop()

"""The link between a worker and the process that runs suspects for it: frames over a socket.

What goes over it is pickled: both ends are this program, and the child is no less trusted than its
parent. The child's journal and bus are the parent's, reached through here (SEMANTICS 33).
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from onhook.bus.port import BusError, BusUnavailable, HeaderValue
from onhook.event_flow.notice import Notice
from onhook.journal.port import JournalError
from onhook.settings.egress_rule import EgressRule
from onhook.settings.settings import Settings

_LENGTH_BYTES = 4


class Begin(Struct, frozen=True, kw_only=True):
    """The child's first frame: what its parent was started with."""

    settings: Settings
    egress_allow: tuple[EgressRule, ...]
    to: str | None


class Suspect(Struct, frozen=True, kw_only=True):
    """A message to run, as it was consumed before it was set apart; a Delivery that is settled by
    whoever sent it over the link."""

    body: bytes
    message_id: str | None
    type: str | None
    content_type: str | None
    headers: dict[str, HeaderValue]
    queue: str
    exchange: str
    routing_key: str
    delivery_count: int = 0

    async def ack(self) -> None:
        """The parent does."""

    async def give_back(self) -> None:
        """The parent does."""


class Ask(Struct, frozen=True):
    """The child calls a method of the parent's journal or bus."""

    number: int
    whose: str
    method: str
    arguments: tuple[Any, ...]
    named: dict[str, Any]


class Answer(Struct, frozen=True):
    number: int
    value: Any = None
    error: Exception | None = None


class Tell(Struct, frozen=True):
    """The child's notices."""

    notice: Notice


class Ready(Struct, frozen=True):
    """The child is wired: what takes it down from here on is what it runs."""


class Done(Struct, frozen=True):
    """The suspect is settled."""


class Ping(Struct, frozen=True):
    """Is the child's loop alive? It answers with the same."""


Frame = Begin | Suspect | Ask | Answer | Tell | Ready | Done | Ping


class Link:
    """One end. `next` is for one reader alone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, frame: Frame) -> None:
        content = pickle.dumps(frame)
        self._writer.write(len(content).to_bytes(_LENGTH_BYTES, "big") + content)

    async def next(self) -> Frame:
        """Raises EOFError when the other end is gone."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
            content = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise EOFError from None
        frame: Frame = pickle.loads(content)  # noqa: S301 - of our own process
        return frame

    def close(self) -> None:
        self._writer.close()


class Remote:
    """The parent's journal or bus, for the child: its methods, awaited over the link."""

    trouble: str | None = None

    def __init__(self, whose: str, ask: Callable[..., Awaitable[Any]]) -> None:
        self._whose = whose
        self._ask = ask

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **named: Any) -> Any:
            return await self._ask(self._whose, method, arguments, named)

        return call


async def answered(ask: Ask, owner: object) -> Answer:
    """What the parent's journal or bus says."""
    try:
        value = await getattr(owner, ask.method)(*ask.arguments, **ask.named)
    except (BusError, JournalError) as error:
        return Answer(ask.number, error=_plain(error))
    return Answer(ask.number, value=value)


def _plain(error: Exception) -> Exception:
    """One that can be pickled."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever it is, it cannot travel
        kind = BusUnavailable if isinstance(error, BusError) else JournalError
        return kind(str(error))
    return error

"""Suspects: messages that were handed out again and again, as what takes a worker down is.

They are set apart, run one at a time in a process of their own, and dead-lettered only once they
alone took that process down three times (SEMANTICS 23). Nothing here reads what a message holds.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import structlog

from onhook.bus.port import Bus, Delivery, HeaderValue, Message
from onhook.contracts.topology import SUSPECT
from onhook.event_flow.dead_letter import Unprocessable
from onhook.event_flow.insist import insist
from onhook.event_flow.notice import Observer
from onhook.event_flow.suspect_link import (
    Ask,
    Begin,
    Done,
    Frame,
    Link,
    Ping,
    Ready,
    Suspect,
    Tell,
    answered,
)
from onhook.journal.port import Journal

log = structlog.get_logger()

SUSPECTED_AFTER = 3
"""Times that a message was handed out before without being settled."""
MOST_DOWNS = 3
POISON = "poison"
QUIET_S = 10.0
"""After so long without a suspect its process ends."""
PING_S = 10.0
LONGEST_SILENCE = 6
"""A process that does not answer so many pings in a row is taken down."""
ENDS_WITHIN_S = 5.0
STARTS_AGAIN_S = 5.0
LONGEST_HEADERS_BYTES = 4_096

_DOWNS, _QUEUE = "onhook-suspect-downs", "onhook-suspect-queue"
_EXCHANGE, _KEY, _ID = "onhook-suspect-exchange", "onhook-suspect-key", "onhook-suspect-id"
_OURS = frozenset({_DOWNS, _QUEUE, _EXCHANGE, _KEY, _ID})


Stores = dict[str, Bus | Journal]
"""What a child may call, by the names that it calls them by."""


class _Down(Exception):
    """The process is gone; the text says how."""


class Suspects:
    def __init__(
        self,
        bus: Bus,
        journal: Journal,
        begin: Begin,
        observe: Observer,
    ) -> None:
        self._bus = bus
        self._stores: Stores = {"journal": journal, "bus": bus}
        self._begin = begin
        self._observe = observe
        self._child: _Child | None = None
        self._quiet: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Whatever process is there ends with the context."""
        try:
            yield
        finally:
            self._stop_quiet()
            await self._end()

    async def set_apart(self, delivery: Delivery) -> None:
        """Into the queue of suspects; the caller acknowledges."""
        log.warning(
            "message set apart as a suspect",
            queue=delivery.queue,
            message_id=delivery.message_id,
            handed_out=delivery.delivery_count,
        )
        await self._publish(
            Suspect(
                body=delivery.body,
                message_id=delivery.message_id,
                type=delivery.type,
                content_type=delivery.content_type,
                headers=delivery.headers,
                queue=delivery.queue,
                exchange=delivery.exchange,
                routing_key=delivery.routing_key,
            ),
            downs=0,
        )

    async def run(
        self, delivery: Delivery, set_aside: Callable[[Delivery, Unprocessable], Awaitable[None]]
    ) -> None:
        """Run one; returns when it may be acknowledged. One at a time."""
        suspect, downs = suspect_of(delivery)
        self._stop_quiet()
        try:
            child = await self._ready()
            child.send(suspect)
            await child.until(Done, self._stores, self._observe)
        except _Down as down:
            await self._end()
            downs += 1
            log.error("a suspect took its process down", how=str(down), times=downs)
            if downs < MOST_DOWNS:
                await self._publish(suspect, downs)
                return
            await set_aside(
                suspect,
                Unprocessable(
                    POISON,
                    f"alone, it took the process that ran it down {downs} times, at last {down}; "
                    "replay it once that is mended",
                ),
            )
        except BaseException:
            await self._end()
            raise
        else:
            self._quiet = asyncio.get_running_loop().call_later(QUIET_S, self._on_quiet)

    async def _ready(self) -> _Child:
        """A process that waits for a suspect; what ends one before that is no suspect's doing."""
        while self._child is None:
            self._child = await _Child.started(self._begin)
            try:
                await self._child.until(Ready, self._stores, self._observe)
            except _Down as down:
                log.error("the process for suspects did not start", how=str(down))
                await self._end()
                await asyncio.sleep(STARTS_AGAIN_S)
        return self._child

    async def _publish(self, suspect: Suspect, downs: int) -> None:
        headers: dict[str, HeaderValue] = {
            _DOWNS: downs,
            _QUEUE: suspect.queue,
            _EXCHANGE: suspect.exchange,
            _KEY: suspect.routing_key,
            _ID: suspect.message_id,
        }
        left = LONGEST_HEADERS_BYTES
        for name, value in suspect.headers.items():
            left -= len(name.encode()) + len(str(value).encode()) + 8
            if name not in _OURS and left > 0:
                headers[name] = value

        async def publish() -> None:
            message = Message(
                body=suspect.body,
                message_id=str(uuid4()),
                type=suspect.type,
                content_type=suspect.content_type,
                headers=headers,
            )
            await self._bus.publish("", SUSPECT, message)

        await insist(publish, "set a suspect apart")

    def _on_quiet(self) -> None:
        """A child that nobody needs: the end of its link is the end of it."""
        if self._child is not None:
            self._child.close()

    def _stop_quiet(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        if self._child is not None and self._child.is_closed:
            self._child = None

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.end()


def suspect_of(delivery: Delivery) -> tuple[Suspect, int]:
    """What was set apart, as it was, and how often it took a process down."""
    given = delivery.headers
    downs = given.get(_DOWNS)
    message_id = given.get(_ID)
    return Suspect(
        body=delivery.body,
        message_id=delivery.message_id if message_id is None else str(message_id),
        type=delivery.type,
        content_type=delivery.content_type,
        headers={name: value for name, value in given.items() if name not in _OURS},
        queue=str(given.get(_QUEUE) or delivery.queue),
        exchange=str(given.get(_EXCHANGE) or ""),
        routing_key=str(given.get(_KEY) or delivery.routing_key),
    ), downs if isinstance(downs, int) else 0


class _Child:
    def __init__(self, process: asyncio.subprocess.Process, link: Link) -> None:
        self._process = process
        self._link = link
        self._coming: asyncio.Task[Frame] | None = None
        self.is_closed = False

    @classmethod
    async def started(cls, begin: Begin) -> _Child:
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "onhook.event_flow.suspect_child",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # what a terminal sends its group is not for it
            )
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        link = Link(reader, writer)
        link.send(begin)
        log.info("suspects run in a process of their own", pid=process.pid)
        return cls(process, link)

    async def until(self, end: type[Frame], stores: Stores, observe: Observer) -> None:
        """Serve the child until it sends `end`. Raises _Down."""
        answering: set[asyncio.Task[None]] = set()
        try:
            while not isinstance(frame := await self._next(), end):
                if isinstance(frame, Ask):
                    task = asyncio.create_task(self._answer(frame, stores[frame.whose]))
                    answering.add(task)
                    task.add_done_callback(answering.discard)
                elif isinstance(frame, Tell):
                    observe(frame.notice)
        finally:
            for task in answering:
                task.cancel()

    def send(self, suspect: Suspect) -> None:
        self._link.send(suspect)

    async def _next(self) -> Frame:
        """Raises _Down where the process is gone, or where its loop does not turn."""
        for _ in range(LONGEST_SILENCE):
            if self._coming is None:
                self._coming = asyncio.create_task(self._link.next())
            done, _pending = await asyncio.wait({self._coming}, timeout=PING_S)
            if not done:
                self._link.send(Ping())
                continue
            coming, self._coming = self._coming, None
            try:
                return coming.result()
            except EOFError:
                raise _Down(await self._how_it_ended()) from None
        raise _Down("it did not answer any more")

    async def _answer(self, ask: Ask, owner: object) -> None:
        self._link.send(await answered(ask, owner))

    async def _how_it_ended(self) -> str:
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_WITHIN_S):
                await self._process.wait()
        status = self._process.returncode
        if status is None:
            return "it hung up"
        return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"

    def close(self) -> None:
        self.is_closed = True
        self._link.close()

    async def end(self) -> None:
        """Take it down, unless it is; wait until it is gone."""
        self.close()
        if self._coming is not None:
            self._coming.cancel()
        with suppress(ProcessLookupError):
            if self._process.returncode is None:
                self._process.kill()
        await self._process.wait()

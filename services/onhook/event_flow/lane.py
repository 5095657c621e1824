"""Lanes: each consumes one queue with slots of its own, so that retries never delay fresh events.

Consuming, waiting out a not-before time, acknowledging, draining. What a message means is the
runner's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

import structlog
from msgspec import Struct

from onhook.bus.port import Bus, Consumer, Delivery

log = structlog.get_logger()

T = TypeVar("T")
Handler = Callable[[Delivery, "Slots"], Awaitable[None]]
"""Handles one message; when it returns the message is acknowledged."""


class Lane(Struct, frozen=True, kw_only=True):
    """`slots`: requests under way at once. `prefetch`: messages held, including those that wait."""

    queue: str
    slots: int
    prefetch: int
    consumer: Consumer | None = None
    """Where the queue is, when it is none of the bus's; `handler` is then its own."""
    handler: Handler | None = None


class Stopped(Exception):
    """The worker is stopping: the message stays unacknowledged and comes again."""


class Slots:
    """A lane's places: for requests under way, and for messages whose time has not come."""

    def __init__(self, lane: Lane, clock: Callable[[], datetime]) -> None:
        self.semaphore = asyncio.Semaphore(lane.slots)
        self._clock = clock
        self._holdable = lane.prefetch // 2
        self._held = 0
        self._stopping = asyncio.Event()
        self._lent: set[asyncio.Future[None]] = set()

    def stop(self) -> None:
        self._stopping.set()
        for stop in self._lent:
            if not stop.done():
                stop.set_result(None)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """A place among the requests under way. Raises Stopped rather than begin late."""
        place = Place(self)
        await place.take()
        try:
            if self._stopping.is_set():
                raise Stopped
            yield place
        finally:
            place.give_up()

    async def wait_elsewhere(
        self, place: Place, until: asyncio.Future[T], longest_s: float
    ) -> T | None:
        """For Place.lent."""
        if self._held >= self._holdable:
            return None
        self._held += 1
        stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lent.add(stop)
        place.give_up()
        try:
            if not self._stopping.is_set():
                either: set[asyncio.Future[Any]] = {until, stop}
                await asyncio.wait(either, timeout=longest_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._lent.discard(stop)
            self._held -= 1
        if self._stopping.is_set():
            raise Stopped
        await place.take()
        return until.result() if until.done() else None

    async def hold(self, until: datetime) -> None:
        """Wait in memory until then, if there is room; beyond that it is due. Raises Stopped."""
        wait_s = (until - self._clock()).total_seconds()
        if wait_s <= 0 or self._held >= self._holdable:
            return
        self._held += 1
        try:
            await asyncio.wait_for(self._stopping.wait(), wait_s)
        except TimeoutError:
            return
        finally:
            self._held -= 1
        raise Stopped


class Place:
    """One message's place, while its context lasts."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._is_held = False

    async def take(self) -> None:
        await self._slots.semaphore.acquire()
        self._is_held = True

    def give_up(self) -> None:
        if self._is_held:
            self._is_held = False
            self._slots.semaphore.release()

    async def lent(self, until: asyncio.Future[T], longest_s: float) -> T | None:
        """Leave the place to others until then, and come back to it.

        None when it took too long, or when too many of the lane wait already. Raises Stopped.
        """
        return await self._slots.wait_elsewhere(self, until, longest_s)


@asynccontextmanager
async def consuming(
    bus: Bus,
    lanes: tuple[Lane, ...],
    handler: Handler,
    clock: Callable[[], datetime],
    grace_s: float,
) -> AsyncIterator[None]:
    """Consume every lane until the context ends, then drain: finish what is under way, in time."""
    handling: set[asyncio.Task[None]] = set()
    slots = [Slots(lane, clock) for lane in lanes]
    raised: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        consumers = [
            group.create_task(
                _consume(bus, lane, places, lane.handler or handler, handling, group),
                name=f"lane {lane.queue}",
            )
            for lane, places in zip(lanes, slots, strict=True)
        ]
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - raised again below, outside the group
            raised = error
        for places in slots:
            places.stop()
        for consumer in consumers:
            consumer.cancel()
        await _drain(handling, grace_s)
    if raised is not None:
        raise raised


async def _consume(
    bus: Bus,
    lane: Lane,
    slots: Slots,
    handler: Handler,
    handling: set[asyncio.Task[None]],
    group: asyncio.TaskGroup,
) -> None:
    async with (lane.consumer or bus).consume(lane.queue, lane.prefetch) as deliveries:
        async for delivery in deliveries:
            task = group.create_task(_handle(delivery, slots, handler))
            handling.add(task)
            task.add_done_callback(handling.discard)


async def _handle(delivery: Delivery, slots: Slots, handler: Handler) -> None:
    try:
        await handler(delivery, slots)
        await delivery.ack()
    except Stopped:
        return
    except Exception:
        # The handler settles every fault it can name; what arrives here stays unacknowledged and
        # comes again when this consumer goes.
        log.exception("message left unsettled", queue=delivery.queue)


async def _drain(handling: set[asyncio.Task[None]], grace_s: float) -> None:
    if not handling:
        return
    log.info("finishing what is under way", messages=len(handling))
    _done, late = await asyncio.wait(set(handling), timeout=grace_s)
    for task in late:
        task.cancel()
    if late:
        log.warning("not finished in time, will come again", messages=len(late))

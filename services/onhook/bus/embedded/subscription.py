"""A consumer of the embedded bus: one queue's messages, as an async iterator.

May live here: keeping the prefetch window full and giving back what nobody saw. It must not know
SQL, or what the messages mean.
"""

from __future__ import annotations

import asyncio
from collections import deque

import structlog

from onhook.bus.embedded.delivery import EmbeddedDelivery
from onhook.bus.embedded.depot import Depot
from onhook.bus.port import BusUnavailable, Delivery

log = structlog.get_logger(__name__)


class Subscription:
    """Iterate over it while `run` is going. `stop` ends both; deliveries outlive it."""

    def __init__(self, depot: Depot, queue: str, prefetch: int, turn: asyncio.Lock | None) -> None:
        self._depot = depot
        self._queue = queue
        self._prefetch = prefetch
        self._turn = turn
        """Held while consuming, on a queue with a single active consumer."""
        self._arrived: deque[EmbeddedDelivery] = deque()
        self._out = 0
        self._is_stopping = False
        self._stored_more = depot.watch(queue)
        self._has_room = asyncio.Event()
        self._has_arrived = asyncio.Event()
        self._stop_asked = asyncio.Event()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Delivery:
        while not self._is_stopping:
            if self._arrived:
                return self._arrived.popleft()
            self._has_arrived.clear()
            await self._has_arrived.wait()
        raise StopAsyncIteration

    async def run(self) -> None:
        """Fill the window until stopped; it is never cut off between taking and handing over."""
        try:
            if self._turn is None:
                await self._fill()
            elif await self._my_turn(self._turn):
                try:
                    await self._fill()
                finally:
                    self._turn.release()
            await self._depot.put_back([unseen.row_id for unseen in self._arrived], self._queue)
        except BusUnavailable as closing:
            log.debug("left unreturned: it comes again", queue=self._queue, reason=str(closing))
        finally:
            self._arrived.clear()
            self._depot.unwatch(self._queue, self._stored_more)

    async def _my_turn(self, turn: asyncio.Lock) -> bool:
        """Wait to be the one active consumer; False when stopped before that."""
        getting = asyncio.ensure_future(turn.acquire())
        stopping = asyncio.ensure_future(self._stop_asked.wait())
        try:
            await asyncio.wait({getting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not getting.done():
                getting.cancel()
        return getting.done()

    async def _fill(self) -> None:
        while not self._is_stopping:
            room = self._prefetch - self._out
            if room <= 0:
                self._has_room.clear()
                await self._has_room.wait()
                continue
            self._stored_more.clear()
            taken = await self._depot.hand_out(self._queue, room)
            self._out += len(taken)
            self._arrived.extend(EmbeddedDelivery(row, self._queue, self) for row in taken)
            self._has_arrived.set()
            if len(taken) < room and not self._is_stopping:
                await self._stored_more.wait()

    def acknowledged(self, row_id: int) -> None:
        self._depot.settle(row_id)
        self._free_one()

    async def given_back(self, row_id: int) -> None:
        self._free_one()
        await self._depot.give_back(row_id)

    def _free_one(self) -> None:
        self._out -= 1
        self._has_room.set()

    def stop(self) -> None:
        """Ask `run` to end, and the iteration with it."""
        self._is_stopping = True
        for event in (self._stop_asked, self._has_room, self._has_arrived, self._stored_more):
            event.set()

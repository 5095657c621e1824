"""The file behind the embedded bus, as tasks see it: waking, group acknowledgement, expiry.

May live here: everything that waits on the store or tells others that it changed. It must not
know SQL (store.py) or iterate over messages (subscription.py).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from typing import TypeVar

import structlog

from onhook.bus.backoff import Backoff
from onhook.bus.embedded import store
from onhook.bus.embedded.store import Arrival, Stored
from onhook.bus.port import BusUnavailable
from onhook.sqlite import Database, StorageError

LONGEST_SLEEP_S = 30.0
"""The expiry timer looks at the clock this often: wall clocks jump, sleeps do not."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Depot:
    """Holds no message itself: only who waits for which queue, and what is to be deleted."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._settled: list[int] = []
        self._has_settled = asyncio.Event()
        self._earlier_due = asyncio.Event()
        self._planned: float | None = None
        self._is_closing = False
        self.trouble: str | None = None

    def now(self) -> float:
        return self._clock()

    # -- storing and finding

    async def put(self, arrivals: list[Arrival]) -> None:
        """Store, wake whoever consumes those queues. Raises StorageError."""
        await self._database.write(store.put(arrivals))
        for arrival in arrivals:
            self.wake((arrival.queue.name,))
            due = arrival.due
            if due is not None and (self._planned is None or due < self._planned):
                self._earlier_due.set()

    async def recover(self) -> None:
        self.wake(await self._database.write(store.recover))

    async def hand_out(self, queue: str, limit: int) -> list[Stored]:
        return await self._persist(lambda: self._database.write(store.hand_out(queue, limit)))

    async def find(self, queue: str, message_id: str) -> int | None:
        return await self._database.read(store.find(queue, message_id))

    async def hand_out_one(self, row_id: int) -> list[Stored]:
        return await self._database.write(store.hand_out_one(row_id))

    async def hand_out_these(self, queue: str, message_ids: Collection[str]) -> list[Stored]:
        return await self._database.write(store.hand_out_these(queue, message_ids))

    async def depths(self) -> dict[str, int]:
        return await self._database.read(store.depths)

    # -- settling

    def settle(self, row_id: int) -> None:
        """Delete it soon, together with what else is settled meanwhile."""
        self._settled.append(row_id)
        self._has_settled.set()

    async def put_back(self, row_ids: list[int], queue: str) -> None:
        """Free what was handed out and never seen."""
        if row_ids:
            await self._persist(lambda: self._database.write(store.put_back(row_ids)))
            self._freed((queue,))

    async def give_back(self, row_id: int) -> None:
        """Free what a consumer returned, and count it."""
        try:
            freed = await self._persist(lambda: self._database.write(store.give_back([row_id])))
        except BusUnavailable:
            log.debug("given back after the bus was closed: it comes again", row=row_id)
        else:
            self._freed(freed)

    def _freed(self, queues: Iterable[str]) -> None:
        self.wake(queues)
        self._earlier_due.set()  # it may be one whose time has come meanwhile

    async def delete_settled(self) -> None:
        """Task: what is acknowledged leaves the file, as many as there are in one go."""
        while True:
            await self._has_settled.wait()
            await self._flush()

    async def close(self) -> None:
        """Delete what is acknowledged, and from now on try everything only once."""
        self._is_closing = True
        with suppress(BusUnavailable):
            await self._flush()

    async def _flush(self) -> None:
        self._has_settled.clear()
        settled, self._settled = self._settled, []
        if settled:
            await self._persist(lambda: self._database.write(store.settle(settled)))

    # -- time

    async def move_what_is_due(self) -> None:
        """Task: messages whose delay is over move on, to the millisecond, and after a restart."""
        while True:
            self._earlier_due.clear()
            self._planned = await self._persist(lambda: self._database.read(store.next_due))
            wait_s = LONGEST_SLEEP_S if self._planned is None else self._planned - self._clock()
            if wait_s > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(wait_s, LONGEST_SLEEP_S)):
                        await self._earlier_due.wait()
                continue
            self.wake(await self._persist(self._expire_now))

    async def _expire_now(self) -> set[str]:
        return await self._database.write(store.expire(self._clock()))

    # -- waking

    def watch(self, queue: str) -> asyncio.Event:
        """An event that is set whenever `queue` may hold more than before."""
        event = asyncio.Event()
        self._waiting[queue].add(event)
        return event

    def unwatch(self, queue: str, event: asyncio.Event) -> None:
        self._waiting[queue].discard(event)

    def wake(self, queues: Iterable[str]) -> None:
        for queue in queues:
            for event in self._waiting[queue]:
                event.set()

    async def _persist(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, again and again while the file cannot be written; `trouble` says so meanwhile.

        Raises BusUnavailable when the bus is closing and it cannot be done.
        """
        backoff = Backoff()
        while True:
            try:
                result = await work()
            except StorageError as error:
                if self._is_closing:
                    raise BusUnavailable(str(error)) from error
                self.trouble = str(error)
                wait_s = backoff.next_s()
                log.error("bus file failed", reason=str(error), retry_in_s=round(wait_s, 1))
                await asyncio.sleep(wait_s)
            else:
                self.trouble = None
                return result

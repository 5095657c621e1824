"""The bus in one SQLite file, for one process: the port's promises without a broker.

May live here: routing, publishing, handing out, as RabbitMQ would. It must not know SQL. Only one
process may have the file open as a bus; the folder's lock sees to that.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from onhook.bus import limits
from onhook.bus.background import Background, background
from onhook.bus.embedded.delivery import EmbeddedDelivery
from onhook.bus.embedded.depot import Depot
from onhook.bus.embedded.store import MIGRATIONS, Arrival, Stored
from onhook.bus.embedded.subscription import Subscription
from onhook.bus.port import (
    Bus,
    BusError,
    BusUnavailable,
    Delivery,
    Message,
    PublishRefused,
    Unroutable,
)
from onhook.contracts.topology import TOPOLOGY, Queue, routes
from onhook.sqlite import Database, StorageError

STOP_TIMEOUT_S = 5.0
"""A file that cannot be written must not keep a consumer from ending."""


@asynccontextmanager
async def opened(
    path: Path, *, synchronous: str = "FULL", clock: Callable[[], float] = time.time
) -> AsyncIterator[Bus]:
    """Open the bus in the file at `path`, made if it is not there; close it at the end.

    `clock` gives Unix seconds. Messages that were out when the last process ended are free again,
    and counted; those whose time came meanwhile move on at once. Raises BusError naming the file.
    """
    async with AsyncExitStack() as resources:
        opening = Database.opened(path, MIGRATIONS, synchronous=synchronous)
        try:
            database = await resources.enter_async_context(opening)
            tasks = await resources.enter_async_context(background())
            bus = EmbeddedBus(Depot(database, clock), tasks)
            await bus.start()
        except StorageError as error:
            raise BusError(str(error)) from error
        try:
            yield bus
        finally:
            await bus.close()


class EmbeddedBus:
    """The port's Bus in one file. Made by `opened`."""

    def __init__(self, depot: Depot, tasks: Background) -> None:
        self._depot = depot
        self._tasks = tasks
        self._running: dict[Subscription, asyncio.Task[None]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._is_closed = False

    async def start(self) -> None:
        await self._depot.recover()
        self._tasks.start(self._depot.delete_settled(), "delete settled")
        self._tasks.start(self._depot.move_what_is_due(), "move what is due")

    @property
    def is_ready(self) -> bool:
        return self.trouble is None

    @property
    def trouble(self) -> str | None:
        return "the bus is closed" if self._is_closed else self._depot.trouble

    async def wait_ready(self) -> None:
        self._check_open()

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        self._check_open()
        limits.check(exchange, routing_key, message)
        names = routes(exchange, routing_key)
        if not names:
            raise Unroutable(
                f'no queue takes routing key "{routing_key}" from '
                f"{f'exchange {exchange}' if exchange else 'the default exchange'}"
            )
        headers = limits.own_headers(message)
        encoded = msgspec.json.encode(headers) if headers else None
        arrivals = [
            self._arrival(TOPOLOGY.queue(name), exchange, routing_key, message, encoded)
            for name in names
        ]
        try:
            await self._depot.put(arrivals)
        except StorageError as error:
            raise PublishRefused(f"message {message.message_id} is not stored: {error}") from error

    def _arrival(
        self, queue: Queue, exchange: str, routing_key: str, message: Message, headers: bytes | None
    ) -> Arrival:
        return Arrival(
            queue=queue,
            due=None if queue.delay_s is None else self._depot.now() + queue.delay_s,
            message_id=message.message_id,
            type=message.type or None,
            content_type=message.content_type or None,
            exchange=exchange,
            routing_key=routing_key,
            encoded_headers=headers,
            body=message.body,
        )

    @asynccontextmanager
    async def consume(self, queue: str, prefetch: int) -> AsyncIterator[AsyncIterator[Delivery]]:
        self._check_open()
        declared = _known(queue)
        turn = self._turns[queue] if declared.single_active_consumer else None
        subscription = Subscription(self._depot, queue, prefetch, turn)
        self._running[subscription] = self._tasks.start(subscription.run(), f"consume {queue}")
        try:
            yield subscription
        finally:
            await self._stop(subscription)

    async def take(self, queue: str, message_id: str) -> Delivery | None:
        self._check_open()
        _known(queue)
        try:
            row_id = await self._depot.find(queue, message_id)
            if row_id is None:
                return None
            found = await self._handed_out(queue, self._depot.hand_out_one(row_id))
            return found[0] if found else None
        except StorageError as error:
            raise BusUnavailable(str(error)) from error

    async def take_all(self, queue: str, message_ids: Collection[str]) -> list[Delivery]:
        self._check_open()
        _known(queue)
        try:
            return await self._handed_out(queue, self._depot.hand_out_these(queue, message_ids))
        except StorageError as error:
            raise BusUnavailable(str(error)) from error

    async def _handed_out(
        self, queue: str, hand_out: Coroutine[Any, Any, list[Stored]]
    ) -> list[Delivery]:
        handing = asyncio.ensure_future(hand_out)
        try:
            stored = await asyncio.shield(handing)
        except asyncio.CancelledError:
            # Nobody will settle it: it must not stay out until the next restart.
            self._tasks.start(self._undo(handing, queue), "undo take")
            raise
        taken = _Taken(self._depot)
        return [EmbeddedDelivery(each, queue, taken) for each in stored]

    async def _undo(self, handing: asyncio.Task[list[Stored]], queue: str) -> None:
        await self._depot.put_back([each.id for each in await handing], queue)

    async def depths(self) -> dict[str, int]:
        self._check_open()
        try:
            return await self._depot.depths()
        except StorageError as error:
            raise BusUnavailable(str(error)) from error

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        for subscription in list(self._running):
            await self._stop(subscription)
        await self._depot.close()

    async def _stop(self, subscription: Subscription) -> None:
        task = self._running.pop(subscription, None)
        if task is not None:
            subscription.stop()
            await asyncio.wait({task}, timeout=STOP_TIMEOUT_S)

    def _check_open(self) -> None:
        if self._is_closed:
            raise BusUnavailable("the bus is closed")


class _Taken:
    """Settles a message that no consumer handed out."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    def acknowledged(self, row_id: int) -> None:
        self._depot.settle(row_id)

    async def given_back(self, row_id: int) -> None:
        await self._depot.give_back(row_id)


def _known(queue: str) -> Queue:
    declared = TOPOLOGY.by_name.get(queue)
    if declared is None:
        raise BusError(f'no queue "{queue}"; ours: {", ".join(sorted(TOPOLOGY.by_name))}')
    return declared

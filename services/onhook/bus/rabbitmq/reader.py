"""A connection that only consumes: queues that other systems declare, or a shadow's own.

May live here: consuming on one supervised connection, and saying what is not consumed and why. It
must not publish, nor know what the messages mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiormq.channel import Channel
from aiormq.connection import Connection
from yarl import URL

from onhook.bus.background import Background, background, end
from onhook.bus.port import BusUnavailable, Delivery, ForeignQueues
from onhook.bus.rabbitmq.declaration import declare_own
from onhook.bus.rabbitmq.faults import broker_faults
from onhook.bus.rabbitmq.foreign import tolerate_foreign_messages
from onhook.bus.rabbitmq.link import Link, broker_url, masked, quiet_the_library
from onhook.bus.rabbitmq.settlement import Settlement
from onhook.bus.rabbitmq.subscription import Subscription
from onhook.contracts.topology import Binding, Queue

Declared = tuple[Queue, Binding]


@asynccontextmanager
async def reading(
    url: str,
    *,
    name: str,
    setting: str = "ONHOOK_AMQP_URL",
    declares: Declared | None = None,
) -> AsyncIterator[ForeignQueues]:
    """Open a connection to the broker at `url` for consuming, close it at the end.

    `name` is shown in RabbitMQ's list of connections, `setting` in errors. `declares` is a queue
    of one's own that is declared and bound on each connection. A broker that is away or refuses us
    is tried for ever. Raises BusError for an address that is none.
    """
    tolerate_foreign_messages()
    quiet_the_library()
    address = broker_url(url)
    async with background() as tasks:
        reader = Reader(address, tasks, name=name, setting=setting, declares=declares)
        try:
            yield reader
        finally:
            await reader.close()


class Reader:
    """The port's ForeignQueues on RabbitMQ. Made by `reading`."""

    def __init__(
        self,
        url: URL,
        tasks: Background,
        *,
        name: str,
        setting: str,
        declares: Declared | None,
    ) -> None:
        self._tasks = tasks
        self._declares = declares
        self._where = masked(url)
        self._troubles: dict[str, str] = {}
        """By queue: why it is not consumed."""
        self._subscriptions: dict[Subscription, asyncio.Task[None]] = {}
        self._settlements: set[Settlement] = set()
        self._is_closed = False
        self._link = Link(url, name, self._prepare, setting=setting)
        self._supervisor = tasks.start(self._link.run(), "rabbitmq reader")

    @property
    def trouble(self) -> str | None:
        if self._is_closed:
            return "closed"
        return self._link.trouble or next(iter(self._troubles.values()), None)

    async def _prepare(self, connection: Connection) -> Sequence[Channel]:
        if self._declares is not None:
            await declare_own(connection, *self._declares)
        return []

    async def _repair(self) -> None:
        """The queue is not there: ours is declared again, another's is waited for."""
        if self._declares is not None:
            with broker_faults():
                await self._prepare(self._link.connection())

    @asynccontextmanager
    async def consume(self, queue: str, prefetch: int) -> AsyncIterator[AsyncIterator[Delivery]]:
        if self._is_closed:
            raise BusUnavailable("the connection is closed")

        def tell(reason: str | None) -> None:
            if reason is None:
                self._troubles.pop(queue, None)
            else:
                self._troubles[queue] = (
                    f'{self._where}: queue "{queue}" is not consumed: {reason}; tried again for ever'
                )

        tell("not connected yet")
        subscription = Subscription(
            self._link, queue, prefetch, settle=self._settle, repair=self._repair, tell=tell
        )
        task = self._tasks.start(subscription.run(), f"consume {queue}")
        self._subscriptions[subscription] = task
        try:
            yield subscription
        finally:
            await self._stop(subscription)

    def _settle(self, channel: Channel) -> Settlement:
        settlement = Settlement(channel)
        self._settlements.add(settlement)
        task = self._tasks.start(settlement.run(), "settle")
        task.add_done_callback(lambda _: self._settlements.discard(settlement))
        return settlement

    async def _stop(self, subscription: Subscription) -> None:
        task = self._subscriptions.pop(subscription, None)
        if task is not None:
            await subscription.stop(task)

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.gather(*map(self._stop, list(self._subscriptions)))
        await asyncio.gather(*(settlement.finish() for settlement in list(self._settlements)))
        await end(self._supervisor)

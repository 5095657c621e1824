"""The bus on RabbitMQ: publishing with confirms, consuming, looking into queues.

May live here: what the port promises, put together from this package's parts on two supervised connections, one to publish and one to
consume, because a broker that is short of memory stops whoever publishes. It must not know what
the messages mean; names and arguments come from contracts.topology.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

import structlog
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from aiormq.connection import Connection
from yarl import URL

from onhook.bus import limits
from onhook.bus.background import Background, background, end
from onhook.bus.backoff import Backoff
from onhook.bus.port import (
    AccessRefused,
    Bus,
    BusError,
    BusUnavailable,
    Delivery,
    Message,
    TopologyMismatch,
    Unroutable,
)
from onhook.bus.rabbitmq import declaration
from onhook.bus.rabbitmq.delivery import RabbitDelivery
from onhook.bus.rabbitmq.faults import broker_faults
from onhook.bus.rabbitmq.foreign import tolerate_foreign_messages
from onhook.bus.rabbitmq.link import (
    RPC_TIMEOUT_S,
    Link,
    broker_url,
    close_channel,
    open_channel,
    quiet_the_library,
)
from onhook.bus.rabbitmq.publisher import PUBLISH_TIMEOUT_S, Publisher
from onhook.bus.rabbitmq.settlement import Settlement
from onhook.bus.rabbitmq.subscription import Subscription
from onhook.contracts.topology import TOPOLOGY, routes

REPAIR_AFTER_S = 0.5
"""RabbitMQ 3.10 does not tell the consumers of a deleted queue when it is declared again within
some 30 ms: they would wait for ever on a queue that is no more."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def connect(
    url: str, *, declare: bool = True, name: str, publish_timeout_s: float = PUBLISH_TIMEOUT_S
) -> AsyncIterator[Bus]:
    """Open the bus on the broker at `url`, close it at the end.

    `name` is shown in RabbitMQ's list of connections. With `declare` the topology is declared, or
    else only looked for. Returns after the first attempt to connect: when the broker is away the
    bus is not ready yet and goes on trying. Raises TopologyMismatch or AccessRefused when the
    broker answers but will not do, BusError for an address that is none.
    """
    tolerate_foreign_messages()
    quiet_the_library()
    address = broker_url(url)
    async with background() as tasks:
        bus = RabbitBus(address, tasks, declare=declare, name=name, timeout_s=publish_timeout_s)
        try:
            await bus.first_attempt()
            yield bus
        finally:
            await bus.close()


class RabbitBus:
    """The port's Bus on RabbitMQ. Made by `connect`."""

    def __init__(
        self, url: URL, tasks: Background, *, declare: bool, name: str, timeout_s: float
    ) -> None:
        self._tasks = tasks
        self._establish = declaration.declare if declare else declaration.check
        self._publisher = Publisher(timeout_s)
        self._one_declares = asyncio.Lock()
        self._one_takes = asyncio.Lock()
        self._established_at = 0.0
        self._topology_trouble: str | None = None
        self._unroutable: dict[tuple[str, str], str] = {}
        """Routes of ours that led nowhere when they were last used, and what to do."""
        self._topology_is_right = asyncio.Event()
        self._subscriptions: dict[Subscription, asyncio.Task[None]] = {}
        self._settlements: set[Settlement] = set()
        self._is_closed = False
        self._publishing = Link(url, f"{name}: publish", self._prepare_publishing)
        self._consuming = Link(url, f"{name}: consume", self._prepare_consuming)
        self._supervisors = [
            tasks.start(link.run(), "rabbitmq link") for link in (self._publishing, self._consuming)
        ]

    @property
    def is_ready(self) -> bool:
        return self.trouble is None

    @property
    def trouble(self) -> str | None:
        if self._is_closed:
            return "the bus is closed"
        return (
            self._publishing.trouble
            or self._consuming.trouble
            or self._topology_trouble
            or next(iter(self._unroutable.values()), None)
        )

    async def first_attempt(self) -> None:
        """Wait until both links have tried once; raises what the broker refused them for."""
        for link in (self._publishing, self._consuming):
            await link.attempted.wait()
            if link.refusal is not None:
                raise link.refusal

    async def wait_ready(self) -> None:
        if self._is_closed:
            raise BusUnavailable("the bus is closed")
        await self._publishing.up_or_refused()
        await self._consuming.up_or_refused()
        await self._topology_is_right.wait()

    # -- publishing

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        limits.check(exchange, routing_key, message)
        try:
            await self._publisher.publish(self._publishing, exchange, routing_key, message)
        except Unroutable:
            if not routes(exchange, routing_key):
                raise
            # A queue of ours was deleted under us. Returned means certainly not stored.
            with suppress(BusError):
                await self._repair()
            await self._publish_again(exchange, routing_key, message)
        self._unroutable.pop((exchange, routing_key), None)

    async def _publish_again(self, exchange: str, routing_key: str, message: Message) -> None:
        """After a repair. What still finds no queue is said by readiness until something does."""
        try:
            await self._publisher.publish(self._publishing, exchange, routing_key, message)
        except Unroutable as error:
            self._unroutable[exchange, routing_key] = (
                f"{error}; declare and bind it, or start without ONHOOK_DECLARE=false"
            )
            raise

    async def _prepare_publishing(self, connection: Connection) -> list[Channel]:
        await self._establish_on(connection)
        return await self._publisher.open_channels(connection)

    # -- consuming

    @asynccontextmanager
    async def consume(self, queue: str, prefetch: int) -> AsyncIterator[AsyncIterator[Delivery]]:
        if self._is_closed:
            raise BusUnavailable("the bus is closed")
        subscription = Subscription(
            self._consuming, queue, prefetch, settle=self._settle, repair=self._repair
        )
        task = self._tasks.start(subscription.run(), f"consume {queue}")
        self._subscriptions[subscription] = task
        try:
            yield subscription
        finally:
            await self._stop(subscription)

    async def take(self, queue: str, message_id: str) -> Delivery | None:
        found = await self.take_all(queue, (message_id,))
        return found[0] if found else None

    async def take_all(self, queue: str, message_ids: Collection[str]) -> list[Delivery]:
        async with self._one_takes:
            connection = self._consuming.connection()
            with broker_faults():
                channel = await open_channel(connection)
                try:
                    found = await self._look_through(channel, queue, set(message_ids))
                except BaseException:
                    await close_channel(channel)  # returns all that was looked at
                    raise
                if not found:
                    await close_channel(channel)
                return found

    async def _look_through(self, channel: Channel, queue: str, wanted: set[str]) -> list[Delivery]:
        """Get message after message until all are found; then the others go back."""
        found: list[tuple[int, DeliveredMessage]] = []
        others: list[int] = []
        last = 0
        while wanted:
            async with asyncio.timeout(RPC_TIMEOUT_S):
                message = await channel.basic_get(queue)
            if message.delivery_tag is None:
                break
            last = message.delivery_tag
            message_id = message.header.properties.message_id
            if message_id in wanted:
                wanted.discard(message_id)
                found.append((last, message))
            else:
                others.append(last)
        if not found:
            if others:
                await channel.basic_nack(last, multiple=True, requeue=True)
            return []
        settlement = self._settle(channel)
        deliveries: list[Delivery] = [
            RabbitDelivery(message, queue, tag, settlement) for tag, message in found
        ]
        for tag in others:
            settlement.handed(tag)
        await settlement.put_back_untouched(others)
        settlement.retire()
        return deliveries

    async def depths(self) -> dict[str, int]:
        connection = self._consuming.connection()
        with broker_faults():
            channel = await open_channel(connection)
            try:
                async with asyncio.timeout(RPC_TIMEOUT_S):
                    return {
                        queue.name: await _waiting(channel, queue.name) for queue in TOPOLOGY.queues
                    }
            finally:
                await close_channel(channel)

    async def _prepare_consuming(self, connection: Connection) -> list[Channel]:
        await self._establish_on(connection)
        return []

    def _settle(self, channel: Channel, *, told_up_to: int = 0) -> Settlement:
        settlement = Settlement(channel, told_up_to=told_up_to)
        self._settlements.add(settlement)
        task = self._tasks.start(settlement.run(), "settle")
        task.add_done_callback(lambda _: self._settlements.discard(settlement))
        return settlement

    async def _stop(self, subscription: Subscription) -> None:
        task = self._subscriptions.pop(subscription, None)
        if task is not None:
            await subscription.stop(task)

    # -- topology

    async def _establish_on(self, connection: Connection) -> None:
        async with self._one_declares:
            await self._establish(connection)
            self._is_right_again()

    async def _repair(self) -> None:
        """Declare, or look for, the topology again, unless someone just did."""
        noticed_at = asyncio.get_running_loop().time()
        async with self._one_declares:
            if self._established_at > noticed_at:
                return
            await asyncio.sleep(REPAIR_AFTER_S)
            connection = self._consuming.connection()
            try:
                with broker_faults():
                    await self._establish(connection)
            except (AccessRefused, TopologyMismatch) as refusal:
                self._went_wrong(refusal)
                raise
            self._is_right_again()

    def _is_right_again(self) -> None:
        self._established_at = asyncio.get_running_loop().time()
        self._topology_trouble = None
        self._topology_is_right.set()

    def _went_wrong(self, refusal: BusError) -> None:
        self._topology_trouble = str(refusal)
        if self._topology_is_right.is_set():
            self._topology_is_right.clear()
            self._tasks.start(self._keep_repairing(), "repair topology")

    async def _keep_repairing(self) -> None:
        """Task: until somebody has moved what stands in the way."""
        backoff = Backoff()
        while not self._topology_is_right.is_set():
            wait_s = backoff.next_s()
            log.error("topology is wrong", reason=self._topology_trouble, retry_in_s=round(wait_s))
            await asyncio.sleep(wait_s)
            with suppress(BusError):
                await self._repair()

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.gather(*map(self._stop, list(self._subscriptions)))
        await asyncio.gather(*(settlement.finish() for settlement in list(self._settlements)))
        for supervisor in self._supervisors:
            await end(supervisor)


async def _waiting(channel: Channel, queue: str) -> int:
    return (await channel.queue_declare(queue, passive=True)).message_count or 0

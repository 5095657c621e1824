"""A consumer that outlives its connections: one queue's messages, as an async iterator.

May live here: consuming on a channel of its own, and doing it again when the channel, the
connection or the queue goes away. It must not know what the messages mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from aiormq.connection import Connection
from aiormq.exceptions import ChannelNotFoundEntity

from onhook.bus.background import end
from onhook.bus.backoff import Backoff
from onhook.bus.port import BusError, BusUnavailable, Delivery
from onhook.bus.rabbitmq.delivery import RabbitDelivery
from onhook.bus.rabbitmq.faults import broker_faults, describe, how_it_ended
from onhook.bus.rabbitmq.link import RPC_TIMEOUT_S, Link, open_channel
from onhook.bus.rabbitmq.settlement import Settlement

STOP_TIMEOUT_S = 5.0

log = structlog.get_logger(__name__)


class Subscription:
    """Iterate over it while `run` is going; `stop` ends both."""

    def __init__(
        self,
        link: Link,
        queue: str,
        prefetch: int,
        *,
        settle: Callable[[Channel], Settlement],
        repair: Callable[[], Awaitable[None]],
        tell: Callable[[str | None], None] = lambda _reason: None,
    ) -> None:
        """`tell` hears why nothing is consumed at present, and None once something is."""
        self._link = link
        self._queue = queue
        self._prefetch = prefetch
        self._settle = settle
        self._repair = repair
        self._tell = tell
        self._arrived: asyncio.Queue[RabbitDelivery | None] = asyncio.Queue()
        self._lane: _Lane | None = None
        self._stopping = asyncio.Event()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Delivery:
        while (delivery := await self._arrived.get()) is not None:
            if not delivery.is_stale:
                return delivery
        self._arrived.put_nowait(None)  # for whoever else iterates
        raise StopAsyncIteration

    async def run(self) -> None:
        """Consume until asked to stop. Not to be cancelled before that: a consumer that is just
        being set up may have handed out messages already."""
        backoff = Backoff()
        while not self._stopping.is_set():
            await _first_of(self._link.up(), self._stopping.wait())
            if self._stopping.is_set():
                return
            try:
                with broker_faults():
                    reason = await self._consume(self._link.connection(), backoff)
            except BusError as fault:
                reason = str(fault)
            if self._stopping.is_set():
                return
            self._tell(reason)
            wait_s = backoff.next_s()
            log.warning(
                "consuming was interrupted",
                queue=self._queue,
                reason=reason,
                retry_in_s=round(wait_s, 1),
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._stopping.wait()

    async def _consume(self, connection: Connection, backoff: Backoff) -> str:
        """Consume on one channel until it ends; returns why it did."""
        channel = await open_channel(connection)
        lane = self._lane = _Lane(channel, self._settle(channel))
        queue_is_gone = asyncio.Event()
        channel.on_consumer_cancel_callbacks.add(lambda _: queue_is_gone.set())
        ended = channel.closing
        try:
            async with asyncio.timeout(RPC_TIMEOUT_S):
                await channel.basic_qos(prefetch_count=self._prefetch)
                answer = await channel.basic_consume(self._queue, self._receiver(lane.settlement))
            lane.consumer_tag = answer.consumer_tag
            backoff.reset()
            self._tell(None)
            await _first_of(ended, queue_is_gone.wait(), self._stopping.wait())
        except ChannelNotFoundEntity as error:
            await self._repair()
            return describe(error)
        if self._stopping.is_set():
            return "stopped"
        if queue_is_gone.is_set():
            # What was handed out may still be settled: the channel closes after that.
            lane.settlement.retire()
            await self._repair()
            return "the broker ended the consumer: the queue was deleted or moved"
        return how_it_ended(ended)

    def _receiver(
        self, settlement: Settlement
    ) -> Callable[[DeliveredMessage], Coroutine[Any, Any, None]]:
        async def receive(message: DeliveredMessage) -> None:
            tag = message.delivery_tag
            assert tag is not None  # Basic.Deliver has one
            self._arrived.put_nowait(RabbitDelivery(message, self._queue, tag, settlement))

        return receive

    async def stop(self, running: asyncio.Task[None]) -> None:
        """Take no more, return what nobody saw, and leave the rest to be settled.

        `running` is the task of `run`.
        """
        self._stopping.set()
        await asyncio.wait({running}, timeout=STOP_TIMEOUT_S)
        await end(running)
        lane = self._lane
        if lane is not None and not lane.settlement.is_lost:
            await lane.cancel_consumer()
            unseen = [delivery for delivery in self._take_arrived() if not delivery.is_stale]
            await lane.settlement.put_back_untouched([delivery.tag for delivery in unseen])
            lane.settlement.retire()
        self._take_arrived()
        self._arrived.put_nowait(None)

    def _take_arrived(self) -> list[RabbitDelivery]:
        taken: list[RabbitDelivery] = []
        while not self._arrived.empty():
            delivery = self._arrived.get_nowait()
            if delivery is not None:
                taken.append(delivery)
        return taken


async def _first_of(*waits: Awaitable[object]) -> None:
    """Wait for the first of several, and let go of the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


class _Lane:
    """The channel that a subscription consumes on at present."""

    def __init__(self, channel: Channel, settlement: Settlement) -> None:
        self._channel = channel
        self.settlement = settlement
        self.consumer_tag: str | None = None

    async def cancel_consumer(self) -> None:
        """Ask for no more; all that came before the broker's answer has been received then."""
        if self.consumer_tag is None:
            return
        try:
            with broker_faults():
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self._channel.basic_cancel(self.consumer_tag)
        except BusUnavailable as fault:
            log.debug("the consumer could not be cancelled", reason=str(fault))

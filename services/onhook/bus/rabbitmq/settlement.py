"""Telling the broker, in few frames, which deliveries of a channel are done with.

May live here: the books of delivery tags (pure) and the task that sends what they say. It must not
know queues, messages or what was done with them. An unknown or repeated tag would make the broker
close the channel, so everything that settles a delivery goes through the books.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from aiormq.channel import Channel

from onhook.bus.port import BusUnavailable
from onhook.bus.rabbitmq.faults import broker_faults
from onhook.bus.rabbitmq.link import close_channel

ACKS_TOGETHER = 25
ACK_DELAY_S = 0.005

log = structlog.get_logger(__name__)


class Ledger:
    """Which tags of a channel are open, done, and told to the broker. Tags count up from 1.

    The broker takes one `ack(multiple)` for a whole row, so what is done is told up to the first
    tag that is still open; what is done beyond that gap waits one flush for the gap to close, and
    is then told one by one, so that a slow message never holds the others' acknowledgements.
    """

    def __init__(self, told_up_to: int = 0) -> None:
        self._told_up_to = told_up_to
        self._open: set[int] = set()
        self._done: set[int] = set()
        self._waited: set[int] = set()
        self._told_beyond: set[int] = set()

    @property
    def untold(self) -> int:
        return len(self._done)

    @property
    def is_settled(self) -> bool:
        """Nothing is open, and the broker knows."""
        return not self._open and not self._done

    def handed(self, tag: int) -> None:
        self._open.add(tag)

    def close(self, tag: int) -> bool:
        """Claim a tag, to settle it; False when that was done before."""
        if tag not in self._open:
            return False
        self._open.discard(tag)
        return True

    def done(self, tag: int) -> None:
        """A claimed tag is to be acknowledged."""
        self._done.add(tag)

    def told(self, tag: int) -> None:
        """A claimed tag is being returned to its queue, by a frame of its own."""
        self._told_beyond.add(tag)

    def frames(self, *, patient: bool) -> list[tuple[int, bool]]:
        """What to acknowledge now, as (tag, multiple); it counts as told from here on."""
        frames: list[tuple[int, bool]] = []
        last_done = 0
        while (tag := self._told_up_to + 1) in self._done or tag in self._told_beyond:
            self._told_up_to = tag
            if tag in self._done:
                self._done.discard(tag)
                last_done = tag
            else:
                self._told_beyond.discard(tag)
        if last_done:
            frames.append((last_done, True))
        ripe = self._done & self._waited if patient else self._done.copy()
        frames.extend((tag, False) for tag in sorted(ripe))
        self._told_beyond |= ripe
        self._done -= ripe
        self._waited = self._done.copy()
        return frames


class Settlement:
    """Acknowledges one channel's deliveries. `run` is its task and ends with the channel."""

    def __init__(self, channel: Channel, *, told_up_to: int = 0) -> None:
        self._channel = channel
        self._ledger = Ledger(told_up_to)
        self._one_at_a_time = asyncio.Lock()
        self._work = asyncio.Event()
        self._enough = asyncio.Event()
        self._is_retired = False
        self.is_lost = channel.is_closed
        """The channel is gone: its deliveries come again, whatever becomes of them here."""
        self._watch = channel.closing
        self._watch.add_done_callback(self._on_channel_end)

    def handed(self, tag: int) -> None:
        self._ledger.handed(tag)

    def ack(self, tag: int) -> None:
        if self.is_lost:
            log.debug("acknowledged after its channel was lost: it comes again", tag=tag)
            return
        if self._ledger.close(tag):
            self._ledger.done(tag)
            self._work.set()
            if self._ledger.untold >= ACKS_TOGETHER:
                self._enough.set()

    async def give_back(self, tag: int) -> None:
        """Return a delivery to its queue. `reject` counts on every version; 4.3's `nack` not."""
        if self.is_lost or not self._ledger.close(tag):
            return
        with suppress(BusUnavailable), broker_faults():
            async with self._one_at_a_time:
                self._ledger.told(tag)
                await self._channel.basic_reject(tag, requeue=True, wait=False)
        self._work.set()

    async def put_back_untouched(self, tags: list[int]) -> None:
        """Return deliveries that nobody has seen, oldest first."""
        with suppress(BusUnavailable), broker_faults():
            async with self._one_at_a_time:
                for tag in tags:
                    if not self.is_lost and self._ledger.close(tag):
                        self._ledger.told(tag)
                        await self._channel.basic_nack(tag, requeue=True, wait=False)

    def retire(self) -> None:
        """Close the channel as soon as every delivery of it is settled."""
        self._is_retired = True
        self._work.set()

    async def finish(self) -> None:
        """Send what is done, now, and close the channel: what is not done comes again."""
        await self._flush(patient=False)
        await close_channel(self._channel)

    async def run(self) -> None:
        try:
            while not self.is_lost:
                await self._work.wait()
                await self._gather_acks()
                await self._flush(patient=True)
                if self._ledger.untold:
                    self._work.set()
                elif self._is_retired and self._ledger.is_settled:
                    return
        finally:
            await close_channel(self._channel)

    async def _gather_acks(self) -> None:
        """Wait a little for more, unless there are enough."""
        if self._ledger.untold and not self._enough.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(ACK_DELAY_S):
                    await self._enough.wait()
        self._work.clear()
        self._enough.clear()

    async def _flush(self, *, patient: bool) -> None:
        with suppress(BusUnavailable), broker_faults():
            async with self._one_at_a_time:
                if self.is_lost:
                    return
                for tag, multiple in self._ledger.frames(patient=patient):
                    await self._channel.basic_ack(tag, multiple=multiple, wait=False)

    def _on_channel_end(self, _: object) -> None:
        self.is_lost = True
        self._work.set()
        self._enough.set()

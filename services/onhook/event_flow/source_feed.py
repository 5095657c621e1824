"""Queues that the worker consumes besides the bus's own: those of its sources, or a shadow's copy.

Opening the connections, one a broker, and saying what is not consumed. What a message means is
not its business.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct

from onhook.bus import rabbitmq
from onhook.bus.port import ForeignQueues
from onhook.contracts.topology import SHADOW, SHADOW_BINDING, SHADOW_QUEUE
from onhook.event_flow.sources import Source, Sources

SHADOW_NAME = "onhook event-flow, shadow"


class Feed(Struct, frozen=True, kw_only=True):
    """A queue to consume. `source` None: its messages are events already."""

    queue: str
    prefetch: int | None
    queues: ForeignQueues
    source: Source | None


class Feeds(Struct, frozen=True, kw_only=True):
    all: tuple[Feed, ...] = ()

    @property
    def trouble(self) -> str | None:
        """Why one of them is not consumed; None while all are."""
        return next((each.queues.trouble for each in self.all if each.queues.trouble), None)


@asynccontextmanager
async def feeding(sources: Sources) -> AsyncIterator[Feeds]:
    """Connections to the sources' brokers, one for each address, until the context ends."""
    async with AsyncExitStack() as stack:
        opened: dict[str, ForeignQueues] = {}
        for source in sources.all:
            if source.url not in opened:
                opened[source.url] = await stack.enter_async_context(
                    rabbitmq.reading(
                        source.url,
                        name="onhook event-flow, sources",
                        setting=f'ONHOOK_SOURCES, source "{source.name}"',
                    )
                )
        yield Feeds(
            all=tuple(
                Feed(
                    queue=source.queue,
                    prefetch=source.prefetch,
                    queues=opened[source.url],
                    source=source,
                )
                for source in sources.all
            )
        )


@asynccontextmanager
async def shadowing(amqp_url: str, *, declare: bool) -> AsyncIterator[Feeds]:
    """A queue of the shadow's own, which gets a copy of every event, until the context ends."""
    async with rabbitmq.reading(
        amqp_url,
        name=SHADOW_NAME,
        declares=(SHADOW_QUEUE, SHADOW_BINDING) if declare else None,
    ) as queues:
        yield Feeds(all=(Feed(queue=SHADOW, prefetch=None, queues=queues, source=None),))

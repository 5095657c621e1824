"""The worker: which lanes there are, and from a consumed message to the runner or a dead letter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import cast

import msgspec
import structlog

from onhook.bus.port import Bus, Delivery, ForeignDelivery
from onhook.contracts.event import CONTENT_TYPE, Event, encode_event
from onhook.contracts.run import RunMessage
from onhook.contracts.topology import (
    EVENT_FLOW,
    EVICTED,
    NEXT,
    ORDERED,
    REPLAY,
    RESUME,
    SMALLEST_TIER_S,
    SUSPECT,
    UNPROCESSABLE,
)
from onhook.event_flow.dead_letter import About, Unprocessable, cut, internal_error
from onhook.event_flow.handover import Handover
from onhook.event_flow.intake import UnknownEvent, read, recognised
from onhook.event_flow.lane import Handler, Lane, Slots, Stopped, consuming
from onhook.event_flow.notice import EventReceived, MessageSetAside, Observer
from onhook.event_flow.runner import Origin, Runner
from onhook.event_flow.source_feed import Feed, Feeds
from onhook.event_flow.source_message import SourceMessage, named_source, received, replayed
from onhook.event_flow.sources import NO_EVENT, Source, Sources
from onhook.event_flow.suspect import SUSPECTED_AFTER, Suspects
from onhook.event_flow.tracing import name_trace, with_context

log = structlog.get_logger()

LARGEST_PREFETCH = 2_000
SHARES = 16
Foreign = tuple[str, SourceMessage]
"""A source's name, and its message as it came."""


def lanes_for(in_flight: int, feeds: int = 0) -> tuple[Lane, ...]:
    """Of the places, three sixteenths are for retries, two each for next requests and for what keeps
    its order, one for replays, so that none of them waits for another; the rest, about half, is for
    fresh events.

    Those for fresh events are shared out evenly with so many feeds. Each lane has one at least.
    """
    parts = {RESUME: 3, NEXT: 2, ORDERED: 2, REPLAY: 1}
    places = {queue: max(1, in_flight * part // SHARES) for queue, part in parts.items()}
    fresh = max(1, (in_flight - sum(places.values()) - 1) // (1 + feeds))  # 1 for a suspect
    return (
        _lane(EVENT_FLOW, fresh),
        *(_lane(queue, slots) for queue, slots in places.items()),
        Lane(queue=SUSPECT, slots=1, prefetch=1),
        Lane(queue=EVICTED, slots=1, prefetch=10),
    )


def _lane(queue: str, slots: int) -> Lane:
    return Lane(queue=queue, slots=slots, prefetch=min(2 * slots, LARGEST_PREFETCH))


class Worker:
    def __init__(
        self,
        *,
        bus: Bus,
        runner: Runner,
        handover: Handover,
        observe: Observer,
        clock: Callable[[], datetime],
        sources: Sources | None = None,
        feeds: Feeds | None = None,
        ignores_unknown: bool = False,
        suspects: Suspects | None = None,
        watch: Callable[[Handler], Handler] = lambda handler: handler,
    ) -> None:
        self._watch = watch
        self._suspects = suspects
        self._sources = sources or Sources()
        self._feeds = (feeds or Feeds()).all
        self._ignores_unknown = ignores_unknown
        self._bus = bus
        self._runner = runner
        self._handover = handover
        self._observe = observe
        self._clock = clock

    @asynccontextmanager
    async def consuming(self, in_flight: int, grace_s: float) -> AsyncIterator[None]:
        lanes = lanes_for(in_flight, len(self._feeds))
        lanes += tuple(self._lane_of(feed, lanes[0].slots) for feed in self._feeds)
        async with consuming(self._bus, lanes, self._watch(self.handle), self._clock, grace_s):
            yield

    def _lane_of(self, feed: Feed, slots: int) -> Lane:
        lane = _lane(feed.queue, slots)
        source = feed.source
        if source is None:
            return msgspec.structs.replace(lane, consumer=feed.queues)

        async def handle(delivery: Delivery, slots: Slots) -> None:
            # Its consumer reads queues of other systems, and hands over nothing else.
            foreign = cast("ForeignDelivery", delivery)
            await self._handle_foreign(source, received(foreign), delivery, slots)

        prefetch = feed.prefetch or lane.prefetch
        return msgspec.structs.replace(
            lane,
            prefetch=prefetch,
            slots=min(slots, prefetch),
            consumer=feed.queues,
            handler=self._watch(handle),
        )

    async def handle(self, delivery: Delivery, slots: Slots) -> None:
        """Returns when the message may be acknowledged."""
        if self._suspects is not None:
            if delivery.queue == SUSPECT:
                await self._suspects.run(delivery, self._set_aside_unread)
                return
            if delivery.delivery_count >= SUSPECTED_AFTER and delivery.queue != EVICTED:
                await self._suspects.set_apart(delivery)
                return
        if delivery.queue == EVICTED:
            await self._set_aside(delivery, recognised(delivery.body), _evicted())
            return
        if delivery.queue == EVENT_FLOW and (name := named_source(delivery)) is not None:
            await self._handle_replayed(name, delivery, slots)
            return
        message: Event | RunMessage | None = None
        try:
            message = read(delivery)
            name_trace(message)
            if isinstance(message, RunMessage):
                await self._run(message, delivery, slots)
            else:
                await self._runner.event(message, _origin(delivery), slots)
        except UnknownEvent as problem:
            await self._unknown(problem, delivery)
        except Unprocessable as problem:
            await self._set_aside(delivery, message, problem)
        except Stopped:
            raise
        except Exception as error:
            log.exception("message failed", queue=delivery.queue)
            await self._set_aside(delivery, message, internal_error(error))

    async def _handle_replayed(self, name: str, delivery: Delivery, slots: Slots) -> None:
        """A dead letter of a source: its templates try again."""
        message, source = replayed(delivery), self._sources.named(name)
        if source is not None:
            await self._handle_foreign(source, message, delivery, slots)
            return
        gone = f'source "{cut(name, 80)}" is not in ONHOOK_SOURCES; put it back, then replay this'
        await self._set_aside(delivery, None, Unprocessable(NO_EVENT, gone), (name, message))

    async def _handle_foreign(
        self, source: Source, message: SourceMessage, delivery: Delivery, slots: Slots
    ) -> None:
        """A source's message: made an event, which then is one like any other."""
        event: Event | None = None
        try:
            event = with_context(source.read(message, self._clock()), delivery.headers)
            name_trace(event)
            origin = msgspec.structs.replace(
                _origin(delivery), body=encode_event(event), content_type=CONTENT_TYPE
            )
            await self._runner.event(event, origin, slots)
        except UnknownEvent as problem:
            await self._unknown(problem, delivery, (source.name, message))
        except Unprocessable as problem:
            await self._set_aside(delivery, event, problem, (source.name, message))
        except Stopped:
            raise
        except Exception as error:
            log.exception("message failed", queue=delivery.queue, source=source.name)
            await self._set_aside(delivery, event, internal_error(error), (source.name, message))

    async def _unknown(
        self, problem: UnknownEvent, delivery: Delivery, origin: Foreign | None = None
    ) -> None:
        if self._ignores_unknown:
            event = problem.event
            self._observe(
                EventReceived(
                    event_type=event.type,
                    interaction_id=event.interaction_id,
                    is_handled=False,
                    event_time=event.time,
                )
            )
            await self._runner.filter(event, problem.reason)
        else:
            await self._set_aside(delivery, None if origin else problem.event, problem, origin)

    async def _run(self, message: RunMessage, delivery: Delivery, slots: Slots) -> None:
        if message.not_before is not None:
            wait_s = (message.not_before - self._clock()).total_seconds()
            if wait_s >= SMALLEST_TIER_S:
                await self._handover.wait(message)
                return
            await slots.hold(message.not_before)
        await self._runner.run(message, _origin(delivery), slots)

    async def _set_aside_unread(self, delivery: Delivery, problem: Unprocessable) -> None:
        await self._set_aside(delivery, None, problem)

    async def _set_aside(
        self,
        delivery: Delivery,
        message: Event | RunMessage | None,
        problem: Unprocessable,
        origin: Foreign | None = None,
    ) -> None:
        """A source's message is kept as it came until it is an event, and then as that."""
        body, content_type = delivery.body, delivery.content_type
        source, context = None, None
        if origin is not None and message is None:
            source, context = origin[0], origin[1].kept()
        elif origin is not None and isinstance(message, Event):
            body, content_type = encode_event(message), CONTENT_TYPE
        event = message.event if isinstance(message, RunMessage) else message
        about = About(
            fault=problem.fault,
            reason=problem.reason,
            run_id=message.run_id if isinstance(message, RunMessage) else None,
            event_type=event.type if event else delivery.type,
            interaction_id=event.interaction_id if event else None,
            queue=delivery.queue,
            routing_key=delivery.routing_key,
            original_id=delivery.message_id,
            original_headers=delivery.headers,
            source=source,
            source_context=context,
        )
        entry = await self._handover.set_aside(UNPROCESSABLE, body, about, content_type)
        if isinstance(message, RunMessage):
            await self._bury(message, entry.reason)
        log.warning(
            "message set aside",
            queue=delivery.queue,
            fault=problem.fault,
            reason=entry.reason,
            message_id=delivery.message_id,
        )
        self._observe(MessageSetAside(queue=UNPROCESSABLE, reason=entry.reason, fault=entry.fault))

    async def _bury(self, message: RunMessage, reason: str) -> None:
        """The message is kept already: what cannot be recorded of it must not bring it back."""
        try:
            await self._runner.bury(message, reason)
        except Stopped:
            raise
        except Exception:
            log.exception("run not recorded as dead", run=message.run_id)


def _origin(delivery: Delivery) -> Origin:
    return Origin(
        body=delivery.body,
        queue=delivery.queue,
        routing_key=delivery.routing_key,
        content_type=delivery.content_type,
        message_id=delivery.message_id,
        headers=delivery.headers,
    )


def _evicted() -> Unprocessable:
    return Unprocessable(
        "delivery limit",
        "the broker gave it up: it was handed out more often than its queue allows without being "
        "settled; replay it to try once more",
    )

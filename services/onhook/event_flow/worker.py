"""The worker: which lanes there are, and from a consumed message to the runner or a dead letter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog

from onhook.bus.port import Bus, Delivery
from onhook.contracts.event import Event
from onhook.contracts.run import RunMessage
from onhook.contracts.topology import (
    EVENT_FLOW,
    EVICTED,
    NEXT,
    RESUME,
    SMALLEST_TIER_S,
    UNPROCESSABLE,
)
from onhook.event_flow.dead_letter import About, Unprocessable, internal_error
from onhook.event_flow.handover import Handover
from onhook.event_flow.intake import read, recognised
from onhook.event_flow.lane import Lane, Slots, Stopped, consuming
from onhook.event_flow.notice import MessageSetAside, Observer
from onhook.event_flow.runner import Origin, Runner

log = structlog.get_logger()

LARGEST_PREFETCH = 2_000


def lanes_for(in_flight: int) -> tuple[Lane, ...]:
    """Half of the places for fresh events, a quarter each for retries and for next requests."""
    quarter = max(1, in_flight // 4)
    fresh = max(1, in_flight - 2 * quarter)
    return (
        _lane(EVENT_FLOW, fresh),
        _lane(NEXT, quarter),
        _lane(RESUME, quarter),
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
    ) -> None:
        self._bus = bus
        self._runner = runner
        self._handover = handover
        self._observe = observe
        self._clock = clock

    @asynccontextmanager
    async def consuming(self, in_flight: int, grace_s: float) -> AsyncIterator[None]:
        async with consuming(self._bus, lanes_for(in_flight), self.handle, self._clock, grace_s):
            yield

    async def handle(self, delivery: Delivery, slots: Slots) -> None:
        """Returns when the message may be acknowledged."""
        if delivery.queue == EVICTED:
            await self._set_aside(delivery, recognised(delivery.body), _evicted())
            return
        message: Event | RunMessage | None = None
        try:
            message = read(delivery)
            if isinstance(message, RunMessage):
                await self._run(message, delivery, slots)
            else:
                await self._runner.event(message, _origin(delivery), slots)
        except Unprocessable as problem:
            await self._set_aside(delivery, message, problem)
        except Stopped:
            raise
        except Exception as error:
            log.exception("message failed", queue=delivery.queue)
            await self._set_aside(delivery, message, internal_error(error))

    async def _run(self, message: RunMessage, delivery: Delivery, slots: Slots) -> None:
        if message.not_before is not None:
            wait_s = (message.not_before - self._clock()).total_seconds()
            if wait_s >= SMALLEST_TIER_S:
                await self._handover.wait(message)
                return
            await slots.hold(message.not_before)
        await self._runner.run(message, _origin(delivery), slots)

    async def _set_aside(
        self, delivery: Delivery, message: Event | RunMessage | None, problem: Unprocessable
    ) -> None:
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
        )
        entry = await self._handover.set_aside(
            UNPROCESSABLE, delivery.body, about, delivery.content_type
        )
        if isinstance(message, RunMessage):
            await self._bury(message, entry.reason)
        log.warning(
            "message set aside",
            queue=delivery.queue,
            fault=problem.fault,
            reason=entry.reason,
            message_id=delivery.message_id,
        )
        self._observe(MessageSetAside(queue=UNPROCESSABLE, reason=entry.reason))

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

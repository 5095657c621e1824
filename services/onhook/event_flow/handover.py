"""Handing a run or a message on: to the next lane, a retry tier or a dead-letter queue, confirmed.

Every method returns only when the bus has confirmed; it must not acknowledge anything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import msgspec

from onhook.bus.port import Bus, Message
from onhook.contracts.event import CONTENT_TYPE
from onhook.contracts.run import (
    LARGEST_RUN_BYTES,
    RUN_TYPE,
    RunMessage,
    encode_run,
)
from onhook.contracts.screen_pop import ScreenPopEvent
from onhook.contracts.topology import EVENTS_EXCHANGE, NEXT, ORDERED, RESUME, tier_for
from onhook.event_flow.dead_letter import About, Unprocessable, dead_message, index_entry
from onhook.event_flow.insist import insist
from onhook.journal.port import DeadLetter, Journal

DECIDED_BEFORE_S = 0.5
"""A wait is measured a moment after it was decided, and must still fit the tier of its length."""


def encoded(message: RunMessage) -> bytes:
    """Raises Unprocessable when the run is too large to be kept anywhere."""
    body = encode_run(message)
    if len(body) > LARGEST_RUN_BYTES:
        raise Unprocessable(
            "too large",
            f"the run is {len(body)} bytes, over {LARGEST_RUN_BYTES}; "
            "send less in the event or in the request's body",
        )
    return body


def run_on_the_bus(body: bytes) -> Message:
    """An encoded run, as it is published; anew for each time."""
    return Message(body=body, message_id=str(uuid4()), type=RUN_TYPE)


class Handover:
    def __init__(self, bus: Bus, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._bus = bus
        self._journal = journal
        self._clock = clock

    async def next(self, message: RunMessage) -> bytes:
        """On to its next request, through a queue. Returns what was published."""
        return await self._publish_run(message, lambda: NEXT)

    async def ordered(self, message: RunMessage) -> bytes:
        """Into the one line of what keeps its order. Returns what was published."""
        return await self._publish_run(message, lambda: ORDERED)

    async def wait(self, message: RunMessage) -> bytes:
        """Into the longest tier that fits until `not_before`; a short rest into the resume lane.

        It may come back up to DECIDED_BEFORE_S late.
        """
        return await self._publish_run(message, lambda: self._lane_for(message))

    def _lane_for(self, message: RunMessage) -> str:
        if message.not_before is None:
            return RESUME
        wait_s = (message.not_before - self._clock()).total_seconds()
        tier = tier_for(wait_s + DECIDED_BEFORE_S)
        return RESUME if tier is None else tier.queue

    async def _publish_run(self, message: RunMessage, lane: Callable[[], str]) -> bytes:
        body = encoded(message)
        await insist(
            lambda: self._bus.publish("", lane(), run_on_the_bus(body)),
            "hand a run on",
        )
        return body

    async def pop(self, routing_key: str, event: ScreenPopEvent) -> None:
        """Ask a desktop to show a page. Asked again, it is the same event."""
        body = msgspec.json.encode(event)

        async def publish() -> None:
            message = Message(
                body=body,
                message_id=str(uuid4()),
                type=event.type,
                content_type=CONTENT_TYPE,
            )
            await self._bus.publish(EVENTS_EXCHANGE, routing_key, message)

        await insist(publish, "ask for a screen pop")

    async def set_aside(
        self, queue: str, body: bytes, about: About, content_type: str | None = "application/json"
    ) -> DeadLetter:
        """Into the index and then into a dead-letter queue, so that none is there unlisted.

        Returns the entry. One whose message never arrived goes when it is replayed.
        """
        at = self._clock()
        message_id = str(uuid4())
        entry = index_entry(body, message_id, queue, about, at)
        await insist(lambda: self._journal.note_dead_letter(entry), "record a dead letter")

        async def publish() -> None:
            await self._bus.publish(
                "", queue, dead_message(body, message_id, about, at, content_type)
            )

        await insist(publish, "set a message aside")
        return entry

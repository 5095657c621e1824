"""A step on its way to the bus, and the order that makes it safe: store, publish, commit.

The event ids are on disk before the first publish, so whoever repeats or recovers the step sends
the same ones; the new state is on disk only after every event is confirmed. What a step means is
the lifecycle's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from msgspec import Struct
from msgspec.structs import replace

from onhook.bus.port import Bus, BusUnavailable, Message, PublishRefused, Unroutable
from onhook.call_emulator.agent import AgentOnDuty
from onhook.call_emulator.contact import Contact
from onhook.call_emulator.lifecycle import NewId, Step
from onhook.call_emulator.store import CallStore, StoredEvent, StoredStep
from onhook.contracts.event import CONTENT_TYPE, encode_event
from onhook.contracts.topology import EVENTS_EXCHANGE, event_key
from onhook.sqlite import StorageError

log = structlog.get_logger()


class PendingStep(Struct, frozen=True, kw_only=True):
    """A step that was begun and is not committed."""

    stored: StoredStep
    agent: AgentOnDuty | None
    confirmed: int = 0
    """How many of its events the bus has confirmed since this process began it."""

    @property
    def key(self) -> str:
        return self.stored.key

    @property
    def may_be_sent(self) -> bool:
        return self.stored.may_be_sent


def begun(key: str, step: Step) -> PendingStep:
    """Its events get their bytes here, once; `key` says which request repeats it."""
    events = tuple(
        StoredEvent(
            id=event.id,
            type=event.type,
            routing_key=event_key(event.type),
            time=event.time,
            body=encode_event(event),
        )
        for event in step.events
    )
    stored = StoredStep(key=key, contact=step.contact, events=events, may_be_sent=False)
    return PendingStep(stored=stored, agent=step.agent)


class OpenCall:
    """A call that has not ended: its committed contact, its one step under way, its turn."""

    def __init__(self, contact: Contact, pending: PendingStep | None = None) -> None:
        self.contact = contact
        self.pending = pending
        self.turn = asyncio.Lock()
        """Held by whoever takes a step of this call; a step without it is a fault."""


class StepRunner:
    """Takes steps of calls whose turn the caller holds. `finished` is told of each committed one.

    Its methods raise BusError or StorageError; the call is then as before, its step pending.
    """

    def __init__(
        self,
        store: CallStore,
        bus: Bus,
        new_id: NewId,
        finished: Callable[[OpenCall, PendingStep], None],
    ) -> None:
        self._store = store
        self._bus = bus
        self._new_id = new_id
        self._finished = finished

    async def take(self, call: OpenCall, key: str, decide: Callable[[Contact], Step]) -> None:
        """Take the step that `key` names and `decide` works out.

        A repeated step sends the ids of the first; another step settles that one first and is
        judged on the state after it. What `decide` raises is raised here.
        """
        if call.pending is not None and call.pending.key != key:
            await self.settle(call)
        if call.pending is None:
            call.pending = begun(key, decide(call.contact))
        await self.finish(call)

    async def settle(self, call: OpenCall) -> None:
        """Finish a pending step that may be on the bus; drop one of which nothing was sent."""
        if call.pending is not None and call.pending.may_be_sent:
            await self.finish(call)
        elif call.pending is not None:
            await self._store.drop(call.contact.interaction_id)
            call.pending = None

    async def finish(self, call: OpenCall) -> None:
        """Publish what is not confirmed yet, commit the state after it, and clear it."""
        pending = call.pending
        assert pending is not None
        if pending.stored.events:
            pending = await self._publish(call, pending)
        else:
            call.pending = None  # a step without events leaves nothing to repeat when it fails
        await self._store.commit(pending.stored)
        call.contact, call.pending = pending.stored.contact, None
        self._finished(call, pending)

    async def _publish(self, call: OpenCall, pending: PendingStep) -> PendingStep:
        was_never_sent = not pending.may_be_sent
        if was_never_sent:
            pending = _marked(pending, may_be_sent=True)
            await self._store.begin(pending.stored)
            call.pending = pending
        for event in pending.stored.events[pending.confirmed :]:
            try:
                await self._bus.publish(EVENTS_EXCHANGE, event.routing_key, self._message(event))
            except (BusUnavailable, Unroutable, PublishRefused):
                if was_never_sent and pending.confirmed == 0:
                    await self._remember_unsent(call, pending)
                raise
            pending = replace(pending, confirmed=pending.confirmed + 1)
            call.pending = pending
            log.info(
                "event published",
                type=event.type,
                interaction=call.contact.interaction_id,
                id=event.id,
            )
        return pending

    async def _remember_unsent(self, call: OpenCall, pending: PendingStep) -> None:
        unsent = _marked(pending, may_be_sent=False)
        with suppress(StorageError):  # then it counts as sent: an event too many, never one lost
            await self._store.begin(unsent.stored)
            call.pending = unsent

    def _message(self, event: StoredEvent) -> Message:
        return Message(
            body=event.body,
            message_id=self._new_id(),
            type=event.type,
            content_type=CONTENT_TYPE,
        )


def _marked(pending: PendingStep, *, may_be_sent: bool) -> PendingStep:
    return replace(pending, stored=replace(pending.stored, may_be_sent=may_be_sent))

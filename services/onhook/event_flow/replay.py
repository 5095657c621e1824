"""Sending on by hand: Try now for what waits, replay for what is dead.

Each publishes a message of the run at its next step, so that the older copy is dropped when it
comes, and holds the run meanwhile, so that no message of it is performed before its row is right.
The HTTP API calls this; no HTTP here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
from msgspec import Struct

from onhook.bus.port import Bus, Delivery, Message, NeverAccepted
from onhook.contracts.event import Event
from onhook.contracts.run import (
    RunMessage,
    decode_run,
)
from onhook.contracts.topology import EVENT_FLOW, REPLAY, UNDELIVERED
from onhook.event_flow.beginning import filtered_row, first_message, first_row
from onhook.event_flow.catalogue import Catalogue, MissingVersion, NeverHandled, UnknownFlow
from onhook.event_flow.dead_letter import Unprocessable, cut
from onhook.event_flow.handover import encoded, run_on_the_bus
from onhook.event_flow.intake import recognised
from onhook.event_flow.run_lock import RunLocks
from onhook.event_flow.source_message import source_headers
from onhook.event_flow.tracing import with_context
from onhook.journal.port import DeadLetter, Journal, Run, RunState

ARRIVES_WITHIN = timedelta(minutes=1)
"""A dead letter is listed before it is published: one this young may still be on its way."""


class NotPossible(Exception):
    """What was asked cannot be done in this state."""


class NotThere(NotPossible):
    """There is no run or dead letter of that name."""


class Sent(Struct, frozen=True):
    """What became of a dead letter that was replayed."""

    run_id: str | None
    """None where it could not be read, or starts no run."""
    note: str | None = None
    """Why it starts none."""


class Replay:
    """All methods raise NotPossible with the reason, BusError or JournalError.

    They try once: whoever asks is there to ask again.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        journal: Journal,
        catalogue: Catalogue,
        locks: RunLocks,
        clock: Callable[[], datetime],
    ) -> None:
        self._bus = bus
        self._journal = journal
        self._catalogue = catalogue
        self._locks = locks
        self._clock = clock

    async def try_now(self, run_id: str) -> Run:
        """Try a waiting run now; its copy in the tier is dropped when it comes."""
        if self._locks.is_held(run_id):
            raise NotPossible("the run is being tried right now")
        async with self._locks.holding(run_id):
            run = await self._journal.run(run_id)
            if run is None:
                raise NotThere(f'no run "{run_id[:80]}"')
            if run.state is not RunState.WAITING or run.continuation is None:
                raise NotPossible(
                    f"the run is {run.state.value}; only a waiting run can be tried now"
                )
            message = decode_run(run.continuation)
            return await self._go_on(run, _at_once(message, run.step + 1, self._clock()))

    async def try_all_now(self, limit: int = 1_000) -> int:
        """Try every waiting run now, the newest `limit` of them; how many there were."""
        waiting = await self._journal.runs(interaction_id=None, state=RunState.WAITING, limit=limit)
        tried = 0
        for run in waiting:
            with suppress(NotPossible):  # it went on by itself meanwhile
                await self.try_now(run.run_id)
                tried += 1
        return tried

    async def replay(self, message_id: str) -> Sent:
        """Send a dead letter on its way again. One that no flow handles now ends as filtered."""
        entry = await self._journal.dead_letter(message_id)
        if entry is None:
            raise NotThere(f'no dead letter "{message_id[:80]}"')
        delivery = await self._bus.take(entry.queue, message_id)
        if delivery is None:
            if self._clock() - entry.at < ARRIVES_WITHIN:
                raise NotPossible(f"it is not in {entry.queue} yet; ask again in a minute")
            await self._journal.forget_dead_letter(message_id)
            raise NotPossible(f"it is no longer in {entry.queue}; its entry has been removed")
        return await self.replay_taken(entry, delivery)

    async def replay_taken(self, entry: DeadLetter, delivery: Delivery | None) -> Sent:
        """As `replay`, with the message at hand; None: it was not in its queue."""
        if delivery is None:
            raise NotPossible(f"it is not in {entry.queue} now; ask for it alone in a minute")
        try:
            sent = await self._send_on(entry, delivery)
        except BaseException:
            await delivery.give_back()
            raise
        await delivery.ack()
        await self._journal.forget_dead_letter(entry.message_id)
        return sent

    async def drop(self, message_id: str) -> None:
        """Throw a dead letter away, with its entry."""
        entry = await self._journal.dead_letter(message_id)
        if entry is None:
            raise NotThere(f'no dead letter "{message_id[:80]}"')
        await self.drop_taken(entry, await self._bus.take(entry.queue, message_id))

    async def drop_taken(self, entry: DeadLetter, delivery: Delivery | None) -> None:
        """As `drop`, with the message at hand; None: it was not in its queue."""
        if delivery is not None:
            await delivery.ack()
        elif self._clock() - entry.at < ARRIVES_WITHIN:
            raise NotPossible(f"it is not yet in {entry.queue}; try again in a minute")
        await self._journal.forget_dead_letter(entry.message_id)

    async def _send_on(self, entry: DeadLetter, delivery: Delivery) -> Sent:
        if entry.queue == UNDELIVERED:
            return Sent(await self._resume(decode_run(delivery.body)))
        of_source = source_headers(delivery)
        found = None if of_source else recognised(delivery.body)
        if found is None:
            again = Message(
                body=delivery.body,
                message_id=str(uuid4()),
                content_type=delivery.content_type and cut(delivery.content_type),
                headers=of_source,
            )
            try:
                await self._bus.publish("", EVENT_FLOW, again)
            except NeverAccepted as refusal:
                raise NotPossible(str(refusal)) from None
            return Sent(None, "it cannot be read, and was sent again as it is")
        if isinstance(found, RunMessage):
            return await self._start_again(found.event, found.run_id)
        return await self._start_again(with_context(found, delivery.headers), entry.run_id)

    async def _resume(self, message: RunMessage) -> str:
        """Resume at its own request, with attempts and age started anew."""
        request = message.request and msgspec.structs.replace(
            message.request,
            attempts=0,
            position=0,
            refusals=0,
            first_attempt_at=self._clock(),
        )
        async with self._locks.holding(message.run_id):
            run = await self._row_of(message)
            if run.state is RunState.DONE:
                return run.run_id  # delivered meanwhile; the letter goes
            step = max(run.step, message.step) + 1
            message = msgspec.structs.replace(message, request=request)
            await self._go_on(run, _at_once(message, step, self._clock()))
        return run.run_id

    async def _start_again(self, event: Event, run_id: str | None) -> Sent:
        """From the event, on the label's current version: that run, or all that it lacks."""
        try:
            targets = self._catalogue.selected(msgspec.structs.replace(event, flowversion=None))
        except NeverHandled:
            targets = []
        except UnknownFlow as error:
            raise NotPossible(f"{error}. Or drop it, by DELETE instead of a replay") from None
        try:
            firsts = [
                self._first_message(event, *target)
                for target in targets
                if event.type in self._catalogue.flow(*target).handlers
            ]
        except MissingVersion as missing:
            raise NotPossible(str(missing)) from None
        wanted = [first for first in firsts if run_id in (None, first.run_id)]
        if not wanted:
            whose = "no published flow" if run_id is None else "its flow no longer"
            reason = f"{whose} handles {cut(event.type)}"
            await self._journal.note_event(filtered_row(event, reason, self._clock()))
            return Sent(None, f"filtered: {reason}; the dead letter is gone, and nothing was run")
        for first in wanted:
            async with self._locks.holding(first.run_id):
                run = await self._row_of(first)
                if run.state is RunState.DONE or (run_id is None and _is_on_its_way(run)):
                    continue
                run = msgspec.structs.replace(run, version=first.version, results={}, sealed=None)
                await self._go_on(run, _at_once(first, run.step + 1, self._clock()))
        return Sent(wanted[0].run_id)

    def _first_message(self, event: Event, flow_id: str, version: int) -> RunMessage:
        return first_message(event, flow_id, self._catalogue.name_of(flow_id), version)

    async def _row_of(self, message: RunMessage) -> Run:
        return await self._journal.open_run(first_row(message, self._clock()))

    async def _go_on(self, run: Run, message: RunMessage) -> Run:
        try:
            body = encoded(message)
        except Unprocessable as problem:
            raise NotPossible(str(problem)) from None
        await self._bus.publish("", REPLAY, run_on_the_bus(body))
        now = self._clock()
        moved = msgspec.structs.replace(
            run,
            step=message.step,
            state=RunState.WAITING,
            continuation=body,
            next_at=now,
            updated_at=now,
        )
        await self._journal.save(moved)
        return moved


def _at_once(message: RunMessage, step: int, now: datetime) -> RunMessage:
    return msgspec.structs.replace(
        message, step=step, not_before=None, published_at=now, is_by_hand=True
    )


def _is_on_its_way(run: Run) -> bool:
    """Published beyond its event and not over: starting it again would repeat what it did."""
    return run.step > 0 and not run.state.is_over

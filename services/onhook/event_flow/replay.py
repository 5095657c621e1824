"""Sending on by hand: Try now for what waits, replay for what is dead.

Each publishes a message of the run at its next step, so that the older copy is dropped when it
comes. The HTTP API calls this; no HTTP here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import msgspec

from onhook.bus.port import Bus, Delivery, Message
from onhook.contracts.event import Event, MalformedEvent, decode_event
from onhook.contracts.run import (
    MalformedRun,
    RunMessage,
    decode_run,
    run_id_of,
)
from onhook.contracts.topology import EVENT_FLOW, UNDELIVERED
from onhook.event_flow.catalogue import Catalogue, UnknownFlow
from onhook.event_flow.handover import Handover
from onhook.journal.port import DeadLetter, Journal, Run, RunState


class NotPossible(Exception):
    """What was asked cannot be done in this state."""


class Replay:
    """All methods raise NotPossible with the reason, BusError or JournalError."""

    def __init__(
        self,
        *,
        bus: Bus,
        journal: Journal,
        catalogue: Catalogue,
        handover: Handover,
        clock: Callable[[], datetime],
    ) -> None:
        self._bus = bus
        self._journal = journal
        self._catalogue = catalogue
        self._handover = handover
        self._clock = clock

    async def try_now(self, run_id: str) -> Run:
        """Try a waiting run now; its copy in the tier is dropped when it comes."""
        run = await self._journal.run(run_id)
        if run is None:
            raise NotPossible(f'no run "{run_id[:80]}"')
        if run.state is not RunState.WAITING or run.continuation is None:
            raise NotPossible(f"the run is {run.state.value}; only a waiting run can be tried now")
        message = decode_run(run.continuation)
        return await self._go_on(
            run, msgspec.structs.replace(message, step=run.step + 1, not_before=None)
        )

    async def try_all_now(self, limit: int = 1_000) -> int:
        """Try every waiting run now; how many there were."""
        waiting = await self._journal.runs(interaction_id=None, state=RunState.WAITING, limit=limit)
        for run in waiting:
            await self.try_now(run.run_id)
        return len(waiting)

    async def replay(self, message_id: str) -> str | None:
        """Send a dead letter on its way again; its run's id, or None when it could not be read."""
        entry = await self._journal.dead_letter(message_id)
        if entry is None:
            raise NotPossible(f'no dead letter "{message_id[:80]}"')
        delivery = await self._bus.take(entry.queue, message_id)
        if delivery is None:
            await self._journal.forget_dead_letter(message_id)
            raise NotPossible(f"it is no longer in {entry.queue}; its entry has been removed")
        try:
            run_id = await self._send_on(entry, delivery)
        except BaseException:
            await delivery.give_back()
            raise
        await delivery.ack()
        await self._journal.forget_dead_letter(message_id)
        return run_id

    async def _send_on(self, entry: DeadLetter, delivery: Delivery) -> str | None:
        if entry.queue == UNDELIVERED:
            return await self._resume(decode_run(delivery.body))
        event = _event_in(delivery.body)
        if event is None:
            await self._bus.publish(
                "",
                EVENT_FLOW,
                Message(
                    body=delivery.body,
                    message_id=str(uuid4()),
                    content_type=delivery.content_type,
                ),
            )
            return None
        return await self._start_again(event)

    async def _resume(self, message: RunMessage) -> str:
        """Resume at its own request, with attempts and age started anew."""
        run = await self._row_of(message)
        request = message.request and msgspec.structs.replace(
            message.request,
            attempts=0,
            position=0,
            refusals=0,
            first_attempt_at=self._clock(),
        )
        await self._go_on(
            run,
            msgspec.structs.replace(
                message, step=max(run.step, message.step) + 1, request=request, not_before=None
            ),
        )
        return run.run_id

    async def _start_again(self, event: Event) -> str | None:
        """From the event, on the label's current version, each of its runs that is not done."""
        try:
            targets = self._catalogue.selected(msgspec.structs.replace(event, flowversion=None))
        except UnknownFlow as error:
            raise NotPossible(str(error)) from None
        first: str | None = None
        for flow_id, version in targets:
            message = RunMessage(
                run_id=run_id_of(event.source, event.id, flow_id),
                step=0,
                event=event,
                flow_id=flow_id,
                flow_name=self._catalogue.name_of(flow_id),
                version=version,
            )
            run = await self._row_of(message)
            first = first or run.run_id
            if run.state is RunState.DONE:
                continue
            run = msgspec.structs.replace(run, version=version, results={})
            await self._go_on(run, msgspec.structs.replace(message, step=run.step + 1))
        if not targets:
            raise NotPossible(f"no published flow handles {event.type}; publish one, then replay")
        return first

    async def _row_of(self, message: RunMessage) -> Run:
        now = self._clock()
        return await self._journal.open_run(
            Run(
                run_id=message.run_id,
                source=message.event.source,
                event_id=message.event.id,
                event_type=message.event.type,
                interaction_id=message.event.interaction_id,
                flow_id=message.flow_id,
                flow_name=message.flow_name,
                version=message.version,
                created_at=now,
                updated_at=now,
            )
        )

    async def _go_on(self, run: Run, message: RunMessage) -> Run:
        body = await self._handover.wait(message)
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


def _event_in(body: bytes) -> Event | None:
    try:
        return decode_run(body).event
    except MalformedRun:
        pass
    try:
        return decode_event(body)
    except MalformedEvent:
        return None

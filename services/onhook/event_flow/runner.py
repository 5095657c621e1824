"""Running flows: from an event or a run message to a point where its message may be acknowledged.

Which runs an event starts, which messages are stale, what happens when a version is missing or a
run cannot go on. The steps within one message are run_step.py's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import msgspec
import structlog
from msgspec import Struct

from onhook.bus.port import HeaderValue
from onhook.contracts.event import Event
from onhook.contracts.run import RunMessage
from onhook.contracts.topology import UNPROCESSABLE
from onhook.egress.connector_client import Outgoing
from onhook.event_flow.beginning import filtered_row, first_message, first_row
from onhook.event_flow.catalogue import Catalogue, MissingVersion, NeverHandled, UnknownFlow
from onhook.event_flow.dead_letter import About, Unprocessable, internal_error
from onhook.event_flow.endpoint import Endpoint
from onhook.event_flow.endpoints import Endpoints
from onhook.event_flow.handover import Handover
from onhook.event_flow.insist import insist
from onhook.event_flow.lane import Place, Slots, Stopped
from onhook.event_flow.notice import EventReceived, MessageSetAside, Observer
from onhook.event_flow.order import asks_again_at, earlier, order_key
from onhook.event_flow.overrides import Overrides
from onhook.event_flow.performance import Performance
from onhook.event_flow.retry import Policy
from onhook.event_flow.run_lock import RunLocks
from onhook.event_flow.run_sealing import open_message, open_row
from onhook.event_flow.run_step import perform
from onhook.event_flow.sealing import Keys, MissingKey
from onhook.journal.port import Journal, Run, RunState, TraceRow

log = structlog.get_logger()

MOST_OF_AN_INTERACTION = 1_000
"""Runs that are looked through for an earlier one."""
MISSING_WAIT_S = 120.0
"""How long a run waits for a version or a key that is missing, before it looks again."""


class Parts(Struct, frozen=True, kw_only=True):
    """What a run needs, wired by app.py."""

    journal: Journal
    catalogue: Catalogue
    overrides: Overrides
    keys: Keys
    outgoing: Outgoing
    endpoints: Endpoints
    note_endpoint: Callable[[Endpoint], Awaitable[None]]
    """Called before an endpoint is sent to for the first time."""
    handover: Handover
    locks: RunLocks
    policy: Policy
    observe: Observer
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    begins_traces: bool = False
    """A run whose event has no trace context begins a trace."""
    is_shadow: bool = False
    """Nothing may be noticed by anybody: no request leaves, and no screen pops."""


class Origin(Struct, frozen=True, kw_only=True):
    """The message being handled, as it was consumed."""

    body: bytes
    queue: str
    routing_key: str
    content_type: str | None
    message_id: str | None
    headers: dict[str, HeaderValue]


def is_stale(row: Run, step: int) -> bool:
    """A lower step was overtaken; a run that is over needs a higher one."""
    return step < row.step or (row.state.is_over and step <= row.step)


class Runner:
    """Methods return once the message may be acknowledged."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._locks = parts.locks

    async def event(self, event: Event, origin: Origin, slots: Slots) -> None:
        """Start the runs of an event. Raises Unprocessable when it names what does not exist."""
        targets = await self._selected(event)
        handles = self._parts.catalogue.handles
        handled = [target for target in targets if handles(*target, event.type)]
        self._parts.observe(
            EventReceived(
                event_type=event.type,
                interaction_id=event.interaction_id,
                is_handled=bool(handled),
                event_time=event.time,
            )
        )
        if not handled:
            await self.filter(
                event,
                f"its flow has no handler for {event.type}"
                if targets
                else f"no published flow handles {event.type}",
            )
        elif len(handled) == 1 and self._order_of(event, *handled[0]) is None:
            await self.run(self._first_message(event, *handled[0]), origin, slots)
        else:
            await self._fan_out(event, handled, slots)

    async def _selected(self, event: Event) -> list[tuple[str, int]]:
        """Another worker may have published what this one does not know yet."""
        catalogue = self._parts.catalogue
        try:
            return catalogue.selected(event)
        except UnknownFlow:
            await insist(catalogue.refresh, "look for a flow")
        try:
            return catalogue.selected(event)
        except NeverHandled:
            return []
        except UnknownFlow as error:
            raise Unprocessable("unknown flow", str(error)) from None

    async def filter(self, event: Event, reason: str) -> None:
        """The event runs nothing; the journal says why."""
        row = filtered_row(event, reason, self._parts.clock())
        await insist(lambda: self._parts.journal.note_event(row), "record a filtered event")

    def _first_message(self, event: Event, flow_id: str, version: int) -> RunMessage:
        return first_message(event, flow_id, self._parts.catalogue.name_of(flow_id), version)

    async def _fan_out(self, event: Event, targets: list[tuple[str, int]], slots: Slots) -> None:
        """A message of its own for each run, so that none repeats when another must."""
        for flow_id, version in targets:
            first = self._first_message(event, flow_id, version)
            order = self._order_of(event, flow_id, version)
            publish = self._parts.handover.next if order is None else self._parts.handover.ordered
            lining_up = order and f"{order}, lining up"  # which waits for no run under way
            async with self._in(lining_up), self._locks.holding(first.run_id), slots.place():
                row = await self._open(first)
                if row.step > 0 or row.state.is_over:
                    continue
                message = msgspec.structs.replace(
                    first, step=1, version=row.version, published_at=self._parts.clock()
                )
                await publish(message)
                await self._save(msgspec.structs.replace(row, step=1))

    def _order_of(self, event: Event, flow_id: str, version: int) -> str | None:
        """What an event's run has to keep its place in; None where no order is asked for."""
        if not event.interaction_id:
            return None
        try:
            is_ordered = self._parts.catalogue.flow(flow_id, version).is_ordered
        except MissingVersion:
            return None  # it waits for its version, as others do
        return order_key(flow_id, event.interaction_id) if is_ordered else None

    @asynccontextmanager
    async def _in(self, order: str | None) -> AsyncIterator[None]:
        """One at a time, in the order of asking, of those that keep an order."""
        if order is None:
            yield
            return
        async with self._locks.holding(order):
            yield

    async def run(self, message: RunMessage, origin: Origin, slots: Slots) -> None:
        """Perform one message of a run. A copy of it that waits takes no slot meanwhile."""
        order = self._order_of(message.event, message.flow_id, message.version)
        async with (
            self._in(order),
            self._locks.holding(message.run_id),
            slots.place() as place,
        ):
            row = await self._open(message)
            if is_stale(row, message.step):
                log.debug("overtaken message dropped", run=message.run_id, step=message.step)
                return
            if message.step == 0 and message.version != row.version:
                message = msgspec.structs.replace(message, version=row.version)
            if message.step > row.step or message.version != row.version or row.state.is_over:
                row = msgspec.structs.replace(
                    row,
                    version=message.version,
                    step=max(row.step, message.step),
                    state=RunState.RUNNING if row.state.is_over else row.state,
                )
            if order is not None and (before := await self._earlier(row)) is not None:
                await self._wait_behind(before, message, row)
                return
            await self._perform(message, row, origin, place)

    async def _earlier(self, row: Run) -> Run | None:
        runs = await insist(
            lambda: self._parts.journal.runs(
                interaction_id=row.interaction_id, state=None, limit=MOST_OF_AN_INTERACTION
            ),
            "look for earlier runs",
        )
        return earlier(row, runs)

    async def _wait_behind(self, before: Run, message: RunMessage, row: Run) -> None:
        at = asks_again_at(row, self._parts.clock())
        message = msgspec.structs.replace(message, step=row.step + 1, not_before=at)
        reason = f"waits for run {before.run_id}, an earlier one of the same interaction"
        log.info("run waits for an earlier one", run=message.run_id, earlier=before.run_id)
        body = await self._parts.handover.wait(message)
        waiting = msgspec.structs.replace(
            row,
            step=message.step,
            state=RunState.WAITING,
            continuation=body,
            next_at=at,
            reason=reason,
        )
        await self._save(waiting)

    async def _perform(self, message: RunMessage, row: Run, origin: Origin, place: Place) -> None:
        run: Performance | None = None
        try:
            await self._find_versions(message)
            flow = self._parts.catalogue.flow(message.flow_id, message.version)
            opened, held = open_message(message, self._parts.keys)
            run = Performance(
                self._parts,
                flow,
                opened,
                open_row(row, self._parts.keys),
                is_secure=message.sealed is not None or row.sealed is not None,
                place=place,
                held=held,
            )
            await perform(run)
        except (MissingVersion, MissingKey) as missing:
            await self._wait_for(message, str(missing))
        except Unprocessable as problem:
            await self._set_aside(message, row, problem, origin, _trace_of(run))
        except Stopped:
            raise
        except Exception as error:
            log.exception("run failed", run=message.run_id, flow=message.flow_name)
            fault = internal_error(error)
            if run is not None:
                fault.reason = run.record.mask.text(fault.reason)
            await self._set_aside(message, row, fault, origin, _trace_of(run))

    async def _find_versions(self, message: RunMessage) -> None:
        """Look again for those that are not known here. Whatever is missing then is told later."""
        progress = message.progress
        wanted = {(message.flow_id, message.version)}
        if progress is not None:
            under_way = [(progress.flow_id, progress.version)]
            under_way += [(caller.flow_id, caller.version) for caller in progress.callers]
            wanted |= {(flow, number) for flow, number in under_way if flow and number}
        if not all(self._parts.catalogue.has(*key) for key in wanted):
            await insist(self._parts.catalogue.refresh, "look for a version")

    async def bury(self, message: RunMessage, reason: str) -> None:
        """The run's message was set aside unperformed: the run is dead until it is replayed."""
        async with self._locks.holding(message.run_id):
            row = await self._open(message)
            if is_stale(row, message.step):
                return
            await self._save(
                msgspec.structs.replace(
                    row,
                    step=message.step,
                    state=RunState.DEAD,
                    reason=reason,
                    continuation=None,
                    next_at=None,
                )
            )

    async def _open(self, message: RunMessage) -> Run:
        row = first_row(message, self._parts.clock())
        return await insist(lambda: self._parts.journal.open_run(row), "record a run")

    async def _save(self, row: Run) -> None:
        row = msgspec.structs.replace(row, updated_at=self._parts.clock())
        await insist(lambda: self._parts.journal.save(row), "record a run")

    async def _wait_for(self, message: RunMessage, reason: str) -> None:
        """`message` as it came; what was recorded since stays."""
        log.error("version or key missing, the run waits", run=message.run_id, reason=reason)
        row = await self._open(message)
        at = self._parts.clock() + timedelta(seconds=MISSING_WAIT_S)
        step = max(row.step, message.step) + 1
        message = msgspec.structs.replace(message, step=step, not_before=at)
        body = await self._parts.handover.wait(message)
        await self._save(
            msgspec.structs.replace(
                row,
                version=message.version,
                step=message.step,
                state=RunState.WAITING,
                continuation=body,
                next_at=at,
                reason=reason,
            )
        )

    async def _set_aside(
        self,
        message: RunMessage,
        row: Run,
        problem: Unprocessable,
        origin: Origin,
        trace: TraceRow | None,
    ) -> None:
        about = About(
            fault=problem.fault,
            reason=problem.reason,
            run_id=message.run_id,
            event_type=message.event.type,
            interaction_id=message.event.interaction_id,
            flow_name=message.flow_name,
            queue=origin.queue,
            routing_key=origin.routing_key,
            original_id=origin.message_id,
            original_headers=origin.headers,
        )
        entry = await self._parts.handover.set_aside(
            UNPROCESSABLE, origin.body, about, origin.content_type
        )
        dead = msgspec.structs.replace(
            row,
            results={},
            sealed=None,
            state=RunState.DEAD,
            reason=entry.reason,
            continuation=None,
            next_at=None,
            updated_at=self._parts.clock(),
        )
        await insist(lambda: self._parts.journal.save(dead, trace=trace), "record a dead run")
        self._parts.observe(
            MessageSetAside(queue=UNPROCESSABLE, reason=entry.reason, fault=entry.fault)
        )


def _trace_of(run: Performance | None) -> TraceRow | None:
    return None if run is None else run.record.trace_row()

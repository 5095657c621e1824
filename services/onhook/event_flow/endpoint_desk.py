"""What an operator does with endpoints: look, pause, resume, send on what waits; and what lasts.

Endpoints and pauses are kept in the journal's database, so that they outlive a restart and hold in
every worker on it. What waits is sent on one by one, as fast as the endpoint takes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import msgspec
import structlog

from onhook.bus.port import BusError
from onhook.contracts.run import MalformedRun, decode_run
from onhook.event_flow.endpoint import Endpoint, EndpointState
from onhook.event_flow.endpoints import Endpoints
from onhook.event_flow.in_flight import Pause
from onhook.event_flow.insist import insist
from onhook.event_flow.replay import NotPossible, NotThere, Replay
from onhook.journal.port import EndpointRow, Journal, JournalError, RunState
from onhook.journal.query import Query

log = structlog.get_logger()

LONGEST_REASON_CHARS = 300
PAGE = 1_000
MOST_SENT = 100_000
"""By one command."""


class EndpointDesk:
    def __init__(
        self,
        journal: Journal,
        endpoints: Endpoints,
        replay: Replay,
        clock: Callable[[], datetime],
    ) -> None:
        self._journal = journal
        self._endpoints = endpoints
        self._replay = replay
        self._clock = clock
        self._rows: dict[str, EndpointRow] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Sends on what was asked for until the context ends. Raises JournalError."""
        await self.refresh()
        try:
            yield
        finally:
            for task in self._sending.values():
                task.cancel()
            if self._sending:
                await asyncio.wait(set(self._sending.values()))

    async def refresh(self) -> None:
        """Take over what others have paused and resumed. Raises JournalError."""
        self._rows = {row.id: row for row in await self._journal.endpoints()}
        self._apply()

    def _apply(self) -> None:
        self._endpoints.set_pauses(
            {
                (row.flow_id, row.node, row.origin): Pause(row.paused_at, row.pause_reason)
                for row in self._rows.values()
                if row.paused_at is not None
            }
        )

    async def noted(self, endpoint: Endpoint) -> None:
        """Record an endpoint before it is sent to for the first time."""
        if endpoint.id in self._rows:
            return
        row = EndpointRow(
            id=endpoint.id,
            flow_id=endpoint.flow_id,
            flow_name=endpoint.flow_name,
            node=endpoint.node,
            origin=endpoint.origin,
            seen_at=self._clock(),
        )
        self._rows[row.id] = row
        await insist(lambda: self._journal.note_endpoint(row), "record an endpoint")

    def states(self) -> list[EndpointState]:
        """Of every endpoint that is known, paused ones first."""
        live = {state.id: state for state in self._endpoints.snapshot()}
        for row in self._rows.values():
            if row.id not in live:
                live[row.id] = self._endpoints.gate_of(_endpoint(row)).state
        return sorted(
            live.values(),
            key=lambda each: (each.paused_at is None, each.flow, each.node, each.origin),
        )

    async def pause(self, endpoint_id: str, reason: str | None) -> EndpointState:
        """Raises NotThere, JournalError."""
        row = self._row(endpoint_id)
        if row.paused_at is None:
            shown = reason and reason[:LONGEST_REASON_CHARS]
            await self._save(
                msgspec.structs.replace(row, paused_at=self._clock(), pause_reason=shown)
            )
            log.warning("endpoint paused", endpoint=row.origin, flow=row.flow_name, node=row.node)
        return self._state(row)

    async def resume(self, endpoint_id: str) -> EndpointState:
        """Lift a pause; what waits is sent on behind the answer. Raises NotThere, JournalError."""
        row = self._row(endpoint_id)
        if row.paused_at is None:
            return self._state(row)
        await self._save(msgspec.structs.replace(row, paused_at=None, pause_reason=None))
        log.info("endpoint resumed", endpoint=row.origin, flow=row.flow_name, node=row.node)
        await self._send_on(row)
        return self._state(row)

    async def retry_now(self, endpoint_id: str) -> EndpointState:
        """Probe an open breaker at once, and send on what waits, behind the answer.

        Raises NotThere, NotPossible while it is paused.
        """
        row = self._row(endpoint_id)
        if row.paused_at is not None:
            raise NotPossible("it is paused; resume it, which sends on what waits")
        self._endpoints.gate_of(_endpoint(row)).probe_now()
        await self._send_on(row)
        return self._state(row)

    def _row(self, endpoint_id: str) -> EndpointRow:
        row = self._rows.get(endpoint_id)
        if row is None:
            raise NotThere(f'no endpoint "{endpoint_id[:80]}"')
        return row

    async def _save(self, row: EndpointRow) -> None:
        await self._journal.save_endpoint(row)
        self._rows[row.id] = row
        self._apply()

    def _state(self, row: EndpointRow) -> EndpointState:
        return self._endpoints.gate_of(_endpoint(row)).state

    async def _send_on(self, row: EndpointRow) -> None:
        """Begin to; what was begun before ends."""
        before = self._sending.pop(row.id, None)
        if before is not None:
            before.cancel()
            await asyncio.wait({before})
        task = asyncio.create_task(self._send(row), name=f"send on {row.id}")
        self._sending[row.id] = task
        task.add_done_callback(lambda done: self._forget(row.id, done))

    def _forget(self, endpoint_id: str, done: asyncio.Task[None]) -> None:
        if self._sending.get(endpoint_id) is done:
            del self._sending[endpoint_id]

    async def _waiting(self, flow_id: str) -> list[str]:
        """Runs of a flow that wait, oldest first."""
        found: list[str] = []
        query = Query(flow_id=flow_id, state=RunState.WAITING, limit=PAGE)
        while len(found) < MOST_SENT:
            page = await self._journal.find(query)
            found += [entry.run.run_id for entry in page.entries if entry.run is not None]
            if page.next is None:
                break
            query = msgspec.structs.replace(query, after=page.next)
        return found[::-1]

    async def _is(self, run_id: str, row: EndpointRow) -> bool:
        run = await self._journal.run(run_id)
        if run is None or run.continuation is None:
            return False
        with suppress(MalformedRun):
            request = decode_run(run.continuation).request
            return request is not None and request.endpoint == row.id
        return False

    async def _send(self, row: EndpointRow) -> None:
        """Each once there is room for it; it ends where the endpoint does not take them."""
        where = {"endpoint": row.origin, "flow": row.flow_name, "node": row.node}
        sent = 0
        try:
            for run_id in await self._waiting(row.flow_id):
                if not await self._is(run_id, row):
                    continue
                if not await self._endpoints.gate_of(_endpoint(row)).room():
                    log.warning("the rest waits on: it takes none", **where, sent=sent)
                    return
                with suppress(NotPossible):  # it went on by itself meanwhile
                    await self._replay.try_now(run_id)
                    sent += 1
        except (BusError, JournalError) as error:
            log.warning("the rest waits on", **where, sent=sent, reason=str(error))
            return
        log.info("sent on what waited", **where, runs=sent)


def _endpoint(row: EndpointRow) -> Endpoint:
    return Endpoint(flow_id=row.flow_id, flow_name=row.flow_name, node=row.node, origin=row.origin)

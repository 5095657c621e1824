"""The port's promises on PostgreSQL: records to rows and back, and nothing about what they decide."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

import asyncpg

from onhook.journal import rows
from onhook.journal.bounds import Bounds, Limits
from onhook.journal.dead_query import DeadKind, DeadPage, DeadQuery
from onhook.journal.dead_statement import dead_kinds, found_dead
from onhook.journal.find_statement import Dialect, Statement, of_runs
from onhook.journal.finding import found
from onhook.journal.port import (
    Attempt,
    DeadLetter,
    EndpointRow,
    EventRow,
    History,
    JournalError,
    Label,
    Run,
    RunRecord,
    RunState,
    ScreenPop,
    StoredOverride,
    TraceRow,
    Version,
)
from onhook.journal.postgres import endpoints, flows, records
from onhook.journal.postgres.connection import FAILURES, READERS, Target, is_lost
from onhook.journal.postgres.flows import Connection
from onhook.journal.postgres.old_rows import OldRows
from onhook.journal.postgres.statements import Write, digest, numbered, select
from onhook.journal.postgres.tables import KEY_CHARS, SCHEMA
from onhook.journal.postgres.writer import GroupWriter
from onhook.journal.query import Page, Query
from onhook.journal.trimming import Trimmer

T = TypeVar("T")

POSTGRES = Dialect(schema=SCHEMA, hinted=False, cut_keys=KEY_CHARS)


class PostgresJournal:
    """On a writer for what runs do, and a pool for everything else."""

    def __init__(
        self, target: Target, writer: GroupWriter, pool: asyncpg.Pool, limits: Limits
    ) -> None:
        self._target = target
        self._writer = writer
        self._pool = pool
        self.trimmer = Trimmer(OldRows(self._read, self._change, self._holding), limits)

    @property
    def trouble(self) -> str | None:
        return self._writer.trouble

    # What runs do

    async def open_run(self, run: Run) -> Run:
        known = await self._writer.write(run.run_id, [(Write.OPEN_RUN, rows.run_values(run))])
        return run if known is None else rows.as_run(known)

    async def save(
        self,
        run: Run,
        *,
        attempt: Attempt | None = None,
        trace: TraceRow | None = None,
        pop: ScreenPop | None = None,
    ) -> None:
        writes = [(Write.SAVE_RUN, rows.run_values(run))]
        if attempt is not None:
            writes.append((Write.ATTEMPT, rows.attempt_values(attempt, run.flow_id)))
        if trace is not None:
            writes.append((Write.TRACE, rows.trace_values(trace)))
        if pop is not None:
            writes.append((Write.POP, rows.pop_values(pop)))
        await self._writer.write(run.run_id, writes)

    async def note_event(self, event: EventRow) -> None:
        values = rows.event_values(event)
        source, event_id = values[0], values[1]
        write = (Write.EVENT, (*values, digest(source, event_id)))
        await self._writer.write(f"{source}\n{event_id}", [write])

    async def note_dead_letter(self, dead_letter: DeadLetter) -> None:
        write = (Write.DEAD_LETTER, rows.dead_values(dead_letter))
        await self._writer.write(dead_letter.message_id, [write])

    async def forget_dead_letter(self, message_id: str) -> None:
        await self._writer.write(message_id, [(Write.FORGET, (message_id,))])

    async def display(self, run_id: str, pop_id: str, at: datetime) -> ScreenPop | None:
        return await self._change(lambda given: records.display(given, run_id, pop_id, at))

    # Reading

    async def run(self, run_id: str) -> Run | None:
        return await self._read(lambda given: records.run(given, run_id))

    async def runs(
        self, *, interaction_id: str | None, state: RunState | None, limit: int
    ) -> list[Run]:
        query = Query(interaction_id=interaction_id, state=state, limit=limit)
        statement = of_runs(query, None, POSTGRES)
        assert statement is not None  # a run's state fits runs
        return [rows.as_run(row) for row in (await self._fetch(statement))[:limit]]

    async def find(self, query: Query) -> Page:
        return await found(query, POSTGRES, self._fetch)

    async def bounds(self) -> Bounds:
        return await self.trimmer.bounds()

    async def attempts(self, run_id: str) -> list[Attempt]:
        made = await self._read(lambda given: records.attempts(given, [run_id]))
        return [attempt for of_run in made.values() for attempt in of_run]

    async def record(self, run_id: str) -> RunRecord | None:
        async def job(connection: Connection) -> RunRecord | None:
            run = await records.listed_run(connection, run_id)
            if run is None:
                return None
            return (await records.records(connection, [run], rows.MOST_TRACE_BYTES))[0]

        return await self._read(job)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        order = "ORDER BY at DESC, message_id DESC LIMIT ?"
        statement = Statement(select("dead_letters", rows.DEAD_COLUMNS, order), (limit,))
        return [rows.as_dead(row) for row in await self._fetch(statement)]

    async def find_dead(self, query: DeadQuery) -> DeadPage:
        return await found_dead(query, POSTGRES, self._fetch)

    async def dead_kinds(self, query: DeadQuery) -> list[DeadKind]:
        return await dead_kinds(query, POSTGRES, self._fetch)

    async def dead_letter(self, message_id: str) -> DeadLetter | None:
        sql = select("dead_letters", rows.DEAD_COLUMNS, "WHERE message_id = ?")
        found_rows = await self._fetch(Statement(sql, (message_id,)))
        return rows.as_dead(found_rows[0]) if found_rows else None

    async def interactions(self, prefix: str, limit: int) -> list[str]:
        return await self._read(lambda given: records.interactions(given, prefix, limit))

    async def history(self, interaction_id: str) -> History:
        most, budget = rows.MOST_OF_AN_INTERACTION, rows.MOST_TRACE_BYTES
        return await self._read(lambda given: records.history(given, interaction_id, most, budget))

    # Flows

    async def publish_version(
        self, version: Version, labels: tuple[str, ...]
    ) -> tuple[Version, bool]:
        return await self._change(lambda given: flows.publish(given, version, labels))

    async def versions(self, skip: int = 0) -> list[Version]:
        return await self._read(lambda given: flows.versions(given, skip))

    async def revision(self) -> int:
        return await self._read(flows.revision)

    async def labels(self) -> list[Label]:
        return await self._read(flows.labels)

    async def move_label(self, label: Label) -> None:
        await self._change(lambda given: flows.move_label(given, label))

    async def remove_labels(self, flow_id: str, label: str | None = None) -> None:
        await self._change(lambda given: flows.remove_labels(given, flow_id, label))

    async def under_way(self, flow_id: str) -> dict[int, int]:
        return await self._read(lambda given: flows.under_way(given, flow_id))

    async def overrides(self) -> list[StoredOverride]:
        return await self._read(flows.overrides)

    async def set_override(self, override: StoredOverride) -> None:
        await self._change(lambda given: flows.set_override(given, override))

    async def unset_override(self, flow_id: str, variable: str) -> None:
        await self._change(lambda given: flows.unset_override(given, flow_id, variable))

    # Endpoints

    async def endpoints(self) -> list[EndpointRow]:
        return await self._read(endpoints.endpoints)

    async def note_endpoint(self, endpoint: EndpointRow) -> None:
        await self._change(lambda given: endpoints.note(given, endpoint))

    async def save_endpoint(self, endpoint: EndpointRow) -> None:
        await self._change(lambda given: endpoints.save(given, endpoint))

    # Connections

    async def _fetch(self, statement: Statement) -> Sequence[tuple[Any, ...]]:
        async def job(connection: Connection) -> list[tuple[Any, ...]]:
            given = await connection.fetch(numbered(statement.sql), *statement.values)
            return [tuple(row) for row in given]

        return await self._read(job)

    async def _read(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        """Once more for each connection that the pool may hold and the server has closed."""
        for left in reversed(range(READERS + 1)):
            try:
                async with self._pool.acquire() as connection:
                    return await job(connection)
            except FAILURES as error:
                is_refused = isinstance(error, OSError)
                if not left or is_refused or not is_lost(error):
                    raise self._unreadable(error) from error
        raise AssertionError  # the last turn returns or raises

    async def _change(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            async with self._pool.acquire() as connection:
                return await job(connection)
        except FAILURES as error:
            reason = self._target.failure(error)
            raise JournalError(f"the journal cannot be written: {reason}") from error

    @asynccontextmanager
    async def _holding(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except FAILURES as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: BaseException) -> JournalError:
        return JournalError(f"the journal cannot be read: {self._target.failure(error)}")

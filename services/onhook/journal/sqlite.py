"""The journal in one SQLite file: rows to records and back, and nothing about what they decide."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from onhook.journal import endpoint_rows, flow_rows, old_rows, rows
from onhook.journal.bounds import Bounds, Limits
from onhook.journal.dead_query import DeadKind, DeadPage, DeadQuery
from onhook.journal.dead_statement import dead_kinds, found_dead
from onhook.journal.find_statement import SQLITE, Statement, of_runs
from onhook.journal.finding import found
from onhook.journal.port import (
    Attempt,
    DeadLetter,
    EndpointRow,
    EventRow,
    History,
    Journal,
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
from onhook.journal.query import Page, Query
from onhook.journal.rows import (
    DEAD_COLUMNS,
    EVENT_COLUMNS,
    INSERT_ATTEMPT,
    INSERT_DEAD,
    INSERT_EVENT,
    INSERT_POP,
    INSERT_RUN,
    LISTED_COLUMNS,
    SAVE_RUN,
    SAVE_TRACE,
    as_dead,
    as_event,
    as_run,
    attempt_values,
    attempts_of,
    dead_values,
    display_pop,
    event_values,
    one_run,
    pop_values,
    records_of,
    run_values,
    select,
    trace_values,
)
from onhook.journal.stored_text import well_formed
from onhook.journal.tables import MIGRATIONS
from onhook.journal.trimming import Trimmer
from onhook.sqlite import Database, StorageError
from onhook.sqlite.recovery_probe import RecoveryProbe

T = TypeVar("T")


@asynccontextmanager
async def opened(
    path: Path, *, synchronous: str = "FULL", limits: Limits | None = None
) -> AsyncIterator[Journal]:
    """Open or make the journal's file, and keep it within `limits`. Raises JournalError."""
    try:
        async with Database.opened(path, MIGRATIONS, synchronous=synchronous) as database:
            probe = RecoveryProbe(database)
            journal = SqliteJournal(database, probe, limits or Limits())
            tasks = {
                asyncio.create_task(probe.run(), name="journal recovery"),
                asyncio.create_task(journal.trimmer.run(), name="journal trimming"),
            }
            try:
                yield journal
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
    except StorageError as error:
        raise JournalError(str(error)) from error


class SqliteJournal:
    """The port's promises, on one Database."""

    def __init__(self, database: Database, probe: RecoveryProbe, limits: Limits) -> None:
        self._database = database
        self._probe = probe
        self.trimmer = Trimmer(old_rows.OldRows(self._read, self._write), limits)

    @property
    def trouble(self) -> str | None:
        return self._probe.trouble

    async def open_run(self, run: Run) -> Run:
        values = run_values(run)

        def job(connection: sqlite3.Connection) -> Run:
            if connection.execute(INSERT_RUN, values).rowcount:
                return run
            return one_run(connection, run.run_id) or run

        return await self._write(job)

    async def save(
        self,
        run: Run,
        *,
        attempt: Attempt | None = None,
        trace: TraceRow | None = None,
        pop: ScreenPop | None = None,
    ) -> None:
        statements = [(SAVE_RUN, run_values(run))]
        if attempt is not None:
            statements.append((INSERT_ATTEMPT, attempt_values(attempt, run.flow_id)))
        if trace is not None:
            statements.append((SAVE_TRACE, trace_values(trace)))
        if pop is not None:
            statements.append((INSERT_POP, pop_values(pop)))

        def job(connection: sqlite3.Connection) -> None:
            for sql, values in statements:
                connection.execute(sql, values)

        await self._write(job)

    async def note_event(self, event: EventRow) -> None:
        values = event_values(event)
        await self._write(lambda connection: _discard(connection.execute(INSERT_EVENT, values)))

    async def note_dead_letter(self, dead_letter: DeadLetter) -> None:
        values = dead_values(dead_letter)
        await self._write(lambda connection: _discard(connection.execute(INSERT_DEAD, values)))

    async def forget_dead_letter(self, message_id: str) -> None:
        sql, key = "DELETE FROM dead_letters WHERE message_id = ?", (well_formed(message_id),)
        await self._write(lambda connection: _discard(connection.execute(sql, key)))

    async def run(self, run_id: str) -> Run | None:
        return await self._read(lambda connection: one_run(connection, run_id))

    async def runs(
        self, *, interaction_id: str | None, state: RunState | None, limit: int
    ) -> list[Run]:
        query = Query(interaction_id=interaction_id, state=state, limit=limit)
        statement = of_runs(query, None, SQLITE)
        assert statement is not None  # a run's state fits runs
        return [as_run(row) for row in (await self._fetch(statement))[:limit]]

    async def find(self, query: Query) -> Page:
        return await found(query, SQLITE, self._fetch)

    async def bounds(self) -> Bounds:
        return await self.trimmer.bounds()

    async def _fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        sql, values = statement.sql, statement.values
        return await self._read(lambda connection: connection.execute(sql, values).fetchall())

    async def attempts(self, run_id: str) -> list[Attempt]:
        return await self._read(lambda connection: attempts_of(connection, run_id))

    async def record(self, run_id: str) -> RunRecord | None:
        sql = select("runs", LISTED_COLUMNS, "run_id = ?")

        def job(connection: sqlite3.Connection) -> RunRecord | None:
            row = connection.execute(sql, (well_formed(run_id),)).fetchone()
            if row is None:
                return None
            return records_of(connection, [as_run(row)], rows.MOST_TRACE_BYTES)[0]

        return await self._read(job)

    async def display(self, run_id: str, pop_id: str, at: datetime) -> ScreenPop | None:
        return await self._write(lambda connection: display_pop(connection, run_id, pop_id, at))

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        sql = select("dead_letters", DEAD_COLUMNS, "1 ORDER BY at DESC, message_id DESC LIMIT ?")
        return await self._read(
            lambda connection: [as_dead(row) for row in connection.execute(sql, (limit,))]
        )

    async def find_dead(self, query: DeadQuery) -> DeadPage:
        return await found_dead(query, SQLITE, self._fetch)

    async def dead_kinds(self, query: DeadQuery) -> list[DeadKind]:
        return await dead_kinds(query, SQLITE, self._fetch)

    async def dead_letter(self, message_id: str) -> DeadLetter | None:
        sql = select("dead_letters", DEAD_COLUMNS, "message_id = ?")

        def job(connection: sqlite3.Connection) -> DeadLetter | None:
            row = connection.execute(sql, (well_formed(message_id),)).fetchone()
            return None if row is None else as_dead(row)

        return await self._read(job)

    async def interactions(self, prefix: str, limit: int) -> list[str]:
        prefix = well_formed(prefix)
        sql = " UNION ".join(
            f"SELECT * FROM (SELECT DISTINCT interaction_id FROM {table} "
            "WHERE interaction_id BETWEEN ?1 AND ?2 ORDER BY 1 LIMIT ?3)"
            for table in ("runs", "events", "dead_letters")
        )
        ends = (prefix, prefix + "\U0010ffff")

        def job(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(f"{sql} ORDER BY 1 LIMIT ?3", (*ends, limit))
            return [row[0] for row in rows]

        return await self._read(job)

    async def history(self, interaction_id: str) -> History:
        def job(connection: sqlite3.Connection) -> History:
            key = (well_formed(interaction_id),)
            of_it = f"interaction_id = ? ORDER BY {{}} LIMIT {rows.MOST_OF_AN_INTERACTION}"
            runs_sql = select("runs", LISTED_COLUMNS, of_it.format("created_at, run_id"))
            events_sql = select("events", EVENT_COLUMNS, of_it.format("at, source, event_id"))
            dead_sql = select("dead_letters", DEAD_COLUMNS, of_it.format("at, message_id"))
            runs = [as_run(row) for row in connection.execute(runs_sql, key)]
            return History(
                events=[as_event(row) for row in connection.execute(events_sql, key)],
                runs=records_of(connection, runs, rows.MOST_TRACE_BYTES),
                dead_letters=[as_dead(row) for row in connection.execute(dead_sql, key)],
            )

        return await self._read(job)

    async def publish_version(
        self, version: Version, labels: tuple[str, ...]
    ) -> tuple[Version, bool]:
        return await self._write(lambda connection: flow_rows.publish(connection, version, labels))

    async def versions(self, skip: int = 0) -> list[Version]:
        return await self._read(lambda connection: flow_rows.versions(connection, skip))

    async def revision(self) -> int:
        return await self._read(flow_rows.revision)

    async def labels(self) -> list[Label]:
        return await self._read(flow_rows.labels)

    async def move_label(self, label: Label) -> None:
        await self._write(lambda connection: flow_rows.move_label(connection, label))

    async def remove_labels(self, flow_id: str, label: str | None = None) -> None:
        await self._write(lambda connection: flow_rows.remove_labels(connection, flow_id, label))

    async def under_way(self, flow_id: str) -> dict[int, int]:
        return await self._read(lambda connection: flow_rows.under_way(connection, flow_id))

    async def overrides(self) -> list[StoredOverride]:
        return await self._read(flow_rows.overrides)

    async def set_override(self, override: StoredOverride) -> None:
        await self._write(lambda connection: flow_rows.set_override(connection, override))

    async def unset_override(self, flow_id: str, variable: str) -> None:
        await self._write(
            lambda connection: flow_rows.unset_override(connection, flow_id, variable)
        )

    async def endpoints(self) -> list[EndpointRow]:
        return await self._read(endpoint_rows.endpoints)

    async def note_endpoint(self, endpoint: EndpointRow) -> None:
        await self._write(lambda connection: endpoint_rows.note(connection, endpoint))

    async def save_endpoint(self, endpoint: EndpointRow) -> None:
        await self._write(lambda connection: endpoint_rows.save(connection, endpoint))

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._probe.write(job)
        except StorageError as error:
            raise JournalError(f"the journal cannot be written: {error}") from error

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.read(job)
        except StorageError as error:
            raise JournalError(f"the journal cannot be read: {error}") from error


def _discard(_cursor: sqlite3.Cursor) -> None:
    return None

"""The journal in one SQLite file: rows to records and back, and nothing about what they decide."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from onhook.journal.port import (
    Attempt,
    DeadLetter,
    EventRow,
    History,
    Journal,
    JournalError,
    Label,
    Run,
    RunState,
    Version,
)
from onhook.journal.rows import (
    DEAD_COLUMNS,
    EVENT_COLUMNS,
    INSERT_ATTEMPT,
    INSERT_DEAD,
    INSERT_EVENT,
    INSERT_RUN,
    LISTED_COLUMNS,
    SAVE_RUN,
    as_dead,
    as_event,
    as_run,
    as_version,
    attempt_values,
    attempts_of,
    dead_values,
    insert,
    micros,
    one_run,
    run_values,
    select,
)
from onhook.sqlite import Database, StorageError
from onhook.sqlite.recovery_probe import RecoveryProbe

T = TypeVar("T")

MOST_OF_AN_INTERACTION = 1_000

MIGRATIONS = (
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY, source TEXT NOT NULL, event_id TEXT NOT NULL,
        event_type TEXT NOT NULL, interaction_id TEXT, flow_id TEXT NOT NULL,
        flow_name TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
        step INTEGER NOT NULL, results BLOB NOT NULL, continuation BLOB, next_at INTEGER,
        reason TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    );
    CREATE INDEX runs_by_interaction ON runs (interaction_id);
    CREATE INDEX runs_not_over ON runs (state) WHERE state IN ('running', 'waiting');
    CREATE TABLE attempts (
        run_id TEXT NOT NULL, node TEXT NOT NULL, visit INTEGER NOT NULL, number INTEGER NOT NULL,
        webhook_id TEXT NOT NULL, started_at INTEGER NOT NULL, elapsed_ms REAL NOT NULL,
        method TEXT NOT NULL, url TEXT NOT NULL, status INTEGER, fault TEXT, detail TEXT,
        response_headers BLOB NOT NULL, response_excerpt TEXT NOT NULL, next_at INTEGER
    );
    CREATE INDEX attempts_by_run ON attempts (run_id);
    CREATE TABLE events (
        source TEXT NOT NULL, event_id TEXT NOT NULL, event_type TEXT NOT NULL,
        interaction_id TEXT, outcome TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (source, event_id)
    ) WITHOUT ROWID;
    CREATE INDEX events_by_interaction ON events (interaction_id);
    CREATE TABLE dead_letters (
        message_id TEXT PRIMARY KEY, queue TEXT NOT NULL, fault TEXT NOT NULL,
        reason TEXT NOT NULL, run_id TEXT, event_type TEXT, interaction_id TEXT, flow_name TEXT,
        routing_key TEXT, original_id TEXT, size_bytes INTEGER NOT NULL, excerpt TEXT NOT NULL, at INTEGER NOT NULL
    );
    CREATE INDEX dead_letters_by_interaction ON dead_letters (interaction_id);
    CREATE TABLE versions (
        flow_id TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
        content_hash TEXT NOT NULL, content BLOB NOT NULL, comment TEXT,
        published_at INTEGER NOT NULL, PRIMARY KEY (flow_id, number)
    );
    CREATE TABLE labels (
        flow_id TEXT NOT NULL, label TEXT NOT NULL, number INTEGER NOT NULL,
        PRIMARY KEY (flow_id, label)
    ) WITHOUT ROWID;
    """,
)


@asynccontextmanager
async def opened(path: Path, *, synchronous: str = "FULL") -> AsyncIterator[Journal]:
    """Open or make the journal's file. Raises JournalError naming it."""
    try:
        async with Database.opened(path, MIGRATIONS, synchronous=synchronous) as database:
            probe = RecoveryProbe(database)
            recovering = asyncio.create_task(probe.run(), name="journal recovery")
            try:
                yield SqliteJournal(database, probe)
            finally:
                recovering.cancel()
                await asyncio.wait({recovering})
    except StorageError as error:
        raise JournalError(str(error)) from error


class SqliteJournal:
    """The port's promises, on one Database."""

    def __init__(self, database: Database, probe: RecoveryProbe) -> None:
        self._database = database
        self._probe = probe

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

    async def save(self, run: Run, *, attempt: Attempt | None = None) -> None:
        values = run_values(run)
        tried = None if attempt is None else attempt_values(attempt)

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(SAVE_RUN, values)
            if tried is not None:
                connection.execute(INSERT_ATTEMPT, tried)

        await self._write(job)

    async def note_event(self, event: EventRow) -> None:
        values = (
            event.source,
            event.event_id,
            event.event_type,
            event.interaction_id,
            event.outcome.value,
            event.reason,
            micros(event.at),
        )
        await self._write(lambda connection: _discard(connection.execute(INSERT_EVENT, values)))

    async def note_dead_letter(self, dead_letter: DeadLetter) -> None:
        values = dead_values(dead_letter)
        await self._write(lambda connection: _discard(connection.execute(INSERT_DEAD, values)))

    async def forget_dead_letter(self, message_id: str) -> None:
        sql = "DELETE FROM dead_letters WHERE message_id = ?"
        await self._write(lambda connection: _discard(connection.execute(sql, (message_id,))))

    async def run(self, run_id: str) -> Run | None:
        return await self._read(lambda connection: one_run(connection, run_id))

    async def runs(
        self, *, interaction_id: str | None, state: RunState | None, limit: int
    ) -> list[Run]:
        conditions = {"interaction_id": interaction_id, "state": state.value if state else None}
        given = {name: value for name, value in conditions.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in given) or "1"

        def job(connection: sqlite3.Connection) -> list[Run]:
            sql = select("runs", LISTED_COLUMNS, f"{where} ORDER BY created_at DESC LIMIT ?")
            return [as_run(row) for row in connection.execute(sql, (*given.values(), limit))]

        return await self._read(job)

    async def attempts(self, run_id: str) -> list[Attempt]:
        return await self._read(lambda connection: attempts_of(connection, run_id))

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        sql = select("dead_letters", DEAD_COLUMNS, "1 ORDER BY at DESC LIMIT ?")
        return await self._read(
            lambda connection: [as_dead(row) for row in connection.execute(sql, (limit,))]
        )

    async def dead_letter(self, message_id: str) -> DeadLetter | None:
        sql = select("dead_letters", DEAD_COLUMNS, "message_id = ?")

        def job(connection: sqlite3.Connection) -> DeadLetter | None:
            row = connection.execute(sql, (message_id,)).fetchone()
            return None if row is None else as_dead(row)

        return await self._read(job)

    async def interactions(self, prefix: str, limit: int) -> list[str]:
        sql = " UNION ".join(
            f"SELECT interaction_id FROM {table} WHERE interaction_id BETWEEN ?1 AND ?2"
            for table in ("runs", "events", "dead_letters")
        )
        ends = (prefix, prefix + "\U0010ffff")

        def job(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(f"{sql} ORDER BY 1 LIMIT ?3", (*ends, limit))
            return [row[0] for row in rows]

        return await self._read(job)

    async def history(self, interaction_id: str) -> History:
        def job(connection: sqlite3.Connection) -> History:
            key = (interaction_id,)
            of_it = f"interaction_id = ? ORDER BY {{}} LIMIT {MOST_OF_AN_INTERACTION}"
            runs_sql = select("runs", LISTED_COLUMNS, of_it.format("created_at"))
            events_sql = select("events", EVENT_COLUMNS, of_it.format("at"))
            dead_sql = select("dead_letters", DEAD_COLUMNS, of_it.format("at"))
            runs = [as_run(row) for row in connection.execute(runs_sql, key)]
            return History(
                events=[as_event(row) for row in connection.execute(events_sql, key)],
                runs=runs,
                attempts=[a for run in runs for a in attempts_of(connection, run.run_id)],
                dead_letters=[as_dead(row) for row in connection.execute(dead_sql, key)],
            )

        return await self._read(job)

    async def publish_version(
        self, version: Version, labels: tuple[str, ...]
    ) -> tuple[Version, bool]:
        return await self._write(lambda connection: _publish(connection, version, labels))

    async def versions(self) -> list[Version]:
        sql = select("versions", Version.__struct_fields__, "1 ORDER BY published_at, number")
        return await self._read(
            lambda connection: [as_version(row) for row in connection.execute(sql)]
        )

    async def labels(self) -> list[Label]:
        sql = select("labels", Label.__struct_fields__, "1")

        def job(connection: sqlite3.Connection) -> list[Label]:
            rows = connection.execute(sql)
            return [Label(flow_id=row[0], label=row[1], number=row[2]) for row in rows]

        return await self._read(job)

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


def _publish(
    connection: sqlite3.Connection, version: Version, labels: tuple[str, ...]
) -> tuple[Version, bool]:
    sql = select("versions", Version.__struct_fields__, "flow_id = ? ORDER BY number DESC LIMIT 1")
    row = connection.execute(sql, (version.flow_id,)).fetchone()
    newest = None if row is None else as_version(row)
    is_new = newest is None or newest.content_hash != version.content_hash
    if is_new:
        number = 1 if newest is None else newest.number + 1
        stored = msgspec.structs.replace(version, number=number)
        values = {name: getattr(stored, name) for name in Version.__struct_fields__}
        values["published_at"] = micros(stored.published_at)
        columns = tuple(values)
        connection.execute(insert("versions", columns), tuple(values.values()))
    else:
        assert newest is not None
        stored = newest
    for label in labels:
        connection.execute(
            "INSERT INTO labels (flow_id, label, number) VALUES (?, ?, ?) "
            "ON CONFLICT (flow_id, label) DO UPDATE SET number = excluded.number",
            (stored.flow_id, label, stored.number),
        )
    return stored, is_new

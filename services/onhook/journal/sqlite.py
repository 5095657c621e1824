"""The journal in one SQLite file: rows to records and back, and nothing about what they decide."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from onhook.journal.port import (
    Attempt,
    DeadLetter,
    EventOutcome,
    EventRow,
    History,
    Journal,
    JournalError,
    Label,
    Result,
    Run,
    RunState,
    Version,
)
from onhook.sqlite import Database, StorageError

T = TypeVar("T")

MOST_OF_AN_INTERACTION = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

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
        routing_key TEXT, size_bytes INTEGER NOT NULL, excerpt TEXT NOT NULL, at INTEGER NOT NULL
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

_RUN_COLUMNS = Run.__struct_fields__
_LISTED_COLUMNS = tuple(
    {"results": "'{}'", "continuation": "NULL"}.get(name, name) for name in _RUN_COLUMNS
)
"""For lists: a waiting run's message may be 4 MiB."""
_ATTEMPT_COLUMNS = Attempt.__struct_fields__
_EVENT_COLUMNS = EventRow.__struct_fields__
_DEAD_COLUMNS = DeadLetter.__struct_fields__


def _insert(table: str, columns: tuple[str, ...], conflict: str = "") -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) {conflict}"


_INSERT_RUN = _insert("runs", _RUN_COLUMNS, "ON CONFLICT (run_id) DO NOTHING")
_SAVE_RUN = _insert(
    "runs",
    _RUN_COLUMNS,
    "ON CONFLICT (run_id) DO UPDATE SET "
    + ", ".join(
        f"{name} = excluded.{name}"
        for name in ("version", "state", "step", "results", "continuation", "next_at", "reason",
                     "updated_at")
    )
    + " WHERE excluded.step >= runs.step",
)  # fmt: skip
_INSERT_ATTEMPT = _insert("attempts", _ATTEMPT_COLUMNS)
_INSERT_EVENT = _insert("events", _EVENT_COLUMNS, "ON CONFLICT DO NOTHING")
_INSERT_DEAD = _insert("dead_letters", _DEAD_COLUMNS, "ON CONFLICT (message_id) DO NOTHING")

_results = msgspec.json.Decoder(dict[str, Result])
_headers = msgspec.json.Decoder(dict[str, str])


@asynccontextmanager
async def opened(path: Path, *, synchronous: str = "FULL") -> AsyncIterator[Journal]:
    """Open or make the journal's file. Raises JournalError naming it."""
    try:
        async with Database.opened(path, MIGRATIONS, synchronous=synchronous) as database:
            yield SqliteJournal(database)
    except StorageError as error:
        raise JournalError(str(error)) from error


class SqliteJournal:
    """The port's promises, on one Database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        return self._trouble

    async def open_run(self, run: Run) -> Run:
        values = _run_values(run)

        def job(connection: sqlite3.Connection) -> Run:
            if connection.execute(_INSERT_RUN, values).rowcount:
                return run
            return _one_run(connection, run.run_id) or run

        return await self._write(job)

    async def save(self, run: Run, *, attempt: Attempt | None = None) -> None:
        values = _run_values(run)
        attempt_values = None if attempt is None else _attempt_values(attempt)

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(_SAVE_RUN, values)
            if attempt_values is not None:
                connection.execute(_INSERT_ATTEMPT, attempt_values)

        await self._write(job)

    async def note_event(self, event: EventRow) -> None:
        values = (
            event.source,
            event.event_id,
            event.event_type,
            event.interaction_id,
            event.outcome.value,
            event.reason,
            _micros(event.at),
        )
        await self._write(lambda connection: _discard(connection.execute(_INSERT_EVENT, values)))

    async def note_dead_letter(self, dead_letter: DeadLetter) -> None:
        values = _dead_values(dead_letter)
        await self._write(lambda connection: _discard(connection.execute(_INSERT_DEAD, values)))

    async def forget_dead_letter(self, message_id: str) -> None:
        sql = "DELETE FROM dead_letters WHERE message_id = ?"
        await self._write(lambda connection: _discard(connection.execute(sql, (message_id,))))

    async def run(self, run_id: str) -> Run | None:
        return await self._read(lambda connection: _one_run(connection, run_id))

    async def runs(
        self, *, interaction_id: str | None, state: RunState | None, limit: int
    ) -> list[Run]:
        conditions = {"interaction_id": interaction_id, "state": state.value if state else None}
        given = {name: value for name, value in conditions.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in given) or "1"

        def job(connection: sqlite3.Connection) -> list[Run]:
            sql = _select("runs", _LISTED_COLUMNS, f"{where} ORDER BY created_at DESC LIMIT ?")
            return [_as_run(row) for row in connection.execute(sql, (*given.values(), limit))]

        return await self._read(job)

    async def attempts(self, run_id: str) -> list[Attempt]:
        return await self._read(lambda connection: _attempts_of(connection, run_id))

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        sql = _select("dead_letters", _DEAD_COLUMNS, "1 ORDER BY at DESC LIMIT ?")
        return await self._read(
            lambda connection: [_as_dead(row) for row in connection.execute(sql, (limit,))]
        )

    async def dead_letter(self, message_id: str) -> DeadLetter | None:
        sql = _select("dead_letters", _DEAD_COLUMNS, "message_id = ?")

        def job(connection: sqlite3.Connection) -> DeadLetter | None:
            row = connection.execute(sql, (message_id,)).fetchone()
            return None if row is None else _as_dead(row)

        return await self._read(job)

    async def history(self, interaction_id: str) -> History:
        def job(connection: sqlite3.Connection) -> History:
            key = (interaction_id,)
            of_it = f"interaction_id = ? ORDER BY {{}} LIMIT {MOST_OF_AN_INTERACTION}"
            runs_sql = _select("runs", _LISTED_COLUMNS, of_it.format("created_at"))
            events_sql = _select("events", _EVENT_COLUMNS, of_it.format("at"))
            dead_sql = _select("dead_letters", _DEAD_COLUMNS, of_it.format("at"))
            runs = [_as_run(row) for row in connection.execute(runs_sql, key)]
            return History(
                events=[_as_event(row) for row in connection.execute(events_sql, key)],
                runs=runs,
                attempts=[a for run in runs for a in _attempts_of(connection, run.run_id)],
                dead_letters=[_as_dead(row) for row in connection.execute(dead_sql, key)],
            )

        return await self._read(job)

    async def publish_version(
        self, version: Version, labels: tuple[str, ...]
    ) -> tuple[Version, bool]:
        return await self._write(lambda connection: _publish(connection, version, labels))

    async def versions(self) -> list[Version]:
        sql = _select("versions", Version.__struct_fields__, "1 ORDER BY published_at, number")
        return await self._read(
            lambda connection: [_as_version(row) for row in connection.execute(sql)]
        )

    async def labels(self) -> list[Label]:
        sql = _select("labels", Label.__struct_fields__, "1")

        def job(connection: sqlite3.Connection) -> list[Label]:
            rows = connection.execute(sql)
            return [Label(flow_id=row[0], label=row[1], number=row[2]) for row in rows]

        return await self._read(job)

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            result = await self._database.write(job)
        except StorageError as error:
            self._trouble = str(error)
            raise JournalError(f"the journal cannot be written: {error}") from error
        self._trouble = None
        return result

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.read(job)
        except StorageError as error:
            raise JournalError(f"the journal cannot be read: {error}") from error


def _discard(_cursor: sqlite3.Cursor) -> None:
    return None


def _select(table: str, columns: tuple[str, ...], rest: str) -> str:
    return f"SELECT {', '.join(columns)} FROM {table} WHERE {rest}"


def _micros(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


def _moment_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else _moment(micros)


def _run_values(run: Run) -> tuple[Any, ...]:
    return (
        run.run_id,
        run.source,
        run.event_id,
        run.event_type,
        run.interaction_id,
        run.flow_id,
        run.flow_name,
        run.version,
        run.state.value,
        run.step,
        msgspec.json.encode(run.results),
        run.continuation,
        _micros(run.next_at),
        run.reason,
        _micros(run.created_at),
        _micros(run.updated_at),
    )


def _as_run(row: tuple[Any, ...]) -> Run:
    values = dict(zip(_RUN_COLUMNS, row, strict=True))
    values["state"] = RunState(values["state"])
    values["results"] = _results.decode(values["results"])
    values["next_at"] = _moment_or_none(values["next_at"])
    values["created_at"] = _moment(values["created_at"])
    values["updated_at"] = _moment(values["updated_at"])
    return Run(**values)


def _one_run(connection: sqlite3.Connection, run_id: str) -> Run | None:
    sql = _select("runs", _RUN_COLUMNS, "run_id = ?")
    row = connection.execute(sql, (run_id,)).fetchone()
    return None if row is None else _as_run(row)


def _attempt_values(attempt: Attempt) -> tuple[Any, ...]:
    return (
        attempt.run_id,
        attempt.node,
        attempt.visit,
        attempt.number,
        attempt.webhook_id,
        _micros(attempt.started_at),
        attempt.elapsed_ms,
        attempt.method,
        attempt.url,
        attempt.status,
        attempt.fault,
        attempt.detail,
        msgspec.json.encode(attempt.response_headers),
        attempt.response_excerpt,
        _micros(attempt.next_at),
    )


def _attempts_of(connection: sqlite3.Connection, run_id: str) -> list[Attempt]:
    sql = _select("attempts", _ATTEMPT_COLUMNS, "run_id = ? ORDER BY started_at, rowid")
    return [_as_attempt(row) for row in connection.execute(sql, (run_id,))]


def _as_attempt(row: tuple[Any, ...]) -> Attempt:
    values = dict(zip(_ATTEMPT_COLUMNS, row, strict=True))
    values["started_at"] = _moment(values["started_at"])
    values["response_headers"] = _headers.decode(values["response_headers"])
    values["next_at"] = _moment_or_none(values["next_at"])
    return Attempt(**values)


def _as_event(row: tuple[Any, ...]) -> EventRow:
    values = dict(zip(_EVENT_COLUMNS, row, strict=True))
    values["outcome"] = EventOutcome(values["outcome"])
    values["at"] = _moment(values["at"])
    return EventRow(**values)


def _dead_values(dead_letter: DeadLetter) -> tuple[Any, ...]:
    fields = {name: getattr(dead_letter, name) for name in _DEAD_COLUMNS}
    fields["at"] = _micros(dead_letter.at)
    return tuple(fields.values())


def _as_dead(row: tuple[Any, ...]) -> DeadLetter:
    values = dict(zip(_DEAD_COLUMNS, row, strict=True))
    values["at"] = _moment(values["at"])
    return DeadLetter(**values)


def _as_version(row: tuple[Any, ...]) -> Version:
    values = dict(zip(Version.__struct_fields__, row, strict=True))
    values["published_at"] = _moment(values["published_at"])
    return Version(**values)


def _publish(
    connection: sqlite3.Connection, version: Version, labels: tuple[str, ...]
) -> tuple[Version, bool]:
    sql = _select("versions", Version.__struct_fields__, "flow_id = ? ORDER BY number DESC LIMIT 1")
    row = connection.execute(sql, (version.flow_id,)).fetchone()
    newest = None if row is None else _as_version(row)
    is_new = newest is None or newest.content_hash != version.content_hash
    if is_new:
        number = 1 if newest is None else newest.number + 1
        stored = msgspec.structs.replace(version, number=number)
        values = {name: getattr(stored, name) for name in Version.__struct_fields__}
        values["published_at"] = _micros(stored.published_at)
        columns = tuple(values)
        connection.execute(_insert("versions", columns), tuple(values.values()))
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

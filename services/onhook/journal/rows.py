"""The journal's records as rows of its tables, and back; the statements that write them.

Columns are the records' fields, in their order. No transaction is begun here.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from onhook.journal.port import (
    Attempt,
    DeadLetter,
    EventOutcome,
    EventRow,
    Result,
    Run,
    RunState,
    Version,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_RUN_COLUMNS = Run.__struct_fields__
LISTED_COLUMNS = tuple(
    {"results": "'{}'", "continuation": "NULL"}.get(name, name) for name in _RUN_COLUMNS
)
"""For lists: a waiting run's message may be 4 MiB."""
_ATTEMPT_COLUMNS = Attempt.__struct_fields__
EVENT_COLUMNS = EventRow.__struct_fields__
DEAD_COLUMNS = DeadLetter.__struct_fields__


def insert(table: str, columns: tuple[str, ...], conflict: str = "") -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) {conflict}"


INSERT_RUN = insert("runs", _RUN_COLUMNS, "ON CONFLICT (run_id) DO NOTHING")
SAVE_RUN = insert(
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
INSERT_ATTEMPT = insert("attempts", _ATTEMPT_COLUMNS)
INSERT_EVENT = insert("events", EVENT_COLUMNS, "ON CONFLICT DO NOTHING")
INSERT_DEAD = insert("dead_letters", DEAD_COLUMNS, "ON CONFLICT (message_id) DO NOTHING")

_results = msgspec.json.Decoder(dict[str, Result])
_headers = msgspec.json.Decoder(dict[str, str])


def select(table: str, columns: tuple[str, ...], rest: str) -> str:
    return f"SELECT {', '.join(columns)} FROM {table} WHERE {rest}"


def micros(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


def _moment_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else _moment(micros)


def run_values(run: Run) -> tuple[Any, ...]:
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
        micros(run.next_at),
        run.reason,
        micros(run.created_at),
        micros(run.updated_at),
    )


def as_run(row: tuple[Any, ...]) -> Run:
    values = dict(zip(_RUN_COLUMNS, row, strict=True))
    values["state"] = RunState(values["state"])
    values["results"] = _results.decode(values["results"])
    values["next_at"] = _moment_or_none(values["next_at"])
    values["created_at"] = _moment(values["created_at"])
    values["updated_at"] = _moment(values["updated_at"])
    return Run(**values)


def one_run(connection: sqlite3.Connection, run_id: str) -> Run | None:
    sql = select("runs", _RUN_COLUMNS, "run_id = ?")
    row = connection.execute(sql, (run_id,)).fetchone()
    return None if row is None else as_run(row)


def attempt_values(attempt: Attempt) -> tuple[Any, ...]:
    return (
        attempt.run_id,
        attempt.node,
        attempt.visit,
        attempt.number,
        attempt.webhook_id,
        micros(attempt.started_at),
        attempt.elapsed_ms,
        attempt.method,
        attempt.url,
        attempt.status,
        attempt.fault,
        attempt.detail,
        msgspec.json.encode(attempt.response_headers),
        attempt.response_excerpt,
        micros(attempt.next_at),
    )


def attempts_of(connection: sqlite3.Connection, run_id: str) -> list[Attempt]:
    sql = select("attempts", _ATTEMPT_COLUMNS, "run_id = ? ORDER BY started_at, rowid")
    return [_as_attempt(row) for row in connection.execute(sql, (run_id,))]


def _as_attempt(row: tuple[Any, ...]) -> Attempt:
    values = dict(zip(_ATTEMPT_COLUMNS, row, strict=True))
    values["started_at"] = _moment(values["started_at"])
    values["response_headers"] = _headers.decode(values["response_headers"])
    values["next_at"] = _moment_or_none(values["next_at"])
    return Attempt(**values)


def as_event(row: tuple[Any, ...]) -> EventRow:
    values = dict(zip(EVENT_COLUMNS, row, strict=True))
    values["outcome"] = EventOutcome(values["outcome"])
    values["at"] = _moment(values["at"])
    return EventRow(**values)


def dead_values(dead_letter: DeadLetter) -> tuple[Any, ...]:
    fields = {name: getattr(dead_letter, name) for name in DEAD_COLUMNS}
    fields["at"] = micros(dead_letter.at)
    return tuple(fields.values())


def as_dead(row: tuple[Any, ...]) -> DeadLetter:
    values = dict(zip(DEAD_COLUMNS, row, strict=True))
    values["at"] = _moment(values["at"])
    return DeadLetter(**values)


def as_version(row: tuple[Any, ...]) -> Version:
    values = dict(zip(Version.__struct_fields__, row, strict=True))
    values["published_at"] = _moment(values["published_at"])
    return Version(**values)

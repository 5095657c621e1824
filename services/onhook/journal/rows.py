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
    RunRecord,
    RunState,
    ScreenPop,
    TraceRow,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_RUN_COLUMNS = Run.__struct_fields__
LISTED_COLUMNS = tuple(
    {"results": "'{}'", "sealed": "NULL", "continuation": "NULL"}.get(name, name)
    for name in _RUN_COLUMNS
)
"""For lists: a waiting run's message may be 4 MiB."""
_ATTEMPT_COLUMNS = Attempt.__struct_fields__
_TRACE_COLUMNS = TraceRow.__struct_fields__
_POP_COLUMNS = ScreenPop.__struct_fields__
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
        for name in ("version", "state", "step", "results", "sealed", "continuation", "next_at",
                     "reason", "updated_at")
    )
    + " WHERE excluded.step >= runs.step",
)  # fmt: skip
INSERT_ATTEMPT = insert("attempts", _ATTEMPT_COLUMNS)
SAVE_TRACE = insert(
    "traces",
    _TRACE_COLUMNS,
    "ON CONFLICT (run_id, step) DO UPDATE SET entries = excluded.entries, is_cut = excluded.is_cut",
)
INSERT_POP = insert("screen_pops", _POP_COLUMNS, "ON CONFLICT (id) DO NOTHING")
INSERT_EVENT = insert("events", EVENT_COLUMNS, "ON CONFLICT DO NOTHING")
INSERT_DEAD = insert("dead_letters", DEAD_COLUMNS, "ON CONFLICT (message_id) DO NOTHING")

_results = msgspec.json.Decoder(dict[str, Result])
_headers = msgspec.json.Decoder(dict[str, str])


def select(table: str, columns: tuple[str, ...], rest: str) -> str:
    return f"SELECT {', '.join(columns)} FROM {table} WHERE {rest}"


def micros(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


def _moment_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else moment(micros)


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
        run.sealed,
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
    values["created_at"] = moment(values["created_at"])
    values["updated_at"] = moment(values["updated_at"])
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
    values["started_at"] = moment(values["started_at"])
    values["response_headers"] = _headers.decode(values["response_headers"])
    values["next_at"] = _moment_or_none(values["next_at"])
    return Attempt(**values)


def trace_values(trace: TraceRow) -> tuple[Any, ...]:
    return (trace.run_id, trace.step, trace.entries, trace.is_cut)


def traces_of(connection: sqlite3.Connection, run_id: str, budget: int) -> list[TraceRow]:
    """Oldest first; rows that go beyond `budget` bytes come empty, marked as cut."""
    sql = select("traces", _TRACE_COLUMNS, "run_id = ? ORDER BY step")
    found = []
    for _, step, entries, is_cut in connection.execute(sql, (run_id,)):
        budget -= len(entries)
        found.append(
            TraceRow(
                run_id=run_id,
                step=step,
                entries=entries if budget >= 0 else b"[]",
                is_cut=bool(is_cut) or budget < 0,
            )
        )
    return found


def pop_values(pop: ScreenPop) -> tuple[Any, ...]:
    fields = {name: getattr(pop, name) for name in _POP_COLUMNS}
    fields["published_at"] = micros(pop.published_at)
    fields["displayed_at"] = micros(pop.displayed_at)
    return tuple(fields.values())


def screen_pops_of(connection: sqlite3.Connection, run_id: str) -> list[ScreenPop]:
    sql = select("screen_pops", _POP_COLUMNS, "run_id = ? ORDER BY published_at, rowid")
    return [_as_pop(row) for row in connection.execute(sql, (run_id,))]


def display_pop(
    connection: sqlite3.Connection, run_id: str, pop_id: str, at: datetime
) -> ScreenPop | None:
    """Note when it was first displayed."""
    connection.execute(
        "UPDATE screen_pops SET displayed_at = ? "
        "WHERE run_id = ? AND id = ? AND displayed_at IS NULL",
        (micros(at), run_id, pop_id),
    )
    sql = select("screen_pops", _POP_COLUMNS, "run_id = ? AND id = ?")
    row = connection.execute(sql, (run_id, pop_id)).fetchone()
    return None if row is None else _as_pop(row)


def _as_pop(row: tuple[Any, ...]) -> ScreenPop:
    values = dict(zip(_POP_COLUMNS, row, strict=True))
    values["published_at"] = moment(values["published_at"])
    values["displayed_at"] = _moment_or_none(values["displayed_at"])
    return ScreenPop(**values)


def record_of(connection: sqlite3.Connection, run: Run, trace_budget: int) -> RunRecord:
    return RunRecord(
        run=run,
        attempts=attempts_of(connection, run.run_id),
        traces=traces_of(connection, run.run_id, trace_budget),
        screen_pops=screen_pops_of(connection, run.run_id),
    )


def as_event(row: tuple[Any, ...]) -> EventRow:
    values = dict(zip(EVENT_COLUMNS, row, strict=True))
    values["outcome"] = EventOutcome(values["outcome"])
    values["at"] = moment(values["at"])
    return EventRow(**values)


def dead_values(dead_letter: DeadLetter) -> tuple[Any, ...]:
    fields = {name: getattr(dead_letter, name) for name in DEAD_COLUMNS}
    fields["at"] = micros(dead_letter.at)
    return tuple(fields.values())


def as_dead(row: tuple[Any, ...]) -> DeadLetter:
    values = dict(zip(DEAD_COLUMNS, row, strict=True))
    values["at"] = moment(values["at"])
    return DeadLetter(**values)

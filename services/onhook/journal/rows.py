"""The journal's records as rows of its tables, and back; the statements that write them.

Columns are the records' fields, in their order. No transaction is begun here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from onhook.journal.endpoint import endpoint_of
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
from onhook.journal.stored_text import encoded, well_formed, well_formed_row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

RUN_COLUMNS = Run.__struct_fields__
LISTED_COLUMNS = tuple(
    {"results": "'{}'", "sealed": "NULL", "continuation": "NULL"}.get(name, name)
    for name in RUN_COLUMNS
)
"""For lists: a waiting run's message may be 4 MiB."""
ATTEMPT_COLUMNS = Attempt.__struct_fields__
FOUND_BY_COLUMNS = ("endpoint", "flow_id")
"""Of an attempt's row, so that it is found by them."""
MOST_OF_AN_INTERACTION = 1_000
MOST_TRACE_BYTES = 4 * 1024 * 1024
"""Read for one answer."""
ATTEMPT_ORDER = "started_at, node, visit, number"
TRACE_COLUMNS = TraceRow.__struct_fields__
POP_COLUMNS = ScreenPop.__struct_fields__
EVENT_COLUMNS = EventRow.__struct_fields__
DEAD_COLUMNS = DeadLetter.__struct_fields__


def insert(table: str, columns: tuple[str, ...], conflict: str = "") -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) {conflict}"


INSERT_RUN = insert("runs", RUN_COLUMNS, "ON CONFLICT (run_id) DO NOTHING")
CHANGING_COLUMNS = (
    "version",
    "state",
    "step",
    "results",
    "sealed",
    "continuation",
    "next_at",
    "reason",
    "updated_at",
)
SAVE_RUN = insert(
    "runs",
    RUN_COLUMNS,
    "ON CONFLICT (run_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in CHANGING_COLUMNS)
    + " WHERE excluded.step >= runs.step",
)
INSERT_ATTEMPT = insert("attempts", (*ATTEMPT_COLUMNS, *FOUND_BY_COLUMNS), "ON CONFLICT DO NOTHING")
SAVE_TRACE = insert(
    "traces",
    TRACE_COLUMNS,
    "ON CONFLICT (run_id, step) DO UPDATE SET entries = excluded.entries, is_cut = excluded.is_cut",
)
INSERT_POP = insert("screen_pops", POP_COLUMNS, "ON CONFLICT (id) DO NOTHING")
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
    values = (
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
        encoded(run.results),
        run.sealed,
        run.continuation,
        micros(run.next_at),
        run.reason,
        micros(run.created_at),
        micros(run.updated_at),
    )
    return well_formed_row(values)


def as_run(row: tuple[Any, ...]) -> Run:
    values = dict(zip(RUN_COLUMNS, row, strict=True))
    values["state"] = RunState(values["state"])
    values["results"] = _results.decode(values["results"])
    values["next_at"] = _moment_or_none(values["next_at"])
    values["created_at"] = moment(values["created_at"])
    values["updated_at"] = moment(values["updated_at"])
    return Run(**values)


def one_run(connection: sqlite3.Connection, run_id: str) -> Run | None:
    sql = select("runs", RUN_COLUMNS, "run_id = ?")
    row = connection.execute(sql, (well_formed(run_id),)).fetchone()
    return None if row is None else as_run(row)


def attempt_values(attempt: Attempt, flow_id: str) -> tuple[Any, ...]:
    values = (
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
        encoded(attempt.response_headers),
        attempt.response_excerpt,
        micros(attempt.next_at),
        endpoint_of(attempt.url),
        flow_id,
    )
    return well_formed_row(values)


def attempts_of(connection: sqlite3.Connection, run_id: str) -> list[Attempt]:
    sql = select("attempts", ATTEMPT_COLUMNS, f"run_id = ? ORDER BY {ATTEMPT_ORDER}")
    return [as_attempt(row) for row in connection.execute(sql, (well_formed(run_id),))]


def as_attempt(row: tuple[Any, ...]) -> Attempt:
    values = dict(zip(ATTEMPT_COLUMNS, row, strict=True))
    values["started_at"] = moment(values["started_at"])
    values["response_headers"] = _headers.decode(values["response_headers"])
    values["next_at"] = _moment_or_none(values["next_at"])
    return Attempt(**values)


def trace_values(trace: TraceRow) -> tuple[Any, ...]:
    return well_formed_row((trace.run_id, trace.step, trace.entries, trace.is_cut))


def traces_of(
    connection: sqlite3.Connection, run_id: str, budget: int
) -> tuple[list[TraceRow], int]:
    """Oldest first, and what is left of `budget` bytes; rows beyond it come empty, marked as cut."""
    sql = select("traces", TRACE_COLUMNS, "run_id = ? ORDER BY step")
    rows = connection.execute(sql, (run_id,)).fetchall()
    kept = set(kept_traces([(run_id, row[1], len(row[2])) for row in rows], budget))
    traces = [
        TraceRow(
            run_id=run_id,
            step=step,
            entries=entries if (run_id, step) in kept else b"[]",
            is_cut=bool(is_cut) or (run_id, step) not in kept,
        )
        for _, step, entries, is_cut in rows
    ]
    return traces, budget - sum(len(row[2]) for row in rows)


def kept_traces(sizes: Sequence[tuple[str, int, int]], budget: int) -> list[tuple[str, int]]:
    """Of traces in order (run, step, bytes), those that fit; behind the first that does not, none."""
    kept = []
    for run_id, step, size in sizes:
        budget -= size
        if budget < 0:
            break
        kept.append((run_id, step))
    return kept


def pop_values(pop: ScreenPop) -> tuple[Any, ...]:
    fields = {name: getattr(pop, name) for name in POP_COLUMNS}
    fields["published_at"] = micros(pop.published_at)
    fields["displayed_at"] = micros(pop.displayed_at)
    return well_formed_row(tuple(fields.values()))


def screen_pops_of(connection: sqlite3.Connection, run_id: str) -> list[ScreenPop]:
    sql = select("screen_pops", POP_COLUMNS, "run_id = ? ORDER BY published_at, id")
    return [as_pop(row) for row in connection.execute(sql, (run_id,))]


def display_pop(
    connection: sqlite3.Connection, run_id: str, pop_id: str, at: datetime
) -> ScreenPop | None:
    """Note when it was first displayed."""
    connection.execute(
        "UPDATE screen_pops SET displayed_at = ? "
        "WHERE run_id = ? AND id = ? AND displayed_at IS NULL",
        (micros(at), *(key := (well_formed(run_id), well_formed(pop_id)))),
    )
    sql = select("screen_pops", POP_COLUMNS, "run_id = ? AND id = ?")
    row = connection.execute(sql, key).fetchone()
    return None if row is None else as_pop(row)


def as_pop(row: tuple[Any, ...]) -> ScreenPop:
    values = dict(zip(POP_COLUMNS, row, strict=True))
    values["published_at"] = moment(values["published_at"])
    values["displayed_at"] = _moment_or_none(values["displayed_at"])
    return ScreenPop(**values)


def records_of(
    connection: sqlite3.Connection, runs: list[Run], trace_budget: int
) -> list[RunRecord]:
    records = []
    for run in runs:
        traces, trace_budget = traces_of(connection, run.run_id, trace_budget)
        record = RunRecord(
            run=run,
            attempts=attempts_of(connection, run.run_id),
            traces=traces,
            screen_pops=screen_pops_of(connection, run.run_id),
        )
        records.append(record)
    return records


def event_values(event: EventRow) -> tuple[Any, ...]:
    fields = {name: getattr(event, name) for name in EVENT_COLUMNS}
    fields["outcome"] = event.outcome.value
    fields["at"] = micros(event.at)
    return well_formed_row(tuple(fields.values()))


def as_event(row: tuple[Any, ...]) -> EventRow:
    values = dict(zip(EVENT_COLUMNS, row, strict=True))
    values["outcome"] = EventOutcome(values["outcome"])
    values["at"] = moment(values["at"])
    return EventRow(**values)


def dead_values(dead_letter: DeadLetter) -> tuple[Any, ...]:
    fields = {name: getattr(dead_letter, name) for name in DEAD_COLUMNS}
    fields["at"] = micros(dead_letter.at)
    return well_formed_row(tuple(fields.values()))


def as_dead(row: tuple[Any, ...]) -> DeadLetter:
    values = dict(zip(DEAD_COLUMNS, row, strict=True))
    values["at"] = moment(values["at"])
    return DeadLetter(**values)

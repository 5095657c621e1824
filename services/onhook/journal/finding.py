"""A page of finds, put together from the rows of its statements; the same for either store.

Rows to entries, merged and cut to the page. It must not know how rows are read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from heapq import merge
from typing import Any

from onhook.journal.find_statement import (
    FEW,
    Dialect,
    Statement,
    can_be_few,
    counting_state,
    of_attempts,
    of_events,
    of_runs,
)
from onhook.journal.port import Attempt, EventRow, Run, RunState
from onhook.journal.query import (
    ATTEMPT,
    EVENT,
    RUN,
    Entry,
    Page,
    Place,
    Query,
    check,
    cursor,
    place_of,
)
from onhook.journal.rows import RUN_COLUMNS, as_attempt, as_event, as_run, micros

Row = Sequence[Any]
Fetch = Callable[[Statement], Awaitable[Sequence[Row]]]


async def found(query: Query, dialect: Dialect, fetch: Fetch) -> Page:
    """Raises QueryError, and what `fetch` raises."""
    check(query)
    place = place_of(query)
    if query.is_by_attempt:
        few_runs = False
        if dialect.hinted and isinstance(query.state, RunState) and can_be_few(query):
            counted = await fetch(counting_state(query.state, dialect))
            few_runs = counted[0][0] <= FEW
        statement = of_attempts(query, place, dialect, few_runs=few_runs)
        return _page(query, [_with_attempt(row) for row in await _rows(statement, fetch)])
    runs = [_run_entry(row) for row in await _rows(of_runs(query, place, dialect), fetch)]
    events = [
        [_event_entry(row) for row in await fetch(statement)]
        for statement in of_events(query, place, dialect)
    ]
    return _page(query, list(merge(runs, *events, key=_order, reverse=True)))


async def _rows(statement: Statement | None, fetch: Fetch) -> Sequence[Row]:
    return [] if statement is None else await fetch(statement)


def _page(query: Query, entries: list[Entry]) -> Page:
    kept = entries[: query.limit]
    has_more = len(entries) > query.limit
    return Page(entries=kept, next=cursor(_place(kept[-1])) if has_more else None)


def _order(entry: Entry) -> tuple[datetime, int, bytes, bytes]:
    """At one moment runs come first; texts in order of their bytes, as in the stores."""
    if entry.event is None:
        return entry.at, 1, b"", b""
    return entry.at, 0, entry.event.source.encode(), entry.event.event_id.encode()


def _place(entry: Entry) -> Place:
    return Place(micros_of(entry), *_key(entry))


def micros_of(entry: Entry) -> int:
    at = micros(entry.at)
    assert at is not None
    return at


def _key(entry: Entry) -> tuple[str, tuple[str | int, ...]]:
    if entry.event is not None:
        return EVENT, (entry.event.source, entry.event.event_id)
    assert entry.run is not None
    if entry.attempt is None:
        return RUN, (entry.run.run_id,)
    made = entry.attempt
    return ATTEMPT, (made.run_id, made.node, made.visit, made.number)


def _run_entry(row: Row) -> Entry:
    run: Run = as_run(tuple(row))
    return Entry(at=run.created_at, run=run)


def _event_entry(row: Row) -> Entry:
    event: EventRow = as_event(tuple(row))
    return Entry(at=event.at, event=event)


def _with_attempt(row: Row) -> Entry:
    count = len(RUN_COLUMNS)
    attempt: Attempt = as_attempt(tuple(row[count:]))
    return Entry(at=attempt.started_at, run=as_run(tuple(row[:count])), attempt=attempt)

"""A query as SQL for either store: one statement for runs, events or attempts, a page of rows each.

Text and values only; nothing is executed here. `Dialect` holds all that the stores do not share.
Which index serves is settled here: SQLite knows no statistics, so its statements say it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from onhook.journal.port import EventOutcome, RunState
from onhook.journal.query import EVENT, RUN, Place, Query, Subject
from onhook.journal.rows import ATTEMPT_COLUMNS, EVENT_COLUMNS, RUN_COLUMNS, micros
from onhook.journal.stored_text import well_formed

FEW = 2_000
"""Runs in a state that are so few are looked at one by one, whatever else is asked."""
NOT_DONE = "state <> 'done'"
"""As the index by state has it."""
ATTEMPT_KEY = ("started_at", "run_id", "node", "visit", "number")


class Dialect(Struct, frozen=True, kw_only=True):
    schema: str
    hinted: bool
    """Statements name their index and the order of a join (SQLite)."""
    cut_keys: int | None = None
    """Indices hold so many characters of a text that outsiders choose; None: all of it."""


SQLITE = Dialect(schema="main", hinted=True)


class Statement(Struct, frozen=True):
    """`sql` with a `?` for each value."""

    sql: str
    values: tuple[Any, ...]


class _Conditions:
    """What a WHERE says, with its values in order."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.texts: list[str] = []
        self.values: list[Any] = []

    def add(self, text: str, *values: Any) -> None:
        self.texts.append(text)
        self.values += values

    def equal(self, column: str, value: str | int | None) -> None:
        if value is None:
            return
        if isinstance(value, str):
            value = well_formed(value)
            if self._dialect.cut_keys is not None:
                cut = self._dialect.cut_keys
                self.add(f"left({column}, {cut}) = left(?, {cut})", value)
        self.add(f"{column} = ?", value)

    def span(self, column: str, query: Query) -> None:
        self._bound(f"{column} >= ?", query.since)
        self._bound(f"{column} < ?", query.until)

    def _bound(self, text: str, at: datetime | None) -> None:
        if at is not None:
            self.add(text, micros(at))

    def behind(self, columns: tuple[str, ...], *values: Any) -> None:
        """Of the keyset: what stands behind the place where the last page ended."""
        marks = ", ".join("?" * len(columns))
        self.add(f"({', '.join(columns)}) < ({marks})", *values)

    @property
    def where(self) -> str:
        return f"WHERE {' AND '.join(self.texts)}" if self.texts else ""


def of_runs(query: Query, place: Place | None, dialect: Dialect) -> Statement | None:
    """Runs by when they began; None where none can fit."""
    if isinstance(query.state, EventOutcome):
        return None
    conditions = _Conditions(dialect)
    _of_run(conditions, query)
    conditions.span("r.created_at", query)
    if place is not None and place.kind == RUN:
        conditions.behind(("r.created_at", "r.run_id"), place.at, *place.key)
    elif place is not None:  # at one moment, runs come before events
        conditions.add("r.created_at < ?", place.at)
    hint = _hint(dialect, _run_index(query))
    sql = (
        f"SELECT {listed_columns()} FROM {dialect.schema}.runs AS r {hint}{conditions.where} "
        "ORDER BY r.created_at DESC, r.run_id DESC LIMIT ?"
    )
    return Statement(sql, (*conditions.values, query.limit + 1))


def of_events(query: Query, place: Place | None, dialect: Dialect) -> list[Statement]:
    """One for each outcome, as nearly all events may have the same; their rows are to be merged."""
    if isinstance(query.state, RunState):
        return []
    outcomes = EventOutcome if query.state is None else (query.state,)
    return [_of_events(query, outcome, place, dialect) for outcome in outcomes]


def _of_events(
    query: Query, outcome: EventOutcome, place: Place | None, dialect: Dialect
) -> Statement:
    conditions = _Conditions(dialect)
    conditions.equal("e.interaction_id", query.interaction_id)
    conditions.equal("e.flow_id", query.flow_id)
    conditions.add("e.outcome = ?", outcome.value)
    conditions.span("e.at", query)
    if place is not None and place.kind == EVENT:
        conditions.behind(("e.at", "e.source", "e.event_id"), place.at, *place.key)
    elif place is not None:
        conditions.add("e.at <= ?", place.at)
    if query.interaction_id is not None:
        index = "events_by_interaction"
    else:
        index = "events_by_flow" if query.flow_id is not None else "events_by_outcome"
    columns = ", ".join(f"e.{name}" for name in EVENT_COLUMNS)
    sql = (
        f"SELECT {columns} FROM {dialect.schema}.events AS e {_hint(dialect, index)}"
        f"{conditions.where} ORDER BY e.at DESC, e.source DESC, e.event_id DESC LIMIT ?"
    )
    return Statement(sql, (*conditions.values, query.limit + 1))


def of_attempts(
    query: Query, place: Place | None, dialect: Dialect, *, few_runs: bool
) -> Statement | None:
    """Attempts with their runs; of runs, each by its latest attempt that fits.

    `few_runs`: few are in the state that is asked for, so that it pays to start from them.
    """
    if isinstance(query.state, EventOutcome):
        return None
    conditions = _Conditions(dialect)
    _of_attempt(conditions, query, "a")
    _of_run(conditions, query, with_flow=False)
    if place is not None:
        key = tuple(f"a.{name}" for name in ATTEMPT_KEY)
        run_id, node, visit, number = place.key
        conditions.behind(key, place.at, run_id, node, visit, number)
    if query.of is Subject.RUNS:
        later = _Conditions(dialect)
        later.add("b.run_id = a.run_id")
        rest = [name for name in ATTEMPT_KEY if name != "run_id"]
        ours, theirs = (", ".join(f"{table}.{name}" for name in rest) for table in "ab")
        later.add(f"({theirs}) > ({ours})")
        _of_attempt(later, query, "b")
        hint = _hint(dialect, "attempts_once")
        conditions.add(
            f"NOT EXISTS (SELECT 1 FROM {dialect.schema}.attempts AS b {hint}{later.where})",
            *later.values,
        )
    runs, attempts = f"{dialect.schema}.runs AS r ", f"{dialect.schema}.attempts AS a "
    if query.interaction_id is not None or few_runs:
        runs += _hint(dialect, _run_index(query))
        tables = (runs, attempts + _hint(dialect, "attempts_once"))
    else:
        tables = (attempts + _hint(dialect, _attempt_index(query)), runs)
    join = "CROSS JOIN" if dialect.hinted else "JOIN"
    columns = f"{listed_columns()}, {', '.join(f'a.{name}' for name in ATTEMPT_COLUMNS)}"
    order = ", ".join(f"a.{name} DESC" for name in ATTEMPT_KEY)
    sql = (
        f"SELECT {columns} FROM {tables[0]} {join} {tables[1]} ON r.run_id = a.run_id "
        f"{conditions.where} ORDER BY {order} LIMIT ?"
    )
    return Statement(sql, (*conditions.values, query.limit + 1))


def of_old_events(schema: str) -> str:
    """Keys of events, oldest first: SQL with the numbered values `$1` to `$5`.

    Before a time; behind a time, source and event id; how many at most.
    """
    of_outcome = (
        f"SELECT * FROM (SELECT at, source, event_id FROM {schema}.events WHERE outcome = '{{}}' "
        "AND at < $1 AND (at, source, event_id) > ($2, $3, $4) "
        "ORDER BY at, source, event_id LIMIT $5) AS of_outcome"
    )
    each = " UNION ALL ".join(of_outcome.format(outcome.value) for outcome in EventOutcome)
    return f"SELECT * FROM ({each}) AS old ORDER BY at, source, event_id LIMIT $5"


def counting_state(state: RunState, dialect: Dialect) -> Statement:
    """How many runs are in it, as far as FEW and one."""
    return Statement(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM {dialect.schema}.runs AS r "
        f"WHERE {_in_state(state)} LIMIT ?) AS some",
        (FEW + 1,),
    )


def can_be_few(query: Query) -> bool:
    return query.state in (RunState.RUNNING, RunState.WAITING, RunState.DEAD)


def listed_columns() -> str:
    """A run's, without what may be large."""
    bare = {"results": "'{}'", "sealed": "NULL", "continuation": "NULL"}
    return ", ".join(bare.get(name, f"r.{name}") for name in RUN_COLUMNS)


def _of_run(conditions: _Conditions, query: Query, *, with_flow: bool = True) -> None:
    conditions.equal("r.interaction_id", query.interaction_id)
    if with_flow:
        conditions.equal("r.flow_id", query.flow_id)
    if isinstance(query.state, RunState):
        conditions.add(_in_state(query.state))


def _in_state(state: RunState) -> str:
    """As text, not as a value: else a store does not see that the partial index will do."""
    if state is RunState.DONE:
        return "r.state = 'done'"
    return f"r.{NOT_DONE} AND r.state = '{state.value}'"


def _of_attempt(conditions: _Conditions, query: Query, table: str) -> None:
    conditions.equal(f"{table}.flow_id", query.flow_id)
    if query.endpoint is not None:  # never long, so its index holds all of it
        conditions.add(f"{table}.endpoint = ?", well_formed(query.endpoint))
    if query.status is not None and not _is_success(query.status):
        conditions.add(f"({table}.status IS NULL OR {table}.status NOT BETWEEN 200 AND 299)")
    if query.status == 0:
        conditions.add(f"{table}.status IS NULL")
    else:
        conditions.equal(f"{table}.status", query.status)
    conditions.span(f"{table}.started_at", query)


def _run_index(query: Query) -> str:
    if query.interaction_id is not None:
        return "runs_by_interaction"
    if can_be_few(query):
        return "runs_by_state"
    return "runs_by_time"


def _attempt_index(query: Query) -> str:
    if query.endpoint is not None:
        return "attempts_by_endpoint"
    if query.status is None or _is_success(query.status):
        return "attempts_by_time"
    return "attempts_that_failed"


def _is_success(status: int) -> bool:
    return 200 <= status <= 299


def _hint(dialect: Dialect, index: str) -> str:
    return f"INDEXED BY {index} " if dialect.hinted else ""

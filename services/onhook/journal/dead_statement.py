"""A query of dead letters as SQL for either store, and its rows as a page or as kinds.

Text and values only; nothing is executed here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from onhook.journal.dead_query import (
    MOST_KINDS,
    DeadKind,
    DeadPage,
    DeadPlace,
    DeadQuery,
    dead_cursor,
    dead_place_of,
)
from onhook.journal.find_statement import Dialect, Statement
from onhook.journal.rows import DEAD_COLUMNS, as_dead, micros, moment
from onhook.journal.stored_text import well_formed

Fetch = Callable[[Statement], Awaitable[Sequence[Sequence[Any]]]]

_EQUAL = ("queue", "fault", "flow_name", "event_type", "run_id")


async def found_dead(query: DeadQuery, dialect: Dialect, fetch: Fetch) -> DeadPage:
    """Raises QueryError, and what `fetch` raises."""
    place = dead_place_of(query)
    rows = await fetch(_page(query, place, dialect))
    letters = [as_dead(tuple(row)) for row in rows[: query.limit]]
    if len(rows) <= query.limit:
        return DeadPage(letters=letters)
    at = micros(letters[-1].at)
    assert at is not None
    return DeadPage(letters=letters, next=dead_cursor(DeadPlace(at, letters[-1].message_id)))


async def dead_kinds(query: DeadQuery, dialect: Dialect, fetch: Fetch) -> list[DeadKind]:
    """The newest MOST_KINDS, whatever the query's order and page."""
    dead_place_of(query)
    texts, values = _conditions(query, dialect)
    sql = (
        "SELECT COUNT(*), d.queue, d.fault, d.flow_name, d.reason, MIN(d.at), MAX(d.at), "
        f"MAX(d.message_id) FROM {dialect.schema}.dead_letters AS d {_where(texts)} "
        "GROUP BY d.queue, d.fault, d.flow_name, d.reason ORDER BY MAX(d.at) DESC LIMIT ?"
    )
    rows = await fetch(Statement(sql, (*values, MOST_KINDS)))
    return [
        DeadKind(
            count=row[0],
            queue=row[1],
            fault=row[2],
            flow_name=row[3],
            reason=row[4],
            oldest_at=moment(row[5]),
            newest_at=moment(row[6]),
            message_id=row[7],
        )
        for row in rows
    ]


def _page(query: DeadQuery, place: DeadPlace | None, dialect: Dialect) -> Statement:
    texts, values = _conditions(query, dialect)
    order, behind = ("ASC", ">") if query.is_oldest_first else ("DESC", "<")
    if place is not None:
        texts.append(f"(d.at, d.message_id) {behind} (?, ?)")
        values += [place.at, well_formed(place.message_id)]
    columns = ", ".join(f"d.{name}" for name in DEAD_COLUMNS)
    sql = (
        f"SELECT {columns} FROM {dialect.schema}.dead_letters AS d {_index(query, dialect)}"
        f"{_where(texts)} ORDER BY d.at {order}, d.message_id {order} LIMIT ?"
    )
    return Statement(sql, (*values, query.limit + 1))


def _index(query: DeadQuery, dialect: Dialect) -> str:
    """SQLite knows no statistics: its statement says which index serves."""
    if not dialect.hinted:
        return ""
    if query.run_id is not None:
        return "INDEXED BY dead_letters_by_run "
    is_of_one = query.interaction_id is not None
    return f"INDEXED BY dead_letters_by_{'interaction' if is_of_one else 'time'} "


def _conditions(query: DeadQuery, dialect: Dialect) -> tuple[list[str], list[Any]]:
    texts: list[str] = []
    values: list[Any] = []
    for name in _EQUAL:
        if (value := getattr(query, name)) is not None:
            texts.append(f"d.{name} = ?")
            values.append(well_formed(value))
    if query.interaction_id is not None:
        name, value, cut = "d.interaction_id", well_formed(query.interaction_id), dialect.cut_keys
        if cut is not None:
            texts.append(f"left({name}, {cut}) = left(?, {cut})")
            values.append(value)
        texts.append(f"{name} = ?")
        values.append(value)
    if query.reason is not None:
        texts.append(
            "instr(lower(d.reason), lower(?)) > 0"
            if dialect.hinted
            else 'strpos(lower(d.reason COLLATE "C"), lower(? COLLATE "C")) > 0'
        )
        values.append(well_formed(query.reason))
    if query.endpoint is not None:
        texts.append(
            f"(SELECT a.endpoint FROM {dialect.schema}.attempts AS a WHERE a.run_id = d.run_id "
            "ORDER BY a.started_at DESC LIMIT 1) = ?"
        )
        values.append(well_formed(query.endpoint))
    for text, at in (("d.at >= ?", query.since), ("d.at < ?", query.until)):
        if at is not None:
            texts.append(text)
            values.append(micros(at))
    return texts, values


def _where(texts: list[str]) -> str:
    return f"WHERE {' AND '.join(texts)}" if texts else ""

"""Endpoints as rows of their table, and back; the statements that write them on SQLite.

No transaction is begun here.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from onhook.journal.flow_rows import revise
from onhook.journal.port import EndpointRow
from onhook.journal.rows import insert, micros, moment, select
from onhook.journal.stored_text import well_formed_row

ENDPOINT_COLUMNS = EndpointRow.__struct_fields__
KEPT = "ON CONFLICT (id) DO NOTHING"
PAUSED = (
    "ON CONFLICT (id) DO UPDATE SET paused_at = excluded.paused_at, "
    "pause_reason = excluded.pause_reason"
)
MOST_ENDPOINTS = 10_000
"""Read at once; hosts may come out of templates."""

_NOTE = insert("endpoints", ENDPOINT_COLUMNS, KEPT)
_SAVE = insert("endpoints", ENDPOINT_COLUMNS, PAUSED)
LISTED = f"ORDER BY paused_at IS NULL, seen_at DESC, id LIMIT {MOST_ENDPOINTS}"


def endpoint_values(endpoint: EndpointRow) -> tuple[Any, ...]:
    values = {name: getattr(endpoint, name) for name in ENDPOINT_COLUMNS}
    values["seen_at"] = micros(endpoint.seen_at)
    values["paused_at"] = micros(endpoint.paused_at)
    return well_formed_row(tuple(values.values()))


def as_endpoint(row: tuple[Any, ...]) -> EndpointRow:
    values = dict(zip(ENDPOINT_COLUMNS, row, strict=True))
    values["seen_at"] = moment(values["seen_at"])
    values["paused_at"] = None if values["paused_at"] is None else moment(values["paused_at"])
    return EndpointRow(**values)


def endpoints(connection: sqlite3.Connection) -> list[EndpointRow]:
    rows = connection.execute(select("endpoints", ENDPOINT_COLUMNS, f"1 {LISTED}"))
    return [as_endpoint(row) for row in rows]


def note(connection: sqlite3.Connection, endpoint: EndpointRow) -> None:
    connection.execute(_NOTE, endpoint_values(endpoint))


def save(connection: sqlite3.Connection, endpoint: EndpointRow) -> None:
    connection.execute(_SAVE, endpoint_values(endpoint))
    revise(connection)

"""Endpoints on PostgreSQL: noted when they are first sent to, paused and resumed."""

from __future__ import annotations

from typing import Any

from onhook.journal.endpoint_rows import (
    ENDPOINT_COLUMNS,
    KEPT,
    LISTED,
    PAUSED,
    as_endpoint,
    endpoint_values,
)
from onhook.journal.port import EndpointRow
from onhook.journal.postgres.flows import changing
from onhook.journal.postgres.statements import insert, select

Connection = Any

_NOTE = insert("endpoints", ENDPOINT_COLUMNS, KEPT)
_SAVE = insert("endpoints", ENDPOINT_COLUMNS, PAUSED)


async def endpoints(connection: Connection) -> list[EndpointRow]:
    rows = await connection.fetch(select("endpoints", ENDPOINT_COLUMNS, LISTED))
    return [as_endpoint(tuple(row)) for row in rows]


async def note(connection: Connection, endpoint: EndpointRow) -> None:
    await connection.execute(_NOTE, *endpoint_values(endpoint))


async def save(connection: Connection, endpoint: EndpointRow) -> None:
    async with changing(connection):
        await connection.execute(_SAVE, *endpoint_values(endpoint))

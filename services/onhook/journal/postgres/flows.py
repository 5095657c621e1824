"""Versions, labels and overrides on PostgreSQL: read, and changed by one worker at a time.

Every change begins with the revision's row, which it holds to its end: so the next change, in
whichever worker, sees this one, and numbers follow one another without a gap.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from onhook.journal.flow_rows import OVERRIDE_COLUMNS, VERSION_COLUMNS, as_override, as_version
from onhook.journal.port import Label, StoredOverride, Version
from onhook.journal.postgres.statements import (
    INSERT_VERSION,
    MOVE_LABEL,
    REVISE,
    SET_OVERRIDE,
    select,
)
from onhook.journal.postgres.tables import KEY_CHARS, SCHEMA
from onhook.journal.rows import micros

Connection = Any
"""One of the pool's, which the driver's types do not tell from any other."""


@asynccontextmanager
async def changing(connection: Connection) -> AsyncIterator[None]:
    async with connection.transaction():
        await connection.execute(REVISE)
        yield


async def publish(
    connection: Connection, version: Version, labels: tuple[str, ...]
) -> tuple[Version, bool]:
    """Under the next number, unless the newest holds the same; labels move to it."""
    async with changing(connection):
        sql = select("versions", VERSION_COLUMNS, "WHERE flow_id = ? ORDER BY number DESC LIMIT 1")
        row = await connection.fetchrow(sql, version.flow_id)
        newest = None if row is None else as_version(tuple(row))
        if newest is not None and newest.content_hash == version.content_hash:
            stored, is_new = newest, False
        else:
            stored = replace(version, number=1 if newest is None else newest.number + 1)
            is_new = True
            values = {name: getattr(stored, name) for name in VERSION_COLUMNS}
            values["published_at"] = micros(stored.published_at)
            await connection.execute(INSERT_VERSION, *values.values())
        for label in labels:
            await connection.execute(MOVE_LABEL, stored.flow_id, label, stored.number)
    return stored, is_new


async def revision(connection: Connection) -> int:
    number: int = await connection.fetchval(f"SELECT number FROM {SCHEMA}.revision")
    return number


async def versions(connection: Connection, skip: int) -> list[Version]:
    sql = select("versions", VERSION_COLUMNS, "ORDER BY place OFFSET ?")
    found = [as_version(tuple(row)) for row in await connection.fetch(sql, skip)]
    return sorted(found, key=lambda version: (version.published_at, version.number))


async def labels(connection: Connection) -> list[Label]:
    rows = await connection.fetch(
        select("labels", Label.__struct_fields__, "ORDER BY flow_id, label")
    )
    return [Label(flow_id=row[0], label=row[1], number=row[2]) for row in rows]


async def move_label(connection: Connection, label: Label) -> None:
    async with changing(connection):
        await connection.execute(MOVE_LABEL, label.flow_id, label.label, label.number)


async def remove_labels(connection: Connection, flow_id: str, label: str | None) -> None:
    async with changing(connection):
        await connection.execute(
            f"DELETE FROM {SCHEMA}.labels "
            "WHERE flow_id = $1 AND ($2::text IS NULL OR label = $2::text)",
            flow_id,
            label,
        )


async def under_way(connection: Connection, flow_id: str) -> dict[int, int]:
    rows = await connection.fetch(
        f"SELECT version, COUNT(*) FROM {SCHEMA}.runs WHERE state IN ('running', 'waiting') "
        f"AND left(flow_id, {KEY_CHARS}) = left($1, {KEY_CHARS}) AND flow_id = $1 "
        "GROUP BY version",
        flow_id,
    )
    return {row[0]: row[1] for row in rows}


async def overrides(connection: Connection) -> list[StoredOverride]:
    rows = await connection.fetch(
        select("overrides", OVERRIDE_COLUMNS, "ORDER BY flow_id, variable")
    )
    return [as_override(tuple(row)) for row in rows]


async def set_override(connection: Connection, override: StoredOverride) -> None:
    values = {name: getattr(override, name) for name in OVERRIDE_COLUMNS}
    values["set_at"] = micros(override.set_at)
    async with changing(connection):
        await connection.execute(SET_OVERRIDE, *values.values())


async def unset_override(connection: Connection, flow_id: str, variable: str) -> None:
    async with changing(connection):
        await connection.execute(
            f"DELETE FROM {SCHEMA}.overrides WHERE flow_id = $1 AND variable = $2",
            flow_id,
            variable,
        )

"""Versions, labels and overrides as rows of their tables, and back; the statements that write them.

No transaction is begun here.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from onhook.journal.find_statement import NOT_DONE
from onhook.journal.port import Label, StoredOverride, Version
from onhook.journal.rows import insert, micros, moment, select
from onhook.journal.stored_text import well_formed, well_formed_row

VERSION_COLUMNS = Version.__struct_fields__
OVERRIDE_COLUMNS = StoredOverride.__struct_fields__

_MOVE_LABEL = insert(
    "labels",
    Label.__struct_fields__,
    "ON CONFLICT (flow_id, label) DO UPDATE SET number = excluded.number",
)
_SET_OVERRIDE = insert(
    "overrides",
    OVERRIDE_COLUMNS,
    "ON CONFLICT (flow_id, variable) DO UPDATE SET value = excluded.value, "
    "is_sealed = excluded.is_sealed, set_at = excluded.set_at",
)


def publish(
    connection: sqlite3.Connection, version: Version, labels: tuple[str, ...]
) -> tuple[Version, bool]:
    """Store it under the next number, unless the newest holds the same; move labels to it."""
    sql = select("versions", VERSION_COLUMNS, "flow_id = ? ORDER BY number DESC LIMIT 1")
    row = connection.execute(sql, (well_formed(version.flow_id),)).fetchone()
    newest = None if row is None else as_version(row)
    if newest is not None and newest.content_hash == version.content_hash:
        stored, is_new = newest, False
    else:
        number = 1 if newest is None else newest.number + 1
        stored, is_new = msgspec.structs.replace(version, number=number), True
        values = {name: getattr(stored, name) for name in VERSION_COLUMNS}
        values["published_at"] = micros(stored.published_at)
        row = well_formed_row(tuple(values.values()))
        connection.execute(insert("versions", VERSION_COLUMNS), row)
    for label in labels:
        move_label(connection, Label(flow_id=stored.flow_id, label=label, number=stored.number))
    revise(connection)
    return stored, is_new


def revise(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE revision SET number = number + 1")


def revision(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("SELECT number FROM revision").fetchone()[0]
    return number


def versions(connection: sqlite3.Connection, skip: int) -> list[Version]:
    """Those stored after the first `skip`; none is ever removed."""
    sql = select("versions", VERSION_COLUMNS, "1 ORDER BY rowid LIMIT -1 OFFSET ?")
    found = [as_version(row) for row in connection.execute(sql, (skip,))]
    return sorted(found, key=lambda version: (version.published_at, version.number))


def as_version(row: tuple[Any, ...]) -> Version:
    values = dict(zip(VERSION_COLUMNS, row, strict=True))
    values["published_at"] = moment(values["published_at"])
    return Version(**values)


def labels(connection: sqlite3.Connection) -> list[Label]:
    rows = connection.execute(
        select("labels", Label.__struct_fields__, "1 ORDER BY flow_id, label")
    )
    return [Label(flow_id=row[0], label=row[1], number=row[2]) for row in rows]


def move_label(connection: sqlite3.Connection, label: Label) -> None:
    values = (label.flow_id, label.label, label.number)
    connection.execute(_MOVE_LABEL, well_formed_row(values))
    revise(connection)


def remove_labels(connection: sqlite3.Connection, flow_id: str, label: str | None) -> None:
    connection.execute(
        "DELETE FROM labels WHERE flow_id = ?1 AND (?2 IS NULL OR label = ?2)",
        well_formed_row((flow_id, label)),
    )
    revise(connection)


def under_way(connection: sqlite3.Connection, flow_id: str) -> dict[int, int]:
    rows = connection.execute(
        f"SELECT version, COUNT(*) FROM runs WHERE {NOT_DONE} "
        "AND state IN ('running', 'waiting') AND flow_id = ? GROUP BY version",
        (well_formed(flow_id),),
    )
    return dict(rows.fetchall())


def overrides(connection: sqlite3.Connection) -> list[StoredOverride]:
    rows = connection.execute(select("overrides", OVERRIDE_COLUMNS, "1 ORDER BY flow_id, variable"))
    return [as_override(row) for row in rows]


def as_override(row: tuple[Any, ...]) -> StoredOverride:
    values = dict(zip(OVERRIDE_COLUMNS, row, strict=True))
    values["is_sealed"] = bool(values["is_sealed"])
    values["set_at"] = moment(values["set_at"])
    return StoredOverride(**values)


def set_override(connection: sqlite3.Connection, override: StoredOverride) -> None:
    values = {name: getattr(override, name) for name in OVERRIDE_COLUMNS}
    values["set_at"] = micros(override.set_at)
    connection.execute(_SET_OVERRIDE, well_formed_row(tuple(values.values())))
    revise(connection)


def unset_override(connection: sqlite3.Connection, flow_id: str, variable: str) -> None:
    connection.execute(
        "DELETE FROM overrides WHERE flow_id = ? AND variable = ?",
        well_formed_row((flow_id, variable)),
    )
    revise(connection)

"""The writing statements of the journal on PostgreSQL, in the order in which a group commits them.

Every group takes its locks in this order and, within one statement, in that of the rows' keys, so
that two workers never wait for one another. Each may be repeated: a commit of which nobody knows
whether it happened is simply done again.
"""

from __future__ import annotations

from enum import IntEnum
from hashlib import blake2b

from onhook.journal.flow_rows import OVERRIDE_COLUMNS, VERSION_COLUMNS
from onhook.journal.port import Label
from onhook.journal.postgres.tables import SCHEMA
from onhook.journal.postgres.wire_text import escaped
from onhook.journal.rows import (
    ATTEMPT_COLUMNS,
    CHANGING_COLUMNS,
    DEAD_COLUMNS,
    EVENT_COLUMNS,
    FOUND_BY_COLUMNS,
    POP_COLUMNS,
    RUN_COLUMNS,
    TRACE_COLUMNS,
)


def numbered(sql: str) -> str:
    """`?` marks as PostgreSQL's `$1`, `$2`, ...; no constant of ours holds a question mark."""
    first, *parts = sql.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(parts, start=1))


def insert(table: str, columns: tuple[str, ...], conflict: str = "") -> str:
    marks = ", ".join("?" * len(columns))
    return numbered(
        f"INSERT INTO {SCHEMA}.{table} ({', '.join(columns)}) VALUES ({marks}) {conflict}"
    )


def select(table: str, columns: tuple[str, ...], rest: str) -> str:
    return numbered(f"SELECT {', '.join(columns)} FROM {SCHEMA}.{table} {rest}")


class Write(IntEnum):
    """A writing statement; its number is its turn."""

    OPEN_RUN = 0
    SAVE_RUN = 1
    ATTEMPT = 2
    TRACE = 3
    POP = 4
    EVENT = 5
    DEAD_LETTER = 6
    FORGET = 7
    PROBE = 8


SQL = {
    Write.OPEN_RUN: insert("runs", RUN_COLUMNS, "ON CONFLICT (run_id) DO NOTHING RETURNING run_id"),
    Write.SAVE_RUN: insert(
        "runs",
        RUN_COLUMNS,
        "ON CONFLICT (run_id) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in CHANGING_COLUMNS)
        + " WHERE excluded.step >= runs.step",
    ),
    Write.ATTEMPT: insert(
        "attempts", (*ATTEMPT_COLUMNS, *FOUND_BY_COLUMNS), "ON CONFLICT DO NOTHING"
    ),
    Write.TRACE: insert(
        "traces",
        TRACE_COLUMNS,
        "ON CONFLICT (run_id, step) DO UPDATE "
        "SET entries = excluded.entries, is_cut = excluded.is_cut",
    ),
    Write.POP: insert("screen_pops", POP_COLUMNS, "ON CONFLICT (id) DO NOTHING"),
    Write.EVENT: insert("events", (*EVENT_COLUMNS, "digest"), "ON CONFLICT (digest) DO NOTHING"),
    Write.DEAD_LETTER: insert("dead_letters", DEAD_COLUMNS, "ON CONFLICT (message_id) DO NOTHING"),
    Write.FORGET: numbered(f"DELETE FROM {SCHEMA}.dead_letters WHERE message_id = ?"),
    Write.PROBE: numbered(f"UPDATE {SCHEMA}.probe SET at = ?"),
}

KNOWN_RUNS = select("runs", RUN_COLUMNS, "WHERE run_id = ANY(?)")

INSERT_VERSION = insert("versions", VERSION_COLUMNS)
MOVE_LABEL = insert(
    "labels",
    Label.__struct_fields__,
    "ON CONFLICT (flow_id, label) DO UPDATE SET number = excluded.number",
)
SET_OVERRIDE = insert(
    "overrides",
    OVERRIDE_COLUMNS,
    "ON CONFLICT (flow_id, variable) DO UPDATE SET value = excluded.value, "
    "is_sealed = excluded.is_sealed, set_at = excluded.set_at",
)
REVISE = f"UPDATE {SCHEMA}.revision SET number = number + 1"


def digest(source: str, event_id: str) -> bytes:
    """Stands for an event's key, which may be longer than an index takes."""
    lengths = f"{len(source)}:"
    return blake2b(
        (lengths + escaped(source) + escaped(event_id)).encode(), digest_size=16
    ).digest()

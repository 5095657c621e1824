"""What is old in the SQLite journal: finding it, counting it, removing it with what hangs on it.

Nothing is decided here: trimming.py does that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from onhook.journal.find_statement import of_old_events
from onhook.journal.rows import moment
from onhook.journal.trimming import Count, Key, Old

T = TypeVar("T")

IS_OVER = (
    "state IN ('done', 'dead') AND NOT EXISTS "
    "(SELECT 1 FROM dead_letters AS d WHERE d.run_id = runs.run_id)"
)


def _count(connection: sqlite3.Connection) -> Count:
    runs, oldest = connection.execute("SELECT COUNT(*), MIN(created_at) FROM runs").fetchone()
    (events,) = connection.execute("SELECT COUNT(*) FROM events").fetchone()
    return Count(runs, events, None if oldest is None else moment(oldest))


def _old_runs(
    connection: sqlite3.Connection, before: int, behind: Old | None, most: int
) -> list[Old]:
    place = (behind.at, *behind.key) if behind is not None else (-(2**63), "")
    sql = (
        "SELECT created_at, run_id FROM runs INDEXED BY runs_by_time "
        "WHERE created_at < ? AND (created_at, run_id) > (?, ?) AND updated_at < ? "
        f"AND {IS_OVER} ORDER BY created_at, run_id LIMIT ?"
    )
    rows = connection.execute(sql, (before, *place, before, most))
    return [Old(at, (run_id,)) for at, run_id in rows]


def _remove_runs(connection: sqlite3.Connection, keys: list[Key]) -> int:
    removed = []
    for (run_id,) in keys:
        sql = f"DELETE FROM runs WHERE run_id = ? AND {IS_OVER}"
        if connection.execute(sql, (run_id,)).rowcount:
            removed.append((run_id,))
    for table in ("attempts", "traces", "screen_pops"):
        connection.executemany(f"DELETE FROM {table} WHERE run_id = ?", removed)
    return len(removed)


def _old_events(
    connection: sqlite3.Connection, before: int, behind: Old | None, most: int
) -> list[Old]:
    place = (behind.at, *behind.key) if behind is not None else (-(2**63), "", "")
    sql = of_old_events("main").replace("$", "?")
    rows = connection.execute(sql, (before, *place, most))
    return [Old(at, (source, event_id)) for at, source, event_id in rows]


def _remove_events(connection: sqlite3.Connection, keys: list[Key]) -> int:
    sql = "DELETE FROM events WHERE source = ? AND event_id = ?"
    return sum(connection.execute(sql, key).rowcount for key in keys)


class _Perform(Protocol):
    """Have a job done on the connection; raises JournalError."""

    async def __call__(self, job: Callable[[sqlite3.Connection], T]) -> T: ...


class OldRows:
    """The trimmer's way to the tables."""

    def __init__(self, read: _Perform, write: _Perform) -> None:
        self._read = read
        self._write = write

    async def count(self) -> Count:
        return await self._read(_count)

    @asynccontextmanager
    async def trims_alone(self) -> AsyncIterator[bool]:
        """Workers on one file may trim at once: neither removes what is gone."""
        yield True

    async def old_runs(self, before: int, behind: Old | None, most: int) -> list[Old]:
        return await self._read(lambda given: _old_runs(given, before, behind, most))

    async def remove_runs(self, keys: list[Key]) -> int:
        return await self._write(lambda given: _remove_runs(given, keys))

    async def old_events(self, before: int, behind: Old | None, most: int) -> list[Old]:
        return await self._read(lambda given: _old_events(given, before, behind, most))

    async def remove_events(self, keys: list[Key]) -> int:
        return await self._write(lambda given: _remove_events(given, keys))

"""What is old in the journal on PostgreSQL: finding it, counting it, removing it.

Nothing is decided here: trimming.py does that. Of a fleet, one worker trims at a time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeVar

from onhook.journal.find_statement import of_old_events
from onhook.journal.postgres.flows import Connection
from onhook.journal.postgres.migrating import TRIMMING_LOCK
from onhook.journal.postgres.statements import digest
from onhook.journal.postgres.tables import SCHEMA
from onhook.journal.postgres.wire_text import escaped
from onhook.journal.rows import moment
from onhook.journal.trimming import Count, Key, Old

T = TypeVar("T")

IS_OVER = (
    "r.state IN ('done', 'dead') AND NOT EXISTS "
    f"(SELECT 1 FROM {SCHEMA}.dead_letters AS d WHERE d.run_id = r.run_id)"
)
LEAST = -(2**63)


class Perform(Protocol):
    """Have something done on a connection; raises JournalError."""

    async def __call__(self, job: Callable[[Connection], Awaitable[T]]) -> T: ...


class OldRows:
    """The trimmer's way to the tables. `holding` lends a connection for longer."""

    def __init__(
        self,
        read: Perform,
        write: Perform,
        holding: Callable[[], AbstractAsyncContextManager[Connection]],
    ) -> None:
        self._read = read
        self._write = write
        self._holding = holding

    async def count(self) -> Count:
        return await self._read(_count)

    @asynccontextmanager
    async def trims_alone(self) -> AsyncIterator[bool]:
        """The lock goes with its connection, so a worker that dies gives it back."""
        async with self._holding() as connection:
            alone: bool = await connection.fetchval(f"SELECT pg_try_advisory_lock({TRIMMING_LOCK})")
            try:
                yield alone
            finally:
                if alone:
                    await connection.execute(f"SELECT pg_advisory_unlock({TRIMMING_LOCK})")

    async def old_runs(self, before: int, behind: Old | None, most: int) -> list[Old]:
        async def job(connection: Connection) -> list[Old]:
            place = (behind.at, *behind.key) if behind is not None else (LEAST, "")
            rows = await connection.fetch(
                f"SELECT r.created_at, r.run_id FROM {SCHEMA}.runs AS r WHERE r.created_at < $1 "
                f"AND (r.created_at, r.run_id) > ($2, $3) AND r.updated_at < $1 AND {IS_OVER} "
                "ORDER BY r.created_at, r.run_id LIMIT $4",
                before,
                *place,
                most,
            )
            return [Old(row[0], (row[1],)) for row in rows]

        return await self._read(job)

    async def remove_runs(self, keys: list[Key]) -> int:
        async def job(connection: Connection) -> int:
            async with connection.transaction():
                rows = await connection.fetch(
                    f"SELECT r.run_id FROM {SCHEMA}.runs AS r WHERE r.run_id = ANY($1) "
                    f"AND {IS_OVER} ORDER BY r.run_id FOR UPDATE OF r SKIP LOCKED",
                    [escaped(key[0]) for key in keys],
                )
                run_ids = [escaped(row[0]) for row in rows]
                for table in ("runs", "attempts", "traces", "screen_pops"):
                    await connection.execute(
                        f"DELETE FROM {SCHEMA}.{table} WHERE run_id = ANY($1)", run_ids
                    )
            return len(run_ids)

        return await self._write(job)

    async def old_events(self, before: int, behind: Old | None, most: int) -> list[Old]:
        async def job(connection: Connection) -> list[Old]:
            place = (behind.at, *behind.key) if behind is not None else (LEAST, "", "")
            rows = await connection.fetch(of_old_events(SCHEMA), before, *place, most)
            return [Old(row[0], (row[1], row[2])) for row in rows]

        return await self._read(job)

    async def remove_events(self, keys: list[Key]) -> int:
        async def job(connection: Connection) -> int:
            done: str = await connection.execute(
                f"DELETE FROM {SCHEMA}.events WHERE digest = ANY($1)",
                [digest(source, event_id) for source, event_id in keys],
            )
            return int(done.rsplit(maxsplit=1)[-1])

        return await self._write(job)


async def _count(connection: Connection) -> Count:
    runs, oldest = await connection.fetchrow(f"SELECT COUNT(*), MIN(created_at) FROM {SCHEMA}.runs")
    events = await connection.fetchval(f"SELECT COUNT(*) FROM {SCHEMA}.events")
    return Count(runs, events, None if oldest is None else moment(oldest))

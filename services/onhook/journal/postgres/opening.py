"""Opening the journal on PostgreSQL: connections made, tables brought up to date, tasks owned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from onhook.journal.bounds import Limits
from onhook.journal.port import Journal, JournalError
from onhook.journal.postgres.adapter import PostgresJournal
from onhook.journal.postgres.connection import FAILURES, Target
from onhook.journal.postgres.migrating import migrate
from onhook.journal.postgres.writer import GroupWriter

CLOSE_TIMEOUT_S = 5.0
HINT = "see that it is up, and that ONHOOK_JOURNAL_DB names it, a user and a database of yours"


@asynccontextmanager
async def opened(url: str, *, limits: Limits | None = None) -> AsyncIterator[Journal]:
    """Connect, bring the tables up to date, and keep the journal within `limits`.

    `url` is postgresql://user:password@host:port/database?sslmode=verify-full. Raises JournalError.
    """
    target = Target(url)
    writer = GroupWriter(target)
    try:
        connection = await target.connect()
        try:
            await migrate(connection, target)
        finally:
            await connection.close(timeout=CLOSE_TIMEOUT_S)
        await writer.open()
        pool = target.pool()
        await pool
    except (*FAILURES, ValueError) as error:
        raise JournalError(f"{target.failure(error)}; {HINT}") from error
    journal = PostgresJournal(target, writer, pool, limits or Limits())
    writing = asyncio.create_task(writer.work(), name="journal writing")
    others = {
        asyncio.create_task(writer.recover(), name="journal recovery"),
        asyncio.create_task(journal.trimmer.run(), name="journal trimming"),
    }
    try:
        yield journal
    finally:
        for task in others:
            task.cancel()
        await asyncio.wait(others)
        writer.close()
        await asyncio.wait({writing}, timeout=CLOSE_TIMEOUT_S)
        writing.cancel()  # a database that does not answer must not keep a worker from stopping
        await asyncio.wait({writing})
        try:
            await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT_S)
        except FAILURES:
            pool.terminate()

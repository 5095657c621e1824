"""One connection that commits the rows of many callers together, and the way back when it is lost.

Group commit only: what waits while a group is committed is the next group. It must not know what
the rows mean. A caller goes on once its rows are committed, and fails at once while the database is
away; it is the caller who insists.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NoReturn

import asyncpg
import structlog

from onhook.journal.port import JournalError
from onhook.journal.postgres.connection import FAILURES, Target, is_of_one_row
from onhook.journal.postgres.statements import KNOWN_RUNS, SQL, Write
from onhook.journal.postgres.wire_text import escaped

log = structlog.get_logger()

LARGEST_GROUP = 1_000
"""Callers committed together at most."""
SHORTEST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0

Rows = Sequence[tuple[Write, tuple[Any, ...]]]
Found = tuple[Any, ...] | None
"""The row that was there already of a run that is to be opened."""


class _Job:
    """One caller's rows. They are committed in the order of `key`, the same in every worker."""

    __slots__ = ("found", "future", "key", "rows")

    def __init__(self, key: str, rows: Rows, future: asyncio.Future[Found]) -> None:
        self.key = key
        self.rows = rows
        self.future = future
        self.found: Found = None


class GroupWriter:
    """Run `work` and `recover` in tasks; `close` ends the first when everything is written."""

    def __init__(self, target: Target) -> None:
        self.trouble: str | None = None
        self._target = target
        self._connection: asyncpg.Connection | None = None
        self._waiting: deque[_Job] = deque()
        self._wake = asyncio.Event()
        self._failed = asyncio.Event()
        self._is_closing = False
        self._connect_after = 0.0
        self._pause_s = SHORTEST_PAUSE_S

    async def open(self) -> None:
        """Connect. Raises one of FAILURES."""
        self._connection = await self._target.connect()

    async def write(self, key: str, rows: Rows) -> Found:
        """Returns once they are committed. An OPEN_RUN stands alone, as only it finds something.

        Raises JournalError.
        """
        if self._is_closing:
            raise JournalError("the journal cannot be written: it is closed")
        job = _Job(key, rows, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._wake.set()
        return await job.future

    def close(self) -> None:
        self._is_closing = True
        self._wake.set()

    async def work(self) -> None:
        try:
            while group := await self._next_group():
                await self._commit(group)
        finally:
            await self._disconnect()

    async def recover(self) -> NoReturn:
        """After a failure, write again and again until that succeeds.

        Else a worker that is not asked for anything while it is not ready would stay not ready.
        """
        while True:
            await self._failed.wait()
            self._failed.clear()
            pause_s = SHORTEST_PAUSE_S
            while self.trouble is not None:
                await asyncio.sleep(_jittered(pause_s))
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                if self.trouble is not None and not self._is_closing:
                    await self._probe()

    async def _probe(self) -> None:
        try:
            await self.write("", [(Write.PROBE, (time.time_ns() // 1_000,))])
        except JournalError:
            return
        log.info("journal can be written again", database=self._target.name)

    async def _next_group(self) -> list[_Job]:
        while not self._waiting and not self._is_closing:
            self._wake.clear()
            await self._wake.wait()
        size = min(len(self._waiting), LARGEST_GROUP)
        return [self._waiting.popleft() for _ in range(size)]

    async def _commit(self, group: list[_Job]) -> None:
        """All in one transaction; when a row is at fault, by halves until it stands alone."""
        try:
            connection = await self._connected()
            await _transact(connection, sorted(group, key=lambda job: job.key))
        except FAILURES as error:
            if len(group) > 1 and is_of_one_row(error):
                middle = len(group) // 2
                await self._commit(group[:middle])
                await self._commit(group[middle:])
                return
            if not is_of_one_row(error):
                await self._disconnect()
            self._fail(group, error)
        except BaseException:
            self._fail(group, asyncpg.InterfaceError("the journal is being closed"))
            raise
        else:
            self.trouble = None
            self._pause_s = SHORTEST_PAUSE_S
            for job in group:
                if not job.future.done():
                    job.future.set_result(job.found)

    def _fail(self, group: list[_Job], error: BaseException) -> None:
        self.trouble = self._target.failure(error)
        self._failed.set()
        for job in group:
            if not job.future.done():
                job.future.set_exception(
                    JournalError(f"the journal cannot be written: {self.trouble}")
                )

    async def _connected(self) -> asyncpg.Connection:
        """The connection, made anew where it is lost, not more often than the pauses allow."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        self._connection = None
        if time.monotonic() < self._connect_after:
            raise ConnectionError(self._why_not())
        try:
            self._connection = await self._target.connect()
        except FAILURES:
            self._connect_after = time.monotonic() + _jittered(self._pause_s)
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            raise
        return self._connection

    def _why_not(self) -> str:
        reason = (self.trouble or "").removeprefix(f"{self._target.name}: ")
        return reason or "the connection was lost"

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None or connection.is_closed():
            return
        try:
            await connection.close(timeout=1.0)
        except FAILURES:
            connection.terminate()


async def _transact(connection: asyncpg.Connection, group: list[_Job]) -> None:
    """Raises one of FAILURES; nothing is then written."""
    by_statement: dict[Write, list[tuple[Any, ...]]] = {}
    for job in group:
        for write, values in job.rows:
            by_statement.setdefault(write, []).append(values)
    turns = sorted(by_statement.items())
    if len(turns) == 1:  # the driver sends one statement's rows as a transaction of their own
        inserted = await _execute(connection, *turns[0])
    else:
        inserted = set()
        async with connection.transaction():
            for write, rows in turns:
                inserted |= await _execute(connection, write, rows)
    opening = [job for job in group if job.rows[0][0] is Write.OPEN_RUN]
    if opening:
        await _find(connection, opening, inserted)


async def _execute(
    connection: asyncpg.Connection, write: Write, rows: list[tuple[Any, ...]]
) -> set[str]:
    """Write the rows; the ids of the runs that were not there before."""
    if write is not Write.OPEN_RUN:
        await connection.executemany(SQL[write], rows)
        return set()
    return {row[0] for row in await connection.fetchmany(SQL[write], rows)}


async def _find(connection: asyncpg.Connection, opening: list[_Job], inserted: set[str]) -> None:
    """The rows of the runs that were there: read after the commit, and by one statement."""
    known: list[_Job] = []
    for job in opening:
        run_id = job.rows[0][1][0]
        if run_id in inserted:
            inserted.discard(run_id)  # of several that open one run, the first made it
        else:
            known.append(job)
    if not known:
        return
    run_ids = [escaped(job.rows[0][1][0]) for job in known]
    rows = {row[0]: tuple(row) for row in await connection.fetch(KNOWN_RUNS, run_ids)}
    for job in known:
        job.found = rows.get(job.rows[0][1][0])


def _jittered(pause_s: float) -> float:
    return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - keeps a fleet out of step, no secret

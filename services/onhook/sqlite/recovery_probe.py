"""Whether a database can be written now: why the last write failed, and writing until one works.

A room whose readiness hangs on its writes (the call emulator's store, the sink's) writes through
one of these and runs it in a task that the room owns. It must not know any table.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import NoReturn, TypeVar

import structlog

from onhook.sqlite.database import Database, Job, StorageError

log = structlog.get_logger()
T = TypeVar("T")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0


class RecoveryProbe:
    """`trouble` is why the last write failed, None while writes succeed."""

    def __init__(self, database: Database) -> None:
        self.trouble: str | None = None
        self._database = database
        self._failed = asyncio.Event()

    async def write(self, job: Job[T]) -> T:
        """As `Database.write`, minding how it goes."""
        try:
            result = await self._database.write(job)
        except StorageError as error:
            self.trouble = str(error)
            self._failed.set()
            raise
        self.trouble = None
        return result

    async def run(self) -> NoReturn:
        """For the room's lifetime: after a failure, write again and again until that succeeds.

        Else a service that is asked for nothing while it is not ready would stay not ready.
        """
        while True:
            await self._failed.wait()
            self._failed.clear()
            pause_s = FIRST_PAUSE_S
            while self.trouble is not None:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                await self._attempt()

    async def _attempt(self) -> None:
        if self.trouble is None:
            return
        try:
            await self._database.write(_rewrite)
        except StorageError as error:
            self.trouble = str(error)
        else:
            self.trouble = None
            log.info("database can be written again", path=str(self._database.path))


def _rewrite(connection: sqlite3.Connection) -> None:
    """A page goes to the file and nothing changes; an empty transaction would not need the disk."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version={version}")

"""A SQLite file in WAL mode: one writer thread that commits in groups, one reader thread.

May live here: connections, transactions, threads, migrations. It must not know any table.
A write job runs inside a transaction shared with whatever else was waiting; its caller goes on
only after the commit, so what was answered is on disk (`synchronous=FULL` by default).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

LARGEST_GROUP = 1_000
"""Jobs committed together at most."""
BUSY_TIMEOUT_S = 10.0
"""How long another process may hold the file before a job fails."""
BUSY_STEP_S = 0.5
"""The same while the database is being closed: a process that stops cannot wait for others."""


class StorageError(Exception):
    """The database file cannot be used."""


class _Pending:
    """A job and the future of its caller."""

    __slots__ = ("error", "future", "job", "result")

    def __init__(self, job: Job[Any], future: asyncio.Future[Any]) -> None:
        self.job = job
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        self.error = None
        self.result = self.job(connection)


class _Lane:
    """A thread that owns one connection and runs jobs in groups."""

    def __init__(self, name: str, connection: sqlite3.Connection, *, writes: bool) -> None:
        self._connection = connection
        self._writes = writes
        self._waiting: deque[_Pending] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._loop.create_future()
        with self._wake:
            if self._closing:
                raise StorageError("the database is closed")
            self._waiting.append(_Pending(job, future))
            self._wake.notify()
        return future

    async def close(self) -> None:
        """Finish what is waiting, then close the connection."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        while group := self._next_group():
            if self._writes:
                self._commit(group)
            else:
                _attempt_all(group, self._connection)
            with suppress(RuntimeError):  # the loop is gone: nobody waits any more
                self._loop.call_soon_threadsafe(_resolve, group)
            del group  # what its jobs hold can be large, and the next group may be long in coming
        self._connection.close()

    def _next_group(self) -> list[_Pending]:
        with self._wake:
            while not self._waiting and not self._closing:
                self._wake.wait()
            size = min(len(self._waiting), LARGEST_GROUP)
            return [self._waiting.popleft() for _ in range(size)]

    def _commit(self, group: list[_Pending]) -> None:
        """All in one transaction; when one of them fails, each in a transaction of its own."""
        try:
            self._begin()
        except sqlite3.Error as error:  # another process holds the file: no job is at fault
            for pending in group:
                pending.error = error
            return
        try:
            self._transact(group)
        except Exception as error:  # noqa: BLE001 - handed to the callers
            if len(group) == 1:
                group[0].error = error
                return
            for pending in group:
                self._commit([pending])

    def _begin(self) -> None:
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                is_held = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
                if not is_held or self._closing or time.monotonic() > deadline:
                    raise

    def _transact(self, group: list[_Pending]) -> None:
        connection = self._connection
        try:
            for pending in group:
                pending.run(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _attempt_all(group: list[_Pending], connection: sqlite3.Connection) -> None:
    for pending in group:
        try:
            pending.run(connection)
        except Exception as error:  # noqa: BLE001 - handed to the caller
            pending.error = error


def _resolve(group: list[_Pending]) -> None:
    for pending in group:
        if pending.future.done():
            continue
        if pending.error is not None:
            pending.future.set_exception(pending.error)
        else:
            pending.future.set_result(pending.result)


class Database:
    """Use `async with Database.opened(path, migrations) as database`."""

    def __init__(self, path: Path, writer: _Lane, reader: _Lane) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, path: Path, migrations: Sequence[str], *, synchronous: str = "FULL"
    ) -> AsyncIterator[Database]:
        """Open or make the file, bring its tables up to date, close it at the end.

        `migrations` are SQL scripts, oldest first; the file remembers how many it has had.
        Raises StorageError naming the file.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection, readable = await asyncio.to_thread(
                _open_both, path, migrations, synchronous
            )
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{path}: {error}") from error
        writer = _Lane(f"sqlite-write-{path.stem}", connection, writes=True)
        reader = _Lane(f"sqlite-read-{path.stem}", readable, writes=False)
        try:
            yield cls(path, writer, reader)
        finally:
            await reader.close()
            await writer.close()

    async def write(self, job: Job[T]) -> T:
        """Run `job(connection)` in a transaction; returns its result once that is committed.

        The job may run twice when another job of its group failed, so it must touch nothing but
        the connection. Its exceptions are raised here; sqlite3's as StorageError.
        """
        try:
            return await self._writer.submit(job)
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: {error}") from error

    async def read(self, job: Job[T]) -> T:
        """Run `job(connection)` on the reading connection, which sees what is committed."""
        try:
            return await self._reader.submit(job)
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: {error}") from error


def _open_both(
    path: Path, migrations: Sequence[str], synchronous: str
) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """The writing connection, with the tables up to date, and the reading one."""
    with ExitStack() as opened:
        connection = opened.enter_context(closing(_connect(path, synchronous)))
        _migrate(connection, path, migrations)
        readable = opened.enter_context(closing(_connect(path, synchronous)))
        readable.execute("PRAGMA query_only=ON")
        connection.execute(f"PRAGMA busy_timeout={round(BUSY_STEP_S * 1000)}")
        opened.pop_all()  # both are good: their lanes close them
        return connection, readable


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_TIMEOUT_S,
        cached_statements=256,
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA cache_size=-16384")
    connection.execute("PRAGMA wal_autocheckpoint=4000")
    connection.execute("PRAGMA journal_size_limit=67108864")
    return connection


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    done = connection.execute("PRAGMA user_version").fetchone()[0]
    if done > len(migrations):
        raise StorageError(
            f"{path}: written by a newer version of onhook (tables {done}, this one knows "
            f"{len(migrations)}); use that version, or another ONHOOK_DATA"
        )
    for number, script in enumerate(migrations[done:], start=done + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT")

"""A database whose file another process holds: who is told, and when."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from onhook.sqlite import Database, StorageError, database

MIGRATIONS = ("CREATE TABLE word (text TEXT)",)


def add(connection: sqlite3.Connection) -> int:
    return connection.execute("INSERT INTO word VALUES ('x')").rowcount


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM word").fetchone()[0])


@contextmanager
def held(path: Path) -> Iterator[None]:
    """As by another process."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


async def test_all_who_wait_for_a_held_file_are_told_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(database, "BUSY_STEP_S", 0.1)
    path = tmp_path / "words.db"
    async with Database.opened(path, MIGRATIONS) as opened:
        with held(path):
            begun = monotonic()
            told = await asyncio.gather(
                *(opened.write(add) for _ in range(100)), return_exceptions=True
            )
            assert monotonic() - begun < 5  # and not 100 times a timeout
            assert all(isinstance(each, StorageError) for each in told)
            assert {str(each) for each in told} == {f"{path}: database is locked"}
        assert await opened.write(add) == 1
        assert await opened.read(count) == 1


async def test_a_write_waits_for_a_short_hold_and_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_STEP_S", 0.05)
    path = tmp_path / "words.db"
    async with Database.opened(path, MIGRATIONS) as opened:
        with held(path):
            writing = asyncio.create_task(opened.write(add))
            done, _ = await asyncio.wait({writing}, timeout=0.3)  # several steps
            assert not done
        assert await writing == 1


async def test_closing_does_not_wait_for_who_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    with ExitStack() as stack:
        async with Database.opened(path, MIGRATIONS) as opened:
            stack.enter_context(held(path))
            writing = [asyncio.create_task(opened.write(add)) for _ in range(10)]
            await asyncio.sleep(0)  # they are waiting now
            begun = monotonic()
        told = await asyncio.gather(*writing, return_exceptions=True)
        assert monotonic() - begun < 5
    assert all(isinstance(each, StorageError) for each in told)

"""The SQLite file: group commit, one failing job among others, migrations, closing."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from onhook.sqlite import Database, StorageError

MIGRATIONS = ("CREATE TABLE word (text TEXT PRIMARY KEY)",)


def add(text: str):
    return lambda connection: connection.execute("INSERT INTO word VALUES (?)", (text,)).rowcount


def words(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT text FROM word ORDER BY rowid")]


async def test_what_was_written_is_read_and_outlives_the_database(tmp_path: Path):
    path = tmp_path / "folder" / "words.db"
    async with Database.opened(path, MIGRATIONS) as database:
        assert await database.write(add("one")) == 1
        assert await database.read(words) == ["one"]
    async with Database.opened(path, MIGRATIONS) as database:
        assert await database.read(words) == ["one"]


async def test_jobs_that_wait_together_are_committed_together(tmp_path: Path):
    async with Database.opened(tmp_path / "words.db", MIGRATIONS) as database:
        gate = threading.Event()
        holding = asyncio.ensure_future(database.write(lambda _: gate.wait(10)))
        adding = [asyncio.ensure_future(database.write(add(f"w{n}"))) for n in range(300)]
        await asyncio.sleep(0)  # all are submitted
        seen_in_between: list[int] = []

        def count(connection: sqlite3.Connection) -> int:
            assert connection.in_transaction
            return len(words(connection))

        counting = asyncio.ensure_future(database.write(count))
        await asyncio.sleep(0)
        gate.set()
        await holding
        await asyncio.wait(adding, return_when=asyncio.FIRST_COMPLETED)
        seen_in_between.append(len(await database.read(words)))
        await asyncio.gather(*adding)
        assert seen_in_between == [300]  # the first to return already finds all of them
        assert await counting == 300


async def test_a_job_that_fails_does_not_harm_those_committed_with_it(tmp_path: Path):
    async with Database.opened(tmp_path / "words.db", MIGRATIONS) as database:
        gate = threading.Event()
        holding = asyncio.ensure_future(database.write(lambda _: gate.wait(10)))
        jobs = [
            asyncio.ensure_future(database.write(job))
            for job in (add("a"), add("a"), add("b"), lambda _: 1 / 0, add("c"))
        ]
        await asyncio.sleep(0)
        gate.set()
        await holding
        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert [results[0], results[2], results[4]] == [1, 1, 1]
        assert isinstance(results[1], StorageError)
        assert "words.db" in str(results[1])
        assert isinstance(results[3], ZeroDivisionError)
        assert await database.read(words) == ["a", "b", "c"]


async def test_a_failed_job_leaves_nothing_of_itself(tmp_path: Path):
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO word VALUES ('half')")
        raise LookupError("halfway")

    async with Database.opened(tmp_path / "words.db", MIGRATIONS) as database:
        with pytest.raises(LookupError, match="halfway"):
            await database.write(half)
        assert await database.read(words) == []
        await database.write(add("next"))
        assert await database.read(words) == ["next"]


async def test_a_reader_cannot_write(tmp_path: Path):
    async with Database.opened(tmp_path / "words.db", MIGRATIONS) as database:
        with pytest.raises(StorageError, match="readonly"):
            await database.read(add("x"))


async def test_a_caller_that_gave_up_does_not_disturb_the_writer(tmp_path: Path):
    async with Database.opened(tmp_path / "words.db", MIGRATIONS) as database:
        gate = threading.Event()
        holding = asyncio.ensure_future(database.write(lambda _: gate.wait(10)))
        given_up = asyncio.ensure_future(database.write(add("anyway")))
        await asyncio.sleep(0)
        given_up.cancel()
        gate.set()
        await holding
        await database.write(add("after"))
        assert await database.read(words) == ["anyway", "after"]


async def test_closing_finishes_what_waits_and_refuses_what_comes_later(tmp_path: Path):
    path = tmp_path / "words.db"
    async with Database.opened(path, MIGRATIONS) as database:
        adding = [asyncio.ensure_future(database.write(add(f"w{n}"))) for n in range(50)]
        await asyncio.sleep(0)
    await asyncio.gather(*adding)
    with pytest.raises(StorageError, match="closed"):
        await database.write(add("late"))
    with pytest.raises(StorageError, match="closed"):
        await database.read(words)
    with sqlite3.connect(path) as connection:
        assert len(words(connection)) == 50
    connection.close()


async def test_migrations_run_once_each_and_keep_the_rows(tmp_path: Path):
    path = tmp_path / "words.db"
    async with Database.opened(path, MIGRATIONS) as database:
        await database.write(add("old"))
    more = (*MIGRATIONS, "ALTER TABLE word ADD COLUMN size INTEGER; UPDATE word SET size = 3")
    for _ in range(2):
        async with Database.opened(path, more) as database:
            assert await database.read(
                lambda connection: connection.execute("SELECT text, size FROM word").fetchall()
            ) == [("old", 3)]


async def test_a_migration_that_fails_changes_nothing_and_names_the_file(tmp_path: Path):
    path = tmp_path / "words.db"
    async with Database.opened(path, MIGRATIONS) as database:
        await database.write(add("kept"))
    broken = (*MIGRATIONS, "CREATE TABLE extra (x); CREATE TABLE word (again TEXT)")
    with pytest.raises(StorageError, match=r"words\.db"):
        async with Database.opened(path, broken):
            pytest.fail("it must not open")
    async with Database.opened(path, MIGRATIONS) as database:
        assert await database.read(words) == ["kept"]


async def test_a_file_of_a_newer_version_is_refused(tmp_path: Path):
    path = tmp_path / "words.db"
    async with Database.opened(path, (*MIGRATIONS, "CREATE TABLE later (x)")):
        pass
    with pytest.raises(StorageError, match="written by a newer version of onhook"):
        async with Database.opened(path, MIGRATIONS):
            pytest.fail("it must not open")


async def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "notes.db"
    path.write_bytes(b"dear diary, " * 200)
    with pytest.raises(StorageError, match=r"notes\.db"):
        async with Database.opened(path, MIGRATIONS):
            pytest.fail("it must not open")


async def test_a_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"words\.db"):
        async with Database.opened(tmp_path / "file" / "words.db", MIGRATIONS):
            pytest.fail("it must not open")

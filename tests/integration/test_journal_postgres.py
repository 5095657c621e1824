"""The journal on PostgreSQL: fleets that start at once, outages, and what its database must be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from journal_records import a_run, a_version, an_attempt, an_event
from onhook.journal.bounds import Limits
from onhook.journal.port import Journal, JournalError
from onhook.journal.postgres import opened, opening, writer
from onhook.journal.postgres.tables import MIGRATIONS, SCHEMA
from passage import Passage
from postgres import Postgres


async def until(is_so: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(20):
            while not is_so():  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within 20 s: {what}") from None


async def insist(action: Callable[[], Any]) -> Any:
    """As the worker does."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await action()
            except JournalError:
                await asyncio.sleep(0.05)


async def test_a_fleet_that_starts_at_once_makes_the_tables_once(postgres_url: str) -> None:
    async def work(number: int) -> None:
        async with opened(postgres_url) as journal:
            await journal.save(a_run(f"r{number}"))

    await asyncio.gather(*(work(number) for number in range(8)))
    async with opened(postgres_url) as journal:
        assert len(await journal.runs(interaction_id=None, state=None, limit=100)) == 8
        assert await journal.revision() == 0


async def test_only_its_own_schema_is_used(postgres: Postgres, postgres_url: str) -> None:
    postgres.execute("CREATE TABLE runs (mine text)", postgres_url)
    async with opened(postgres_url) as journal:
        await journal.save(a_run())
        assert await journal.run("r1") == a_run()
    connection = await asyncpg.connect(postgres_url)
    found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert [row[0] for row in found] == ["runs"]


async def test_a_user_who_may_not_make_tables_uses_those_that_are_there(
    postgres: Postgres, postgres_url: str
) -> None:
    async with opened(postgres_url):
        pass
    name = postgres_url.rpartition("/")[2]
    postgres.execute(
        f"CREATE ROLE {name}_user LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA {SCHEMA} TO {name}_user;"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO {name}_user",
        postgres_url,
    )
    where = postgres_url.rpartition("@")[2]
    async with opened(f"postgresql://{name}_user:p@{where}") as journal:
        await journal.save(a_run(), attempt=an_attempt())
        await journal.publish_version(a_version(), ("Latest",))
        assert await journal.attempts("r1") == [an_attempt()]
    postgres.execute(f"DROP OWNED BY {name}_user; DROP ROLE {name}_user", postgres_url)


async def test_connections_that_the_server_ends_cost_no_row(
    postgres: Postgres, postgres_url: str
) -> None:
    async with opened(postgres_url) as journal:
        await asyncio.gather(*(journal.revision() for _ in range(4)))

        async def work(number: int) -> None:
            await insist(
                lambda: journal.save(a_run(f"r{number}"), attempt=an_attempt(f"r{number}"))
            )

        ended = 0
        async with asyncio.TaskGroup() as group:
            for number in range(600):
                group.create_task(work(number))
                if number % 200 == 100:
                    await asyncio.sleep(0)
                    ended += await asyncio.to_thread(postgres.close_connections, postgres_url)
        assert ended
        assert await journal.revision() == 0
        for number in range(600):
            made = await journal.attempts(f"r{number}")
            assert made == [an_attempt(f"r{number}")]
        assert journal.trouble is None


async def test_idle_connections_that_the_server_ended_are_not_noticed(
    postgres: Postgres, postgres_url: str
) -> None:
    async with opened(postgres_url) as journal:
        await asyncio.gather(*(journal.revision() for _ in range(4)))
        assert await asyncio.to_thread(postgres.close_connections, postgres_url) == 5
        await until(journal._writer._connection.is_closed, "the end was seen")
        await journal.save(a_run())
        assert await journal.run("r1") == a_run()
        assert journal.trouble is None


async def test_while_the_database_is_away_it_says_so_and_it_comes_back_by_itself(
    postgres_url: str,
) -> None:
    async with Passage(postgres_url) as passage, opened(passage.url) as journal:
        await journal.save(a_run())
        await passage.close()
        with pytest.raises(JournalError, match="the journal cannot be written: postgresql://"):
            await journal.save(a_run("r2"))
        with pytest.raises(JournalError, match="the journal cannot be read: postgresql://"):
            await journal.run("r1")
        with pytest.raises(JournalError, match="the journal cannot be written: postgresql://"):
            await journal.publish_version(a_version(), ())
        assert journal.trouble is not None
        assert "\n" not in journal.trouble
        await passage.open()
        await until(lambda: journal.trouble is None, "trouble is over")
        await journal.save(a_run("r2"))
        assert await journal.run("r2") == a_run("r2")


async def test_nothing_of_an_outage_is_lost_or_doubled(postgres_url: str) -> None:
    async with Passage(postgres_url) as passage, opened(passage.url) as journal:

        async def work(number: int) -> None:
            run = await insist(lambda: journal.open_run(a_run(f"r{number}")))
            attempt = an_attempt(run.run_id)
            await insist(lambda: journal.save(run, attempt=attempt))
            await insist(lambda: journal.note_event(an_event(f"e{number}")))

        async def fail() -> None:
            for _ in range(4):
                await passage.close()
                await asyncio.sleep(0)
                await passage.open()
                await insist(journal.revision)

        async with asyncio.TaskGroup() as group:
            for number in range(400):
                group.create_task(work(number))
            group.create_task(fail())
        for number in range(400):
            assert await journal.attempts(f"r{number}") == [an_attempt(f"r{number}")]
        assert len((await journal.history("i1")).events) == 400


async def test_a_caller_that_is_cancelled_harms_no_other(postgres_url: str) -> None:
    async with opened(postgres_url) as journal:
        tasks = [asyncio.create_task(journal.save(a_run(f"r{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        runs = await journal.runs(interaction_id=None, state=None, limit=100)
        assert {f"r{n}" for n in range(1, 50, 2)} <= {run.run_id for run in runs}


async def test_a_database_that_does_not_answer_keeps_no_worker_from_stopping(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "CLOSE_TIMEOUT_S", 0.3)
    holder = await asyncpg.connect(postgres_url)
    opening_one = opened(postgres_url)
    journal = await opening_one.__aenter__()
    async with asyncio.timeout(15), holder.transaction():
        await holder.execute(f"LOCK TABLE {SCHEMA}.runs")
        saving = asyncio.create_task(journal.save(a_run()))
        await asyncio.sleep(0)
        await opening_one.__aexit__(None, None, None)
        with pytest.raises(JournalError, match="the journal cannot be written"):
            await saving
    await holder.close()


async def test_workers_that_save_the_same_runs_in_any_order_do_not_wait_for_one_another(
    postgres_url: str,
) -> None:
    async with opened(postgres_url) as one, opened(postgres_url) as other:

        async def save(journal: Journal, order: list[int], step: int) -> None:
            await asyncio.gather(*(journal.save(a_run(f"r{n}", step=step)) for n in order))

        numbers = list(range(200))
        for step in range(20):
            await asyncio.gather(save(one, numbers, step), save(other, numbers[::-1], step))
        assert one.trouble is other.trouble is None
        connection = await asyncpg.connect(postgres_url)
        deadlocks = await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        await connection.close()
        assert deadlocks == 0


async def test_one_worker_of_a_fleet_trims_at_a_time(postgres_url: str) -> None:
    async with (
        opened(postgres_url, limits=Limits(max_rows=1)) as one,
        opened(postgres_url, limits=Limits(max_rows=1)) as other,
    ):
        store = other.trimmer._store
        async with one.trimmer._store.trims_alone() as first, store.trims_alone() as second:
            assert (first, second) == (True, False)
        async with store.trims_alone() as later:
            assert later


async def test_many_callers_are_committed_together(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = []
    transact = writer._transact

    async def counted(connection: Any, group: list[Any]) -> None:
        groups.append(len(group))
        await transact(connection, group)

    monkeypatch.setattr(writer, "_transact", counted)
    async with opened(postgres_url) as journal:
        await asyncio.gather(*(journal.save(a_run(f"r{n}")) for n in range(500)))
    assert sum(groups) == 500
    assert len(groups) <= 3


@pytest.mark.parametrize("encoding", ["UTF8", "SQL_ASCII"])
async def test_either_encoding_that_keeps_all_characters_will_do(
    postgres: Postgres, encoding: str
) -> None:
    url = postgres.new_database(encoding)
    run = a_run(interaction_id="é😀\x00" * 90, reason="é😀")
    try:
        async with opened(url) as journal:
            await journal.save(run)
            assert await journal.run("r1") == run
            assert [each.run.run_id for each in (await journal.history(run.interaction_id)).runs]
            assert await journal.interactions("é😀\x00", 10) == [run.interaction_id]
    finally:
        postgres.drop_database(url)


async def test_a_database_that_cannot_hold_all_characters_is_refused(postgres: Postgres) -> None:
    url = postgres.new_database("LATIN1")
    try:
        with pytest.raises(JournalError, match="encoding is LATIN1; the journal needs UTF8"):
            async with opened(url):
                pass
    finally:
        postgres.drop_database(url)


async def test_a_journal_of_a_newer_version_is_refused(
    postgres: Postgres, postgres_url: str
) -> None:
    async with opened(postgres_url):
        pass
    postgres.execute(f"UPDATE {SCHEMA}.migrations SET done = 99", postgres_url)
    with pytest.raises(JournalError, match=rf"\(tables 99, this one knows {len(MIGRATIONS)}\)"):
        async with opened(postgres_url):
            pass


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("postgresql://postgres:hunter2@127.0.0.1:1/x", "127.0.0.1:1/x: "),
        ("postgresql://nobody-here:hunter2@{where}/postgres", "nobody-here"),
        ("postgresql://{login}@{where}/not_there", "not_there"),
        ("postgresql://{login}@{where}/postgres?sslmode=hunter2", "sslmode"),
    ],
)
async def test_what_cannot_be_opened_is_named_without_its_password(
    postgres: Postgres, part: str, said: str
) -> None:
    login, _, where = postgres.url.removeprefix("postgresql://").rpartition("@")
    url = part.format(login=login, where=where.partition("/")[0])
    with pytest.raises(JournalError) as refusal:
        async with opened(url):
            pass
    text = str(refusal.value)
    assert said in text
    assert "ONHOOK_JOURNAL_DB" in text
    assert "\n" not in text
    assert login.rpartition(":")[2] not in text.replace("sslmode", "") or ":" not in login
    assert "postgres:hunter2" not in text

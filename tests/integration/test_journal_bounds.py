"""The journal within its limits, on either store: what goes, what stays, and that it says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from journal_records import (
    OpenJournal,
    a_dead_letter,
    a_pop,
    a_run,
    a_trace,
    a_version,
    an_attempt,
    an_event,
)
from onhook.journal.bounds import Limits
from onhook.journal.port import Journal, Run, RunState
from onhook.journal.query import Query, Subject

NOW = datetime.now(UTC)
FOREVER_S = 1e9


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


OLD = ago(days=2)


def old_run(run_id: str, *, ended: datetime = OLD, **fields: Any) -> Run:
    state = fields.pop("state", RunState.DONE)
    created = fields.pop("created_at", ended)
    return a_run(run_id, state=state, created_at=created, updated_at=ended, **fields)


async def sweep(journal: Journal) -> None:
    await journal.trimmer.sweep()


async def kept(journal: Journal) -> set[str]:
    page = await journal.find(Query(limit=1_000))
    runs = {entry.run.run_id for entry in page.entries if entry.run}
    return runs | {entry.event.event_id for entry in page.entries if entry.event}


async def test_what_is_over_goes_when_it_is_old_with_all_that_belongs_to_it(
    open_journal: OpenJournal,
) -> None:
    async with open_journal(limits=Limits(max_age_s=86_400)) as journal:
        for run_id, ended in [("old", ago(days=2)), ("young", ago(hours=20))]:
            run = old_run(run_id, ended=ended, created_at=ago(days=3))
            await journal.save(
                run,
                attempt=an_attempt(run_id),
                trace=a_trace(run_id),
                pop=a_pop(f"pop of {run_id}", run_id),
            )
        await journal.note_event(an_event("old event", at=ago(days=2)))
        await journal.note_event(an_event("young event", at=ago(hours=20)))
        await sweep(journal)
        assert await kept(journal) == {"young", "young event"}
        assert await journal.attempts("old") == []
        attempts = (await journal.find(Query(of=Subject.ATTEMPTS))).entries
        assert [entry.attempt for entry in attempts] == [an_attempt("young")]
        # The id again is a new run, with nothing of the old one.
        await journal.open_run(old_run("old"))
        record = await journal.record("old")
        assert record is not None
        assert (record.attempts, record.traces, record.screen_pops) == ([], [], [])


async def test_beyond_the_number_of_rows_the_oldest_go(open_journal: OpenJournal) -> None:
    async with open_journal(limits=Limits(max_age_s=FOREVER_S, max_rows=3)) as journal:
        for number in range(250):
            await journal.save(old_run(f"r{number}", ended=ago(hours=1 + number)))
            await journal.note_event(an_event(f"e{number}", at=ago(hours=1 + number)))
        before = await journal.bounds()
        assert (before.runs, before.events, before.is_over) == (250, 250, True)
        await sweep(journal)
        assert await kept(journal) == {"r0", "r1", "r2", "e0", "e1", "e2"}
        after = await journal.bounds()
        assert (after.runs, after.events, after.is_over) == (3, 3, False)
        assert (after.trimmed_runs, after.trimmed_events) == (247, 247)
        assert (after.max_rows, after.max_age_s) == (3, FOREVER_S)
        assert after.oldest_at == ago(hours=3)
        assert after.trimmed_at is not None
        assert after.trouble is None


@pytest.mark.parametrize("limits", [Limits(max_age_s=60), Limits(max_rows=1)], ids=["age", "rows"])
async def test_what_is_under_way_ended_just_now_or_has_a_dead_letter_stays(
    open_journal: OpenJournal, limits: Limits
) -> None:
    async with open_journal(limits=limits) as journal:
        for state in (RunState.RUNNING, RunState.WAITING):
            await journal.save(old_run(state.value, state=state))
        await journal.save(old_run("with a dead letter", state=RunState.DEAD))
        await journal.note_dead_letter(a_dead_letter(run_id="with a dead letter"))
        just_now = datetime.now(UTC) - timedelta(seconds=100)
        await journal.save(old_run("just now", ended=just_now, created_at=ago(days=9)))
        await journal.save(old_run("over"))
        await sweep(journal)
        stay = {"running", "waiting", "with a dead letter", "just now"}
        assert await kept(journal) == stay
        assert (await journal.dead_letter("m1")) is not None
        await journal.forget_dead_letter("m1")
        await sweep(journal)
        assert await kept(journal) == stay - {"with a dead letter"}


async def test_versions_stay_while_runs_go(open_journal: OpenJournal) -> None:
    async with open_journal(limits=Limits(max_age_s=60)) as journal:
        for content in ("one", "two", "three"):
            await journal.publish_version(a_version(content), ("Latest",))
        await journal.save(old_run("r1", version=1))
        await journal.save(old_run("r2", version=2, state=RunState.WAITING))
        await sweep(journal)
        assert await kept(journal) == {"r2"}
        assert [version.number for version in await journal.versions()] == [1, 2, 3]


async def test_many_that_must_stay_hide_nothing_behind_them(open_journal: OpenJournal) -> None:
    async with open_journal(limits=Limits(max_age_s=FOREVER_S, max_rows=210)) as journal:
        for number in range(205):
            at = ago(days=5, seconds=number)
            await journal.save(old_run(f"w{number}", state=RunState.WAITING, ended=at))
        for number in range(20):
            await journal.save(old_run(f"d{number}", ended=ago(days=1, seconds=number)))
        await sweep(journal)
        left = await kept(journal)
        assert {run_id for run_id in left if run_id[0] == "d"} == {f"d{n}" for n in range(5)}
        assert len(left) == 210


async def test_trimming_tells_the_log_with_counts(open_journal: OpenJournal) -> None:
    async with open_journal(limits=Limits(max_age_s=86_400, max_rows=2)) as journal:
        for number in range(5):
            await journal.save(old_run(f"r{number}", ended=ago(days=2 if number < 2 else 0.5)))
        await journal.save(old_run("waits", state=RunState.WAITING))
        await journal.save(old_run("waits too", state=RunState.WAITING))
        await journal.save(old_run("and this", state=RunState.WAITING))
        with structlog.testing.capture_logs() as lines:
            await sweep(journal)
        told = {line["event"]: line for line in lines}
        trimmed = told["journal trimmed"]
        assert (trimmed["runs"], trimmed["runs_too_old"], trimmed["runs_left"]) == (5, 2, 3)
        assert trimmed["log_level"] == "warning"
        assert told["journal holds more than its limit"]["runs"] == 3
        with structlog.testing.capture_logs() as lines:
            await sweep(journal)
        assert [line["event"] for line in lines] == ["journal holds more than its limit"]


async def test_it_is_trimmed_by_itself(open_journal: OpenJournal) -> None:
    async with open_journal(limits=Limits(max_age_s=60, sweep_s=0.01)) as journal:
        await journal.save(old_run("r1"))
        async with asyncio.timeout(10):
            while await kept(journal):  # noqa: ASYNC110 - a journal tells nobody
                await asyncio.sleep(0.01)


async def test_writes_go_on_while_it_is_trimmed(open_journal: OpenJournal) -> None:
    async with open_journal(limits=Limits(max_age_s=60)) as journal:
        for first in range(0, 3_000, 500):
            await asyncio.gather(
                *(journal.save(old_run(f"r{n}")) for n in range(first, first + 500))
            )
        sweeping = asyncio.create_task(sweep(journal))
        written = 0
        while not sweeping.done():
            await journal.save(a_run(f"new {written}"))
            written += 1
        await sweeping
        assert written >= 30  # one between any two of the 30 batches, at the least
        await sweep(journal)
        assert (await journal.bounds()).runs == written

"""Finding in the journal, on either store: each answer is that of a plain filter over all records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from journal_records import a_run, an_attempt, an_event, later
from onhook.journal.endpoint import endpoint_of
from onhook.journal.port import (
    Attempt,
    EventOutcome,
    EventRow,
    Journal,
    Run,
    RunState,
)
from onhook.journal.query import Entry, Query, QueryError, Subject

URLS = ["https://a.example/x", "https://a.example:8443/y", "http://b.example?q"]
TEXTS = ["one", "two", "two\x00", "two\x01", "drei 😀"]


class Records:
    """What a journal holds, as plain lists; and its answers, found by looking at everything."""

    def __init__(self, random: Random) -> None:
        self.runs: dict[str, Run] = {}
        self.attempts: list[Attempt] = []
        self.events: list[EventRow] = []
        for number in range(120):
            run = a_run(
                f"{random.choice(TEXTS)} {number}",
                interaction_id=random.choice([*TEXTS, None]),
                flow_id=random.choice(TEXTS),
                state=random.choice(list(RunState)),
                created_at=later(random.randrange(40)),
            )
            self.runs[run.run_id] = run
            for count in range(random.randrange(4)):
                self.attempts.append(
                    an_attempt(
                        run.run_id,
                        count,
                        node=random.choice("AB"),
                        started_at=later(random.randrange(40)),
                        url=random.choice(URLS),
                        status=random.choice([None, 200, 204, 503]),
                    )
                )
            event = an_event(
                f"{random.choice(TEXTS)} {number}",
                source=random.choice(TEXTS),
                interaction_id=random.choice([*TEXTS, None]),
                flow_id=random.choice([*TEXTS, None]),
                outcome=random.choice(list(EventOutcome)),
                at=later(random.randrange(40)),
            )
            self.events.append(event)

    async def store(self, journal: Journal) -> None:
        made: dict[str, list[Attempt]] = {}
        for attempt in self.attempts:
            made.setdefault(attempt.run_id, []).append(attempt)
        await asyncio.gather(
            *(journal.note_event(event) for event in self.events),
            *(
                journal.save(run, attempt=attempt)
                for run in self.runs.values()
                for attempt in (made.get(run.run_id) or [None])
            ),
        )

    def answer(self, query: Query) -> list[Entry]:
        """Everything that fits, in order."""
        if not query.is_by_attempt:
            found = [*self._runs(query), *self._events(query)]
            return sorted(found, key=_run_or_event_key, reverse=True)
        fitting = sorted(self._attempts(query), key=_attempt_key, reverse=True)
        entries = []
        seen: set[str] = set()
        for attempt in fitting:
            if query.of is Subject.RUNS and attempt.run_id in seen:
                continue
            seen.add(attempt.run_id)
            run = self.runs[attempt.run_id]
            if _fits_run(query, run):
                entries.append(Entry(at=attempt.started_at, run=run, attempt=attempt))
        return entries

    def _runs(self, query: Query) -> Iterator[Entry]:
        for run in self.runs.values():
            if _fits_run(query, run) and _is_within(query, run.created_at):
                yield Entry(at=run.created_at, run=run)

    def _events(self, query: Query) -> Iterator[Entry]:
        for event in self.events:
            if (
                query.interaction_id in (None, event.interaction_id)
                and query.flow_id in (None, event.flow_id)
                and query.state in (None, event.outcome)
                and _is_within(query, event.at)
            ):
                yield Entry(at=event.at, event=event)

    def _attempts(self, query: Query) -> Iterator[Attempt]:
        for attempt in self.attempts:
            if (
                query.endpoint in (None, endpoint_of(attempt.url))
                and query.status in (None, attempt.status or 0)
                and _is_within(query, attempt.started_at)
            ):
                yield attempt


def _fits_run(query: Query, run: Run) -> bool:
    return (
        query.interaction_id in (None, run.interaction_id)
        and query.flow_id in (None, run.flow_id)
        and query.state in (None, run.state)
    )


def _is_within(query: Query, at: datetime) -> bool:
    return (query.since is None or at >= query.since) and (query.until is None or at < query.until)


def _run_or_event_key(entry: Entry) -> tuple[Any, ...]:
    if entry.run is not None:
        return entry.at, 1, entry.run.run_id, ""
    assert entry.event is not None
    return entry.at, 0, entry.event.source, entry.event.event_id


def _attempt_key(attempt: Attempt) -> tuple[Any, ...]:
    return attempt.started_at, attempt.run_id, attempt.node, attempt.visit, attempt.number


def a_query(random: Random) -> Query:
    def maybe(*values: Any) -> Any:
        return random.choice(values) if random.random() < 0.35 else None

    of = random.choice(list(Subject))
    states = (*RunState, *EventOutcome)
    return Query(
        of=of,
        interaction_id=maybe(*TEXTS, "nobody"),
        flow_id=maybe(*TEXTS, "none"),
        endpoint=maybe(*(endpoint_of(url) for url in URLS), "https://nowhere:1"),
        status=maybe(0, 200, 204, 503, 404),
        state=None if of is Subject.ATTEMPTS else maybe(*states),
        since=maybe(*(later(minute) for minute in range(0, 40, 3))),
        until=maybe(*(later(minute) for minute in range(0, 40, 3))),
        limit=random.choice([1, 2, 7, 50, 1_000]),
    )


async def everything(journal: Journal, query: Query) -> list[Entry]:
    """All pages, each within its limit."""
    found: list[Entry] = []
    while True:
        page = await journal.find(query)
        assert len(page.entries) <= query.limit
        found += page.entries
        if page.next is None:
            return found
        assert len(page.entries) == query.limit
        query = replace(query, after=page.next)


@pytest.mark.parametrize("seed", range(3))
async def test_every_answer_is_that_of_a_plain_filter(journal: Journal, seed: int) -> None:
    random = Random(seed)
    records = Records(random)
    await records.store(journal)
    for _ in range(120):
        query = a_query(random)
        assert await everything(journal, query) == records.answer(query), query


async def test_many_runs_in_a_state_are_found_as_few_are(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onhook.journal.finding.FEW", 3)
    random = Random(11)
    records = Records(random)
    await records.store(journal)
    for state in RunState:
        query = Query(state=state, endpoint=endpoint_of(URLS[0]), limit=5)
        assert await everything(journal, query) == records.answer(query)


async def test_what_comes_between_two_pages_moves_nothing(journal: Journal) -> None:
    for number in range(6):
        await journal.save(a_run(f"r{number}", created_at=later(number)))
    first = await journal.find(Query(limit=3))
    await journal.save(a_run("newest", created_at=later(99)))
    second = await journal.find(Query(limit=3, after=first.next))
    shown = [entry.run.run_id for entry in (*first.entries, *second.entries) if entry.run]
    assert shown == ["r5", "r4", "r3", "r2", "r1", "r0"]
    assert second.next is None


async def test_lists_hold_neither_results_nor_messages(journal: Journal) -> None:
    run = a_run(continuation=b"x" * 100, sealed=b"y")
    await journal.save(run, attempt=an_attempt())
    bare = replace(run, continuation=None, sealed=None)
    for query in (Query(), Query(of=Subject.ATTEMPTS), Query(status=204)):
        page = await journal.find(query)
        assert [entry.run for entry in page.entries] == [bare]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (Query(limit=0), "limit: must be from 1 to 1000"),
        (Query(limit=1_001), "limit: must be from 1 to 1000"),
        (Query(status=-1), "status: must be from 0 "),
        (Query(of=Subject.ATTEMPTS, state=RunState.DEAD), "state: is a run's"),
        (Query(after="what?"), "after: is no cursor"),
        (Query(after="é"), "after: is no cursor"),
        (Query(after="WzEsImEiLFsiciIsIk4iLDEsMV1d"), "after: is the cursor of another query"),
        (Query(after="WzEsInIiLFsxXV0"), "after: is the cursor of another query"),
        (Query(since=datetime(2026, 1, 1)), "since: has no time zone"),  # noqa: DTZ001
    ],
)
async def test_what_cannot_be_meant_is_refused(journal: Journal, query: Query, said: str) -> None:
    with pytest.raises(QueryError) as refusal:
        await journal.find(query)
    assert str(refusal.value).startswith(said)

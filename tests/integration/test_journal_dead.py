"""Finding dead letters, on either store: each answer is that of a plain filter over all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest

from journal_records import a_dead_letter, a_run, an_attempt, later
from onhook.journal.dead_query import DeadQuery
from onhook.journal.port import DeadLetter, Journal
from onhook.journal.query import QueryError

TEXTS = ["one", "two", "two\x00", "two\x01", "drei 😀"]
REASONS = ["answered 503; given up", "Answered 410; GONE", "not JSON 😀", "half \x00 of it"]


def letters_of(random: Random) -> list[DeadLetter]:
    return [
        a_dead_letter(
            f"m{number:03}",
            queue=random.choice(["onhook.dead.undelivered", "onhook.dead.unprocessable"]),
            fault=random.choice(["undelivered", "malformed"]),
            reason=random.choice(REASONS),
            flow_name=random.choice([*TEXTS, None]),
            event_type=random.choice(TEXTS),
            interaction_id=random.choice([*TEXTS, None]),
            run_id=random.choice(["r1", "r2", None]),
            at=later(random.randrange(30)),
        )
        for number in range(150)
    ]


async def stored(journal: Journal, letters: list[DeadLetter]) -> None:
    await asyncio.gather(*(journal.note_dead_letter(letter) for letter in letters))


def fits(letter: DeadLetter, query: DeadQuery) -> bool:
    names = ("queue", "fault", "flow_name", "event_type", "interaction_id", "run_id")
    return (
        all(getattr(query, name) in (None, getattr(letter, name)) for name in names)
        and (query.reason is None or query.reason.lower() in letter.reason.lower())
        and (query.since is None or letter.at >= query.since)
        and (query.until is None or letter.at < query.until)
    )


def a_query(random: Random) -> DeadQuery:
    def sometimes(*values: Any) -> Any:
        return random.choice(values) if random.random() < 0.25 else None

    return DeadQuery(
        queue=sometimes("onhook.dead.undelivered"),
        fault=sometimes("undelivered", "malformed"),
        flow_name=sometimes(*TEXTS),
        event_type=sometimes(*TEXTS),
        interaction_id=sometimes(*TEXTS),
        run_id=sometimes("r1", "r2"),
        reason=sometimes("answered", "gOne", "😀", "\x00", "503%"),
        since=sometimes(later(5)),
        until=sometimes(later(20)),
        is_oldest_first=random.random() < 0.5,
        limit=random.choice([1, 7, 1000]),
    )


async def walked(journal: Journal, query: DeadQuery) -> list[DeadLetter]:
    """Page after page."""
    found: list[DeadLetter] = []
    after = None
    while True:
        page = await journal.find_dead(
            DeadQuery(
                **{**{n: getattr(query, n) for n in DeadQuery.__struct_fields__}, "after": after}
            )
        )
        assert len(page.letters) <= query.limit
        found += page.letters
        if page.next is None:
            return found
        after = page.next


async def test_pages_are_a_plain_filter_in_order(journal: Journal) -> None:
    random = Random(5)
    letters = letters_of(random)
    await stored(journal, letters)
    letters.sort(key=lambda letter: (letter.at, letter.message_id))
    for _ in range(60):
        query = a_query(random)
        expected = [letter for letter in letters if fits(letter, query)]
        found = await walked(journal, query)
        assert found == (expected if query.is_oldest_first else expected[::-1]), query


async def test_kinds_count_what_a_plain_filter_counts(journal: Journal) -> None:
    random = Random(6)
    letters = letters_of(random)
    await stored(journal, letters)
    for _ in range(20):
        query = a_query(random)
        fitting = [letter for letter in letters if fits(letter, query)]
        key = lambda one: (one.queue, one.fault, one.flow_name, one.reason)  # noqa: E731
        kinds = await journal.dead_kinds(query)
        assert {key(kind): kind.count for kind in kinds} == Counter(map(key, fitting))
        for kind in kinds:
            times = [letter.at for letter in fitting if key(letter) == key(kind)]
            assert (kind.oldest_at, kind.newest_at) == (min(times), max(times))
            example = next(each for each in fitting if each.message_id == kind.message_id)
            assert key(example) == key(kind)
        newest = [kind.newest_at for kind in kinds]
        assert newest == sorted(newest, reverse=True)


async def test_letters_are_found_by_where_their_run_was_last_sent(journal: Journal) -> None:
    for run_id, urls in {
        "r1": ["https://a.example/x", "https://b.example/y"],
        "r2": ["http://a.example"],
    }.items():
        for number, url in enumerate(urls, 1):
            await journal.save(a_run(run_id), attempt=an_attempt(run_id, number, url=url))
        await journal.note_dead_letter(a_dead_letter(f"of {run_id}", run_id=run_id))
    await journal.note_dead_letter(a_dead_letter("of none"))

    async def at(endpoint: str) -> list[str]:
        page = await journal.find_dead(DeadQuery(endpoint=endpoint))
        return [letter.message_id for letter in page.letters]

    assert await at("https://b.example:443") == ["of r1"]
    assert await at("http://a.example:80") == ["of r2"]
    assert await at("https://a.example:443") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 1001},
        {"after": "?"},
        {"after": "WyJhIiwxXQ"},
        {"since": later(0).replace(tzinfo=None)},
    ],
    ids=str,
)
async def test_what_cannot_be_meant_is_told(journal: Journal, wrong: dict[str, Any]) -> None:
    for ask in (journal.find_dead, journal.dead_kinds):
        with pytest.raises(QueryError):
            await ask(DeadQuery(**wrong))

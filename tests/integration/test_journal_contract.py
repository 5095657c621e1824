"""The journal's promises, on either store: what is recorded once, what never goes back, versions and
labels, one interaction's history, and what happens when many do it at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from journal_records import (
    AT,
    OpenJournal,
    a_dead_letter,
    a_pop,
    a_run,
    a_trace,
    a_version,
    an_attempt,
    an_event,
    later,
)
from onhook.journal import rows
from onhook.journal.port import (
    EndpointRow,
    Journal,
    JournalError,
    Label,
    Result,
    RunState,
    StoredOverride,
    visit_key,
)

# Runs


async def test_a_run_is_opened_once_and_its_first_row_fixes_the_version(journal: Journal) -> None:
    first = a_run(version=1)
    assert await journal.open_run(first) == first
    assert await journal.open_run(a_run(version=2, created_at=later(5))) == first
    assert await journal.run("r1") == first
    assert await journal.run("r2") is None


async def test_a_run_opened_many_times_at_once_is_one_run(journal: Journal) -> None:
    opened = await asyncio.gather(*(journal.open_run(a_run(version=v)) for v in range(1, 30)))
    assert len({run.version for run in opened}) == 1
    assert len(await journal.runs(interaction_id=None, state=None, limit=100)) == 1


async def test_opening_again_gives_the_run_as_it_is_now(journal: Journal) -> None:
    await journal.open_run(a_run())
    waiting = a_run(
        state=RunState.WAITING,
        step=3,
        results={visit_key("A", 1): Result(outputs={"httpStatusCode": 200}, at=later(2))},
        sealed=b"\x01\xfe",
        continuation=b"\x00\xff",
        next_at=later(30),
        reason="answered 503",
        updated_at=later(1),
    )
    await journal.save(waiting)
    assert await journal.open_run(a_run()) == waiting


async def test_a_save_never_lowers_the_step(journal: Journal) -> None:
    await journal.save(a_run(step=5, state=RunState.DONE, reason="as it was"))
    await journal.save(a_run(step=4, state=RunState.WAITING, reason="overtaken"))
    kept = await journal.run("r1")
    assert kept is not None
    assert (kept.step, kept.state, kept.reason) == (5, RunState.DONE, "as it was")
    await journal.save(a_run(step=5, state=RunState.DEAD))
    kept = await journal.run("r1")
    assert kept is not None
    assert (kept.step, kept.state) == (5, RunState.DEAD)
    await journal.save(a_run(step=6, state=RunState.WAITING))
    kept = await journal.run("r1")
    assert kept is not None
    assert (kept.step, kept.state) == (6, RunState.WAITING)


async def test_an_overtaken_save_still_records_its_attempt(journal: Journal) -> None:
    await journal.save(a_run(step=5))
    await journal.save(a_run(step=4), attempt=an_attempt())
    assert await journal.attempts("r1") == [an_attempt()]


async def test_a_save_changes_neither_where_a_run_came_from_nor_when(journal: Journal) -> None:
    await journal.open_run(a_run())
    await journal.save(a_run(source="/other", flow_name="G", created_at=later(9), step=1))
    kept = await journal.run("r1")
    assert kept is not None
    assert (kept.source, kept.flow_name, kept.created_at) == ("/test", "F", AT)


async def test_a_replay_may_move_a_run_to_another_version(journal: Journal) -> None:
    await journal.open_run(a_run(version=1))
    await journal.save(a_run(version=2, step=1))
    kept = await journal.run("r1")
    assert kept is not None
    assert kept.version == 2


async def test_runs_are_listed_newest_first_by_interaction_and_state(journal: Journal) -> None:
    states = [RunState.WAITING, RunState.DONE, RunState.WAITING, RunState.DEAD]
    for number, state in enumerate(states):
        interaction = "i1" if number < 3 else "i2"
        await journal.save(
            a_run(f"r{number}", state=state, interaction_id=interaction, created_at=later(number))
        )

    async def listed(**given_filter: Any) -> list[str]:
        wanted = {"interaction_id": None, "state": None, "limit": 10} | given_filter
        return [run.run_id for run in await journal.runs(**wanted)]

    assert await listed() == ["r3", "r2", "r1", "r0"]
    assert await listed(limit=2) == ["r3", "r2"]
    assert await listed(state=RunState.WAITING) == ["r2", "r0"]
    assert await listed(interaction_id="i1") == ["r2", "r1", "r0"]
    assert await listed(interaction_id="i1", state=RunState.DONE) == ["r1"]
    assert await listed(interaction_id="nobody") == []


def test_only_a_done_or_dead_run_is_over() -> None:
    assert [state for state in RunState if state.is_over] == [RunState.DONE, RunState.DEAD]


# Attempts and dead letters


async def test_attempts_come_in_the_order_they_were_made(journal: Journal) -> None:
    made = [an_attempt(number=n) for n in (1, 2, 3)]
    for attempt in (made[2], made[0], made[1]):
        await journal.save(a_run(), attempt=attempt)
    await journal.save(a_run("r2"), attempt=an_attempt("r2"))
    assert await journal.attempts("r1") == made


async def test_an_attempt_without_an_answer_keeps_its_fault(journal: Journal) -> None:
    attempt = an_attempt(
        status=None, fault="connect", detail="no connection to example.com:443", next_at=later(7)
    )
    await journal.save(a_run(), attempt=attempt)
    assert await journal.attempts("r1") == [attempt]


async def test_a_dead_letter_is_listed_once_until_it_is_forgotten(journal: Journal) -> None:
    dead = a_dead_letter(run_id="r1")
    await journal.note_dead_letter(dead)
    await journal.note_dead_letter(a_dead_letter(reason="again", at=later(9)))
    await journal.note_dead_letter(a_dead_letter("m2", at=later(1)))
    assert [each.message_id for each in await journal.dead_letters(10)] == ["m2", "m1"]
    assert await journal.dead_letters(1) == [a_dead_letter("m2", at=later(1))]
    assert await journal.dead_letter("m1") == dead
    await journal.forget_dead_letter("m1")
    await journal.forget_dead_letter("m1")
    assert await journal.dead_letter("m1") is None
    assert len(await journal.dead_letters(10)) == 1


async def test_an_event_is_noted_once(journal: Journal) -> None:
    await journal.note_event(an_event())
    await journal.note_event(an_event(reason="again", at=later(1)))
    await journal.note_event(an_event(source="/another"))
    found = (await journal.history("i1")).events
    assert sorted(event.source for event in found) == ["/another", "/test"]
    assert {event.reason for event in found} == {an_event().reason}


async def test_lists_leave_out_what_may_be_large(journal: Journal) -> None:
    full = a_run(continuation=b"x", sealed=b"y", results={"A#1": Result(outputs={"n": 1})})
    await journal.save(full)
    bare = replace(full, continuation=None, sealed=None, results={})
    assert await journal.runs(interaction_id=None, state=None, limit=10) == [bare]
    assert [record.run for record in (await journal.history("i1")).runs] == [bare]
    record = await journal.record("r1")
    assert record is not None
    assert record.run == bare
    assert await journal.run("r1") == full


async def test_an_interaction_s_history_holds_everything_of_it_oldest_first(
    journal: Journal,
) -> None:
    for number in (2, 1):
        at = later(number)
        await journal.note_event(an_event(f"e{number}", at=at))
        await journal.save(
            a_run(f"r{number}", created_at=at), attempt=an_attempt(f"r{number}", started_at=at)
        )
        await journal.note_dead_letter(a_dead_letter(f"m{number}", at=at))
    await journal.save(a_run("elsewhere", interaction_id="i2"), attempt=an_attempt("elsewhere"))
    found = await journal.history("i1")
    assert [event.event_id for event in found.events] == ["e1", "e2"]
    assert [record.run.run_id for record in found.runs] == ["r1", "r2"]
    assert [record.attempts[0].run_id for record in found.runs] == ["r1", "r2"]
    assert [dead.message_id for dead in found.dead_letters] == ["m1", "m2"]
    assert (await journal.history("nobody")).runs == []


# Traces and screen pops


async def test_a_step_performed_again_replaces_its_trace(journal: Journal) -> None:
    await journal.save(a_run(step=1), trace=a_trace(step=1))
    await journal.save(a_run(), trace=a_trace(step=0))
    await journal.save(a_run(step=1), trace=a_trace(step=1, entries=b"[]", is_cut=True))
    await journal.save(a_run("r2"), trace=a_trace("r2"))
    record = await journal.record("r1")
    assert record is not None
    assert record.traces == [a_trace(step=0), a_trace(step=1, entries=b"[]", is_cut=True)]


async def test_an_answer_holds_only_so_much_of_the_traces(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_TRACE_BYTES", 40)
    for number in range(3):
        run = a_run(f"r{number}", created_at=later(number))
        await journal.save(run, trace=a_trace(run.run_id))
    found = [record.traces for record in (await journal.history("i1")).runs]
    cut = a_trace("r2", entries=b"[]", is_cut=True)
    assert found == [[a_trace("r0")], [a_trace("r1")], [cut]]


async def test_a_screen_pop_is_noted_once_and_displayed_once(journal: Journal) -> None:
    await journal.save(a_run(), pop=a_pop())
    await journal.save(a_run(), pop=a_pop(url="https://elsewhere.example"))
    assert await journal.display("r1", "p1", later(1)) == a_pop(displayed_at=later(1))
    assert await journal.display("r1", "p1", later(2)) == a_pop(displayed_at=later(1))
    assert await journal.display("r2", "p1", later(3)) is None
    assert await journal.display("r1", "p2", later(3)) is None
    record = await journal.record("r1")
    assert record is not None
    assert record.screen_pops == [a_pop(displayed_at=later(1))]


# Versions and labels


async def test_versions_are_numbered_from_one_by_flow(journal: Journal) -> None:
    stored = []
    for content, flow in [("one", "f1"), ("two", "f1"), ("one", "f2"), ("three", "f1")]:
        version, is_new = await journal.publish_version(a_version(content, flow_id=flow), ())
        assert is_new
        stored.append((version.flow_id, version.number))
    assert stored == [("f1", 1), ("f1", 2), ("f2", 1), ("f1", 3)]
    assert [each.content for each in await journal.versions()] == [b"one", b"one", b"two", b"three"]


async def test_the_newest_content_again_makes_no_version(journal: Journal) -> None:
    first, _ = await journal.publish_version(a_version("one"), ("Latest",))
    again, is_new = await journal.publish_version(a_version("one", comment="again"), ("Test",))
    assert not is_new
    assert again == first
    assert await labels_of(journal) == {"Latest": 1, "Test": 1}


async def test_an_older_content_again_is_a_new_version(journal: Journal) -> None:
    for content in ("one", "two", "one"):
        version, is_new = await journal.publish_version(a_version(content), ("Latest",))
        assert is_new
    assert version.number == 3
    assert await labels_of(journal) == {"Latest": 3}


async def test_labels_move_alone(journal: Journal) -> None:
    await journal.publish_version(a_version("one"), ("Latest", "Live"))
    await journal.publish_version(a_version("two"), ("Latest", "Test"))
    await journal.publish_version(a_version("other", flow_id="f2"), ("Latest",))
    assert await labels_of(journal) == {"Latest": 2, "Live": 1, "Test": 2}
    assert await labels_of(journal, "f2") == {"Latest": 1}


async def test_a_label_moves_back_and_goes(journal: Journal) -> None:
    for content in ("one", "two"):
        await journal.publish_version(a_version(content), ("Latest", "Live"))
    await journal.publish_version(a_version("other", flow_id="f2"), ("Latest", "Live"))
    await journal.move_label(Label(flow_id="f1", label="Live", number=1))
    await journal.move_label(Label(flow_id="f1", label="Dev", number=2))
    assert await labels_of(journal) == {"Latest": 2, "Live": 1, "Dev": 2}
    await journal.remove_labels("f1", "Live")
    assert await labels_of(journal) == {"Latest": 2, "Dev": 2}
    await journal.remove_labels("f1")
    assert await labels_of(journal) == {}
    assert await labels_of(journal, "f2") == {"Latest": 1, "Live": 1}


async def test_publishing_after_all_labels_went_goes_on_counting(journal: Journal) -> None:
    await journal.publish_version(a_version("one"), ("Latest",))
    await journal.remove_labels("f1")
    again, is_new = await journal.publish_version(a_version("one"), ("Latest",))
    assert (again.number, is_new) == (1, False)
    version, _ = await journal.publish_version(a_version("two"), ("Latest",))
    assert version.number == 2


async def test_runs_under_way_are_counted_by_version(journal: Journal) -> None:
    runs = [("r1", 1, RunState.WAITING), ("r2", 2, RunState.RUNNING), ("r3", 2, RunState.WAITING)]
    runs += [("r4", 2, RunState.DONE), ("r5", 1, RunState.DEAD)]
    for run_id, version, state in runs:
        await journal.save(a_run(run_id, version=version, state=state))
    await journal.save(a_run("r6", flow_id="f2"))
    assert await journal.under_way("f1") == {1: 1, 2: 2}
    assert await journal.under_way("f3") == {}


async def test_an_override_stays_until_it_is_set_anew_or_unset(journal: Journal) -> None:
    first = StoredOverride(flow_id="f1", variable="Url", value=b'"one"', set_at=AT)
    other = StoredOverride(flow_id="f2", variable="Url", value=b"\x00", is_sealed=True, set_at=AT)
    for override in (first, other, second := replace(first, value=b'"two"', set_at=later(1))):
        await journal.set_override(override)
    assert await journal.overrides() == [second, other]
    await journal.unset_override("f1", "Url")
    await journal.unset_override("f1", "Url")
    assert await journal.overrides() == [other]


async def test_versions_stored_since_are_read_alone(journal: Journal) -> None:
    for content, flow in [("one", "f1"), ("one", "f2"), ("two", "f1")]:
        await journal.publish_version(a_version(content, flow_id=flow), ("Latest",))
    found = [(each.flow_id, each.number) for each in await journal.versions(1)]
    assert found == [("f2", 1), ("f1", 2)]
    assert await journal.versions(3) == []


async def test_each_change_to_flows_makes_another_revision(journal: Journal) -> None:
    override = StoredOverride(flow_id="f1", variable="Url", value=b"1", set_at=AT)
    changes = [
        lambda: journal.publish_version(a_version("one"), ("Latest",)),
        lambda: journal.move_label(Label(flow_id="f1", label="Live", number=1)),
        lambda: journal.remove_labels("f1", "Live"),
        lambda: journal.set_override(override),
        lambda: journal.unset_override("f1", "Url"),
    ]
    seen = [await journal.revision()]
    for change in changes:
        await change()
        seen.append(await journal.revision())
    assert seen == sorted(set(seen))
    await journal.save(a_run())
    assert await journal.revision() == seen[-1]


async def labels_of(journal: Journal, flow_id: str = "f1") -> dict[str, int]:
    found = [label for label in await journal.labels() if label.flow_id == flow_id]
    assert all(isinstance(label, Label) for label in found)
    return {label.label: label.number for label in found}


async def test_versions_published_at_once_all_have_their_number(journal: Journal) -> None:
    published = await asyncio.gather(
        *(journal.publish_version(a_version(f"content {n}"), ("Latest",)) for n in range(20))
    )
    assert sorted(version.number for version, _ in published) == list(range(1, 21))


async def test_nothing_is_half_recorded(journal: Journal) -> None:
    attempt = an_attempt(node=None)
    with pytest.raises(JournalError) as refusal:
        await journal.save(a_run(), attempt=attempt)
    assert str(refusal.value).startswith("the journal cannot be written: ")
    assert await journal.run("r1") is None
    assert journal.trouble == str(refusal.value).removeprefix("the journal cannot be written: ")
    await journal.save(a_run())
    assert journal.trouble is None


# Many at once


async def test_workers_share_runs_and_versions(open_journal: OpenJournal) -> None:
    async with open_journal() as one, open_journal() as other:
        await one.publish_version(a_version("one"), ("Latest",))
        version, _ = await other.publish_version(a_version("two"), ("Latest",))
        assert version.number == 2
        assert await labels_of(one) == {"Latest": 2}
        await one.save(a_run(step=7))
        assert (await other.open_run(a_run())).step == 7


async def test_a_run_that_workers_open_at_once_is_one_run(open_journal: OpenJournal) -> None:
    async with open_journal() as one, open_journal() as other:
        for number in range(20):
            opened = await asyncio.gather(
                *(
                    journal.open_run(a_run(f"r{run}-{number}", version=version))
                    for version, journal in enumerate((one, other, one, other), start=1)
                    for run in range(10)
                )
            )
            versions: dict[str, set[int]] = {}
            for run in opened:
                versions.setdefault(run.run_id, set()).add(run.version)
            assert all(len(found) == 1 for found in versions.values())


async def test_the_highest_step_wins_whoever_saves_it(open_journal: OpenJournal) -> None:
    async with open_journal() as one, open_journal() as other:
        await asyncio.gather(
            *(
                journal.save(a_run(f"r{run}", step=step, reason=f"step {step}"))
                for step in range(30)
                for journal in ((one, other) if step % 2 else (other, one))
                for run in range(4)
            )
        )
        for run in range(4):
            kept = await one.run(f"r{run}")
            assert kept is not None
            assert (kept.step, kept.reason) == (29, "step 29")


async def test_versions_that_workers_publish_at_once_are_numbered_without_a_gap(
    open_journal: OpenJournal,
) -> None:
    async with open_journal() as one, open_journal() as other:
        published = await asyncio.gather(
            *(
                journal.publish_version(a_version(f"content {n} of {worker}"), ("Latest",))
                for n in range(10)
                for worker, journal in enumerate((one, other))
            )
        )
        assert sorted(version.number for version, _ in published) == list(range(1, 21))
        newest = max((version for version, _ in published), key=lambda each: each.number)
        assert await labels_of(one) == {"Latest": newest.number}
        found = [version.number for version in await other.versions()]
        assert sorted(found) == list(range(1, 21))
        assert len(await other.versions(18)) == 2


async def test_the_same_content_published_at_once_is_one_version(
    open_journal: OpenJournal,
) -> None:
    async with open_journal() as one, open_journal() as other:
        published = await asyncio.gather(
            *(journal.publish_version(a_version("one"), ()) for journal in (one, other) * 5)
        )
    assert sorted(is_new for _, is_new in published) == [False] * 9 + [True]
    assert {version.number for version, _ in published} == {1}


async def test_every_change_at_once_makes_a_revision_of_its_own(open_journal: OpenJournal) -> None:
    override = StoredOverride(flow_id="f1", variable="Url", value=b"1", set_at=AT)
    async with open_journal() as one, open_journal() as other:
        before = await one.revision()
        await asyncio.gather(
            *(journal.set_override(override) for journal in (one, other) * 10),
            *(
                journal.move_label(Label(flow_id="f1", label="Live", number=number))
                for number, journal in enumerate((one, other) * 10)
            ),
        )
        assert await other.revision() - before == 40
        assert await one.overrides() == await other.overrides() == [override]


async def test_one_wrong_row_keeps_no_other_from_being_written(journal: Journal) -> None:
    outcomes = await asyncio.gather(
        *(
            journal.save(
                a_run(f"r{number}"),
                attempt=an_attempt(f"r{number}", node=None if number == 37 else "A"),
            )
            for number in range(100)
        ),
        return_exceptions=True,
    )
    wrong = [number for number, outcome in enumerate(outcomes) if outcome is not None]
    assert wrong == [37]
    assert isinstance(outcomes[37], JournalError)
    runs = await journal.runs(interaction_id=None, state=None, limit=1_000)
    assert {run.run_id for run in runs} == {f"r{number}" for number in range(100)} - {"r37"}


async def test_the_same_attempt_again_is_recorded_once(journal: Journal) -> None:
    for attempt in (an_attempt(), an_attempt(), an_attempt(started_at=later(9))):
        await journal.save(a_run(), attempt=attempt)
    assert await journal.attempts("r1") == [an_attempt(), an_attempt(started_at=later(9))]


# Texts


NASTY = [
    "\x00",
    "a\x00b",
    "\x01",
    "\x01\x01\x00\x02",
    "é\u2028",
    "😀",
    "'; DROP TABLE runs; --",
    "",
]


@pytest.mark.parametrize("text", NASTY, ids=repr)
async def test_any_text_reads_back_as_it_was_written(journal: Journal, text: str) -> None:
    run = a_run(
        f"r{text}",
        interaction_id=text,
        source=text,
        reason=text,
        results={text: Result(outputs={text: text})},
    )
    attempt = an_attempt(run.run_id, node=text, detail=text, response_headers={"x": text})
    await journal.save(run, attempt=attempt, trace=a_trace(run.run_id))
    event = an_event(f"e{text}", source=text, interaction_id=text, reason=text)
    await journal.note_event(event)
    await journal.note_event(event)
    await journal.note_dead_letter(a_dead_letter(f"m{text}", interaction_id=text, excerpt=text))
    assert await journal.run(run.run_id) == await journal.open_run(a_run(run.run_id)) == run
    found = await journal.history(text)
    assert found.events == [event]
    assert found.runs[0].attempts == [attempt]
    assert found.runs[0].traces == [a_trace(run.run_id)]
    assert found.dead_letters[0].excerpt == text
    assert await journal.interactions(text, 10) == [text]
    await journal.forget_dead_letter(f"m{text}")
    assert await journal.dead_letter(f"m{text}") is None


async def test_half_a_character_is_replaced(journal: Journal) -> None:
    run = a_run("r\ud800", reason="\udcff", results={"A#1": Result(outputs={"x": ["\ud8ff"]})})
    attempt = an_attempt(run.run_id, response_headers={"x": "\udc80"}, response_excerpt="\udc80é")
    await journal.save(run, attempt=attempt)
    kept = await journal.run("r\ud800")
    assert kept is not None
    assert (kept.run_id, kept.reason) == ("r\ufffd", "\ufffd")
    assert kept.results == {"A#1": Result(outputs={"x": ["\ufffd"]})}
    made = await journal.attempts("r\ud800")
    assert (made[0].response_headers, made[0].response_excerpt) == ({"x": "\ufffd"}, "\ufffdé")
    assert await journal.interactions("\ud800", 3) == []


async def test_an_id_may_be_as_long_as_its_publisher_likes(journal: Journal) -> None:
    longest = "😀" * 20_000
    for end in ("a", "b"):
        run = a_run(f"r{end}", interaction_id=longest + end, flow_id=longest, source=longest)
        await journal.save(run, attempt=an_attempt(run.run_id, node=longest))
        await journal.note_event(
            an_event(longest + end, source=longest, interaction_id=longest + end)
        )
    found = await journal.history(longest + "b")
    assert [record.run.run_id for record in found.runs] == ["rb"]
    assert [event.event_id for event in found.events] == [longest + "b"]
    assert await journal.interactions(longest, 10) == [longest + "a", longest + "b"]
    assert await journal.interactions(longest + "b", 10) == [longest + "b"]
    assert await journal.under_way(longest) == {1: 2}


async def test_interactions_come_in_order_and_each_once(journal: Journal) -> None:
    for number, interaction in enumerate(["b", "a\x00", "a", "B", "a\x01", "é", "a"]):
        await journal.save(a_run(f"r{number}", interaction_id=interaction))
        await journal.note_event(an_event(f"e{number}", interaction_id=interaction))
    await journal.note_event(an_event("alone", interaction_id="c"))
    in_order = ["B", "a", "a\x00", "a\x01", "b", "c", "é"]
    assert await journal.interactions("", 10) == in_order
    assert await journal.interactions("", 3) == in_order[:3]
    assert await journal.interactions("a", 10) == in_order[1:4]


async def test_everything_is_there_after_it_was_opened_anew(open_journal: OpenJournal) -> None:
    async with open_journal() as journal:
        await journal.save(a_run(step=3), attempt=an_attempt(), pop=a_pop())
        await journal.publish_version(a_version(), ("Latest",))
    async with open_journal() as journal:
        assert (await journal.open_run(a_run())).step == 3
        assert await journal.attempts("r1") == [an_attempt()]
        assert await labels_of(journal) == {"Latest": 1}


async def test_a_journal_that_is_closed_says_so(open_journal: OpenJournal) -> None:
    async with open_journal() as journal:
        pass
    with pytest.raises(JournalError, match="the journal cannot be written: "):
        await journal.save(a_run())


# Endpoints


async def test_an_endpoint_is_noted_once_and_paused_and_resumed(journal: Journal) -> None:
    first = EndpointRow(
        id="e1", flow_id="f1", flow_name="Main", node="Post", origin="https://a:443", seen_at=AT
    )
    other = replace(first, id="e2", node="Get", seen_at=later(5))
    await journal.note_endpoint(first)
    await journal.note_endpoint(other)
    await journal.note_endpoint(replace(first, flow_name="Renamed", seen_at=later(9)))
    assert await journal.endpoints() == [other, first]
    before = await journal.revision()
    paused = replace(first, paused_at=later(20), pause_reason="they asked")
    await journal.save_endpoint(paused)
    assert await journal.endpoints() == [paused, other]
    await journal.note_endpoint(first)
    assert await journal.endpoints() == [paused, other]
    await journal.save_endpoint(first)
    assert await journal.endpoints() == [other, first]
    assert await journal.revision() == before + 2


async def test_an_endpoint_may_be_paused_before_it_is_noted(journal: Journal) -> None:
    paused = EndpointRow(
        id="e1",
        flow_id="f1",
        flow_name="Main",
        node="Post",
        origin="https://a:443",
        seen_at=AT,
        paused_at=later(1),
    )
    await journal.save_endpoint(paused)
    assert await journal.endpoints() == [paused]

"""The trace of a message: kept small, and told with what became of its screen pops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from json_values import json_values
from onhook.event_flow.trace import LARGEST_ROW_BYTES, Trace, Traced, told
from onhook.flow.trace import TraceEntry
from onhook.journal.port import ScreenPop, TraceRow

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def an_entry(name: str = "A", **fields: Any) -> TraceEntry:
    given_fields = {"activity": "http-request-v2", "visit": 1, "address": f"id-{name}"}
    return TraceEntry(node=f"id-{name}", name=name, **(given_fields | fields))


def row_of(*entries: TraceEntry) -> TraceRow:
    trace = Trace("run", 3)
    for number, entry in enumerate(entries):
        trace.add(entry, AT + timedelta(seconds=number), 1.23456)
    return trace.row()


def shown(*entries: TraceEntry) -> list[Traced]:
    return told([row_of(*entries)], [])[0]


def test_a_small_trace_is_kept_whole() -> None:
    entry = an_entry(inputs={"url": "x"}, outputs={"n": [1, None]}, edge="default", note="fine")
    row = row_of(entry, an_entry("B"))
    assert (row.run_id, row.step, row.is_cut) == ("run", 3, False)
    first, second = shown(entry, an_entry("B"))
    assert (first.inputs, first.outputs, first.edge, first.note) == (
        {"url": "x"}, {"n": [1, None]}, "default", "fine",
    )  # fmt: skip
    assert (first.step, first.elapsed_ms, second.started_at) == (
        3,
        1.235,
        AT + timedelta(seconds=1),
    )


def test_long_values_are_shortened_and_say_so() -> None:
    entry = an_entry(
        inputs={"body": "x" * 100_000, "short": "y"},
        outputs={"list": list(range(100)), "deep": {"a": {"b": {"c": {"d": {"e": 1}}}}}},
    )
    assert row_of(entry).is_cut
    (found,) = shown(entry)
    assert found.inputs["body"] == "x" * 1_000 + "... (99000 more characters)"
    assert found.inputs["short"] == "y"
    assert found.outputs["list"][-1] == "... 70 more"
    assert found.outputs["deep"] == {"a": {"b": {"c": "(1 values)"}}}


def test_of_many_steps_the_first_and_the_last_are_kept() -> None:
    found = shown(*(an_entry(f"N{n}", inputs={"text": "z" * 900}) for n in range(500)))
    assert (found[0].name, found[-1].name) == ("N0", "N499")
    (gap,) = [entry for entry in found if not entry.node]
    left_out = 500 - (len(found) - 1)
    assert gap.note is not None
    assert gap.note.startswith(f"{left_out} steps are left out here")
    assert gap.activity == ""


@given(st.lists(st.dictionaries(st.text(max_size=5), json_values, max_size=4), max_size=6))
def test_no_trace_is_larger_than_a_row(values: list[dict[str, Any]]) -> None:
    many = [an_entry(inputs=each, outputs=each) for each in values] * 40
    row = row_of(*many)
    assert len(row.entries) <= LARGEST_ROW_BYTES + 1_000
    assert msgspec.json.decode(row.entries, type=list[Traced]) is not None


def test_a_screen_pop_is_undisplayed_until_it_was_reported() -> None:
    rows = [row_of(an_entry("Pop", note="undisplayed"), an_entry("Other", note="undisplayed"))]
    pop = ScreenPop(
        id="p",
        run_id="run",
        address="id-Pop",
        visit=1,
        agent_id="ada",
        url="u",
        label="l",
        target="t",
        published_at=AT,
    )
    displayed = msgspec.structs.replace(pop, displayed_at=AT)
    assert [entry.note for entry in told(rows, [pop])[0]] == ["undisplayed", "undisplayed"]
    assert [entry.note for entry in told(rows, [displayed])[0]] == [
        "displayed 2026-01-05T09:30:00.000+00:00", "undisplayed",
    ]  # fmt: skip


def test_a_row_that_was_cut_makes_the_whole_trace_so() -> None:
    whole, cut = row_of(an_entry()), msgspec.structs.replace(row_of(an_entry()), is_cut=True)
    assert told([whole, whole], [])[1] is False
    assert told([whole, cut], [])[1] is True

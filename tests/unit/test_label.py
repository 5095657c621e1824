"""Labels: names they may have, and who is told when they move."""

from __future__ import annotations

import pytest

from onhook.event_flow.label import UnusableLabel, affected_lines, checked_label, gone_lines
from onhook.settings.contact_centre import EntryPoint


def a_point(name: str, label: str) -> EntryPoint:
    return EntryPoint(id=name, name=name, dial_numbers=(name,), flow="F", flow_label=label)


POINTS = (a_point("Support", "Live"), a_point("Lab", "Latest"))


@pytest.mark.parametrize(
    "text", ["Live", "Test", "Dev", "Latest", "blue", "release-2.1", "x", "v2b"]
)
def test_a_label_is_a_short_name(text: str) -> None:
    assert checked_label(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be a label"),
        (" Live", "cannot be a label"),
        ("release 2.1", "without blanks"),
        ("a/b", "cannot be a label"),
        ("a\nb", "cannot be a label"),
        ("x" * 61, "cannot be a label"),
        ("v3", "reads like the number of a version"),
        ("3", "reads like the number of a version"),
        ("live", "write Live"),
        ("LATEST", "write Latest"),
    ],
)
def test_what_would_be_misread_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnusableLabel, match=words):
        checked_label(text)


def test_entry_points_of_a_moved_label_are_told_of_their_next_call() -> None:
    assert affected_lines({"Latest": 4, "Live": 4}, POINTS, (), {}) == [
        "entry point Support: Live, next call runs v4",
        "entry point Lab: Latest, next call runs v4",
    ]
    assert affected_lines({"Test": 4}, POINTS, (), {}) == []


def test_labels_that_are_gone_are_named_without_latest() -> None:
    assert gone_lines(["Latest"]) == []
    assert gone_lines(["Latest", "Live"]) == [
        "label Live is gone: publishing again brings Latest alone back"
    ]
    assert gone_lines(["Latest", "Live", "Test"]) == [
        "labels Live, Test are gone: publishing again brings Latest alone back"
    ]


def test_a_label_that_is_gone_is_told_as_what_it_means() -> None:
    assert affected_lines({"Live": None}, POINTS, (), {}) == [
        "entry point Support: Live, next call runs no version; its events will be set aside"
    ]


def test_callers_and_runs_under_way_are_told() -> None:
    callers = [("Main", "Latest"), ("Other", "Live")]
    assert affected_lines({"Latest": 4}, (), callers, {3: 1}) == [
        "flow Main: Latest, its next run calls v4",
        "1 run under way keeps v3",
    ]
    assert affected_lines({"Latest": 4}, (), (), {3: 2, 4: 5}) == ["2 runs under way keep v3"]
    assert affected_lines({"Live": None}, (), (), {2: 1, 3: 2}) == [
        "3 runs under way keep their version (v2: 1, v3: 2)"
    ]
    assert affected_lines({}, POINTS, callers, {3: 1}) == []

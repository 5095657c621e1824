"""Dead letters that are alike, told by their reasons."""

from __future__ import annotations

import pytest

from journal_records import AT, later
from onhook.event_flow.alike import grouped, pattern
from onhook.journal.dead_query import DeadKind


def a_kind(reason: str, count: int = 1, minute: int = 0, **fields: str) -> DeadKind:
    given = {"queue": "q", "fault": "f", "flow_name": "F"} | fields
    return DeadKind(
        count=count,
        reason=reason,
        oldest_at=AT,
        newest_at=later(minute),
        message_id=f"m {reason}",
        **given,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("not JSON: invalid character (byte 17)", "not JSON: invalid character (byte 1912)"),
        ("run 0b9f3f5e-0c5c-4e0f-9d7a-7f1c0d7a9b1e", "run 1c9f3f5e-0c5c-4e0f-9d7a-7f1c0d7a9b1f"),
        ("breaker open since 2026-01-05T09:30:00+00:00", "breaker open since 2027-01-05T09:30:01Z"),
        ("answered 503; given up after 12 attempts", "answered 503; given up after 3 attempts"),
    ],
)
def test_figures_and_ids_make_no_difference(one: str, other: str) -> None:
    assert pattern(one) == pattern(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("answered 503; given up", "answered 404; given up"),
        ('node "Post1": failed', 'node "Post2": failed'),
        ("not JSON", "not a run"),
    ],
)
def test_words_names_and_answers_do(one: str, other: str) -> None:
    assert pattern(one) != pattern(other)


def test_groups_add_up_and_keep_the_newest_reason() -> None:
    found = grouped(
        [
            a_kind("byte 7", 3, 9),
            a_kind("byte 7", 1, 8, flow_name="G"),
            a_kind("byte 8", 5, 7),
        ]
    )
    assert (found.total, found.is_cut) == (9, False)
    first, second = found.groups
    assert (first.count, first.reason, first.oldest_at, first.newest_at) == (
        8,
        "byte 7",
        AT,
        later(9),
    )
    assert (second.count, second.flow_name) == (1, "G")

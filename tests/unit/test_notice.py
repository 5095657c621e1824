"""Watchers: told everything, and no worse for the work when they fail."""

from __future__ import annotations

import asyncio

import pytest

from onhook.cli.show import Notices
from onhook.event_flow.notice import AttemptMade, MessageSetAside, Notice, unfailing

NOTICE = MessageSetAside(queue="q", reason="r")


def test_a_watcher_is_told() -> None:
    told: list[Notice] = []
    unfailing(told.append)(NOTICE)
    assert told == [NOTICE]


@pytest.mark.parametrize(
    "fault", [BrokenPipeError(32, "Broken pipe"), ValueError("no"), KeyError()]
)
def test_a_watcher_that_fails_fails_alone(fault: Exception) -> None:
    def watch(_notice: Notice) -> None:
        raise fault

    unfailing(watch)(NOTICE)


def test_a_reason_that_was_just_told_is_not_told_again() -> None:
    lines = Notices()
    attempt = AttemptMade(
        run_id="r", interaction_id=None, status=204, fault=None, detail=None, elapsed_ms=3.0,
        again_in_s=None, gave_up=None, response_headers={},
    )  # fmt: skip
    other = MessageSetAside(queue="q", reason="other")
    assert [lines.line(each) for each in (NOTICE, NOTICE, other, attempt, other)] == [
        "xxx set aside in q: r",
        "xxx set aside too, for the same reason",
        "xxx set aside in q: other",
        "<-- 204 3 ms",
        "xxx set aside in q: other",
    ]


def test_a_cancellation_is_let_through() -> None:
    def watch(_notice: Notice) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        unfailing(watch)(NOTICE)

"""Watchers: told everything, and no worse for the work when they fail."""

from __future__ import annotations

import asyncio

import pytest

from onhook.event_flow.notice import MessageSetAside, Notice, unfailing

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


def test_a_cancellation_is_let_through() -> None:
    def watch(_notice: Notice) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        unfailing(watch)(NOTICE)

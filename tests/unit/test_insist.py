"""Insisting: again while the bus or the journal is away, and through for anything else."""

from __future__ import annotations

import asyncio

import pytest

from onhook.bus.port import BusUnavailable, NeverAccepted, PublishUncertain
from onhook.event_flow import insist as insisting
from onhook.event_flow.insist import insist
from onhook.journal.port import JournalError


class Action:
    """Fails as told, then succeeds."""

    def __init__(self, *failures: BaseException) -> None:
        self._failures = list(failures)
        self.calls = 0
        self.was_called_thrice = asyncio.Event()

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls == 3:
            self.was_called_thrice.set()
        if self._failures:
            raise self._failures.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insisting, "FIRST_PAUSE_S", 0.001)


async def test_what_fails_for_now_is_done_again_until_it_succeeds() -> None:
    action = Action(BusUnavailable("away"), PublishUncertain("no confirm"), JournalError("locked"))
    assert await insist(action, "publish") == "done"
    assert action.calls == 4


@pytest.mark.parametrize("fault", [ValueError("no repetition"), NeverAccepted("no repetition")])
async def test_what_no_repetition_mends_is_raised_at_once(fault: Exception) -> None:
    action = Action(fault)
    with pytest.raises(type(fault), match="no repetition"):
        await insist(action, "publish")
    assert action.calls == 1


async def test_a_cancellation_is_let_through() -> None:
    action = Action(*(BusUnavailable("away") for _ in range(10_000)))
    task = asyncio.create_task(insist(action, "publish"))
    await asyncio.wait_for(action.was_called_thrice.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

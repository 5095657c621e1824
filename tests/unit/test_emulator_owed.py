"""What failed requests are owed: for how long, how many, and to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from onhook.call_emulator.owed import OWED_AT_MOST, OWED_FOR, Owed


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_each_of_equal_requests_is_owed_a_result_of_its_own() -> None:
    owed: Owed[str, int] = Owed(Watch())
    owed.add("a", 1)
    owed.add("b", 2)
    owed.add("a", 3)
    assert owed.find("a") == 1
    assert [owed.take("a") for _ in range(3)] == [1, 3, None]
    assert owed.take("b") == 2


def test_a_result_is_owed_for_a_while_only() -> None:
    watch = Watch()
    owed: Owed[str, int] = Owed(watch)
    owed.add("a", 1)
    watch.now += OWED_FOR
    owed.add("b", 2)
    assert owed.find("a") == 1
    watch.now += timedelta(seconds=1)
    assert (owed.take("a"), owed.take("b")) == (None, 2)


def test_the_oldest_debts_are_forgotten_when_there_are_too_many() -> None:
    owed: Owed[int, int] = Owed(Watch())
    for number in range(OWED_AT_MOST + 1):
        owed.add(number, number)
    assert (owed.take(0), owed.take(1)) == (None, 1)

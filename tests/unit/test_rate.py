"""The rate limit: never more than a burst and so many a second, and never fewer for no reason."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onhook.event_flow.rate import Rate, take, wait_s

rates = st.builds(Rate, per_s=st.floats(0.01, 1_000), burst=st.floats(1, 100))


def test_a_burst_passes_at_once_and_then_one_by_one():
    rate = Rate(per_s=2, burst=3)
    taken = 0.0
    for _ in range(3):
        assert wait_s(rate, taken, 100.0) == 0
        taken = take(rate, taken, 100.0)
    assert wait_s(rate, taken, 100.0) == 0.5
    assert wait_s(rate, taken, 100.5) == 0


@given(rates, st.lists(st.floats(0, 10), min_size=1, max_size=60))
def test_in_no_stretch_of_time_pass_more_than_the_burst_and_the_rate(
    rate: Rate, pauses: list[float]
):
    now, taken = 1_000.0, 0.0
    passed: list[float] = []
    for pause in pauses:
        now += pause
        if wait_s(rate, taken, now) == 0:
            taken = take(rate, taken, now)
            passed.append(now)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            allowed = rate.burst + rate.per_s * (passed[last] - passed[first])
            assert last - first + 1 <= allowed * (1 + 1e-6) + 1e-6


@given(rates, st.integers(1, 60))
def test_who_waits_as_long_as_told_may_pass(rate: Rate, count: int):
    now, taken = 1_000.0, 0.0
    for _ in range(count):
        now += wait_s(rate, taken, now)
        assert wait_s(rate, taken, now) <= 1e-6
        taken = take(rate, taken, now)
    assert now - 1_000.0 <= count / rate.per_s + 1e-6

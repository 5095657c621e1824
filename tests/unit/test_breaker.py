"""The circuit breaker's state machine: when it opens, for how long, and what a probe decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from onhook.event_flow.breaker import (
    CLOSED,
    Closed,
    HalfOpen,
    Open,
    Outcome,
    Policy,
    State,
    Verdict,
    after,
    backoff_s,
    due_now,
    probing,
    verdict,
)

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
POLICY = Policy()
OPENED = Open(
    since=START, until=START + timedelta(seconds=30), after="5 failures in a row", times=1
)
endings = st.sampled_from([Outcome.ALIVE, Outcome.FAILED, Outcome.UNKNOWN])


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def played(outcomes: str, policy: Policy = POLICY, state: State = CLOSED) -> State:
    """Calls that ended one a second: `.` alive, `x` failed."""
    for second, outcome in enumerate(outcomes):
        ended = Outcome.ALIVE if outcome == "." else Outcome.FAILED
        state = after(policy, state, ended, at(second))
    return state


def test_it_opens_after_failures_in_a_row_and_says_so():
    assert isinstance(played("xxxx"), Closed)
    opened = played("xxxxx")
    assert opened == Open(since=at(4), until=at(34), after="5 failures in a row", times=1)


def test_one_answer_between_ends_the_row():
    assert isinstance(played("xxxx.xxxx.xxxx"), Closed)


def test_it_opens_at_half_of_the_calls_of_a_minute_and_not_before_twenty():
    assert isinstance(played(".x" * 9 + "."), Closed)
    opened = played(".x" * 10)
    assert isinstance(opened, Open)
    assert opened.after == "10 failures of 20 calls"


def test_failures_of_an_earlier_minute_do_not_count_in_the_rate():
    state = played("x." * 9)
    state = after(POLICY, state, Outcome.FAILED, at(90))
    assert isinstance(state, Closed)
    assert (state.calls, state.failed) == (1, 1)


def test_one_410_opens_it_for_an_hour():
    opened = after(POLICY, CLOSED, Outcome.GONE, START)
    assert opened == Open(since=START, until=at(3_600), after="answered 410", times=1)


def test_a_probe_answered_410_keeps_it_open_for_another_hour():
    again = after(POLICY, probing(OPENED), Outcome.GONE, at(40), is_probe=True)
    assert isinstance(again, Open)
    assert (again.since, again.until) == (START, at(3_640))


def test_nothing_passes_before_its_time_and_then_one_probe():
    assert verdict(OPENED, at(29.9)) is Verdict.REFUSED
    assert verdict(OPENED, at(30)) is Verdict.PROBE
    assert verdict(probing(OPENED), at(31)) is Verdict.REFUSED
    assert verdict(probing(OPENED), at(31), forced=True) is Verdict.REFUSED


def test_who_asks_by_hand_probes_before_its_time():
    assert verdict(OPENED, at(1), forced=True) is Verdict.PROBE
    assert verdict(due_now(OPENED, at(1)), at(1)) is Verdict.PROBE


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_doubles_the_wait():
    closed = after(POLICY, probing(OPENED), Outcome.ALIVE, at(40), is_probe=True)
    assert closed == Closed(times=1, closed_at=at(40))
    again = after(POLICY, probing(OPENED), Outcome.FAILED, at(40), is_probe=True)
    assert again == Open(since=START, until=at(100), after="its probe failed", times=2)


def test_a_probe_that_was_broken_off_leaves_its_place_to_the_next():
    again = after(POLICY, probing(OPENED), Outcome.UNKNOWN, at(40), is_probe=True)
    assert verdict(again, at(40)) is Verdict.PROBE


def test_it_opens_for_longer_only_when_it_was_closed_for_a_short_while():
    soon = Closed(times=3, closed_at=START)
    opened = played("xxxxx", state=soon)
    assert isinstance(opened, Open)
    assert opened.until - opened.since == timedelta(seconds=240)
    long_after = Closed(times=3, closed_at=START - timedelta(hours=1))
    opened = played("xxxxx", state=long_after)
    assert isinstance(opened, Open)
    assert opened.until - opened.since == timedelta(seconds=30)


@given(st.integers(1, 10_000), st.floats(1, 100), st.floats(1, 10_000))
def test_the_backoff_only_grows_and_has_a_longest(times: int, open_s: float, longest_s: float):
    policy = Policy(open_s=open_s, longest_open_s=longest_s)
    assert backoff_s(policy, times) <= backoff_s(policy, times + 1) <= max(open_s, longest_s)


calls = st.lists(st.tuples(st.floats(0, 30), st.sampled_from(list(Outcome)), st.booleans()))


@given(calls)
def test_whatever_happens_one_probe_is_under_way_at_a_time_and_time_always_lets_one_pass(
    steps: list[tuple[float, Outcome, bool]],
):
    """Calls of three lengths at once: each step begins one, or ends the oldest."""
    state: State = CLOSED
    now = START
    under_way: list[bool] = []
    for pause_s, outcome, begins in steps:
        now += timedelta(seconds=pause_s)
        if begins or not under_way:
            found = verdict(state, now)
            if found is Verdict.PROBE:
                assert isinstance(state, Open)
                state = probing(state)
            if found is not Verdict.REFUSED:
                under_way.append(found is Verdict.PROBE)
        else:
            state = after(POLICY, state, outcome, now, is_probe=under_way.pop(0))
        assert under_way.count(True) == isinstance(state, HalfOpen)
    for is_probe in under_way:
        state = after(POLICY, state, Outcome.UNKNOWN, now, is_probe=is_probe)
    later = now + timedelta(seconds=POLICY.gone_s)
    assert verdict(state, later) is not Verdict.REFUSED


@given(st.lists(endings, max_size=4), st.lists(endings))
def test_calls_that_left_before_it_opened_change_nothing_while_it_is_open(
    first: list[Outcome], late: list[Outcome]
):
    for state in (OPENED, probing(OPENED)):
        for outcome in (*first, *late):
            assert after(POLICY, state, outcome, at(10)) == state


@given(st.integers(1, 50))
def test_the_policy_says_how_many_in_a_row(failures: int):
    policy = Policy(failures=failures, least_calls=1_000)
    assert isinstance(played("x" * (failures - 1), policy), Closed)
    assert isinstance(played("x" * failures, policy), Open)


def test_a_state_is_data():
    assert msgspec.json.decode(msgspec.json.encode(OPENED), type=Open) == OPENED

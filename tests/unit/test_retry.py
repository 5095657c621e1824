"""What follows an attempt: the schedule as a table, budgets, Retry-After, and the give-up age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onhook.event_flow.retry import (
    JITTER,
    GiveUp,
    History,
    Kind,
    Policy,
    Retry,
    kind_of,
    next_attempt,
    retry_after_s,
)

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
POLICY = Policy()
HOUR = 3_600
WAITS = (5, 30, 120, 600, 1_800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
AGE_S = 80 * HOUR

fractions = st.floats(0, 1)
failures = st.sampled_from([None, 301, 408, 425, 429, 500, 502, 503, 504, 599])
refusals = st.sampled_from([400, 401, 403, 404, 405, 413, 418, 422, 451, 499])


def fresh(**changes: int) -> History:
    return History(
        **({"attempts": 0, "position": 0, "refusals": 0} | changes), first_attempt_at=START
    )


def after(
    tried: History,
    status: int | None = 500,
    asked_s: float | None = None,
    *,
    age_s: float = 0.0,
    jitter: float = 0.0,
    policy: Policy = POLICY,
) -> Retry | GiveUp:
    now = START + timedelta(seconds=age_s)
    return next_attempt(policy, tried, status, asked_s, now, jitter)


def wait_of(decision: Retry | GiveUp, age_s: float = 0.0) -> float:
    assert isinstance(decision, Retry)
    return (decision.at - START).total_seconds() - age_s


def history(decision: Retry) -> History:
    return fresh(attempts=decision.attempts, position=decision.position, refusals=decision.refusals)


# What an answer means

KINDS = {
    Kind.DELIVERED: [200, 201, 202, 204, 299],
    Kind.GONE: [410],
    Kind.REFUSED: [400, 401, 402, 403, 404, 405, 406, 407, 409, 411, 418, 422, 426, 428, 431, 451],
    Kind.RETRYABLE: [
        None,
        100,
        199,
        300,
        301,
        302,
        304,
        307,
        308,
        399,
        408,
        425,
        429,
        500,
        503,
        599,
    ],
}


@pytest.mark.parametrize(
    ("kind", "status"), [(kind, status) for kind, all_of in KINDS.items() for status in all_of]
)
def test_an_answer_means(kind: Kind, status: int | None) -> None:
    assert kind_of(status) is kind


# The schedule


@pytest.mark.parametrize(("position", "wait_s"), list(enumerate(WAITS)))
def test_the_schedule(position: int, wait_s: float) -> None:
    decision = after(fresh(attempts=position, position=position))
    assert wait_of(decision) == wait_s
    assert isinstance(decision, Retry)
    assert (decision.attempts, decision.position) == (position + 1, position + 1)


@given(failures, fractions)
def test_a_run_is_tried_twelve_times_over_three_days_and_then_given_up(
    status: int | None, jitter: float
) -> None:
    """Each attempt takes its 15 seconds; so even the most jitter leaves room for the last."""
    tried, age_s, attempts = fresh(), 15.0, 1
    while isinstance(decision := after(tried, status, age_s=age_s, jitter=jitter), Retry):
        age_s = (decision.at - START).total_seconds() + 15
        tried, attempts = history(decision), attempts + 1
    assert attempts == 12
    assert 75 * HOUR < age_s < AGE_S
    assert decision == GiveUp("given up after 12 attempts")


@given(failures, st.integers(0, 10), fractions)
def test_jitter_only_lengthens(status: int | None, position: int, jitter: float) -> None:
    tried = fresh(attempts=position, position=position)
    wait_s = wait_of(after(tried, status, jitter=jitter))
    assert WAITS[position] <= round(wait_s, 6) <= round(WAITS[position] * (1 + JITTER), 6)


@given(st.integers(0, 10), st.floats(0.0001, 1), fractions)
def test_the_scale_shrinks_the_schedule_alone(position: int, scale: float, jitter: float) -> None:
    tried = fresh(attempts=position, position=position)
    scaled = wait_of(after(tried, jitter=jitter, policy=Policy(scale=scale)))
    assert scaled == pytest.approx(wait_of(after(tried, jitter=jitter)) * scale, abs=1e-6)
    asked = wait_of(after(tried, 503, 24 * HOUR, policy=Policy(scale=scale)))
    assert asked == 24 * HOUR


# Budgets


def test_410_is_given_up_at_once() -> None:
    assert after(fresh(), 410) == GiveUp("gone, not tried again")
    assert isinstance(after(fresh(), 410, 60), GiveUp)


@given(st.lists(refusals, min_size=3, max_size=3))
def test_other_4xx_get_three_attempts(statuses: list[int]) -> None:
    first = after(fresh(), statuses[0])
    assert wait_of(first) == 5
    assert isinstance(first, Retry)
    second = after(history(first), statuses[1])
    assert wait_of(second) == 30
    assert isinstance(second, Retry)
    third = after(history(second), statuses[2])
    assert third == GiveUp("given up after 3 refusals")


def test_refusals_count_however_many_failures_lie_between() -> None:
    tried = fresh()
    for status in (404, 500, None, 404, 503):
        decision = after(tried, status)
        assert isinstance(decision, Retry)
        tried = history(decision)
    assert (tried.attempts, tried.refusals) == (5, 2)
    assert isinstance(after(tried, 404), GiveUp)


@pytest.mark.parametrize("status", [408, 425, 429])
def test_a_4xx_that_asks_for_patience_has_the_whole_budget(status: int) -> None:
    decision = after(fresh(attempts=10, position=10, refusals=2), status)
    assert isinstance(decision, Retry)
    assert decision.refusals == 2


# Retry-After


@given(failures, st.integers(0, 10), st.floats(0, 200 * HOUR), fractions)
def test_retry_after_lengthens_the_wait_up_to_a_day_and_costs_no_attempt(
    status: int | None, position: int, asked_s: float, jitter: float
) -> None:
    tried = fresh(attempts=position, position=position)
    plain = wait_of(after(tried, status, jitter=jitter))
    decision = after(tried, status, asked_s, jitter=jitter)
    assert isinstance(decision, Retry)
    assert wait_of(decision) == pytest.approx(max(plain, min(asked_s, 24 * HOUR)), abs=1e-5)
    assert (decision.attempts, decision.position) == (position, position + 1)


def test_beyond_the_schedule_the_last_wait_stays() -> None:
    decision = after(fresh(attempts=3, position=40), 503, 1)
    assert wait_of(decision) == 24 * HOUR
    assert isinstance(decision, Retry)
    assert decision.position == 41


def test_retry_after_beside_a_refusal_is_not_heard() -> None:
    decision = after(fresh(), 404, 600)
    assert wait_of(decision) == 5
    assert isinstance(decision, Retry)
    assert (decision.attempts, decision.refusals) == (1, 1)


@given(
    failures,
    st.integers(0, 11),
    st.integers(0, 30),
    st.none() | st.floats(0, 200 * HOUR),
    st.floats(0, 100 * HOUR),
    fractions,
)
def test_no_attempt_is_ever_made_after_80_hours(
    status: int | None,
    attempts: int,
    position: int,
    asked_s: float | None,
    age_s: float,
    jitter: float,
) -> None:
    tried = fresh(attempts=attempts, position=position)
    decision = after(tried, status, asked_s, age_s=age_s, jitter=jitter)
    if isinstance(decision, Retry):
        assert age_s < (decision.at - START).total_seconds() <= AGE_S
    else:
        assert decision.reason in (
            "given up, not delivered within 80 h",
            f"given up after {attempts + 1} attempts",
        )


def test_an_endpoint_that_always_asks_for_patience_is_given_up_by_age() -> None:
    tried, age_s, requests = fresh(), 0.0, 1
    while isinstance(decision := after(tried, 429, 24 * HOUR, age_s=age_s), Retry):
        age_s = (decision.at - START).total_seconds()
        tried, requests = history(decision), requests + 1
    assert decision == GiveUp("given up, not delivered within 80 h")
    assert (requests, age_s, tried.attempts) == (4, 72 * HOUR, 0)


NOW = START
IN_AN_HOUR = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("+5", None),
        ("٥", None),
        ("5 s", None),
        ("0", 0),
        ("00", 0),
        ("5", 5),
        (" 120 ", 120),
        ("000000000000005", 5),
        ("86400", 24 * HOUR),
        ("86401", 24 * HOUR),
        ("9" * 10_000, 24 * HOUR),
        ("Mon, 05 Jan 2026 10:30:00 GMT", HOUR),
        ("Monday, 05-Jan-26 10:30:00 GMT", HOUR),
        ("Mon Jan  5 10:30:00 2026", HOUR),
        ("Mon, 05 Jan 2026 12:30:00 +0200", HOUR),
        ("Mon, 05 Jan 2026 09:29:00 GMT", 0),
        ("Thu, 05 Jan 2029 10:30:00 GMT", 24 * HOUR),
        ("Mon, 05 Jan 99999999999 10:30:00 GMT", None),
        ("Mon, 99 Jan 2026 10:30:00 GMT", None),
        ("Mon, 05 Jan 2026 10:30:00 +999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


@given(st.integers(-HOUR, 48 * HOUR), st.integers(-12, 14))
def test_a_date_in_any_zone_is_the_time_until_then(offset_s: int, zone_h: int) -> None:
    there = timezone(timedelta(hours=zone_h))
    value = format_datetime((NOW + timedelta(seconds=offset_s)).astimezone(there))
    assert retry_after_s(value, NOW) == max(0, min(offset_s, 24 * HOUR))


@given(st.text() | st.text(alphabet="0123456789 :,-+JanMoFeGTUC"))
def test_any_retry_after_is_a_bounded_wait_or_none(value: str) -> None:
    found = retry_after_s(value, NOW)
    assert found is None or 0 <= found <= 24 * HOUR

"""Ids of captures sort by time, tell it back, and the clock never repeats itself."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from onhook.sink.identity import Clock, microsecond_of, uuid7

microseconds = st.integers(0, 2**47)


@given(microseconds)
def test_an_id_is_a_uuid_of_version_7_that_tells_its_microsecond(at_us: int) -> None:
    identity = uuid7(at_us)
    assert (identity.version, identity.variant) == (7, uuid.RFC_4122)
    assert identity.int >> 80 == at_us // 1_000
    assert microsecond_of(identity) == at_us


@given(microseconds, microseconds)
def test_ids_sort_as_their_microseconds_do(one: int, other: int) -> None:
    if one != other:
        assert (uuid7(one) < uuid7(other)) == (one < other)
        assert (str(uuid7(one)) < str(uuid7(other))) == (one < other)


def test_two_ids_of_one_microsecond_differ() -> None:
    assert uuid7(1) != uuid7(1)


def test_any_uuid_has_a_key_that_a_database_can_look_up() -> None:
    assert 0 <= microsecond_of(uuid.UUID(int=2**128 - 1)) < 2**63
    assert microsecond_of(uuid.UUID(int=0)) == 0


def test_the_clock_goes_on_when_the_systems_goes_back() -> None:
    times = iter([1_000, 900, 900, 2_000])
    clock = Clock(990, lambda: next(times))
    assert [clock.tick() for _ in range(4)] == [1_000, 1_001, 1_002, 2_000]


def test_the_clock_goes_on_where_the_last_process_stopped() -> None:
    assert Clock(5_000, lambda: 10).tick() == 5_001

"""An endpoint's gate: who passes, who stands in line, who is held back and until when."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from onhook.event_flow import breaker, retry
from onhook.event_flow.admission import admitted
from onhook.event_flow.breaker import Outcome
from onhook.event_flow.endpoint import Endpoint
from onhook.event_flow.endpoint_rule import EndpointPolicy, EndpointRules
from onhook.event_flow.endpoints import Endpoints
from onhook.event_flow.in_flight import LONGEST_LINE, Gate, Held, Pause, Permit, Why
from onhook.event_flow.lane import Lane, Place, Slots, Stopped
from onhook.event_flow.notice import BreakerChanged, Notice
from onhook.event_flow.rate import Rate

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
HERE = Endpoint(flow_id="f-1", flow_name="Main", node="Post", origin="https://a.example:443")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def policy(**changes: Any) -> EndpointPolicy:
    usual = EndpointPolicy(in_flight=2, retry=retry.Policy(), breaker=breaker.Policy())
    return msgspec.structs.replace(usual, **changes)


def gate(clock: Callable[[], datetime], **changes: Any) -> Gate:
    return Gate(HERE, policy(**changes), clock, lambda _gate, _before: None)


def passed(gate: Gate, **how: bool) -> Permit:
    found = gate.ask(**how)
    assert isinstance(found, Permit), found
    return found


def held(gate: Gate) -> Held:
    found = gate.ask()
    assert isinstance(found, Held)
    return found


def fail(gate: Gate, count: int) -> None:
    for _ in range(count):
        passed(gate).end(Outcome.FAILED, "answered 503")


async def place_of(slots: Slots, done: asyncio.Event) -> Place:
    """A place that is held until `done`."""
    found: asyncio.Future[Place] = asyncio.get_running_loop().create_future()

    async def keep() -> None:
        async with slots.place() as place:
            found.set_result(place)
            await done.wait()

    keeping.add(asyncio.create_task(keep()))
    return await found


keeping: set[asyncio.Task[None]] = set()


def slots_of(places: int, clock: Callable[[], datetime], prefetch: int = 100) -> Slots:
    return Slots(Lane(queue="any", slots=places, prefetch=prefetch), clock)


async def test_only_so_many_are_under_way_and_an_end_makes_room(clock: Clock):
    one = gate(clock)
    first, _second = passed(one), passed(one)
    assert held(one).why is Why.FULL
    first.end(Outcome.ALIVE)
    first.end(Outcome.ALIVE)
    passed(one)
    assert held(one).reason.startswith("2 requests to https://a.example:443 are under way")


async def test_who_stands_in_line_passes_in_its_order(clock: Clock):
    one = gate(clock, in_flight=1)
    under_way = passed(one)
    line = [one.line_up() for _ in range(3)]
    assert held(one).why is Why.FULL
    for place in line:
        assert place is not None
        assert not place.done()
        under_way.end(Outcome.ALIVE)
        found = await place
        assert isinstance(found, Permit)
        under_way = found


async def test_the_line_has_an_end(clock: Clock):
    one = gate(clock, in_flight=1)
    passed(one)
    line = [one.line_up() for _ in range(LONGEST_LINE)]
    assert one.line_up() is None
    assert line[0] is not None
    one.step_out(line[0])
    assert one.line_up() is not None
    assert one.state.in_line == LONGEST_LINE


async def test_leave_given_to_who_has_gone_is_given_to_the_next(clock: Clock):
    one = gate(clock, in_flight=1)
    under_way = passed(one)
    first, second = one.line_up(), one.line_up()
    assert first is not None
    assert second is not None
    under_way.end(Outcome.ALIVE)
    assert first.done()
    one.step_out(first)
    assert isinstance(await second, Permit)
    assert one.state.in_flight == 1


async def test_a_breaker_that_opens_says_since_when_and_why(clock: Clock):
    one = gate(clock)
    fail(one, 5)
    told = held(one)
    assert told.why is Why.BREAKER
    assert told.reason == (
        "breaker open since 2026-01-05T09:30:00+00:00 for https://a.example:443, "
        "after 5 failures in a row, the last answered 503"
    )
    assert told.not_before == START + timedelta(seconds=30)


async def test_a_breaker_that_opens_tells_everybody_in_line(clock: Clock):
    one = gate(clock, breaker=breaker.Policy(failures=1))
    first, _second = passed(one), passed(one)
    line = [one.line_up() for _ in range(3)]
    first.end(Outcome.FAILED)
    for place in line:
        assert place is not None
        told = await place
        assert isinstance(told, Held)
        assert told.why is Why.BREAKER
    assert one.state.in_line == 0


async def test_half_open_lets_one_pass_and_its_success_all(clock: Clock):
    one = gate(clock)
    fail(one, 5)
    clock.pass_by(31)
    probe = passed(one)
    assert probe.is_probe
    assert held(one).why is Why.BREAKER
    probe.end(Outcome.ALIVE)
    passed(one)
    passed(one)


async def test_an_operator_s_request_probes_before_the_time_and_only_one_does(clock: Clock):
    one = gate(clock)
    fail(one, 5)
    assert held(one).why is Why.BREAKER
    probe = passed(one, forced=True)
    assert isinstance(one.ask(forced=True), Held)
    probe.end(Outcome.FAILED)
    assert held(one).not_before == START + timedelta(seconds=60)


async def test_a_pause_holds_everything_back_and_its_end_lets_the_line_pass(clock: Clock):
    one = gate(clock)
    one.set_pause(Pause(START, "they asked us to"))
    assert held(one).why is Why.PAUSED
    assert held(one).reason.endswith("is paused since 2026-01-05T09:30:00+00:00: they asked us to")
    assert isinstance(one.ask(forced=True), Held)
    one.set_pause(None)
    passed(one)


async def test_a_rate_makes_who_comes_too_soon_stand_in_line_for_it(clock: Clock):
    one = gate(clock, in_flight=100, rate=Rate(per_s=200, burst=1))
    passed(one)
    assert held(one).why is Why.RATE
    line = [one.line_up() for _ in range(3)]
    for place in line:
        assert place is not None
        async with asyncio.timeout(10):
            assert isinstance(await place, Permit)


async def test_who_is_held_back_comes_back_spread_out_and_through_a_queue(clock: Clock):
    one = gate(clock, in_flight=1, rate=Rate(per_s=2, burst=1))
    passed(one)
    refusal = held(one)
    waits = [(one.later(refusal, 0.0) - START).total_seconds() for _ in range(500)]
    assert min(waits) >= 5
    assert max(waits) <= 5.5 + 120
    assert [round(later - earlier, 3) for earlier, later in itertools.pairwise(waits[:200])] == [
        0.5
    ] * 199
    assert max(waits.count(wait) for wait in waits) <= 3
    clock.pass_by(600)
    assert one.later(held(one), 0.0) - clock.now < timedelta(seconds=7)
    assert one.state.held_back == {"full": 501}


async def test_who_waits_for_a_breaker_asks_again_when_it_is_probed(clock: Clock):
    one = gate(clock)
    fail(one, 5)
    waits = [(one.later(held(one), 0.0) - START).total_seconds() for _ in range(10)]
    assert 30 <= min(waits) <= max(waits) < 32


async def test_what_stands_in_line_keeps_no_place_of_its_lane(clock: Clock):
    one, slots, done = gate(clock, in_flight=1), slots_of(1, clock), asyncio.Event()
    under_way = passed(one)
    place = await place_of(slots, done)
    waiting = asyncio.create_task(admitted(one, place))
    async with asyncio.timeout(10), slots.place():
        assert not waiting.done()
    under_way.end(Outcome.ALIVE)
    async with asyncio.timeout(10):
        assert isinstance(await waiting, Permit)
    done.set()


async def test_no_more_stand_in_line_than_a_lane_may_hold(clock: Clock):
    one, slots, done = gate(clock, in_flight=1), slots_of(4, clock, prefetch=2), asyncio.Event()
    passed(one)
    first = asyncio.create_task(admitted(one, await place_of(slots, done)))
    await asyncio.sleep(0)
    assert isinstance(await admitted(one, await place_of(slots, done)), Held)
    first.cancel()
    await asyncio.wait({first})
    assert one.state.in_line == 0
    done.set()


async def test_who_stands_in_line_leaves_when_the_worker_stops(clock: Clock):
    one, slots, done = gate(clock, in_flight=1), slots_of(1, clock), asyncio.Event()
    passed(one)
    waiting = asyncio.create_task(admitted(one, await place_of(slots, done)))
    await asyncio.sleep(0)
    slots.stop()
    with pytest.raises(Stopped):
        await waiting
    assert one.state.in_line == 0
    done.set()


async def test_breakers_are_told_and_pauses_reach_gates_that_are_made_later(clock: Clock):
    told: list[Notice] = []
    endpoints = Endpoints(EndpointRules(policy()), clock, told.append)
    endpoints.set_pauses({HERE.key: Pause(START)})
    one = endpoints.gate(HERE.flow_id, HERE.flow_name, HERE.node, "https://a.example/x")
    assert held(one).why is Why.PAUSED
    endpoints.set_pauses({})
    fail(one, 5)
    clock.pass_by(31)
    passed(one).end(Outcome.ALIVE)
    states = [notice.state for notice in told if isinstance(notice, BreakerChanged)]
    assert states == ["open", "half-open", "closed"]
    (seen,) = endpoints.snapshot()
    assert (seen.id, seen.breaker.state, seen.breaker.opened) == (HERE.id, "closed", 1)


async def test_leave_that_came_at_once_is_taken_though_the_lane_may_hold_no_more(clock: Clock):
    """Between the question and the line a request ends; nobody must be left with its place."""
    one, done = gate(clock, in_flight=1), asyncio.Event()
    slots = slots_of(4, clock, prefetch=0)
    under_way = passed(one)
    line_up = one.line_up

    def ending_first() -> Any:
        under_way.end(Outcome.ALIVE)
        return line_up()

    one.line_up = ending_first  # type: ignore[method-assign]  # the one moment that cannot be had
    found = await admitted(one, await place_of(slots, done))
    assert isinstance(found, Permit)
    found.end(Outcome.ALIVE)
    assert one.state.in_flight == 0
    done.set()

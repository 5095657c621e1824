"""The gate of one endpoint: a request passes, stands in line in memory, or is held back.

In-flight limit, rate, breaker and pause meet here. What becomes of a request that is held back is
the caller's: nothing here knows runs, queues or HTTP. One event loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from time import monotonic

from msgspec import Struct

from onhook.contracts.topology import SMALLEST_TIER_S
from onhook.event_flow import rate
from onhook.event_flow.breaker import (
    CLOSED,
    Closed,
    HalfOpen,
    Open,
    Outcome,
    State,
    Verdict,
    after,
    due_now,
    probing,
    verdict,
)
from onhook.event_flow.endpoint import BreakerState, Endpoint, EndpointState
from onhook.event_flow.endpoint_rule import EndpointPolicy

LONGEST_LINE = 512
"""Requests of one endpoint that wait in memory: more than its lanes are handed at once, so that what
one busy endpoint takes in seconds makes no way through a tier."""
PAUSED_LOOK_S = 600.0
"""A paused run looks again so often; resuming sends it on at once."""
SPREAD_S = 120.0
"""Runs that are held back together come back within so long of one another."""
FIRST_GUESS_S = 0.1
"""How long a request takes, before any has ended."""
_WEIGHT = 0.1


class Why(Enum):
    """Why a request is held back."""

    PAUSED = "paused"
    BREAKER = "breaker open"
    FULL = "full"
    RATE = "rate"


class Held(Struct, frozen=True):
    """A request may not leave now. `not_before` is the earliest that it makes sense to ask again."""

    why: Why
    reason: str
    not_before: datetime


class Pause(Struct, frozen=True):
    """An operator's: nothing is sent until it is lifted."""

    since: datetime
    reason: str | None = None


Listener = Callable[["Gate", State], None]
"""Hears of each change of a breaker, with the state before."""


class Permit:
    """One request's leave. `end` it exactly once; again is nothing."""

    __slots__ = ("_began", "_gate", "_is_over", "is_probe")

    def __init__(self, gate: Gate, *, is_probe: bool) -> None:
        self._gate = gate
        self._began = monotonic()
        self._is_over = False
        self.is_probe = is_probe

    def end(self, outcome: Outcome = Outcome.UNKNOWN, failure: str | None = None) -> None:
        """`failure` says in a few words what was wrong."""
        if not self._is_over:
            self._is_over = True
            self._gate.ended(outcome, failure, monotonic() - self._began, is_probe=self.is_probe)


Line = asyncio.Future[Permit | Held]
"""A place in an endpoint's line: its result is the leave, or why there is none."""


class Gate:
    def __init__(
        self,
        endpoint: Endpoint,
        policy: EndpointPolicy,
        clock: Callable[[], datetime],
        changed: Listener,
    ) -> None:
        self.endpoint = endpoint
        self.policy = policy
        self.breaker: State = CLOSED
        self.pause: Pause | None = None
        self.last_failure: str | None = None
        self.held_back: Counter[Why] = Counter()
        self.opened = 0
        self.is_noted = False
        """It is in the journal, so that operators find it."""
        self._clock = clock
        self._changed = changed
        self._in_flight = 0
        self._taken_until = 0.0
        self._line: deque[Line] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._takes_s = FIRST_GUESS_S
        self._spread_s = 0.0
        self._spread_until: datetime | None = None
        self._ended = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Nothing would be lost if it were forgotten."""
        is_at_rest = self.breaker == CLOSED or (
            isinstance(self.breaker, Closed) and not self.breaker.in_a_row
        )
        return is_at_rest and self.pause is None and not self._in_flight and not self._line

    # Asking

    def ask(self, *, forced: bool = False) -> Permit | Held:
        """Leave for one request, now. `forced`: an open breaker may be probed before its time."""
        if self._line and self.pause is None and isinstance(self.breaker, Closed):
            limit = self.policy.rate
            if limit is None or self._in_flight >= self.policy.in_flight:
                return self._full()
            return self._too_fast(limit, 0.0)
        return self._try(forced=forced)

    def line_up(self) -> Line | None:
        """A place in line; None when the line is as long as it may be."""
        if len(self._line) >= LONGEST_LINE:
            return None
        place: Line = asyncio.get_running_loop().create_future()
        self._line.append(place)
        self._move_up()
        return place

    def step_out(self, place: Line) -> None:
        """Leave the line; what was given meanwhile is given back."""
        if place in self._line:
            self._line.remove(place)
        if not place.done():
            place.cancel()
        elif not place.cancelled() and isinstance(given := place.result(), Permit):
            given.end()

    def _try(self, *, forced: bool = False) -> Permit | Held:
        if self.pause is not None:
            return self._paused(self.pause)
        is_probe = False
        if not isinstance(self.breaker, Closed):
            now = self._clock()
            passes = verdict(self.breaker, now, forced=forced)
            if passes is Verdict.REFUSED:
                return self._behind_breaker(now)
            is_probe = passes is Verdict.PROBE
        if self._in_flight >= self.policy.in_flight:
            return self._full()
        limit = self.policy.rate
        if limit is not None:
            now_s = monotonic()
            wait_s = rate.wait_s(limit, self._taken_until, now_s)
            if wait_s > 0:
                return self._too_fast(limit, wait_s)
            self._taken_until = rate.take(limit, self._taken_until, now_s)
        if is_probe and isinstance(self.breaker, Open):
            self._become(probing(self.breaker))
        self._in_flight += 1
        return Permit(self, is_probe=is_probe)

    # Ending

    def ended(
        self, outcome: Outcome, failure: str | None, took_s: float, *, is_probe: bool
    ) -> None:
        """For Permit."""
        self._in_flight -= 1
        self._takes_s += _WEIGHT * (took_s - self._takes_s)
        if outcome in (Outcome.FAILED, Outcome.GONE):
            self.last_failure = failure
        policy = self.policy.breaker
        if policy is not None:
            state = after(policy, self.breaker, outcome, self._clock(), is_probe=is_probe)
            if state is not self.breaker:
                self._become(state)
        self._move_up()
        ended, self._ended = self._ended, asyncio.Event()
        ended.set()

    def _become(self, state: State) -> None:
        before, self.breaker = self.breaker, state
        if type(before) is not type(state):
            self.opened += isinstance(state, Open) and isinstance(before, Closed)
            self._changed(self, before)

    def _move_up(self) -> None:
        """Give leave to those in line, as far as it goes; tell them when there is none to come."""
        while self._line:
            found = self._try()
            if isinstance(found, Held):
                if found.why is Why.FULL:
                    return
                if found.why is Why.RATE:
                    self._move_up_at(found.not_before)
                    return
                for place in self._line:
                    if not place.done():
                        place.set_result(found)
                self._line.clear()
                return
            place = self._line.popleft()
            if place.done():
                found.end()
            else:
                place.set_result(found)

    def _move_up_at(self, at: datetime) -> None:
        if self._timer is None:
            wait_s = max(0.001, (at - self._clock()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._move_up()

    # Operators

    def set_pause(self, pause: Pause | None) -> None:
        self.pause = pause
        self._move_up()

    def probe_now(self) -> None:
        """An open breaker lets one request pass, without waiting for its time."""
        self.breaker = due_now(self.breaker, self._clock())
        self._move_up()

    async def room(self) -> bool:
        """Wait until another request would pass; False when none will for now."""
        while True:
            is_probed = isinstance(self.breaker, HalfOpen)
            if self.pause is not None or (
                isinstance(self.breaker, Open) and self._clock() < self.breaker.until
            ):
                return False
            if not is_probed and not self._line and self._in_flight < self.policy.in_flight:
                return True
            await self._ended.wait()

    # Being held back

    def later(self, held: Held, jitter: float) -> datetime:
        """When a request that is held back should ask again: spread out by how fast they go.

        At least the smallest tier away, so that it waits in a queue. `jitter` is from 0 to 1.
        """
        self.held_back[held.why] += 1
        now = self._clock()
        if held.why is Why.PAUSED:
            return now + timedelta(seconds=PAUSED_LOOK_S * (1 + 0.1 * jitter))
        soonest = max(held.not_before, now + timedelta(seconds=SMALLEST_TIER_S + 0.5))
        if self._spread_until is None or soonest > self._spread_until:
            self._spread_s = 0.0
        limit = self.policy.rate
        step_s = max(
            self._takes_s / self.policy.in_flight, 0.0 if limit is None else 1 / limit.per_s
        )
        self._spread_s = (self._spread_s + step_s) % SPREAD_S
        at = soonest + timedelta(seconds=self._spread_s + jitter)
        self._spread_until = at if self._spread_until is None else max(at, self._spread_until)
        return at

    def _paused(self, pause: Pause) -> Held:
        why = f": {pause.reason}" if pause.reason else ""
        reason = f"{self.endpoint.origin} is paused since {_told(pause.since)}{why}"
        return Held(Why.PAUSED, reason, self._clock())

    def _behind_breaker(self, now: datetime) -> Held:
        state = self.breaker
        opened = state.opened if isinstance(state, HalfOpen) else state
        assert isinstance(opened, Open)
        last = f", the last {self.last_failure}" if self.last_failure else ""
        reason = (
            f"breaker open since {_told(opened.since)} for {self.endpoint.origin}, after "
            f"{opened.after}{last}"
        )
        return Held(Why.BREAKER, reason, max(now, opened.until))

    def _full(self) -> Held:
        reason = (
            f"{self._in_flight} requests to {self.endpoint.origin} are under way, as many as may"
        )
        return Held(Why.FULL, reason, self._clock())

    def _too_fast(self, limit: rate.Rate, wait_s: float) -> Held:
        reason = f"no more than {limit.per_s:g} requests a second go to {self.endpoint.origin}"
        return Held(Why.RATE, reason, self._clock() + timedelta(seconds=wait_s))

    # Looking

    @property
    def state(self) -> EndpointState:
        limit, pause = self.policy.rate, self.pause
        return EndpointState(
            id=self.endpoint.id,
            flow_id=self.endpoint.flow_id,
            flow=self.endpoint.flow_name,
            node=self.endpoint.node,
            origin=self.endpoint.origin,
            in_flight=self._in_flight,
            in_flight_limit=self.policy.in_flight,
            in_line=len(self._line),
            rate_per_s=None if limit is None else limit.per_s,
            breaker=self._breaker_state(),
            paused_at=None if pause is None else pause.since,
            pause_reason=None if pause is None else pause.reason,
            held_back={why.value: count for why, count in sorted_counts(self.held_back)},
        )

    def _breaker_state(self) -> BreakerState:
        state = self.breaker
        if isinstance(state, Closed):
            return BreakerState(state="closed", last_failure=self.last_failure, opened=self.opened)
        opened = state.opened if isinstance(state, HalfOpen) else state
        return BreakerState(
            state="half-open" if isinstance(state, HalfOpen) else "open",
            since=opened.since,
            until=opened.until,
            after=opened.after,
            last_failure=self.last_failure,
            opened=self.opened,
        )


def sorted_counts(counts: Counter[Why]) -> list[tuple[Why, int]]:
    return sorted(counts.items(), key=lambda pair: pair[0].value)


def _told(at: datetime) -> str:
    return at.isoformat(timespec="seconds")

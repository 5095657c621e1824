"""A circuit breaker as a pure state machine: closed, open, half-open with one probe at a time.

The clock is a value. It must not know what it guards, nor who waits; `Outcome` is all it hears of a
call. What counts as which outcome is decided by whoever calls.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

import msgspec
from msgspec import Struct

LONGEST_DOUBLINGS = 16
"""Beyond that every backoff is at its longest."""


class Outcome(Enum):
    """How a call ended."""

    ALIVE = "alive"
    """There was an answer that speaks for the other side, whatever it said of the request."""
    FAILED = "failed"
    GONE = "gone"
    """It asked for no more calls."""
    UNKNOWN = "unknown"
    """The call was broken off by ourselves."""


class Policy(Struct, frozen=True, kw_only=True):
    """When it opens, and for how long. Times are seconds."""

    failures: int = 5
    """In a row, that open it."""
    rate: float = 0.5
    """Part of the calls of a window that open it when they fail, if there were `least_calls`."""
    least_calls: int = 20
    window_s: float = 60.0
    open_s: float = 30.0
    """Doubles each time that it opens again within `longest_open_s` of closing."""
    longest_open_s: float = 600.0
    gone_s: float = 3_600.0
    """After Outcome.GONE (SEMANTICS 12)."""


class Closed(Struct, frozen=True, kw_only=True):
    """Calls pass. `calls` and `failed` are of the window, `in_a_row` of the latest."""

    calls: int = 0
    failed: int = 0
    in_a_row: int = 0
    window_began: datetime | None = None
    times: int = 0
    """How often it opened in a row before; counted from until it has been closed long enough."""
    closed_at: datetime | None = None


class Open(Struct, frozen=True, kw_only=True):
    """No call passes before `until`; then one does."""

    since: datetime
    """When it left Closed."""
    until: datetime
    after: str
    """What opened it, in a few words."""
    times: int


class HalfOpen(Struct, frozen=True, kw_only=True):
    """One call, the probe, is under way."""

    opened: Open
    """As it was when the probe left."""


State = Closed | Open | HalfOpen
CLOSED = Closed()


class Verdict(Enum):
    PASS = "pass"  # noqa: S105 - a verdict
    PROBE = "probe"
    """It passes, and decides alone what follows."""
    REFUSED = "refused"


def verdict(state: State, now: datetime, *, forced: bool = False) -> Verdict:
    """Whether a call may leave now. `forced`: an open one is probed before its time."""
    if isinstance(state, Closed):
        return Verdict.PASS
    if isinstance(state, Open) and (forced or now >= state.until):
        return Verdict.PROBE
    return Verdict.REFUSED


def probing(state: Open) -> HalfOpen:
    """The probe leaves."""
    return HalfOpen(opened=state)


def due_now(state: State, now: datetime) -> State:
    """An open one may be probed at once."""
    return msgspec.structs.replace(state, until=now) if isinstance(state, Open) else state


def after(
    policy: Policy, state: State, outcome: Outcome, now: datetime, *, is_probe: bool = False
) -> State:
    """The state once a call has ended. While it is not closed only the probe's end counts."""
    if isinstance(state, HalfOpen):
        return _after_probe(policy, state.opened, outcome, now) if is_probe else state
    if isinstance(state, Open) or outcome is Outcome.UNKNOWN:
        return state
    return _after_call(policy, state, outcome, now)


def _after_call(policy: Policy, state: Closed, outcome: Outcome, now: datetime) -> State:
    if outcome is Outcome.GONE:
        return _opened(policy, state, now, "answered 410")
    if state.window_began is None or (now - state.window_began).total_seconds() > policy.window_s:
        state = msgspec.structs.replace(state, calls=0, failed=0, window_began=now)
    if outcome is Outcome.ALIVE:
        return msgspec.structs.replace(state, calls=state.calls + 1, in_a_row=0)
    state = msgspec.structs.replace(
        state, calls=state.calls + 1, failed=state.failed + 1, in_a_row=state.in_a_row + 1
    )
    if state.in_a_row >= policy.failures:
        row = "a failure" if state.in_a_row == 1 else f"{state.in_a_row} failures in a row"
        return _opened(policy, state, now, row)
    if state.calls >= policy.least_calls and state.failed >= policy.rate * state.calls:
        return _opened(policy, state, now, f"{state.failed} failures of {state.calls} calls")
    return state


def _after_probe(policy: Policy, opened: Open, outcome: Outcome, now: datetime) -> State:
    if outcome is Outcome.ALIVE:
        return Closed(times=opened.times, closed_at=now)
    if outcome is Outcome.UNKNOWN:
        return msgspec.structs.replace(opened, until=now)  # the next call probes in its place
    is_gone = outcome is Outcome.GONE
    wait_s = policy.gone_s if is_gone else backoff_s(policy, opened.times + 1)
    return msgspec.structs.replace(
        opened,
        until=now + timedelta(seconds=wait_s),
        after="its probe was answered 410" if is_gone else "its probe failed",
        times=opened.times + 1,
    )


def _opened(policy: Policy, state: Closed, now: datetime, why: str) -> Open:
    is_again = (
        state.closed_at is not None
        and (now - state.closed_at).total_seconds() < policy.longest_open_s
    )
    times = state.times + 1 if is_again else 1
    wait_s = policy.gone_s if why == "answered 410" else backoff_s(policy, times)
    return Open(since=now, until=now + timedelta(seconds=wait_s), after=why, times=times)


def backoff_s(policy: Policy, times: int) -> float:
    """How long it stays open when it opens for the `times`th time in a row."""
    doublings = min(times - 1, LONGEST_DOUBLINGS)
    return min(policy.open_s * 2.0**doublings, max(policy.longest_open_s, policy.open_s))

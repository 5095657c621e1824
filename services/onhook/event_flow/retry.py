"""What to do after an attempt: again, when, or never. Pure; the clock and the jitter are values.

It must not know the bus or HTTP beyond a status and a Retry-After.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum

from msgspec import Struct

SCHEDULE_S = (5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Waits between attempts. After the last one the wait stays as long."""
GIVE_UP_AGE_S = 80 * 3_600
SHORT_BUDGET = 3
"""Attempts for an answer 4xx that says the request itself is at fault."""
JITTER = 0.05
"""Waits are lengthened by up to this part, never shortened; so all of them fit into the age."""
LONGEST_RETRY_AFTER_S = 24 * 3_600

RETRYABLE_4XX = frozenset({408, 425, 429})
GONE = 410
SUCCESS = frozenset(range(200, 300))


class Kind(Enum):
    DELIVERED = "delivered"
    RETRYABLE = "retryable"
    REFUSED = "refused"
    GONE = "gone"


class Policy(Struct, frozen=True, kw_only=True):
    schedule_s: tuple[float, ...] = SCHEDULE_S
    give_up_age_s: float = GIVE_UP_AGE_S
    success: frozenset[int] = SUCCESS
    """Statuses that count as delivered."""
    scale: float = 1.0

    @property
    def budget(self) -> int:
        return len(self.schedule_s) + 1


class History(Struct, frozen=True, kw_only=True):
    """A request's history up to and without the attempt just made."""

    attempts: int
    position: int
    refusals: int
    first_attempt_at: datetime


class Retry(Struct, frozen=True, kw_only=True):
    """Try again at `at`; the rest is the history with this attempt."""

    at: datetime
    attempts: int
    position: int
    refusals: int


class GiveUp(Struct, frozen=True):
    reason: str


def kind_of(status: int | None, success: frozenset[int] = SUCCESS) -> Kind:
    """What an answer means; None is a fault before any answer."""
    if status is None:
        return Kind.RETRYABLE
    if status in success:
        return Kind.DELIVERED
    if status == GONE:
        return Kind.GONE
    if 400 <= status < 500 and status not in RETRYABLE_4XX:
        return Kind.REFUSED
    return Kind.RETRYABLE


def next_attempt(
    policy: Policy,
    tried: History,
    status: int | None,
    retry_after_s: float | None,
    now: datetime,
    jitter: float,
) -> Retry | GiveUp:
    """Decide after a failed attempt. `jitter` is from 0 to 1, of JITTER.

    A Retry-After costs no attempt, never shortens the schedule's wait and never extends the age
    at which a run is given up.
    """
    kind = kind_of(status, policy.success)
    if kind is Kind.GONE:
        return GiveUp("gone, not tried again")
    refusals = tried.refusals + (kind is Kind.REFUSED)
    if refusals >= SHORT_BUDGET:
        return GiveUp(f"given up after {refusals} refusals")
    asked_s = retry_after_s if kind is Kind.RETRYABLE else None
    attempts = tried.attempts + (asked_s is None)
    if attempts >= policy.budget:
        return GiveUp(f"given up after {attempts} attempts")
    wait_s = policy.schedule_s[min(tried.position, len(policy.schedule_s) - 1)] * policy.scale
    wait_s *= 1 + JITTER * jitter
    if asked_s is not None:
        wait_s = max(wait_s, min(asked_s, LONGEST_RETRY_AFTER_S))
    at = now + timedelta(seconds=wait_s)
    if is_past(policy, tried.first_attempt_at, at):
        return GiveUp(too_late(policy))
    return Retry(at=at, attempts=attempts, position=tried.position + 1, refusals=refusals)


def is_past(policy: Policy, first_attempt_at: datetime, at: datetime) -> bool:
    """Whether a run is no longer tried at that time."""
    return at - first_attempt_at > timedelta(seconds=policy.give_up_age_s)


def too_late(policy: Policy) -> str:
    """Why it is given up then."""
    return f"given up, not delivered within {policy.give_up_age_s / 3_600:g} h"


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3); None when it is no such.

    At most LONGEST_RETRY_AFTER_S.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0")
        return float(min(int(digits[:6] or "0"), LONGEST_RETRY_AFTER_S))
    try:
        moment = parsedate_to_datetime(text)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
    if moment.tzinfo is None:  # the oldest of the three forms names no zone, and means UTC
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_RETRY_AFTER_S)

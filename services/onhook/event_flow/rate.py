"""A rate limit as a pure function of time: so many a second, and a burst of as many at once.

The generic cell rate algorithm: one number, the time by which everything taken so far would have
been let through one by one. The clock is a value, in seconds.
"""

from __future__ import annotations

from msgspec import Struct


class Rate(Struct, frozen=True, kw_only=True):
    """`per_s` on average; `burst` at once after a rest."""

    per_s: float
    burst: float

    @property
    def slack_s(self) -> float:
        """How far ahead of the clock what was taken may be."""
        return max(0.0, self.burst - 1) / self.per_s


def wait_s(rate: Rate, taken_until: float, now: float) -> float:
    """How long until one more may be taken; 0 when it may be now."""
    return max(0.0, taken_until - rate.slack_s - now)


def take(rate: Rate, taken_until: float, now: float) -> float:
    """`taken_until` once one more is taken."""
    return max(taken_until, now) + 1 / rate.per_s

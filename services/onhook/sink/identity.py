"""Ids and times of captures: UUIDv7 and a clock that never repeats itself.

A capture's microsecond is its key in the store and stands in its id, so that an id is looked up
without an index of its own. Source: RFC 9562, sections 5.7 and 6.2 (method 3).
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable

_VERSION = 7 << 76
_VARIANT = 0b10 << 62
_SUB_MILLISECOND_STEPS = 4_096


class Clock:
    """Microseconds since 1970, each later than the one before, whatever the system's clock does."""

    def __init__(self, last_us: int, now_us: Callable[[], int]) -> None:
        self.last_us = last_us
        self.now_us = now_us

    def tick(self) -> int:
        self.last_us = max(self.last_us + 1, self.now_us())
        return self.last_us


def now_us() -> int:
    return time.time_ns() // 1_000


def uuid7(at_us: int) -> uuid.UUID:
    """A new id that sorts by `at_us` and tells it back to `microsecond_of`."""
    milliseconds, rest = divmod(at_us, 1_000)
    fraction = rest * _SUB_MILLISECOND_STEPS // 1_000
    return uuid.UUID(
        int=milliseconds << 80 | _VERSION | fraction << 64 | _VARIANT | secrets.randbits(62)
    )


def microsecond_of(identity: uuid.UUID) -> int:
    """The microsecond in an id of `uuid7`; of any other id, a number that means nothing."""
    milliseconds = identity.int >> 80
    fraction = identity.int >> 64 & (_SUB_MILLISECOND_STEPS - 1)
    return milliseconds * 1_000 + -(-fraction * 1_000 // _SUB_MILLISECOND_STEPS)

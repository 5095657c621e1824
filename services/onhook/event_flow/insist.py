"""Doing what must not fail: again, with pauses, until the bus or the journal is back.

The message being handled stays unacknowledged meanwhile; cancellation is let through.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from onhook.bus.port import BusError, NeverAccepted
from onhook.journal.port import JournalError

log = structlog.get_logger()

T = TypeVar("T")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0


async def insist(action: Callable[[], Awaitable[T]], what: str) -> T:
    """Await `action()` until it succeeds. A publish that was not confirmed is published again.

    Raises NeverAccepted, which no repetition mends.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await action()
        except NeverAccepted:
            raise
        except (BusError, JournalError) as error:
            log.warning("held up", action=what, reason=str(error), again_in_s=round(pause_s, 1))
        await asyncio.sleep(pause_s * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, no secret
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

"""Keeping the journal within its limits: what is over goes, oldest first, a little at a time.

Decides what goes and how fast, on a `Store` that finds and removes. It must not know SQL. Versions
of flows stay, all of them: a run in a queue, a call under way or a replay may still name one.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import NoReturn, Protocol

import structlog
from msgspec import Struct

from onhook.journal.bounds import Bounds, Limits
from onhook.journal.port import JournalError
from onhook.journal.rows import micros

log = structlog.get_logger()

BATCH = 100
"""Removed in one transaction: some milliseconds, so that no write waits long behind it."""
REST = 3.0
"""After each batch, so many times what it took, in which others write."""
SHORT_REST = 0.5
FAR_OVER = 0.02
"""Of the rows that may be: with so many too many, the rests are short, or they would never go."""
YOUNGEST_S = 300.0
"""Copies of a run's messages may still come so long after it ended; until then its row stays."""
COUNTED_FOR_S = 60.0

Key = tuple[str, ...]


class Old(Struct, frozen=True):
    """A run or event that may go: its time in microseconds, and its key."""

    at: int
    key: Key


class Count(Struct, frozen=True):
    runs: int
    events: int
    oldest_at: datetime | None


class Store(Protocol):
    """What a journal does for the trimmer. All raise JournalError."""

    async def count(self) -> Count: ...
    def trims_alone(self) -> AbstractAsyncContextManager[bool]:
        """False: another worker trims this journal now."""
        ...

    async def old_runs(self, before: int, behind: Old | None, most: int) -> list[Old]:
        """Runs that are over since before then and have no dead letter, oldest first."""
        ...

    async def remove_runs(self, keys: list[Key]) -> int:
        """With all that belongs to them; those that are under way again stay."""
        ...

    async def old_events(self, before: int, behind: Old | None, most: int) -> list[Old]: ...
    async def remove_events(self, keys: list[Key]) -> int: ...


def _now() -> datetime:
    return datetime.now(UTC)


class Trimmer:
    """Run it in a task that the journal owns."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._counted: tuple[float, Count, datetime] | None = None
        self._runs = 0
        self._events = 0
        self._trimmed_at: datetime | None = None
        self._trouble: str | None = None

    async def bounds(self) -> Bounds:
        """Raises JournalError."""
        if self._counted is None or time.monotonic() - self._counted[0] > COUNTED_FOR_S:
            await self._count()
        assert self._counted is not None
        _, count, at = self._counted
        return Bounds(
            at=at,
            max_age_s=self._limits.max_age_s,
            max_rows=self._limits.max_rows,
            runs=count.runs,
            events=count.events,
            oldest_at=count.oldest_at,
            trimmed_runs=self._runs,
            trimmed_events=self._events,
            trimmed_at=self._trimmed_at,
            is_over=max(count.runs, count.events) > self._limits.max_rows,
            trouble=self._trouble,
        )

    async def run(self) -> NoReturn:
        while True:
            jitter = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
            await asyncio.sleep(self._limits.sweep_s * jitter)
            try:
                await self.sweep()
            except JournalError as error:
                self._trouble = str(error)
                log.warning("journal not trimmed", reason=str(error))

    async def sweep(self) -> None:
        """Look once, and remove what may go. Raises JournalError."""
        async with self._store.trims_alone() as alone:
            if alone:
                await self._sweep()
        self._trouble = None

    async def _sweep(self) -> None:
        now = _now()
        aged = _micros(now - timedelta(seconds=self._limits.max_age_s))
        over = _micros(now - timedelta(seconds=YOUNGEST_S))
        find_runs, drop_runs = self._store.old_runs, self._store.remove_runs
        find_events, drop_events = self._store.old_events, self._store.remove_events
        runs = await self._remove(find_runs, drop_runs, min(aged, over), None)
        events = await self._remove(find_events, drop_events, min(aged, over), None)
        aged_out = (runs, events)
        count = await self._count()
        surplus = (count.runs - self._limits.max_rows, count.events - self._limits.max_rows)
        runs += await self._remove(find_runs, drop_runs, over, surplus[0])
        events += await self._remove(find_events, drop_events, over, surplus[1])
        if not runs and not events:
            self._warn_of(count)
            return
        self._runs += runs
        self._events += events
        self._trimmed_at = _now()
        count = await self._count()
        log.warning(
            "journal trimmed",
            runs=runs,
            events=events,
            runs_too_old=aged_out[0],
            events_too_old=aged_out[1],
            runs_left=count.runs,
            events_left=count.events,
            max_age_s=self._limits.max_age_s,
            max_rows=self._limits.max_rows,
        )
        self._warn_of(count)

    def _warn_of(self, count: Count) -> None:
        if max(count.runs, count.events) > self._limits.max_rows:
            log.warning(
                "journal holds more than its limit",
                runs=count.runs,
                events=count.events,
                max_rows=self._limits.max_rows,
                reason="the rest is under way, ended minutes ago, or has a dead letter",
            )

    async def _count(self) -> Count:
        count = await self._store.count()
        self._counted = (time.monotonic(), count, _now())
        return count

    async def _remove(
        self,
        find: Callable[[int, Old | None, int], Awaitable[list[Old]]],
        remove: Callable[[list[Key]], Awaitable[int]],
        before: int,
        most: int | None,
    ) -> int:
        """How many went. `most` None: all that `find` finds."""
        behind: Old | None = None
        removed = 0
        is_far_over = most is not None and most > FAR_OVER * self._limits.max_rows
        rest = SHORT_REST if is_far_over else REST
        while most is None or removed < most:
            began = time.perf_counter()
            size = BATCH if most is None else min(BATCH, most - removed)
            old = await find(before, behind, size)
            if not old:
                break
            removed += await remove([each.key for each in old])
            behind = old[-1]
            await asyncio.sleep((time.perf_counter() - began) * rest)
        return removed


def _micros(at: datetime) -> int:
    found = micros(at)
    assert found is not None
    return found

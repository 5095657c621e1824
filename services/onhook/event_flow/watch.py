"""Watching for what other processes on the same journal publish, label or override."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from onhook.journal.port import Journal, JournalError

log = structlog.get_logger()

EVERY_S = 1.0


@asynccontextmanager
async def watching(
    journal: Journal, refresh: Callable[[], Awaitable[None]], *, every_s: float = EVERY_S
) -> AsyncIterator[None]:
    """Await `refresh()` within `every_s` seconds of each change, until the context ends."""
    seen = await journal.revision()
    await refresh()  # for what changed before that look
    task = asyncio.create_task(_watch(journal, refresh, every_s, seen), name="catalogue watch")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _watch(
    journal: Journal, refresh: Callable[[], Awaitable[None]], every_s: float, seen: int
) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            revision = await journal.revision()
            if revision != seen:
                await refresh()
                seen = revision
        except JournalError as error:
            log.warning("catalogue not refreshed", reason=str(error))

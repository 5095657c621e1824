"""One message of a run at a time, within this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class RunLocks:
    def __init__(self) -> None:
        self._held: dict[str, tuple[asyncio.Lock, int]] = {}

    def is_held(self, run_id: str) -> bool:
        return run_id in self._held

    @asynccontextmanager
    async def holding(self, run_id: str) -> AsyncIterator[None]:
        lock, users = self._held.get(run_id) or (asyncio.Lock(), 0)
        self._held[run_id] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._held[run_id]
            if users == 1:
                del self._held[run_id]
            else:
                self._held[run_id] = (lock, users - 1)

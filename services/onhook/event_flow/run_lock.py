"""One message of a run at a time, within this process."""

from __future__ import annotations

import asyncio


class RunLocks:
    def __init__(self) -> None:
        self._held: dict[str, Holding] = {}

    def is_held(self, run_id: str) -> bool:
        return run_id in self._held

    def holding(self, run_id: str) -> Holding:
        """To be entered at once; whoever holds the same run goes first."""
        found = self._held.get(run_id)
        if found is None:
            found = self._held[run_id] = Holding(self._held, run_id)
        return found


class Holding:
    """A run's lock while anybody holds it or waits for it."""

    __slots__ = ("_held", "_lock", "_run_id", "_users")

    def __init__(self, held: dict[str, Holding], run_id: str) -> None:
        self._held = held
        self._run_id = run_id
        self._lock = asyncio.Lock()
        self._users = 0

    async def __aenter__(self) -> None:
        self._users += 1
        try:
            await self._lock.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()
        self._leave()

    def _leave(self) -> None:
        self._users -= 1
        if not self._users:
            del self._held[self._run_id]

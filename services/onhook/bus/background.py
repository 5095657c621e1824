"""Tasks that serve a resource for as long as it is open, and end with it.

Only the owning of tasks lives here; it must not know what they do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

ONCE_MORE_S = 0.5


class Background:
    """A TaskGroup's tasks, remembered so that they can be ended together."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end(self) -> None:
        """End them all."""
        for task in list(self._tasks):
            task.cancel()
        for task in list(self._tasks):
            await end(task)


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended: a library it is in may swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=ONCE_MORE_S)


@asynccontextmanager
async def background() -> AsyncIterator[Background]:
    """Own tasks for the length of the body, then cancel them and wait for their end.

    What the body raises leaves as it is, not inside an ExceptionGroup, so that callers can catch
    it by name. What a task raises ends the body: that is a programming error, and shows.
    """
    raised: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        tasks = Background(group)
        try:
            yield tasks
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised = error
        await tasks.end()
    if raised is not None:
        raise raised

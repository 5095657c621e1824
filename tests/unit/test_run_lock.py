"""Run locks: one message of a run at a time, runs apart, nothing kept of what is over."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from onhook.event_flow.run_lock import RunLocks


async def test_one_message_of_a_run_at_a_time_in_the_order_of_asking() -> None:
    locks, inside, order = RunLocks(), 0, []

    async def perform(number: int) -> None:
        nonlocal inside
        async with locks.holding("run"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(number)
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(perform(number))
    assert order == list(range(20))


async def test_runs_do_not_wait_for_one_another() -> None:
    locks = RunLocks()
    async with locks.holding("one"), asyncio.timeout(5), locks.holding("other"):
        pass


async def test_a_lock_is_free_after_an_error_and_after_giving_up_the_wait() -> None:
    locks = RunLocks()
    with pytest.raises(RuntimeError):
        async with locks.holding("run"):
            raise RuntimeError
    async with locks.holding("run"):
        waiting = asyncio.create_task(enter(locks))
        await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(5):
        await enter(locks)


async def enter(locks: RunLocks) -> None:
    async with locks.holding("run"):
        pass


async def test_nothing_is_kept_of_runs_that_are_over() -> None:
    locks = RunLocks()
    async with locks.holding("run"):
        assert locks.is_held("run")
        assert not locks.is_held("other")
    await asyncio.gather(*(enter(locks) for _ in range(10)))
    assert not locks.is_held("run")
    assert locks._held == {}

"""What only the embedded bus has to prove: a killed process, a clock, bounds, and its own file."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from onhook.bus import embedded
from onhook.bus.port import Bus, BusError, Delivery, Message
from onhook.contracts.topology import (
    CALL_EMULATOR,
    EVENT_FLOW,
    EVICTED,
    NEXT,
    RESUME,
    SCREEN_POPS_KEPT,
    TIERS,
    WORK_DELIVERY_LIMIT,
)

PATIENCE_S = 15.0
SOURCE = Path(__file__).parents[2] / "services"


def a_message(body: bytes = b"{}") -> Message:
    return Message(body=body, message_id=str(uuid.uuid4()))


async def next_of(messages: AsyncIterator[Delivery]) -> Delivery:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(messages)


async def drained(bus: Bus, queue: str) -> list[Delivery]:
    """Everything that a queue holds, acknowledged."""
    deliveries = []
    waiting = (await bus.depths())[queue]
    async with bus.consume(queue, 500) as messages:
        for _ in range(waiting):
            delivery = await next_of(messages)
            deliveries.append(delivery)
            await delivery.ack()
    return deliveries


KILLED = """
import asyncio, sys
from pathlib import Path
from onhook.bus import embedded
from onhook.bus.port import Message
from onhook.contracts.topology import NEXT

async def publish(bus, lane):
    number = 0
    while True:
        body = f"{lane}-{number}"
        await bus.publish("", NEXT, Message(body=body.encode(), message_id=body))
        print("published", body, flush=True)
        number += 1

async def consume(bus):
    async with bus.consume(NEXT, 50) as messages:
        held = 0
        async for delivery in messages:
            print("seen", delivery.body.decode(), flush=True)
            held += 1
            if held % 3:
                await delivery.ack()
                print("acknowledged", delivery.body.decode(), flush=True)
            else:
                await delivery.give_back()

async def main():
    async with embedded.opened(Path(sys.argv[1])) as bus, asyncio.TaskGroup() as work:
        for lane in range(8):
            work.create_task(publish(bus, lane))
        work.create_task(consume(bus))

asyncio.run(main())
"""


def lines_until_killed(path: Path, count: int) -> list[str]:
    """Run the busy process on the file, kill it in the middle, return all that it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(count)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    assert process.wait() == -signal.SIGKILL
    return lines


async def test_a_killed_process_loses_nothing_that_was_confirmed(tmp_path: Path):
    path = tmp_path / "bus.db"
    lines = await asyncio.to_thread(lines_until_killed, path, 5000)
    said = [line.split() for line in lines if line.endswith("\n")]
    published = {body for word, body in said if word == "published"}
    acknowledged = {body for word, body in said if word == "acknowledged"}
    seen = {body for word, body in said if word == "seen"}
    assert len(published) > 500
    assert len(acknowledged) > 100

    async with embedded.opened(path) as bus:
        left = await drained(bus, NEXT)
    remaining = [delivery.body.decode() for delivery in left]
    assert published - acknowledged <= set(remaining)
    assert len(remaining) == len(set(remaining))
    # Whatever had been handed out and was not settled says so.
    counts = {delivery.body.decode(): delivery.delivery_count for delivery in left}
    assert all(counts[body] >= 1 for body in seen & counts.keys())
    # At most the acknowledgements of the last instant are repeated.
    assert len(set(remaining) & acknowledged) <= 50


async def test_messages_whose_time_came_while_nobody_ran_come_at_once(tmp_path: Path):
    path = tmp_path / "bus.db"
    now = 1_000_000.0
    async with embedded.opened(path, clock=lambda: now) as bus:
        for tier in reversed(TIERS):
            await bus.publish("", tier.queue, a_message(tier.name.encode()))
    now += 2 * 3600
    async with embedded.opened(path, clock=lambda: now) as bus:
        async with bus.consume(RESUME, 10) as messages:
            # In the order in which their times came.
            for tier in TIERS[:6]:
                assert (await next_of(messages)).body.decode() == tier.name
        depths = await bus.depths()
        assert depths[RESUME] == 6
        assert [depths[tier.queue] for tier in TIERS] == [0, 0, 0, 0, 0, 0, 1, 1]


async def test_a_delay_is_kept_to_a_few_milliseconds(tmp_path: Path):
    async with (
        embedded.opened(tmp_path / "bus.db") as bus,
        bus.consume(RESUME, 10) as messages,
    ):
        started = time.monotonic()
        await bus.publish("", TIERS[0].queue, a_message())
        await next_of(messages)
        assert 4.99 <= time.monotonic() - started <= 5.25


async def test_a_message_returned_too_often_goes_where_its_queue_evicts_to(tmp_path: Path):
    path = tmp_path / "bus.db"
    message = Message(body=b"poison", message_id="p", type="T", headers={"kept": 1})
    async with embedded.opened(path) as bus:
        await bus.publish("", EVENT_FLOW, message)
        await bus.publish("", EVENT_FLOW, a_message(b"good"))
        async with bus.consume(EVENT_FLOW, 1) as messages:
            for returned in range(WORK_DELIVERY_LIMIT + 1):
                delivery = await next_of(messages)
                assert delivery.message_id == "p"
                assert delivery.delivery_count == returned
                await delivery.give_back()
            assert (await next_of(messages)).body == b"good"
        (evicted,) = await drained(bus, EVICTED)
    assert evicted.body == b"poison"
    assert evicted.type == "T"
    assert evicted.headers == {"kept": 1}
    assert evicted.delivery_count == 0
    assert evicted.exchange == ""
    assert evicted.routing_key == EVICTED


async def test_a_bounded_queue_drops_its_oldest(tmp_path: Path):
    path = tmp_path / "bus.db"
    extra = 3
    async with embedded.opened(path, synchronous="OFF") as bus, asyncio.TaskGroup() as publishers:
        for number in range(SCREEN_POPS_KEPT):
            publishers.create_task(bus.publish("", CALL_EMULATOR, a_message(str(number).encode())))
    async with embedded.opened(path) as bus:
        async with bus.consume(CALL_EMULATOR, 1) as messages:
            held = await next_of(messages)
            for number in range(extra):
                await bus.publish("", CALL_EMULATOR, a_message(f"new {number}".encode()))
            assert (await bus.depths())[CALL_EMULATOR] == SCREEN_POPS_KEPT
            await held.ack()
        async with asyncio.timeout(PATIENCE_S):
            while (await bus.depths())[CALL_EMULATOR] == SCREEN_POPS_KEPT:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0)
        bodies = [delivery.body.decode() for delivery in await drained(bus, CALL_EMULATOR)]
    assert bodies[0] == str(extra + 1)  # 0 was out for work, 1 to 3 made room
    assert bodies[-extra:] == ["new 0", "new 1", "new 2"]


async def test_depths_count_what_is_out_for_work(tmp_path: Path):
    async with embedded.opened(tmp_path / "bus.db") as bus:
        for body in (b"a", b"b"):
            await bus.publish("", NEXT, a_message(body))
        async with bus.consume(NEXT, 10) as messages:
            await next_of(messages)
            assert (await bus.depths())[NEXT] == 2


async def test_a_take_that_is_cancelled_leaves_the_message_free(tmp_path: Path):
    async with embedded.opened(tmp_path / "bus.db") as bus:
        message = a_message()
        await bus.publish("", NEXT, message)
        for turns in range(12):
            taking = asyncio.ensure_future(bus.take(NEXT, message.message_id))
            for _ in range(turns):
                await asyncio.sleep(0)
            taking.cancel()
            await asyncio.wait({taking})
            if not taking.cancelled():
                delivery = taking.result()
                if delivery is not None:  # else the last one is still being put back
                    await delivery.give_back()
        async with bus.consume(NEXT, 1) as messages:
            assert (await next_of(messages)).message_id == message.message_id


async def test_a_file_of_a_newer_version_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "bus.db"
    async with embedded.opened(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(BusError, match=r"bus\.db: written by a newer version"):
        async with embedded.opened(path):
            pytest.fail("it must not open")


async def test_an_unknown_queue_is_refused_by_name(tmp_path: Path):
    async with embedded.opened(tmp_path / "bus.db") as bus:
        with pytest.raises(BusError, match=r'no queue "onhook\.typo"'):
            async with bus.consume("onhook.typo", 1):
                pytest.fail("it must not open")
        with pytest.raises(BusError, match=r'no queue "onhook\.typo"'):
            await bus.take("onhook.typo", "x")


async def test_a_tier_that_this_version_does_not_know_keeps_its_messages(tmp_path: Path):
    path = tmp_path / "bus.db"
    async with embedded.opened(path) as bus:
        await bus.publish("", TIERS[0].queue, a_message(b"kept"))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE message SET queue = 'onhook.retry.7m', due = 1.0")
    connection.close()
    async with embedded.opened(path) as bus:
        await bus.publish("", TIERS[0].queue, a_message())
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT body FROM message WHERE queue = 'onhook.retry.7m'"
        ).fetchall()
    connection.close()
    assert rows == [(b"kept",)]

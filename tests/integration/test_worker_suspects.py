"""A message that was handed out again and again: run apart, one at a time, and only at last given up.

The poison is real: whoever runs the message is killed while it does.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from endpoint import HELD, Endpoint
from flows import an_event
from onhook.bus.port import Bus
from onhook.contracts.topology import EVENT_FLOW, SUSPECT, UNPROCESSABLE
from onhook.event_flow.suspect import MOST_DOWNS, SUSPECTED_AFTER
from workplace import Workplace, publish, run_of, until


async def counted(bus: Bus, event: dict[str, Any], times: int) -> None:
    """Publish an event and hand it out so often, as workers would that were killed each time."""
    await publish(bus, event)
    async with bus.consume(EVENT_FLOW, 1) as deliveries:
        for _ in range(times):
            await (await anext(deliveries)).give_back()


def child_of_ours() -> int | None:
    """The process that runs suspects for a worker of this process."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = stat.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b"onhook.event_flow.suspect_child" in command:
            return int(stat.parent.name)
    return None


async def child() -> int:
    async def probe() -> int | None:
        return child_of_ours()

    found = await until(probe, lambda pid: pid is not None)
    assert found is not None
    return found


async def test_a_message_counted_three_times_is_run_in_a_process_of_its_own_and_delivered(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD)
    event = an_event()
    async with workplace.open_bus() as bus:
        await counted(bus, event, SUSPECTED_AFTER)
        async with workplace.working_on(bus) as working:
            await endpoint.arrived(1)
            assert await child()
            endpoint.release()
            run = await working.api.until_run(run_of(event), "done")
            assert [attempt["status"] for attempt in run["attempts"]] == [204]
            (told,) = await working.told.attempts(run_of(event))
            assert told.status == 204
        assert child_of_ours() is None
    assert await workplace.left_over() == {}


async def test_one_counted_once_or_twice_is_no_suspect(workplace: Workplace, endpoint: Endpoint):
    endpoint.plan(HELD)
    event = an_event()
    async with workplace.open_bus() as bus:
        await counted(bus, event, SUSPECTED_AFTER - 2)  # a broker may count the look at its end
        async with workplace.working_on(bus) as working:
            await endpoint.arrived(1)
            assert child_of_ours() is None
            endpoint.release()
            await working.api.until_run(run_of(event), "done")


async def test_what_takes_its_process_down_three_times_is_set_aside_and_nothing_else_is_harmed(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.decide = lambda received: HELD if received.json["InteractionId"] == poison_id else 204
    poison, other, fresh = an_event(), an_event(), an_event()
    poison_id = poison["subject"]
    async with workplace.open_bus() as bus:
        await counted(bus, poison, SUSPECTED_AFTER)
        async with workplace.working_on(bus) as working:
            for times in range(1, MOST_DOWNS + 1):
                await endpoint.arrived(times)
                os.kill(await child(), signal.SIGKILL)
                if times == 1:
                    await working.publish(fresh)
                    await working.api.until_run(run_of(fresh), "done")
                    endpoint.requests.pop()
            (letter,) = await working.api.dead_letters(1)
            assert letter["queue"] == UNPROCESSABLE
            assert letter["fault"] == "poison"
            assert "3 times, at last by SIGKILL" in letter["reason"]
        await counted(bus, other, SUSPECTED_AFTER)
        async with workplace.working_on(bus) as working:
            await working.api.until_run(run_of(other), "done")
            depths = await bus.depths()
            assert depths[SUSPECT] == 0
    assert (await workplace.left_over()) == {UNPROCESSABLE: 1}


async def test_a_worker_that_stops_takes_the_process_along_and_the_suspect_comes_again_uncounted(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD)
    event = an_event()
    async with workplace.open_bus() as bus:
        await counted(bus, event, SUSPECTED_AFTER)
    for times in range(1, MOST_DOWNS + 2):
        async with workplace.working(grace="0.1"):
            await endpoint.arrived(times)
            assert await child()
        assert child_of_ours() is None
    endpoint.release()
    async with workplace.working() as working:
        await working.api.until_run(run_of(event), "done")

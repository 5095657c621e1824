"""A restart: steps under way are finished with their ids, open calls are ended, once the bus is up."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from emulated import LIFE, Client, RecordingBus, in_order, served
from onhook.bus.port import BusUnavailable

TESTS = Path(__file__).resolve().parents[1]

CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from emulated import RecordingBus, served

class DeadlyBus(RecordingBus):
    async def publish(self, exchange, routing_key, message):
        if len(self.messages) + 1 == int(sys.argv[2]) and sys.argv[3] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await super().publish(exchange, routing_key, message)
        sys.stderr.write(f"{self.types()[-1]} {self.ids()[-1]}\\n")
        sys.stderr.flush()
        if len(self.messages) == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with served(Path(sys.argv[1]), DeadlyBus()) as (client, _):
        await client.post("/calls/play")

asyncio.run(main())
"""


async def run_and_kill(folder: Path, publish: int, when: str) -> list[tuple[str, str]]:
    """Play a call in a child process that is killed at a publish; its events: type and id."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CHILD,
        str(folder),
        str(publish),
        when,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await child.communicate()
    assert child.returncode == -signal.SIGKILL, errors.decode()
    events = [line.split() for line in errors.decode().splitlines()]
    return [(event_type, event_id) for event_type, event_id in events]


def stored_ids(folder: Path) -> list[str]:
    """Event ids of the step that was under way, as the killed process left them."""
    with sqlite3.connect(folder / "call-emulator" / "calls.sqlite") as database:
        rows = database.execute(
            "SELECT json_extract(each.value, '$.id')"
            " FROM pending_steps, json_each(pending_steps.step, '$.events') AS each"
        ).fetchall()
    database.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("publish", range(1, len(LIFE) + 1))
async def test_a_killed_emulator_s_step_is_finished_with_its_ids_and_its_call_ended(
    tmp_path: Path, publish: int, when: str
) -> None:
    sent = await run_and_kill(tmp_path, publish, when)
    assert len(sent) == (publish if when == "after" else publish - 1)
    pending = stored_ids(tmp_path)
    assert pending, "the ids are stored before the first publish"
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, emulator):
        assert emulator.recovered == "1 call was open and has been ended"
        (call,) = (await client.get("/calls")).body["calls"]
        assert call["state"] == "ended"
        shown = (await client.get(f"/calls/{call['interaction_id']}/events")).body["events"]
        assert (await client.get("/readyz")).status == 200
    assert bus.ids()[: len(pending)] == pending
    everything = dict([*((i, t) for t, i in sent), *zip(bus.ids(), bus.types(), strict=True)])
    assert list(everything) == [event["id"] for event in shown]
    assert in_order(list(everything.values()))
    assert list(everything.values())[-1] == "PhoneContactEnded"


async def three_open_calls(client: Client) -> list[str]:
    """Ada has the first; the others wait."""
    await client.make_available()
    connected, queued, other = [await client.place() for _ in range(3)]
    await client.post(f"/calls/{connected}/accept")
    return [connected, queued, other]


async def test_open_calls_are_ended_with_their_events(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, emulator):
        assert emulator.recovered is None
        calls = await three_open_calls(client)
        ended = (await client.post("/calls", {"ani": "+9"})).body["interaction_id"]
        await client.post(f"/calls/{ended}/hang-up")
    async with served(tmp_path, bus) as (client, emulator):
        assert emulator.recovered == "3 calls were open and have been ended"
        assert (await client.get("/agents/ada")).body["state"] == "LoggedOut"
        connected, queued, _ = calls
        assert bus.types(connected) == list(LIFE)
        assert bus.types(queued) == ["NewPhoneContact", "PhoneContactEnded"]
        assert (await client.get(f"/calls/{queued}")).body["abandoned"]
        assert not (await client.get(f"/calls/{connected}")).body["abandoned"]
        assert (await client.post("/calls/play")).body["events"] == list(LIFE)
    async with served(tmp_path, bus) as (_, emulator):
        assert emulator.recovered is None


async def test_without_a_bus_the_service_starts_and_recovers_when_it_is_there(
    tmp_path: Path,
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        calls = await three_open_calls(client)
    bus.go_down()
    async with served(tmp_path, bus) as (client, emulator):
        ready = await client.get("/readyz")
        assert ready.status == 503
        assert ready.body["troubles"]["recovery"].startswith("3 calls left open")
        step = await client.post(f"/calls/{calls[0]}/end")
        assert (step.status, "earlier process" in step.error) == (503, True)
        assert (await client.post("/agents/ada/login")).status == 200
        bus.faults.extend([None, BusUnavailable("away again")])
        bus.come_back()
        await bus.has_taken(len(LIFE) + 4)
        async with asyncio.timeout(10):
            while (await client.get("/readyz")).status != 200:
                pass  # confirmed, and committed any moment
        assert emulator.recovered == "3 calls were open and have been ended"
        assert bus.types(calls[0]) == list(LIFE)
        assert len(set(bus.ids())) == len(bus.ids())


async def test_a_step_of_which_nothing_was_sent_is_forgotten_by_a_restart(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        bus.go_down()
        assert (await client.post("/calls")).status == 503
    bus.come_back()
    async with served(tmp_path, bus) as (client, emulator):
        assert emulator.recovered is None
        assert (await client.get("/calls")).body["calls"] == []
    assert bus.messages == []

"""A request that failed, was finished by somebody else's, and is repeated: it is one call."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from emulated import LIFE, RecordingBus, Stored, emulator_on, served
from onhook.bus.port import BusUnavailable
from onhook.call_emulator.arrival import resolve
from onhook.call_emulator.play import Play, Player
from onhook.settings.contact_centre import load_contact_centre
from onhook.sqlite import database


async def test_a_play_that_another_play_finished_is_answered_with_its_own_call(
    tmp_path: Path,
) -> None:
    for place in range(len(LIFE)):
        for fault in (BusUnavailable("away"), Stored()):
            bus = RecordingBus()
            async with served(tmp_path / f"{place}-{type(fault).__name__}", bus) as (client, _):
                bus.faults.extend([None] * place + [fault])
                wanted = {"ani": "+1", "variables": {"WhoIsCalling": "Ada"}}
                assert (await client.post("/calls/play", wanted)).status == 503
                other = await client.post("/calls/play", {"ani": "+2"})
                assert other.status == 200, (place, fault, other)
                again = await client.post("/calls/play", wanted)
                assert (again.status, again.body["events"]) == (200, list(LIFE))
                assert again.body["interaction_id"] != other.body["interaction_id"]
                call = (await client.get(f"/calls/{again.body['interaction_id']}")).body
                assert (call["ani"], call["variables"]["WhoIsCalling"]) == ("+1", "Ada")
                calls = (await client.get("/calls")).body["calls"]
                assert sorted(call["ani"] for call in calls) == ["+1", "+2"]
                assert (await client.get("/agents/ada")).body["state"] == "LoggedOut"
            assert len(set(bus.ids())) == 2 * len(LIFE)


async def test_a_play_repeated_once_more_is_a_new_call(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        bus.faults.extend([None, None, BusUnavailable("away")])
        assert (await client.post("/calls/play", {"ani": "+1"})).status == 503
        assert (await client.post("/calls/play", {"ani": "+2"})).status == 200
        played = [await client.post("/calls/play", {"ani": "+1"}) for _ in range(2)]
        assert len({each.body["interaction_id"] for each in played}) == 2
        assert len((await client.get("/calls")).body["calls"]) == 3


async def test_a_play_whose_arrival_rings_by_now_goes_on_with_that_call(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.make_available()
        bus.faults.append(Stored())
        assert (await client.post("/calls/play", {"ani": "+1"})).status == 503
        assert (await client.post("/calls/play", {"ani": "+2"})).status == 200
        (ringing,) = [
            call
            for call in (await client.get("/calls")).body["calls"]
            if call["state"] == "offered"
        ]
        again = await client.post("/calls/play", {"ani": "+1"})
        assert again.body["interaction_id"] == ringing["interaction_id"]
        assert (await client.get("/agents/ada")).body["state"] == "Available"


async def test_a_play_whose_arrival_somebody_hung_up_is_a_new_call(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        bus.faults.append(Stored())
        assert (await client.post("/calls/play", {"ani": "+1"})).status == 503
        await client.place(ani="+2")
        first = (await client.get("/calls")).body["calls"][-1]
        assert (first["ani"], first["state"]) == ("+1", "queued")
        await client.post(f"/calls/{first['interaction_id']}/hang-up")
        again = await client.post("/calls/play", {"ani": "+1"})
        assert again.body["interaction_id"] != first["interaction_id"]
        assert again.body["events"] == list(LIFE)


async def test_an_arrival_that_another_arrival_settled_is_answered_with_its_own_call(
    tmp_path: Path,
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        bus.faults.append(Stored())
        assert (await client.post("/calls", {"ani": "+1"})).status == 503
        other = await client.place(ani="+2")
        again = await client.place(ani="+1")
        calls = (await client.get("/calls")).body["calls"]
        assert {call["interaction_id"]: call["ani"] for call in calls} == {
            again: "+1",
            other: "+2",
        }
        assert await client.place(ani="+1") not in (again, other)


async def test_a_play_holds_no_lock_while_the_worker_is_asked_for_the_version(
    tmp_path: Path,
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_flow: str, _label: str) -> int | None:
        asked.set()
        await answer.wait()
        return 7

    centre = load_contact_centre(None)
    path = tmp_path / "calls.sqlite"
    async with emulator_on(path, RecordingBus(), centre=centre, flow_version=slow) as emulator:
        play = asyncio.create_task(Player(emulator).play(Play(arrival=resolve(centre))))
        async with asyncio.timeout(10):
            await asked.wait()
            await emulator.log_in("ada")
            answer.set()
            assert (await play).flow_version == 7


async def test_a_file_that_can_be_written_again_makes_the_service_ready_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    async with served(tmp_path, RecordingBus()) as (client, _):
        holder = sqlite3.connect(tmp_path / "call-emulator" / "calls.sqlite", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert (await client.post("/calls")).status == 503
        for _ in range(3):
            ready = await client.get("/readyz")
            assert (ready.status, ready.body["troubles"].keys()) == (503, {"database"})
        holder.execute("ROLLBACK")
        holder.close()
        async with asyncio.timeout(10):
            while (await client.get("/readyz")).status != 200:
                pass  # nothing is written but by the service itself


@pytest.mark.parametrize("path", ["/calls", "/calls/play"])
@pytest.mark.parametrize("ani", [14085551234, 1.5, True, ["+1"]])
async def test_a_callers_number_that_is_no_text_is_refused_by_name(
    tmp_path: Path, path: str, ani: object
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        refused = await client.post(path, {"ani": ani})
        assert (refused.status, "$.ani" in refused.error) == (400, True)
    assert bus.messages == []

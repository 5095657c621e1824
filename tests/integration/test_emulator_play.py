"""Playing a whole call: its events, its agent, and what happens when something is in the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from emulated import LIFE, Client, RecordingBus, Stored, served
from onhook.bus.port import BusUnavailable

TWO_AGENTS = """
agents:
  - {id: ada, name: Ada, queues: [Support]}
  - {id: bob, name: Bob, queues: [Support]}
  - {id: sal, name: Sal, queues: [Sales]}
queues: [{id: q1, name: Support}, {id: q2, name: Sales}, {id: q3, name: Nobody}]
entry_points:
  - {id: e1, name: Support, dial_numbers: ["+1"], flow: Main_Flow}
  - {id: e3, name: Void, dial_numbers: ["+3"], flow: Main_Flow, queue: Nobody}
global_variables:
  - {name: WhoIsCalling, agent_viewable: true, agent_editable: true}
"""


def two_agents(folder: Path) -> str:
    path = folder / "centre.yaml"
    path.write_text(TWO_AGENTS)
    return str(path)


async def state_of(client: Client, agent: str) -> tuple[str, str | None]:
    body = (await client.get(f"/agents/{agent}")).body
    return body["state"], body["idle_code"]


async def test_a_play_needs_nothing_set_up_and_leaves_the_agent_as_before(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        played = await client.post(
            "/calls/play",
            {"ani": "+1555", "language": "de-DE", "variables": {"WhoIsCalling": "Ada Lovelace"}},
        )
        assert played.status == 200
        assert played.body["events"] == list(LIFE) == bus.types(played.body["interaction_id"])
        assert await state_of(client, "ada") == ("LoggedOut", None)
        call = (await client.get(f"/calls/{played.body['interaction_id']}")).body
        assert (call["state"], call["agent"], call["abandoned"]) == ("ended", "ada", False)
    data = bus.data("AgentDisconnect")
    assert data["variables"] == {"Global_Language": "de-DE", "WhoIsCalling": "Ada Lovelace"}
    assert data["NewPhoneContact"]["ANI"] == "+1555"


async def test_a_play_without_a_name_sends_no_name(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.post("/calls/play")
    assert bus.data("AgentDisconnect")["variables"] == {"Global_Language": "en-US"}


async def test_whatever_the_agent_did_before_they_do_again(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        await client.make_available()
        await client.post("/calls/play")
        assert await state_of(client, "ada") == ("Available", None)
        await client.post("/agents/ada/state", {"state": "Idle", "idle_code": "Lunch"})
        await client.post("/calls/play")
        assert await state_of(client, "ada") == ("Idle", "Lunch")
        await client.post("/agents/ada/state", {"state": "Available"})
        call = await client.place()
        await client.post(f"/calls/{call}/accept")
        await client.post(f"/calls/{call}/end")
        await client.post("/calls/play")
        assert await state_of(client, "ada") == ("WrapUp", None)


async def test_plays_at_once_are_played_one_after_another(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        answers = await asyncio.gather(*(client.post("/calls/play") for _ in range(8)))
        assert [answer.status for answer in answers] == [200] * 8
        assert len({answer.body["interaction_id"] for answer in answers}) == 8
    assert bus.types() == list(LIFE) * 8


async def test_a_play_leaves_a_waiting_call_waiting(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        waiting = await client.place()
        played = await client.post("/calls/play")
        assert played.body["events"] == list(LIFE)
        assert bus.types(waiting) == ["NewPhoneContact"]


async def test_a_play_without_a_free_agent_says_who_is_engaged_and_what_to_do(
    tmp_path: Path,
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.make_available()
        call = await client.place()
        refused = await client.post("/calls/play")
        assert refused.status == 409
        assert f"Ada Agent in {call}" in refused.error
        assert refused.possible == [f"hang-up {call}"]
        assert bus.types() == ["NewPhoneContact", "AgentOffered"]


async def test_a_play_takes_the_agent_of_its_queue_who_is_free(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus, contact_centre=two_agents(tmp_path)) as (client, _):
        await client.make_available("bob")
        await client.post("/calls/play")
        assert bus.data("AgentDisconnect")["AgentDisconnect"]["AgentId"] == "bob"
        refused = await client.post("/calls/play", {"dnis": "+3"})
        assert (refused.status, refused.possible) == (409, [])
        assert 'no agent serves the queue "Nobody"' in refused.error


async def test_a_variable_that_cannot_be_saved_is_refused_before_anything_happens(
    tmp_path: Path,
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        refused = await client.post("/calls/play", {"variables": {"Global_Language": "fr"}})
        assert (refused.status, "editable: WhoIsCalling" in refused.error) == (422, True)
    assert bus.messages == []


async def test_a_play_without_a_bus_is_503_and_leaves_nothing(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        bus.go_down()
        refused = await client.post("/calls/play")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert await state_of(client, "ada") == ("LoggedOut", None)
        assert (await client.get("/calls")).body["calls"] == []
        bus.come_back()
        assert (await client.post("/calls/play")).body["events"] == list(LIFE)
        assert len(set(bus.attempted)) == len(LIFE)


async def test_an_interrupted_play_goes_on_when_it_is_repeated(tmp_path: Path) -> None:
    """Wherever the bus fails, and whether or not the event was stored."""
    for place in range(len(LIFE)):
        for fault in (BusUnavailable("away"), Stored()):
            folder = tmp_path / f"{place}-{type(fault).__name__}"
            bus = RecordingBus()
            async with served(folder, bus) as (client, _):
                bus.faults.extend([None] * place + [fault])
                assert (await client.post("/calls/play", {"ani": "+1"})).status == 503
                again = await client.post("/calls/play", {"ani": "+1"})
                assert again.body["events"] == list(LIFE)
                assert await state_of(client, "ada") == ("LoggedOut", None)
                assert len((await client.get("/calls")).body["calls"]) == 1
            assert list(dict.fromkeys(bus.ids())) == list(dict.fromkeys(bus.attempted))
            assert len(set(bus.ids())) == len(LIFE)


async def test_another_play_finishes_the_interrupted_one_first(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        bus.faults.extend([None, None, BusUnavailable("away")])
        assert (await client.post("/calls/play", {"ani": "+1"})).status == 503
        other = await client.post("/calls/play", {"ani": "+2"})
        assert other.body["events"] == list(LIFE)
        calls = (await client.get("/calls")).body["calls"]
        assert [(call["ani"], call["state"]) for call in calls] == [
            ("+2", "ended"),
            ("+1", "ended"),
        ]
    assert bus.types() == list(LIFE) * 2

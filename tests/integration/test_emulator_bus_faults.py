"""A step and a failing bus: what is answered, what is remembered, which ids are sent again."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from emulated import Client, RecordingBus, Stored, in_order, served
from onhook.bus.port import BusUnavailable, PublishRefused, PublishUncertain, Unroutable

NOTHING_SENT = [BusUnavailable("away"), Unroutable("no queue"), PublishRefused("full")]


async def connected(client: Client) -> str:
    await client.make_available()
    call = await client.place()
    assert (await client.post(f"/calls/{call}/accept")).status == 200
    return call


async def snapshot(client: Client) -> object:
    return (await client.get("/calls")).body, (await client.get("/agents")).body


async def test_a_step_without_a_bus_is_503_and_changes_nothing(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await connected(client)
        before = await snapshot(client)
        bus.go_down()
        for path in ("/calls", f"/calls/{call}/end", f"/calls/{call}/hang-up"):
            answer = await client.post(path)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert "repeat the step" in answer.error
        assert await snapshot(client) == before
        # What needs no event goes on.
        assert (await client.put(f"/calls/{call}/variables", {"WhoIsCalling": "x"})).status == 200


@pytest.mark.parametrize("fault", [*NOTHING_SENT, PublishUncertain("lost"), Stored()])
async def test_a_repeated_step_sends_the_ids_of_the_first(
    tmp_path: Path, fault: Exception | Stored
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await connected(client)
        bus.attempted.clear()
        bus.faults.append(fault)
        assert (await client.post(f"/calls/{call}/end")).status == 503
        assert (await client.get(f"/calls/{call}")).body["state"] == "connected"
        assert (await client.post(f"/calls/{call}/end")).status == 200
        first, again, last = bus.attempted
        assert first == again != last
        ended = (await client.get(f"/calls/{call}")).body["events"]
        assert [event["id"] for event in ended[-2:]] == [first, last]


async def test_a_step_of_two_events_sends_only_what_was_not_confirmed(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await connected(client)
        bus.faults.extend([None, BusUnavailable("away")])
        assert (await client.post(f"/calls/{call}/end")).status == 503
        assert (await client.post(f"/calls/{call}/end")).status == 200
        assert bus.types(call)[-2:] == ["AgentDisconnect", "PhoneContactEnded"]
        assert len(set(bus.ids())) == len(bus.ids())


@pytest.mark.parametrize("fault", NOTHING_SENT)
async def test_another_step_drops_one_of_which_nothing_was_sent(
    tmp_path: Path, fault: Exception
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.make_available()
        call = await client.place()
        bus.faults.append(fault)
        assert (await client.post(f"/calls/{call}/accept")).status == 503
        dropped = bus.attempted[-1]
        declined = await client.post(f"/calls/{call}/decline")
        assert declined.body["state"] == "queued"
        assert dropped not in bus.ids()
        assert "AgentAnswered" not in bus.types(call)


@pytest.mark.parametrize("fault", [PublishUncertain("lost"), Stored()])
async def test_another_step_comes_after_one_that_may_have_been_sent(
    tmp_path: Path, fault: Exception | Stored
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.make_available()
        call = await client.place()
        bus.faults.append(fault)
        assert (await client.post(f"/calls/{call}/accept")).status == 503
        uncertain = bus.attempted[-1]
        declined = await client.post(f"/calls/{call}/decline")
        assert declined.status == 409
        assert "the call is connected" in declined.error
        assert (await client.get(f"/calls/{call}")).body["state"] == "connected"
        assert uncertain in bus.ids()


async def test_another_step_comes_after_one_whose_first_event_was_sent(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await connected(client)
        bus.faults.extend([None, BusUnavailable("away")])
        assert (await client.post(f"/calls/{call}/end")).status == 503
        assert (await client.post(f"/calls/{call}/hang-up")).status == 409
        assert bus.types(call)[-2:] == ["AgentDisconnect", "PhoneContactEnded"]
        assert (await client.get(f"/calls/{call}")).body["state"] == "ended"
        assert (await client.get("/agents/ada")).body["state"] == "WrapUp"


async def test_a_step_that_cannot_be_stored_publishes_nothing_and_can_be_repeated(
    tmp_path: Path,
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await connected(client)
        before = await snapshot(client)
        rename(tmp_path, "pending_steps", "taken_away")
        answer = await client.post(f"/calls/{call}/end")
        assert (answer.status, "no such table" in answer.error) == (503, True)
        assert (await snapshot(client), bus.types().count("AgentDisconnect")) == (before, 0)
        rename(tmp_path, "taken_away", "pending_steps")
        assert (await client.post(f"/calls/{call}/end")).status == 200
        assert (await client.get("/readyz")).status == 200


async def test_a_step_that_was_published_but_not_committed_is_repeated_with_its_ids(
    tmp_path: Path,
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await connected(client)
        rename(tmp_path, "events", "taken_away")
        assert (await client.post(f"/calls/{call}/end")).status == 503
        sent = bus.ids()
        rename(tmp_path, "taken_away", "events")
        assert (await client.post(f"/calls/{call}/hang-up")).status == 409
        assert (await client.get(f"/calls/{call}")).body["state"] == "ended"
        assert bus.ids() == sent


def rename(folder: Path, table: str, to: str) -> None:
    """What a broken file does: a table that is not there."""
    database = sqlite3.connect(folder / "call-emulator" / "calls.sqlite")
    database.execute(f"ALTER TABLE {table} RENAME TO {to}")
    database.close()


async def test_a_repeated_arrival_is_the_same_call(tmp_path: Path) -> None:
    for fault in (BusUnavailable("away"), Stored()):
        bus = RecordingBus()
        async with served(tmp_path / type(fault).__name__, bus) as (client, _):
            bus.faults.append(fault)
            assert (await client.post("/calls", {"ani": "+1"})).status == 503
            call = await client.place(ani="+1")
            assert len(set(bus.attempted)) == 1
            assert set(bus.types(call)) == {"NewPhoneContact"}
            assert len((await client.get("/calls")).body["calls"]) == 1


async def test_another_arrival_brings_in_a_call_that_may_be_on_the_bus(tmp_path: Path) -> None:
    for fault, kept in ((BusUnavailable("away"), ["+2"]), (Stored(), ["+2", "+1"])):
        bus = RecordingBus()
        async with served(tmp_path / type(fault).__name__, bus) as (client, _):
            bus.faults.append(fault)
            assert (await client.post("/calls", {"ani": "+1"})).status == 503
            await client.place(ani="+2")
            calls = (await client.get("/calls")).body["calls"]
            assert [call["ani"] for call in calls] == kept


async def test_an_agent_with_an_offer_that_may_be_out_takes_no_step_before_it(
    tmp_path: Path,
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.make_available()
        bus.faults.extend([None, Stored()])
        call = await client.place()
        bus.go_down()
        assert (await client.post("/agents/ada/logout")).status == 503
        bus.come_back()
        assert (await client.post("/agents/ada/logout")).status == 409
        assert (await client.get(f"/calls/{call}")).body["agent"] == "ada"


async def test_an_agent_whose_offer_never_left_may_log_out(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.make_available()
        bus.faults.extend([None, BusUnavailable("away")])
        call = await client.place()
        assert (await client.post("/agents/ada/logout")).status == 200
        assert (await client.get(f"/calls/{call}")).body["state"] == "queued"


async def test_a_call_that_could_not_be_offered_is_offered_once_the_bus_is_back(
    tmp_path: Path,
) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await client.place()
        bus.go_down()
        await client.make_available()
        assert (await client.get(f"/calls/{call}")).body["state"] == "queued"
        bus.come_back()
        await bus.has_taken(2)
        async with asyncio.timeout(10):
            while (await client.get(f"/calls/{call}")).body["state"] != "offered":
                pass  # confirmed, and committed any moment
        assert bus.types(call) == ["NewPhoneContact", "AgentOffered"]


async def test_steps_at_once_on_one_call_are_taken_one_after_another(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await connected(client)
        answers = await asyncio.gather(
            *(client.post(f"/calls/{call}/{step}") for step in ("end", "hang-up") * 4)
        )
        assert sorted(answer.status for answer in answers) == [200] + [409] * 7
        assert in_order(bus.types(call))


async def test_many_callers_at_once_each_have_their_agent_or_wait(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.make_available()
        calls = await asyncio.gather(*(client.place() for _ in range(20)))
        states = [(await client.get(f"/calls/{call}")).body["state"] for call in calls]
        assert sorted(states) == ["offered"] + ["queued"] * 19
        for call in calls:
            await client.post(f"/calls/{call}/hang-up")
        assert all(in_order(bus.types(call)) for call in calls)
        assert bus.types().count("PhoneContactEnded") == 20
        assert (await client.get("/agents/ada")).body["state"] == "Available"

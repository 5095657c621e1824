"""The call emulator over HTTP: each step, what it publishes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from emulated import LIFE, RecordingBus, served
from onhook.bus.embedded import opened
from onhook.call_emulator.store import CallStore
from onhook.contracts.event import decode_event
from onhook.contracts.topology import EVENT_FLOW
from onhook.settings.contact_centre import ContactCentreError
from onhook.sqlite.folder_lock import FolderHeld


async def test_a_call_lives_through_all_its_steps_and_events(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.make_available()
        call = await client.place(ani="+15551234", language="fr-CA")
        assert UUID(call).version == 4
        assert bus.types(call) == ["NewPhoneContact", "AgentOffered"]
        accepted = await client.post(f"/calls/{call}/accept")
        assert (accepted.body["state"], accepted.body["agent"]) == ("connected", "ada")
        saved = await client.put(f"/calls/{call}/variables", {"WhoIsCalling": "Ada Lovelace"})
        assert saved.body["variables"]["WhoIsCalling"] == "Ada Lovelace"
        ended = await client.post(f"/calls/{call}/end")
        assert ended.body["state"] == "ended"
        assert [event["type"] for event in ended.body["events"]] == list(LIFE)
        assert bus.types(call) == list(LIFE)
        assert (await client.get("/agents/ada")).body["state"] == "WrapUp"
    data = bus.data("AgentDisconnect")
    assert data["variables"] == {"Global_Language": "fr-CA", "WhoIsCalling": "Ada Lovelace"}
    assert data["NewPhoneContact"]["ANI"] == "+15551234"
    assert data["AgentDisconnect"]["AgentId"] == "ada"
    assert "PhoneContactEnded" not in data


async def test_the_embedded_bus_holds_every_event_of_a_played_call(tmp_path: Path) -> None:
    async with (
        opened(tmp_path / "bus.sqlite") as bus,
        served(tmp_path, bus) as (client, _),
    ):
        played = await client.post("/calls/play", {"variables": {"WhoIsCalling": "Ada"}})
        assert played.body["events"] == list(LIFE)
        found = []
        async with bus.consume(EVENT_FLOW, 10) as deliveries:
            async for delivery in deliveries:
                found.append(decode_event(delivery.body).type)
                assert delivery.content_type == "application/cloudevents+json"
                assert delivery.type == found[-1]
                await delivery.ack()
                if len(found) == len(LIFE):
                    break
        assert found == list(LIFE)


async def test_the_timeline_shows_each_event_as_it_was_published(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await client.place()
        (event,) = (await client.get(f"/calls/{call}/events")).body["events"]
        assert event["body"] == json.loads(bus.messages[0].body)
        assert event["routing_key"] == "contact.voice.NewPhoneContact"
        (line,) = (await client.get(f"/calls/{call}")).body["events"]
        assert line == {key: value for key, value in event.items() if key != "body"}


async def test_a_call_waits_until_an_agent_becomes_available(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await client.place()
        assert (await client.get(f"/calls/{call}")).body["possible"] == ["hang-up"]
        await client.make_available()
        offered = await client.get(f"/calls/{call}")
        assert (offered.body["state"], offered.body["agent"]) == ("offered", "ada")
        agent = (await client.get("/agents/ada")).body
        assert (agent["state"], agent["interaction_id"]) == ("Engaged", call)


async def test_a_declined_call_keeps_its_place_before_later_ones(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        await client.make_available()
        first, second = await client.place(), await client.place()
        declined = await client.post(f"/calls/{first}/decline")
        assert (declined.body["state"], declined.body["agent"]) == ("queued", None)
        agent = (await client.get("/agents/ada")).body
        assert (agent["state"], agent["idle_code"]) == ("Idle", None)
        await client.post("/agents/ada/state", {"state": "Available"})
        assert (await client.get(f"/calls/{first}")).body["state"] == "offered"
        assert (await client.get(f"/calls/{second}")).body["state"] == "queued"


async def test_a_caller_who_leaves_frees_the_agent_for_the_next_call(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        await client.make_available()
        first, second = await client.place(), await client.place()
        left = await client.post(f"/calls/{first}/hang-up")
        assert (left.body["state"], left.body["abandoned"]) == ("ended", True)
        assert bus.types(first) == ["NewPhoneContact", "AgentOffered", "PhoneContactEnded"]
        assert (await client.get(f"/calls/{second}")).body["state"] == "offered"


async def test_an_illegal_step_is_409_with_the_reason_and_what_is_possible(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        call = await client.place()
        refused = await client.post(f"/calls/{call}/end")
        assert refused.status == 409
        assert refused.error == (
            '"end" is not possible: the call waits in the queue and no agent has it'
        )
        assert refused.possible == ["hang-up"]
        await client.post(f"/calls/{call}/hang-up")
        again = await client.post(f"/calls/{call}/hang-up")
        assert (again.status, again.possible) == (409, [])
        assert "the call has ended" in again.error
        late = await client.put(f"/calls/{call}/variables", {"WhoIsCalling": "too late"})
        assert late.status == 409
        agent = await client.post("/agents/ada/state", {"state": "Available"})
        assert (agent.status, agent.possible) == (409, ["login"])
        assert bus.types(call) == ["NewPhoneContact", "PhoneContactEnded"]


async def test_an_engaged_agent_can_neither_log_out_nor_go_idle(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        await client.make_available()
        await client.place()
        for path, body in (
            ("logout", None),
            ("login", None),
            ("state", {"state": "Available"}),
            ("state", {"state": "Idle", "idle_code": "Lunch"}),
        ):
            refused = await client.post(f"/agents/ada/{path}", body)
            assert (refused.status, refused.possible) == (409, [])
            assert "Ada Agent is engaged in a call" in refused.error


async def test_what_does_not_exist_is_404_and_says_so(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        agent = await client.post("/agents/bob/login")
        assert (agent.status, agent.error) == (404, 'there is no agent "bob"; there is ada')
        for method, path in (
            ("GET", ""),
            ("GET", "/events"),
            ("POST", "/end"),
            ("POST", "/accept"),
        ):
            call = await client.send(method, f"/calls/nothing{path}")
            assert (call.status, "there is no call nothing" in call.error) == (404, True)
        assert (await client.get("/calls/play")).status == 405


async def test_a_value_that_cannot_be_saved_is_422_and_names_what_can(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        await client.make_available()
        call = await client.place()
        await client.post(f"/calls/{call}/accept")
        for given, says in (
            ({"Colour": "red"}, "editable: WhoIsCalling"),
            ({"Global_Language": "fr"}, "editable: WhoIsCalling"),
            ({"WhoIsCalling": 7}, "must be a text"),
            ({"WhoIsCalling": "x" * 1025}, "1025 characters; at most 1024"),
        ):
            refused = await client.put(f"/calls/{call}/variables", given)
            assert (refused.status, says in refused.error) == (422, True), refused
        assert "WhoIsCalling" not in (await client.get(f"/calls/{call}")).body["variables"]
        assert (await client.post("/calls", {"dnis": "+1"})).status == 422
        assert (await client.post("/calls", {"entry_point": "Sales"})).status == 422
        lunch = await client.post("/agents/ada/state", {"state": "Idle"})
        assert lunch.status in (409, 422)


async def test_a_misspelt_field_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        for path in ("/calls", "/calls/play"):
            refused = await client.post(path, {"from": "+1"})
            assert (refused.status, "`from`" in refused.error) == (400, True)


async def test_variables_nested_too_deeply_are_refused_and_no_fault(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        call = await client.place()
        deep = '{"WhoIsCalling":' + "[" * 100_000
        async with aiohttp.request(
            "PUT", f"{client.address}/calls/{call}/variables", data=deep
        ) as response:
            assert response.status == 400


async def test_a_null_number_is_withheld_and_none_at_all_is_the_default(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        withheld = (await client.post("/calls", {"ani": None})).body["ani"]
        assert (withheld, (await client.post("/calls")).body["ani"]) == (
            "anonymous",
            "+14085551234",
        )


async def test_calls_are_listed_newest_first_within_the_limit(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        made = [await client.place() for _ in range(3)]
        listed = (await client.get("/calls?limit=2")).body["calls"]
        assert [call["interaction_id"] for call in listed] == [made[2], made[1]]
        for limit in ("0", "1001", "many"):
            assert (await client.get(f"/calls?limit={limit}")).status == 400


async def test_the_oldest_ended_calls_are_dropped_beyond_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CallStore.__init__, "__kwdefaults__", {"ended_calls_kept": 2})
    async with served(tmp_path, RecordingBus()) as (client, _):
        kept_open = await client.place()
        played = [(await client.post("/calls/play")).body["interaction_id"] for _ in range(4)]
        listed = [call["interaction_id"] for call in (await client.get("/calls")).body["calls"]]
        assert listed == [played[3], played[2], kept_open]
        assert (await client.get(f"/calls/{played[0]}/events")).status == 404


async def test_a_page_elsewhere_can_neither_read_nor_place_a_call(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus) as (client, _):
        for headers, status in (
            ({"Host": "evil.example"}, 421),
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
        ):
            assert (await client.send("POST", "/calls/play", None, headers)).status == status
            assert (await client.send("GET", "/calls", None, headers)).status == status
        own = await client.send("POST", "/calls", None, {"Origin": client.address})
        assert own.status == 201
        for path in ("/livez", "/readyz"):
            assert (await client.send("GET", path, None, {"Host": "evil.example"})).status == 200
    assert len(bus.messages) == 1


async def test_the_contact_keeps_the_flow_version_that_the_worker_named(tmp_path: Path) -> None:
    answers: list[Any] = [{"version": 3}, {"version": 4}, {"version": "new"}, {}, None]
    asked: list[str] = []

    async def flow(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        answer = answers[min(len(asked), len(answers)) - 1]
        return web.json_response(answer) if answer is not None else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/flows/{name}", flow)
    bus = RecordingBus()
    async with TestServer(app) as worker:
        url = str(worker.make_url(""))
        async with served(tmp_path, bus, worker_url=url) as (client, _):
            await client.make_available()
            first = await client.place()
            await client.place()
            await client.post(f"/calls/{first}/hang-up")
            for _ in range(3):
                assert (await client.get(f"/calls/{await client.place()}")).body[
                    "flow_version"
                ] is None
    assert asked[0] == "/flows/Main_Flow?label=Latest"
    versions = {
        (event.subject == first, event.flowversion)
        for event in map(decode_event, (message.body for message in bus.messages))
    }
    assert versions == {(True, 3), (False, 4), (False, None)}


async def test_a_worker_that_is_away_costs_the_call_nothing_but_its_version(tmp_path: Path) -> None:
    bus = RecordingBus()
    async with served(tmp_path, bus, worker_url="http://127.0.0.1:9") as (client, _):
        assert (await client.get(f"/calls/{await client.place()}")).body["flow_version"] is None
    assert "flowversion" not in json.loads(bus.messages[0].body)


async def test_readiness_names_what_is_missing(tmp_path: Path) -> None:
    bus = RecordingBus()
    bus.go_down()
    async with served(tmp_path, bus) as (client, _):
        ready = await client.get("/readyz")
        assert ready.status == 503
        assert ready.body["troubles"] == {"bus": "the bus is down for this test"}
        assert (await client.get("/livez")).status == 200
        bus.come_back()
        assert (await client.get("/readyz")).status == 200


async def test_a_second_emulator_in_the_same_folder_is_told_of_the_first(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()):
        with pytest.raises(FolderHeld, match="in use by the call emulator"):
            async with served(tmp_path, RecordingBus()):
                pass


async def test_a_wrong_default_in_the_contact_centre_is_told_at_start(tmp_path: Path) -> None:
    centre = tmp_path / "centre.yaml"
    centre.write_text(
        "agents: []\nqueues: [{id: q, name: Support}]\n"
        "entry_points: [{id: e, name: E, dial_numbers: ['1'], flow: F}]\n"
        "global_variables: [{name: Tries, type: INTEGER, default: few}]\n"
    )
    with pytest.raises(ContactCentreError, match='global variable "Tries"'):
        async with served(tmp_path, RecordingBus(), contact_centre=str(centre)):
            pass


async def test_the_start_page_links_to_where_the_public_address_leads(tmp_path: Path) -> None:
    async with served(tmp_path, RecordingBus()) as (client, _):
        index = (await client.get("/")).body
        assert index["links"]["calls"] == f"{client.address}/calls"

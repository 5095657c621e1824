"""Which flows and versions an event runs, with which values, and what is not run again."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec
import pytest

from endpoint import Answer, Endpoint
from flows import a_flow, a_request, an_event
from onhook.bus.port import Message
from onhook.contracts.event import decode_event
from onhook.contracts.run import RunMessage, encode_run, flow_id_of
from onhook.contracts.topology import NEXT, RESUME, UNPROCESSABLE
from onhook.event_flow.notice import AttemptMade, EventReceived
from workplace import Working, Workplace, run_of, until

SUPPORT = "7c1e6a34-4c8e-4c1e-8f57-2a8a4f0c1b02"


async def until_filtered(working: Working, event: dict[str, Any]) -> dict[str, Any]:
    history = await until(
        lambda: working.api.get(f"/interactions/{event['subject']}"), lambda found: found["events"]
    )
    assert not history["runs"]
    (row,) = history["events"]
    return row


async def test_a_known_event_that_no_flow_handles_is_filtered_and_acknowledged(
    workplace: Workplace, endpoint: Endpoint
):
    named = an_event("AgentAnswered")
    unnamed = an_event("PhoneContactEnded", flow=None)
    async with workplace.working() as working:
        await working.publish(named, unnamed)
        row = await until_filtered(working, named)
        assert (row["outcome"], row["event_id"]) == ("filtered", named["id"])
        assert row["reason"] == "its flow has no handler for AgentAnswered"
        row = await until_filtered(working, unnamed)
        assert row["reason"] == "no published flow handles PhoneContactEnded"
        assert not await working.api.get("/dead-letters")
    assert [notice.is_handled for notice in working.told.of(EventReceived)] == [False, False]
    assert not endpoint.requests
    assert await workplace.left_over() == {}


async def test_events_that_a_withdrawn_flow_never_handled_are_filtered(
    workplace: Workplace, endpoint: Endpoint
):
    missed, other = an_event(), an_event("AgentAnswered")
    async with workplace.working() as working:
        await working.api.ask("DELETE", "/flows/Main_Flow")
        await working.publish(other, missed)
        row = await until_filtered(working, other)
        assert row["reason"] == "no published flow handles AgentAnswered"
        (dead,) = await working.api.dead_letters(1)
    assert 'flow "Main_Flow" was unpublished' in dead["reason"]
    assert await workplace.left_over() == {UNPROCESSABLE: 1}


@pytest.mark.parametrize("entry_point", [SUPPORT, "Support"], ids=["by id", "by name"])
async def test_without_a_flow_the_entry_point_says_which_runs(
    workplace: Workplace, endpoint: Endpoint, entry_point: str
):
    other = a_flow("Other", a_request("Post", endpoint.url("/other")))
    event = an_event(flow=None, entry_point=entry_point)
    async with workplace.working() as working:
        await working.api.post("/flows", other)
        await working.publish(event)
        await working.api.until_run(run_of(event), "done")
    assert [request.path for request in endpoint.requests] == ["/hook"]


async def test_without_flow_and_entry_point_every_flow_that_handles_it_gets_a_run(
    workplace: Workplace, endpoint: Endpoint
):
    names = ("One", "Two", "Three")
    flows = [a_flow(name, a_request("Post", endpoint.url(f"/{name}"))) for name in names]
    deaf = a_flow("Deaf", a_request("Post", endpoint.url("/deaf")), events=("AgentAnswered",))
    event = an_event(flow=None)
    async with workplace.working(flows=workplace.flow_folder(*flows, deaf)) as working:
        await working.publish(event)
        for name in names:
            run = await working.api.until_run(run_of(event, name), "done")
            assert len(run["attempts"]) == 1
        history = await working.api.get(f"/interactions/{event['subject']}")
    assert {run["run"]["flow_name"] for run in history["runs"]} == set(names)
    assert sorted(request.path for request in endpoint.requests) == ["/One", "/Three", "/Two"]
    assert len({request.header("webhook-id") for request in endpoint.requests}) == 3
    assert {request.header("onhook-run-id") for request in endpoint.requests} == {
        run_of(event, name) for name in names
    }
    assert len(working.told.of(EventReceived)) == 1
    assert await workplace.left_over() == {}


async def test_one_of_several_runs_of_an_event_waits_and_the_others_do_not(
    workplace: Workplace, endpoint: Endpoint
):
    flows = [a_flow(name, a_request("P", endpoint.url(f"/{name}"))) for name in ("Good", "Bad")]
    endpoint.plan(500, 500, 204, path="/Bad")
    event = an_event(flow=None)
    async with workplace.working(flows=workplace.flow_folder(*flows)) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "Bad"), "done")
        await working.api.until_run(run_of(event, "Good"), "done")
    assert len(endpoint.at("/Bad")) == 3
    assert len(endpoint.at("/Good")) == 1


async def publish_versions(working: Working, endpoint: Endpoint) -> None:
    """Three versions, each with a path of its own; the second has the label Test too."""
    for number, query in enumerate(("", "?label=Test", ""), start=1):
        flow = a_flow("Versioned", a_request("Post", endpoint.url(f"/v{number}")))
        published = await working.api.post(f"/flows{query}", flow)
        assert published["version"] == number
    assert published["labels"] == {"Latest": 3, "Test": 2}


CHOICES: dict[str, tuple[dict[str, Any], str]] = {
    "no label": ({"contact": {"FlowVersionLabel": None}}, "/v3"),
    "Latest": ({}, "/v3"),
    "a label": ({"contact": {"FlowVersionLabel": "Test"}}, "/v2"),
    "a number": ({"flowversion": 1}, "/v1"),
    "a number as text": ({"flowversion": "1"}, "/v1"),
    "a number over a label": (
        {"flowversion": 1, "contact": {"FlowVersionLabel": "Test"}},
        "/v1",
    ),
    "an id": ({"flow": flow_id_of("Versioned")}, "/v3"),
}


async def test_label_and_flowversion_choose_the_version(workplace: Workplace, endpoint: Endpoint):
    async with workplace.working() as working:
        await publish_versions(working, endpoint)
        for what, (fields, path) in CHOICES.items():
            event = an_event(**{"flow": "Versioned", **fields})
            await working.publish(event)
            run = await working.api.until_run(run_of(event, "Versioned"), "done")
            assert f"/v{run['version']}" == path, what
            assert run["attempts"][0]["url"] == endpoint.url(path), what


async def test_a_run_keeps_its_version_when_the_label_moves(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 500, Answer(204, held=True), path="/v1")
    event = an_event(flow="Versioned")
    async with workplace.working() as working:
        await working.api.post("/flows", a_flow("Versioned", a_request("P", endpoint.url("/v1"))))
        await working.publish(event)
        await endpoint.arrived(1, "/v1")
        await working.api.post("/flows", a_flow("Versioned", a_request("P", endpoint.url("/v2"))))
        await endpoint.arrived(3, "/v1")
        endpoint.release()
        run = await working.api.until_run(run_of(event, "Versioned"), "done")
    assert run["version"] == 1
    assert not endpoint.at("/v2")


async def test_a_run_whose_version_is_missing_waits_until_it_is_there(
    workplace: Workplace, endpoint: Endpoint
):
    event = an_event(flow="Main_Flow", flowversion=2)
    async with workplace.working() as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event), "waiting")
        assert run["version"] == 2
        assert "has no version 2" in run["reason"]
        depths = await working.api.get("/queues")
        assert {name: depth for name, depth in depths.items() if depth} == {"onhook.retry.2m": 1}
        assert not await working.api.get("/dead-letters")
        await working.api.post("/flows", a_flow("Main_Flow", a_request("P", endpoint.url("/v2"))))
        await working.api.post(f"/runs/{run_of(event)}/try-now")
        run = await working.api.until_run(run_of(event), "done")
    assert (run["version"], run["reason"]) == (2, None)
    assert [request.path for request in endpoint.requests] == ["/v2"]


async def test_the_same_event_again_is_not_run_again(workplace: Workplace, endpoint: Endpoint):
    event = an_event()
    elsewhere = event | {"source": "/another/system"}
    async with workplace.working() as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "done")
        await working.publish(event, event, elsewhere)
        await working.api.until_run(run_of(elsewhere), "done")
    async with workplace.working() as working:
        last = an_event()
        await working.publish(event, last)
        await working.api.until_run(run_of(last), "done")
    runs = [request.header("onhook-run-id") for request in endpoint.requests]
    assert runs == [run_of(event), run_of(elsewhere), run_of(last)]
    assert await workplace.left_over() == {}


async def test_the_same_event_while_its_run_waits_does_not_try_it_again(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(Answer(503, {"Retry-After": "60"}), 204)
    event, other = an_event(), an_event()
    async with workplace.working() as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "waiting")
        await working.publish(event, other)
        await working.api.until_run(run_of(other), "done")
        run = await working.api.run(run_of(event))
    assert (run["state"], len(run["attempts"])) == ("waiting", 1)
    assert await workplace.left_over() == {"onhook.retry.30s": 1}


@pytest.mark.parametrize("step", [0, 1])
async def test_a_message_of_a_lower_step_is_dropped_unrun(
    workplace: Workplace, endpoint: Endpoint, step: int
):
    """One that was overtaken, and one at the step at which its run ended."""
    endpoint.plan(500, 204)
    event, other = an_event(), an_event()

    def message(of: dict[str, Any], step: int) -> Message:
        run = RunMessage(
            run_id=run_of(of),
            step=step,
            event=decode_event(msgspec.json.encode(of)),
            flow_id=flow_id_of("Main_Flow"),
            flow_name="Main_Flow",
            version=1,
        )
        return Message(body=encode_run(run), message_id=str(uuid4()))

    async with workplace.working() as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event), "done")
        assert run["step"] == 1
        for queue in (NEXT, RESUME):
            await working.bus.publish("", queue, message(event, step))
        await working.bus.publish("", NEXT, message(other, 0))
        await working.api.until_run(run_of(other), "done")
    assert len(working.told.of(AttemptMade)) == len(endpoint.requests) == 3
    assert await workplace.left_over() == {}


DECLARED = (
    {"name": "Global_Language", "value": "en-US", "isCAD": True, "source": "GLOBAL"},
    {"name": "WhoIsCalling", "value": "nobody", "source": "GLOBAL"},
    {"name": "Viewable", "value": "seen", "isCAD": True},
    {"name": "Hidden", "value": "kept", "isCAD": False},
    {"name": "Count", "type": "INTEGER", "value": "7", "source": "GLOBAL"},
    {"name": "Outside", "value": "from the file", "isExternalized": True, "isCAD": True},
    {"name": "Steering", "value": "/steered", "isCAD": True},
)
BODY = (
    '{"Language": "{{Global_Language}}", "Who": "{{WhoIsCalling}}", "Viewable": "{{Viewable}}", '
    '"Hidden": "{{Hidden}}", "Count": {{Count}}, "Outside": "{{Outside}}"}'
)
DEFAULTS = {
    "Language": "en-US",
    "Who": "nobody",
    "Viewable": "seen",
    "Hidden": "kept",
    "Count": 7,
    "Outside": "from the file",
}
GIVEN: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "no variables": (None, {}),
    "null is absent": ({"WhoIsCalling": None, "Count": None}, {}),
    "an empty text is a value": ({"WhoIsCalling": "", "Viewable": ""}, {"Who": "", "Viewable": ""}),
    "undeclared names are ignored": ({"Nobody": "x", "OnGlobalError": {}}, {}),
    "texts become numbers": ({"Count": " 12 "}, {"Count": 12}),
    "neither external nor hidden ones are set": (
        {"Outside": "http://evil.example", "Hidden": "x", "Viewable": "y"},
        {"Viewable": "y"},
    ),
}


async def test_an_event_sets_only_the_variables_that_it_may(
    workplace: Workplace, endpoint: Endpoint
):
    flow = a_flow(
        "Variables", a_request("P", endpoint.url(), httpRequestBody=BODY), variables=DECLARED
    )
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        for what, (variables, changed) in GIVEN.items():
            event = an_event(flow="Variables", variables=variables or {})
            if variables is None:
                del event["data"]["variables"]
            await working.publish(event)
            await working.api.until_run(run_of(event, "Variables"), "done")
            assert endpoint.requests[-1].json == DEFAULTS | changed, what


async def test_an_event_cannot_redirect_a_delivery(workplace: Workplace, endpoint: Endpoint):
    """Neither by the externalized variable nor by one that stands in a URL's host."""
    host = {
        "name": "Host",
        "value": f"127.0.0.1:{endpoint.port}",
        "isCAD": True,
        "source": "GLOBAL",
    }
    flow = a_flow("Steered", a_request("P", "http://{{Host}}/here"), variables=(host,))
    evil = {"WebhookUrl": "http://127.0.0.1:9/evil", "Host": "127.0.0.1:9"}
    events = [an_event(variables=evil), an_event(flow="Steered", variables=evil)]
    async with workplace.working() as working:
        await working.api.post("/flows", flow)
        await working.publish(*events)
        await working.api.until_run(run_of(events[0]), "done")
        await working.api.until_run(run_of(events[1], "Steered"), "done")
    assert sorted(request.path for request in endpoint.requests) == ["/here", "/hook"]


async def test_configuration_sets_externalized_variables_flow_by_flow(
    workplace: Workplace, endpoint: Endpoint, tmp_path
):
    overrides = tmp_path / "overrides.yaml"
    overrides.write_text(f"Main_Flow: {{WebhookUrl: '{endpoint.url('/override')}'}}\n")
    event = an_event()
    async with workplace.working(overrides=str(overrides)) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "done")
    assert [request.path for request in endpoint.requests] == ["/override"]


async def test_an_interaction_without_id_or_with_odd_ones_is_traced_and_delivered(
    workplace: Workplace, endpoint: Endpoint
):
    odd = 'id with "quotes" / slash ? \u260e'
    bare = {
        "specversion": "1.0",
        "type": "AgentDisconnect",
        "id": "1",
        "source": "me",
        "data": {},
    }
    named = an_event(subject=odd)
    async with workplace.working() as working:
        await working.publish(bare, named)
        await working.api.until_run(run_of(bare), "done")
        await working.api.until_run(run_of(named), "done")
        history = await working.api.get(f"/interactions/{quote(odd, safe='')}")
    assert [run["run"]["run_id"] for run in history["runs"]] == [run_of(named)]
    (body,) = [request.json for request in endpoint.requests if not request.json["InteractionId"]]
    assert body == {
        "DNIS": "", "ANI": "", "InteractionId": "", "Language": "en-US", "WhoCalls": "",
    }  # fmt: skip

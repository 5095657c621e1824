"""Everything that a flow can ask for: requests, screen pops, waits, other flows; and its trace."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec

from endpoint import Answer, Endpoint
from flows import a_flow, a_request, an_event
from onhook.bus.port import Bus
from onhook.contracts.topology import CALL_EMULATOR
from workplace import Working, Workplace, run_of, until

POP_URL = "https://crm.example.com/contacts?ani={{NewPhoneContact.ANI}}"


def a_pop(name: str = "Pop", **properties: Any) -> dict[str, Any]:
    given = {
        "activityName": "screen-pop",
        "screenPopUrl": POP_URL,
        "screenPopDesktopLabel": "Customer",
        "target": "insideDesktop",
    }
    return {"id": f"id-{name}", "name": name, "properties": given | properties}


def a_wait(duration: str, name: str = "Pause") -> dict[str, Any]:
    properties = {"activityName": "wait-activity", "duration": duration}
    return {"id": f"id-{name}", "name": name, "properties": properties}


def a_call(flow: str, name: str = "Call", label: str = "Latest") -> dict[str, Any]:
    properties = {
        "activityName": "subflow-handoff",
        "subflowVersion": {"name": flow, "tag": label},
    }
    return {"id": f"id-{name}", "name": name, "properties": properties}


def a_subflow(name: str, *nodes: dict[str, Any], description: str = "") -> dict[str, Any]:
    """A flow that others call: its main flow performs `nodes` in a row."""
    ends = [{"id": "end", "name": "EndFlow", "properties": {"activityName": "end"}}]
    names = ["Start", *(node["name"] for node in nodes), "EndFlow"]
    return {
        "name": name,
        "flowType": "SUBFLOW",
        "description": description,
        "nodes": [{"id": "s", "name": "Start", "activityType": "start"}, *nodes, *ends],
        "edges": [
            {"from": one, "condition": "default", "to": other} for one, other in pairwise(names)
        ],
    }


def branching(endpoint: Endpoint) -> dict[str, Any]:
    """A look-up whose status decides, a screen pop, and a delivery."""
    look_up = a_request("LookUp", endpoint.url("/look-up"), httpRequestMethod="GET")
    look_up["properties"] |= {"httpContentType": "None", "httpRequestBody": ""}
    condition = {
        "id": "id-Known",
        "name": "Known",
        "properties": {
            "activityName": "condition-activity",
            "expression": "{{LookUp.httpStatusCode == 200}}",
        },
    }
    flow = a_flow(
        "Branching",
        look_up,
        condition,
        edges=(("Known", "true", "Pop"), ("Pop", "default", "Deliver"), ("Deliver", "default", "end"),
               ("Known", "false", "Deliver")),
    )  # fmt: skip
    handlers = flow["eventFlows"]["GLOBAL_EVENTS"]
    handlers["nodes"] += [a_pop(), a_request("Deliver", endpoint.url("/deliver"))]
    handlers["edges"] = [
        edge for edge in handlers["edges"] if (edge["from"], edge["to"]) != ("Known", "end")
    ]
    return flow


async def taken_pops(bus: Bus, count: int) -> list[dict[str, Any]]:
    """The events that lie in the desktop's queue, which must be so many; they go."""
    await until(bus.depths, lambda depths: depths[CALL_EMULATOR] == count)
    found = []
    async with bus.consume(CALL_EMULATOR, 10) as deliveries:
        async for delivery in deliveries:
            found.append((delivery, msgspec.json.decode(delivery.body)))
            await delivery.ack()
            if len(found) == count:
                break
    assert all(delivery.routing_key.endswith(".ScreenPop") for delivery, _ in found)
    return [event for _, event in found]


async def detail(working: Working, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await working.api.get(f"/runs/{run_id}")
    return found


def steps(found: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(entry["name"], entry["edge"]) for entry in found["trace"]]


async def test_a_second_request_that_is_retried_repeats_neither_the_first_nor_the_pop(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    endpoint.plan(200, path="/look-up")
    endpoint.plan(503, 503, 204, path="/deliver")
    event = an_event(flow="Branching")
    async with workplace.working(flows=workplace.flow_folder(branching(endpoint))) as working:
        await working.publish(event)
        run_id = run_of(event, "Branching")
        await working.api.until_run(run_id, "done")
        (pop,) = await taken_pops(working.bus, 1)
        found = await detail(working, run_id)
    assert [request.path for request in endpoint.requests] == [
        "/look-up", "/deliver", "/deliver", "/deliver",
    ]  # fmt: skip
    assert steps(found) == [
        ("AgentDisconnect", "out"),
        ("LookUp", "default"),
        ("Known", "true"),
        ("Pop", "default"),
        ("Deliver", None),
        ("Deliver", None),
        ("Deliver", "default"),
        ("EndFlow", None),
    ]
    notes = [entry["note"] for entry in found["trace"] if entry["name"] == "Deliver"]
    assert [bool(note and note.startswith("answered 503; tried again at ")) for note in notes] == [
        True, True, False,
    ]  # fmt: skip
    look_up = found["trace"][1]
    assert look_up["outputs"]["httpStatusCode"] == 200
    assert (look_up["visit"], look_up["address"], look_up["step"]) == (1, "id-LookUp", 0)
    assert look_up["inputs"]["method"] == "GET"
    assert look_up["inputs"]["url"] == endpoint.url("/look-up")
    assert look_up["elapsed_ms"] > 0
    assert [entry["step"] for entry in found["trace"]] == [0, 0, 0, 1, 2, 3, 4, 4]
    assert not found["trace_is_cut"]
    assert pop["data"]["url"] == "https://crm.example.com/contacts?ani=%2B14085551234"
    assert await workplace.left_over() == {}


async def test_a_screen_pop_is_an_event_for_the_agent_and_undisplayed_until_it_is_reported(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    flow = a_flow("Popping", a_pop())
    event = an_event(flow="Popping")
    event["data"]["AgentDisconnect"]["AgentId"] = "ada.lovelace"
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        run_id = run_of(event, "Popping")
        await working.api.until_run(run_id, "done")
        (pop,) = await taken_pops(working.bus, 1)
        before = await detail(working, run_id)
        path = f"/runs/{run_id}/screen-pops/{pop['id']}/displayed"
        shown = await working.api.post(path)
        assert await working.api.post(path, {}) == shown
        assert (await working.api.ask("POST", f"/runs/{run_id}/screen-pops/x/displayed"))[0] == 404
        after = await detail(working, run_id)
    assert (pop["type"], pop["specversion"], pop["subject"]) == (
        "ScreenPop", "1.0", event["subject"],
    )  # fmt: skip
    assert pop["data"] == {
        "agentId": "ada.lovelace",
        "interactionId": event["subject"],
        "runId": run_id,
        "url": "https://crm.example.com/contacts?ani=%2B14085551234",
        "label": "Customer",
        "target": "insideDesktop",
    }
    assert [entry["note"] for entry in before["trace"]][1] == "undisplayed"
    assert before["screen_pops"][0]["displayed_at"] is None
    assert after["trace"][1]["note"].startswith("displayed ")
    assert after["screen_pops"] == [shown]
    assert shown["displayed_at"] is not None


async def test_a_wait_is_waited_in_a_tier_and_its_run_goes_on_behind_it(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    flow = a_flow(
        "Waiting",
        a_request("Before", endpoint.url("/before")),
        a_wait("00:00:10"),
        a_request("After", endpoint.url("/after")),
    )
    event = an_event(flow="Waiting")
    flags = {"flows": workplace.flow_folder(flow), "retry_scale": "0.52"}
    run_id = run_of(event, "Waiting")
    async with workplace.working(**flags) as working:
        await working.publish(event)
        run = await working.api.until_run(run_id, "waiting")
        assert run["reason"].startswith('waits in node "Pause" until ')
        await until(working.bus.depths, lambda depths: depths["onhook.retry.5s"] == 1)
        await working.api.until_run(run_id, "done")
        found = await detail(working, run_id)
    before, after = endpoint.requests
    assert (before.path, after.path) == ("/before", "/after")
    assert 5.2 <= after.at - before.at < 12
    assert [name for name, _ in steps(found)] == [
        "AgentDisconnect", "Before", "Pause", "After", "EndFlow",
    ]  # fmt: skip
    assert found["trace"][2]["inputs"] == {"seconds": 10}


async def test_a_long_wait_can_be_cut_short(workplace: Workplace, endpoint: Endpoint) -> None:
    flow = a_flow("Long", a_wait("72:00:00"), a_request("After", endpoint.url()))
    event = an_event(flow="Long")
    run_id = run_of(event, "Long")
    flags = {"flows": workplace.flow_folder(flow), "retry_scale": "1"}
    async with workplace.working(**flags) as working:
        await working.publish(event)
        await working.api.until_run(run_id, "waiting")
        assert (await working.bus.depths())["onhook.retry.10h"] == 1
        await working.api.post(f"/runs/{run_id}/try-now")
        await working.api.until_run(run_id, "done")
    assert len(endpoint.requests) == 1


async def test_a_run_stays_in_the_version_of_a_subflow_that_it_entered(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    def called(path: str) -> dict[str, Any]:
        return a_subflow("Called", a_request("Inside", endpoint.url(path)), description=path)

    endpoint.plan(503, 503, 204, path="/one")
    caller = a_flow("Caller", a_call("Called"), a_request("Behind", endpoint.url("/behind")))
    first, second = an_event(flow="Caller"), an_event(flow="Caller")
    async with workplace.working(retry_scale="0.02") as working:
        published = await working.api.post("/flows", called("/one"))
        assert published["affected"] == []
        await working.api.post("/flows", caller)
        await working.publish(first)
        await endpoint.arrived(1, "/one")
        published = await working.api.post("/flows", called("/two"))
        assert published["affected"] == ["flow Caller: Latest, its next run calls v2"]
        await working.publish(second)
        for event in (first, second):
            await working.api.until_run(run_of(event, "Caller"), "done")
        found = [await detail(working, run_of(event, "Caller")) for event in (first, second)]
    paths = [request.path for request in endpoint.requests]
    assert sorted(paths) == ["/behind", "/behind", "/one", "/one", "/one", "/two"]
    for number, trace in enumerate((each["trace"] for each in found), start=1):
        entry = next(entry for entry in trace if entry["name"] == "Call")
        assert entry["outputs"] == {"flow": "Called", "version": number}
        inside = [entry for entry in trace if entry["name"] == "Inside"]
        assert {entry["address"] for entry in inside} == {"id-Call#1/id-Inside"}
    ids = {request.header("webhook-id") for request in endpoint.at("/one")}
    assert len(ids) == 1


async def test_a_flow_that_cannot_be_entered_is_an_error_of_its_node(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    body = '{"why": "{{OnGlobalError.errorMessage}}"}'
    flow = a_flow(
        "Caller",
        a_call("Nowhere"),
        on_error=(a_request("Tell", endpoint.url("/tell"), httpRequestBody=body),),
    )
    event = an_event(flow="Caller")
    async with workplace.working() as working:
        published = await working.api.post("/flows", flow)
        assert any('no flow "Nowhere"' in each["message"] for each in published["findings"])
        await working.publish(event)
        await working.api.until_run(run_of(event, "Caller"), "done")
    (told,) = endpoint.requests
    assert told.json == {"why": 'flow "Nowhere" has no version labelled "Latest"; publish one'}


async def test_a_go_to_goes_on_in_the_other_flow_for_good(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    go = {
        "id": "id-Go",
        "name": "Go",
        "properties": {"activityName": "hand-off", "handOffFlow": {"handOffToName": "Other"}},
    }
    other = a_subflow("Other", a_request("There", endpoint.url("/there"))) | {"flowType": "FLOW"}
    flow = a_flow("Going", go)
    event = an_event(flow="Going")
    async with workplace.working() as working:
        await working.api.post("/flows", other)
        await working.api.post("/flows", flow)
        await working.publish(event)
        await working.api.until_run(run_of(event, "Going"), "done")
        found = await detail(working, run_of(event, "Going"))
    assert [request.path for request in endpoint.requests] == ["/there"]
    assert found["trace"][-1]["name"] == "EndFlow"


async def test_values_that_were_parsed_and_set_reach_the_next_request(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    answer = b'{"customer": {"name": "Ada \\"L\\" Lovelace", "tier": 3}}'
    endpoint.plan(
        Answer(200, headers={"Content-Type": "application/json"}, body=answer), path="/look-up"
    )
    look_up = a_request(
        "LookUp",
        endpoint.url("/look-up"),
        onFailure="continue",
        contentType="JSON",
        outputVariableArray=[
            {"outputVariable": "Name", "jsonPathExp": "$.customer.name"},
            {"outputVariable": "Tier", "jsonPathExp": "$.customer.tier"},
        ],
    )
    tell = a_request(
        "Tell", endpoint.url("/tell"), httpRequestBody='{"name": "{{Name}}", "tier": {{Tier}}}'
    )
    variables = ({"name": "Name"}, {"name": "Tier", "type": "INTEGER"})
    flow = a_flow("Parsing", look_up, tell, variables=variables)
    event = an_event(flow="Parsing")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "Parsing"), "done")
        found = await detail(working, run_of(event, "Parsing"))
    (told,) = endpoint.at("/tell")
    assert told.json == {"name": 'Ada "L" Lovelace', "tier": 3}
    assert found["trace"][1]["outputs"]["Tier"] == 3


async def test_a_failure_that_nothing_handles_ends_the_trace_with_its_reason(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    requests = (a_request("A", endpoint.url("/a")), a_request("B", "{{Nothing}}"))
    flow = a_flow("Failing", *requests, variables=({"name": "Nothing"},))
    event = an_event(flow="Failing")
    run_id = run_of(event, "Failing")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        await working.api.until_run(run_id, "dead")
        found = await detail(working, run_id)
        history = await working.api.get(f"/interactions/{event['subject']}")
    assert [name for name, _ in steps(found)] == ["AgentDisconnect", "A", "B"]
    assert found["trace"][-1]["note"] in found["run"]["reason"]
    assert history["runs"] == [found]


async def test_a_trace_that_would_be_large_is_cut_and_says_so(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    size = 200_000
    endpoint.plan(Answer(200, body=b"x" * size))
    flow = a_flow("Large", a_request("A", endpoint.url()))
    event = an_event(flow="Large")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "Large"), "done")
        found = await detail(working, run_of(event, "Large"))
    assert found["trace_is_cut"]
    body = found["trace"][1]["outputs"]["httpResponseBody"]
    assert body.endswith(f"... ({size - 1_000} more characters)")

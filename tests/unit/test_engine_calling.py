"""Flows that call flows: what is handed over, what comes back, failures inside, and the bounds."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from flows import a_request, an_event
from onhook.contracts.run import Progress, RunMessage, decode_run, encode_run
from onhook.flow import engine
from onhook.flow.errors import RunError
from onhook.flow.performing import address_of
from onhook.flow.surroundings import Surroundings
from walked import (
    a_graph_flow,
    a_node,
    a_set,
    a_subflow,
    an_end,
    at_hand,
    begun,
    compiled,
    walked,
)

URL = "https://example.com/hook"
GLOBAL = {"source": "GLOBAL"}


def a_variable(name: str, value: str = "", **fields: Any) -> dict[str, Any]:
    return {"name": name, "value": value} | fields


def a_call(
    name: str = "Call",
    flow: str = "Sub",
    given: dict[str, str] | None = None,
    returned: dict[str, str] | None = None,
) -> dict[str, Any]:
    return a_node(
        name,
        "subflow-handoff",
        subflowVersion={"id": flow, "tag": "Live"},
        subflowInputVariables=[
            {"src": source, "target": target} for target, source in (given or {}).items()
        ],
        subflowOutputVariables=[
            {"outputVariable": variable, "target": source}
            for variable, source in (returned or {}).items()
        ],
    )


DOUBLE = a_subflow(
    a_set("Double", out="{{in}}{{in}}"),
    variables=(a_variable("in"), a_variable("out"), a_variable("untouched", "sub")),
)
CALLS = a_graph_flow(
    a_call(given={"in": "v"}, returned={"w": "out"}),
    a_set("After", x="{{w}}!"),
    links=(("Call", "default", "After"),),
    variables=(a_variable("v", "ab"), a_variable("w"), a_variable("x"), a_variable("in", "own")),
)


def test_a_subflow_is_given_values_and_gives_values_back() -> None:
    run = walked(CALLS, DOUBLE)
    assert run.progress.variables == {"v": "ab", "w": "abab", "x": "abab!", "in": "own"}
    assert run.path == ["Call", "Double", "Call", "After"]
    assert run.progress.callers == ()


def test_a_call_names_the_flow_and_the_label() -> None:
    (effect,) = walked(CALLS, DOUBLE).effects
    assert isinstance(effect, engine.CallFlow)
    assert (effect.flow, effect.label, effect.returns) == ("Sub", "Live", True)
    assert effect.given == {"in": "ab"}


def test_addresses_inside_a_subflow_name_the_call() -> None:
    run = walked(CALLS, DOUBLE)
    assert [entry.address for entry in run.trace if entry.name == "Double"] == [
        "id-Call#1/id-Double"
    ]
    into, back = (entry for entry in run.trace if entry.name == "Call")
    assert (into.note, into.edge) == ('into flow "Sub" v1', None)
    assert (back.note, back.edge) == ('back from flow "Sub"', "default")
    assert back.outputs == {"w": "abab"}


def test_what_a_subflow_does_not_name_stays_its_own() -> None:
    run = begun(CALLS, DOUBLE)
    while run.progress.flow_id is None:
        run.step()
    assert run.progress.variables == {"in": "ab", "out": "", "untouched": "sub"}
    assert run.progress.outputs == {}
    assert run.progress.in_main


def test_a_run_inside_a_subflow_is_a_message_like_any_other() -> None:
    run = begun(CALLS, DOUBLE)
    while run.progress.flow_id is None:
        run.step()
    message = RunMessage(
        run_id="r",
        step=1,
        event=run.event,
        flow_id="f",
        flow_name="F",
        version=1,
        progress=run.progress,
    )
    run.progress = decode_run(encode_run(message)).progress or Progress()
    assert run.to_the_end().progress.variables["x"] == "abab!"


def test_outputs_and_expressions_are_handed_over_too() -> None:
    flow = a_graph_flow(
        a_request("Ask", URL),
        a_call(given={"in": "Ask.httpStatusCode", "out": "{{ 'x' | upper }}"}),
        links=(("Ask", "default", "Call"),),
    )
    run = walked(flow, DOUBLE, results={"Ask": (201, "")})
    call = run.effects[1]
    assert isinstance(call, engine.CallFlow)
    assert call.given == {"in": 201, "out": "X"}


def test_a_global_variable_is_one_for_all_flows_of_a_run() -> None:
    sub = a_subflow(
        a_set("Set", g="{{g}} changed"),
        variables=(a_variable("g", "default", **GLOBAL), a_variable("local", "mine", isCAD=True)),
    )
    flow = a_graph_flow(
        a_call(), variables=(a_variable("g", "default", **GLOBAL), a_variable("local"))
    )
    run = walked(flow, sub, variables={"g": "event's", "local": "event's"})
    assert run.progress.variables == {"g": "event's changed", "local": ""}
    assert run.entry("Set").inputs == {"g": "event's changed"}


def test_a_subflow_calls_a_subflow() -> None:
    inner = a_subflow(
        a_set("In", out="{{in}}-"),
        variables=(a_variable("in"), a_variable("out")),
        name="Inner",
    )
    outer = a_subflow(
        a_call("Deeper", "Inner", {"in": "in"}, {"out": "out"}),
        variables=(a_variable("in"), a_variable("out")),
    )
    run = walked(CALLS, outer, inner)
    assert run.progress.variables["w"] == "ab-"
    assert run.entry("In").address == "id-Call#1/id-Deeper#1/id-In"


# Failures


FAILS = a_subflow(
    a_set("Break", n="many"), variables=(a_variable("n", "1", type="INTEGER"), a_variable("in"))
)


def test_a_failure_inside_leaves_the_calling_node_by_its_error_port() -> None:
    flow = a_graph_flow(
        a_call(),
        a_set("Handle", x="{{OnGlobalError.activityName}}"),
        links=(("Call", "error", "Handle"),),
        variables=(a_variable("x"),),
    )
    run = walked(flow, FAILS)
    assert run.path == ["Call", "Break", "Handle"]
    assert run.progress.variables == {"x": "Break"}
    assert (run.progress.callers, run.progress.flow_id) == ((), None)


def test_a_failure_inside_goes_to_the_caller_s_on_global_error() -> None:
    flow = a_graph_flow(
        a_call(), a_set("Handle", x="seen"), on_error="Handle", variables=(a_variable("x"),)
    )
    run = walked(flow, FAILS)
    assert run.path == ["Call", "Break", "Handle"]
    assert run.progress.in_error_handler


def test_a_subflow_handles_its_own_failure_first_and_then_comes_back() -> None:
    sub = FAILS | {
        "eventFlows": a_graph_flow(a_set("Own", **{"in": "x"}), on_error="Own")["eventFlows"]
    }
    flow = a_graph_flow(a_call(), an_end(), links=(("Call", "default", "End"),))
    run = walked(flow, sub)
    assert run.path == ["Call", "Break", "Own", "Call", "End"]
    assert not run.progress.in_error_handler


def test_a_failure_inside_that_nothing_handles_is_raised() -> None:
    with pytest.raises(RunError, match=r'node "Break": variable "n"'):
        walked(a_graph_flow(a_call()), FAILS)


def test_a_value_that_does_not_fit_fails_the_call() -> None:
    sub = a_subflow(an_end(), variables=(a_variable("n", "1", type="INTEGER"),))
    flow = a_graph_flow(
        a_call(given={"n": "{{ 'many' }}"}), an_end("Out"), links=(("Call", "error", "Out"),)
    )
    assert walked(flow, sub).path == ["Call", "Out"]


def test_a_value_that_does_not_fit_when_it_comes_back_fails_the_call() -> None:
    sub = a_subflow(an_end(), variables=(a_variable("s", "many"),))
    flow = a_graph_flow(
        a_call(returned={"n": "s"}),
        an_end("Out"),
        links=(("Call", "error", "Out"),),
        variables=(a_variable("n", "1", type="INTEGER"),),
    )
    assert walked(flow, sub).path == ["Call", "End", "Call", "Out"]


def test_a_flow_that_is_not_there_fails_the_call() -> None:
    flow = a_graph_flow(a_call(), an_end("Out"), links=(("Call", "error", "Out"),))
    assert walked(flow).path == ["Call", "Out"]


def test_an_activity_that_needs_a_call_fails_when_a_subflow_gets_there() -> None:
    sub = a_subflow(a_node("Say", "play-message"))
    flow = a_graph_flow(a_call(), an_end("Out"), links=(("Call", "error", "Out"),))
    run = walked(flow, sub)
    assert run.path == ["Call", "Say", "Out"]
    assert run.entry("Say").note == "play-message needs a call, and an event flow runs beside it"


# Bounds


def test_flows_within_one_another_are_bounded() -> None:
    endless = a_subflow(a_call("Again", "Sub"))
    with pytest.raises(RunError, match="more than 10 flows within one another"):
        walked(a_graph_flow(a_call()), endless)


def test_flows_that_a_run_enters_are_bounded() -> None:
    inner = a_subflow(a_set("Inner", v="x"), variables=(a_variable("v"),), name="Inner")
    outer = a_subflow(
        a_call("Call", "Inner"),
        links=(("Call", "default", "Call"), ("Call", "error", "End")),
    )
    outer["nodes"].append(an_end())
    flow = a_graph_flow(a_call(), links=(("Call", "default", "Call"),))
    with pytest.raises(RunError, match="or 1000 in all"):
        walked(flow, outer, inner)


def test_each_call_counts_its_visits_anew() -> None:
    sub = a_subflow(a_set("In", v="x"), variables=(a_variable("v"),))
    flow = a_graph_flow(
        a_call(), an_end("Out"), links=(("Call", "default", "Call"), ("Call", "error", "Out"))
    )
    run = walked(flow, sub)
    assert [entry.address for entry in run.trace if entry.name == "In"] == [
        f"id-Call#{visit}/id-In" for visit in range(1, 101)
    ]
    assert run.entry("Call").note == "entered more than 100 times"


def test_a_node_s_id_is_no_address_inside_a_called_flow() -> None:
    sub = a_subflow(a_request("Send", URL))
    odd = a_request("Odd", URL) | {"id": "id-Call#1/id-Send"}
    flow = a_graph_flow(a_call(), odd, links=(("Call", "default", "Odd"),))
    addresses = [
        each.address for each in walked(flow, sub).effects if isinstance(each, engine.SendRequest)
    ]
    assert addresses == ["id-Call#1/id-Send", "id-Call##1/id-Send"]


@pytest.mark.parametrize("node_id", ["9f2c-uuid", "a/b", "50%", "Send request", "id-Call"])
def test_the_addresses_of_a_run_s_own_nodes_are_their_ids(node_id: str) -> None:
    assert address_of(Progress(), node_id) == node_id


def test_slashes_in_ids_count_as_no_calls() -> None:
    sub = a_subflow(an_end())
    flow = a_graph_flow(a_call() | {"id": "a/b/c/d/e/f/g/h/i/j/k/l#"})
    assert walked(flow, sub).entry("End").address == "a/b/c/d/e/f/g/h/i/j/k/l###1/id-End"


def test_a_flow_that_became_another_type_fails_the_call() -> None:
    flow = a_graph_flow(a_call(), an_end("Out"), links=(("Call", "error", "Out"),))
    run = walked(compiled(flow), a_subflow(an_end(), kind="FLOW"))
    assert run.path == ["Call", "Out"]
    assert run.entry("Call").note == ('"Sub" v1 is a FLOW, and subflow-handoff goes into a SUBFLOW')


# GoTo


def going_to(target: Any, **more: Any) -> dict[str, Any]:
    return a_graph_flow(a_node("Go", "hand-off", handOffFlow=target), **more)


TARGET = a_subflow(
    a_set("There", out="{{same}}"),
    variables=(a_variable("same"), a_variable("other", "1", type="INTEGER"), a_variable("out")),
    name="Target",
    kind="FLOW",
)


def test_a_go_to_goes_on_in_another_flow_with_the_variables_of_the_same_name_and_type() -> None:
    flow = going_to(
        {"handOffTo": "Target", "flowTagName": "Live"},
        variables=(a_variable("same", "mine"), a_variable("other", "text")),
    )
    run = walked(flow, TARGET)
    assert run.path == ["Go", "There"]
    assert run.progress.variables == {"same": "mine", "other": 1, "out": "mine"}
    assert (run.progress.callers, run.progress.flow_id) == ((), run.flows["Target"].id)
    assert run.entry("There").address == "id-Go#1/id-There"


def test_a_go_to_names_an_entry_point() -> None:
    known = at_hand(TARGET, entry_points={"point-id": ("Target", "Test")})
    flow = going_to("point-id")
    (effect,) = walked(flow, TARGET, surroundings=known).effects
    assert isinstance(effect, engine.CallFlow)
    assert (effect.flow, effect.label, effect.returns) == ("Target", "Test", False)


def test_a_go_to_may_be_told_by_an_expression() -> None:
    flow = going_to({"handOffTo": "{{where}}"}, variables=(a_variable("where", "Target"),))
    assert walked(flow, TARGET).path == ["Go", "There"]


def test_a_go_to_maps_what_it_is_told_to() -> None:
    mapped = [{"src": "mine", "target": "same"}]
    flow = going_to(
        {"handOffTo": "Target", "mappedVariableArray": mapped},
        variables=(a_variable("mine", "x"),),
    )
    assert walked(flow, TARGET).progress.variables["out"] == "x"


def test_flows_that_go_to_one_another_are_bounded() -> None:
    back = a_subflow(a_node("Back", "hand-off", handOffFlow="Back"), name="Back", kind="FLOW")
    with pytest.raises(RunError, match="more than 10 flows"):
        walked(going_to("Back"), back)


# Where something goes


SENDS = a_subflow(
    a_request("Send", "https://{{host}}/"), variables=(a_variable("host", "own.example.com"),)
)
SETTABLE = a_variable("v", "default.example.com", isCAD=True)


REFUSED = '"host" decides where flow "Sub" sends something'


@pytest.mark.parametrize("known", [at_hand(), at_hand(SENDS)], ids=["unknown", "published"])
def test_what_an_event_set_never_becomes_a_called_flow_s_host(known: Surroundings) -> None:
    flow = compiled(a_graph_flow(a_call(given={"host": "v"}), variables=(SETTABLE,)), known)
    assert (flow.settable, flow.steering) == ({"v"}, frozenset())
    with pytest.raises(RunError, match=REFUSED):
        walked(flow, SENDS, variables={"v": "evil.example"})


@pytest.mark.parametrize("given", [{}, {"v": None}, {"v": "default.example.com"}])
def test_an_event_that_brings_what_is_configured_moves_nothing(given: dict[str, Any]) -> None:
    flow = a_graph_flow(a_call(given={"host": "v"}), variables=(SETTABLE,))
    run = walked(flow, SENDS, variables=given)
    assert run.rendered[0][0] == "https://default.example.com/"


def test_an_override_is_what_is_configured() -> None:
    flow = a_graph_flow(a_call(given={"host": "v"}), variables=(SETTABLE,))
    configured = {"overrides": {"v": "our.example.com"}}
    run = walked(flow, SENDS, variables={"v": "our.example.com"}, **configured)
    assert run.rendered[0][0] == "https://our.example.com/"
    with pytest.raises(RunError, match=REFUSED):
        walked(flow, SENDS, variables={"v": "default.example.com"}, **configured)


def test_not_even_through_another_variable() -> None:
    flow = a_graph_flow(
        a_set("Copy", w="{{v}}"),
        a_call(given={"host": "w"}),
        links=(("Copy", "out", "Call"),),
        variables=(SETTABLE, a_variable("w")),
    )
    assert run_to(flow) == "https://default.example.com/"
    with pytest.raises(RunError, match=REFUSED):
        walked(flow, SENDS, variables={"v": "evil.example"})


def run_to(flow: dict[str, Any]) -> str:
    return walked(flow, SENDS).rendered[0][0]


def plain_flow(name: str, node: dict[str, Any], *variables: dict[str, Any]) -> dict[str, Any]:
    return a_subflow(node, name=name, kind="FLOW", variables=variables)


def test_not_even_over_a_chain_of_go_tos() -> None:
    last = plain_flow(
        "Last", a_request("Send", "https://{{v}}/"), a_variable("v", "own.example.com")
    )
    middle = plain_flow(
        "Middle", a_node("On", "hand-off", handOffFlow={"handOffTo": "Last"}), a_variable("v")
    )
    flow = going_to("Middle", variables=(SETTABLE,))
    run = walked(flow, middle, last, variables={"v": "evil.example"})
    assert run.rendered[0][0] == "https://own.example.com/"
    assert "an event may have set it" in str(run.entry("On").note)
    assert walked(flow, middle, last).rendered[0][0] == "https://default.example.com/"


def test_not_even_by_a_go_to_and_then_a_subflow() -> None:
    middle = plain_flow("Middle", a_call(given={"host": "v"}), a_variable("v"))
    with pytest.raises(RunError, match=REFUSED):
        walked(
            going_to("Middle", variables=(SETTABLE,)),
            middle,
            SENDS,
            variables={"v": "evil.example"},
        )


def test_not_even_where_the_innermost_flow_is_another_one_now() -> None:
    """It came to send there only when the flow that calls it had been published."""
    before = a_subflow(an_end(), variables=(a_variable("host"),))
    middle = a_subflow(a_call(given={"host": "x"}), variables=(a_variable("x"),), name="Middle")
    outer = a_graph_flow(a_call("Outer", "Middle", {"x": "v"}), variables=(SETTABLE,))
    known = at_hand(middle, before)
    for event, expected in (({}, "default.example.com"), ({"v": "evil.example"}, None)):
        run = begun(compiled(outer, known), event=an_event(variables=event))
        run.flows = {"Middle": compiled(middle, known), "Sub": compiled(SENDS)}
        if expected is None:
            with pytest.raises(RunError, match=REFUSED):
                run.to_the_end()
        else:
            assert run.to_the_end().rendered[0][0] == f"https://{expected}/"


def test_not_even_where_it_comes_back_from_a_flow_within_a_flow() -> None:
    inner = a_subflow(
        a_set("Set", out="{{g}}"),
        variables=(a_variable("g", **GLOBAL), a_variable("out")),
        name="Inner",
    )
    middle = a_subflow(
        a_call("Deeper", "Inner", returned={"out": "out"}),
        variables=(a_variable("g", **GLOBAL), a_variable("out")),
    )
    flow = a_graph_flow(
        a_call(returned={"host": "out"}),
        a_request("Send", "https://{{host}}/"),
        links=(("Call", "default", "Send"),),
        variables=(a_variable("host"), a_variable("g", "own.example.com", **GLOBAL)),
    )
    with pytest.raises(RunError, match='"host" decides where something goes'):
        walked(flow, middle, inner, variables={"g": "evil.example"})
    own = walked(flow, middle, inner)
    assert own.rendered[0][0] == "https://own.example.com/"


def test_what_is_not_known_of_a_run_is_held_to_be_the_event_s() -> None:
    flow = a_graph_flow(a_call(given={"host": "own"}), variables=(a_variable("own", "x.example"),))
    run = begun(flow, SENDS)
    run.progress = msgspec.structs.replace(run.progress, tainted=None)
    with pytest.raises(RunError, match=REFUSED):
        run.to_the_end()


def test_not_even_by_a_go_to() -> None:
    flow = going_to("Sub", variables=(SETTABLE | {"name": "host"},))
    other = SENDS | {"flowType": "FLOW"}
    run = walked(flow, other, variables={"host": "evil.example"})
    assert run.rendered[0][0] == "https://own.example.com/"
    assert "an event may have set it" in str(run.entry("Go").note)


def test_an_externalized_variable_of_a_called_flow_keeps_its_configured_value() -> None:
    sub = a_subflow(
        a_request("Send", "{{url}}"),
        variables=(a_variable("url", "https://configured.example/", isExternalized=True),),
    )
    flow = a_graph_flow(a_call(given={"url": "v"}), variables=(a_variable("v", URL),))
    run = walked(flow, sub)
    assert run.rendered[0][0] == "https://configured.example/"
    assert "is externalized, and keeps its configured value" in str(run.trace[1].note)


def test_what_comes_back_from_an_event_s_value_decides_no_address() -> None:
    sub = a_subflow(
        a_set("Set", out="{{g}}"), variables=(a_variable("g", **GLOBAL), a_variable("out"))
    )
    flow = a_graph_flow(
        a_call(returned={"host": "out"}),
        a_request("Send", "https://{{host}}/"),
        links=(("Call", "default", "Send"),),
        variables=(a_variable("host", "own.example.com"),),
    )
    with pytest.raises(RunError, match='"host" decides where something goes'):
        walked(flow, sub, variables={"g": "evil.example"})


def test_requests_in_a_subflow_are_delivered_unless_their_status_is_read() -> None:
    sub = a_subflow(
        a_request("First", URL),
        a_node("Is", "condition-activity", expression="{{First.httpStatusCode == 200}}"),
        a_request("Second", URL),
        links=(("First", "default", "Is"), ("Is", "false", "Second")),
    )
    run = walked(a_graph_flow(a_call()), sub)
    requests = [each for each in run.effects if isinstance(each, engine.SendRequest)]
    assert [(each.node.name, each.continues) for each in requests] == [
        ("First", True),
        ("Second", False),
    ]
    assert [each.address for each in requests] == ["id-Call#1/id-First", "id-Call#1/id-Second"]


def test_a_main_flow_s_requests_continue() -> None:
    target = a_subflow(a_request("Ask", URL), name="Target", kind="FLOW")
    request = walked(going_to("Target"), target).effects[1]
    assert isinstance(request, engine.SendRequest)
    assert request.continues


def test_walking_changes_nothing_of_the_event() -> None:
    run = begun(CALLS, DOUBLE)
    before = json.dumps(run.event.data)
    run.to_the_end()
    assert json.dumps(run.event.data) == before

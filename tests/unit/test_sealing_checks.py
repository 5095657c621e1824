"""Secure values and a broker that cannot seal them: what validation refuses, and what it lets be."""

from __future__ import annotations

from typing import Any

import pytest

from flows import a_request
from onhook.flow.compiled import compile_stored, validate
from onhook.flow.errors import Finding, Severity
from walked import Links, a_graph_flow, a_node, a_subflow, an_end, at_hand, loaded

URL = "https://example.com/hook"
SECURE = ({"name": "pin", "value": "hunter22", "isSecure": True},)
WAIT = a_node("Wait", "wait-activity", duration="00:00:10")
POP = a_node("Pop", "screen-pop", screenPopUrl=URL)


def delivered(name: str = "Send") -> dict[str, Any]:
    return a_request(name, URL)


def continuing(name: str = "Ask") -> dict[str, Any]:
    return a_request(name, URL, onFailure="continue")


def a_call(name: str = "Call", flow: str = "Sub") -> dict[str, Any]:
    return a_node(name, "subflow-handoff", subflowVersion={"id": flow})


def unsealed(flow: dict[str, Any], *flows: dict[str, Any]) -> list[Finding]:
    surroundings = at_hand(*flows, can_seal=False)
    found = validate(loaded(flow), surroundings)
    return [each for each in found if each.severity is Severity.ERROR]


def nodes_of(findings: list[Finding]) -> list[str | None]:
    assert {each.code for each in findings} <= {"OH1018"}
    return [each.node for each in findings]


def secure(*nodes: dict[str, Any], links: Links = ()) -> dict[str, Any]:
    return a_graph_flow(*nodes, links=links, variables=SECURE)


@pytest.mark.parametrize(
    ("flow", "node"),
    [
        (secure(delivered()), "Send"),
        (secure(WAIT), "Wait"),
        (secure(continuing("A"), continuing("B"), links=(("A", "default", "B"),)), "B"),
        (secure(POP, continuing(), links=(("Pop", "default", "Ask"),)), "Ask"),
        (secure(continuing(), POP, links=(("Ask", "default", "Pop"),)), "Pop"),
        (secure(continuing(), links=(("Ask", "default", "Ask"),)), "Ask"),
        (a_subflow(delivered(), variables=SECURE), "Send"),
        (a_subflow(WAIT, variables=SECURE), "Wait"),
    ],
)
def test_secure_values_may_not_lie_on_a_broker_unsealed(flow: dict[str, Any], node: str) -> None:
    assert nodes_of(unsealed(flow)) == [node]
    assert [each.code for each in validate(loaded(flow)) if each.code == "OH1018"] == []


def test_what_the_error_handler_sends_comes_behind_what_failed() -> None:
    flow = a_graph_flow(POP, continuing(), on_error="Ask", variables=SECURE)
    assert nodes_of(unsealed(flow)) == ["Ask"]
    alone = a_graph_flow(an_end(), continuing(), on_error="Ask", variables=SECURE)
    assert unsealed(alone) == []


@pytest.mark.parametrize(
    "flow",
    [
        secure(continuing()),
        secure(POP),
        a_graph_flow(delivered()),
        a_subflow(continuing(), variables=SECURE),
    ],
)
def test_secure_values_that_never_wait_need_no_key(flow: dict[str, Any]) -> None:
    assert unsealed(flow) == []


def test_requests_of_two_events_are_two_runs() -> None:
    flow = secure(continuing("A"), continuing("B"))
    handlers = flow["eventFlows"]["GLOBAL_EVENTS"]
    handlers["onEvents"]["PhoneContactEnded"] = "id-Ended"
    handlers["nodes"].append(a_node("Ended", "event"))
    handlers["edges"].append({"from": "Ended", "condition": "out", "to": "B"})
    assert unsealed(flow) == []


@pytest.mark.parametrize("sub", [delivered("In"), WAIT])
def test_a_plain_flow_that_goes_into_a_secure_one_is_refused_at_the_call(
    sub: dict[str, Any],
) -> None:
    called = a_subflow(sub, variables=SECURE)
    found = unsealed(a_graph_flow(a_call()), called)
    assert nodes_of(found) == ["Call"]
    assert found[0].message.startswith('flow "Sub", which it goes into, may have to wait')


def test_a_secure_flow_may_not_go_into_one_that_waits() -> None:
    assert nodes_of(unsealed(secure(a_call()), a_subflow(delivered("In")))) == ["Call"]


def test_what_comes_behind_a_secure_flow_is_looked_at_and_what_comes_before_is_not() -> None:
    quiet = a_subflow(an_end(), variables=SECURE)
    before = a_graph_flow(delivered(), a_call(), links=(("Send", "default", "Call"),))
    assert unsealed(before, quiet) == []
    behind = a_graph_flow(a_call(), delivered(), links=(("Call", "default", "Send"),))
    assert nodes_of(unsealed(behind, quiet)) == ["Send"]


def test_a_secure_flow_that_sends_may_not_be_gone_into_behind_a_request() -> None:
    asks = a_subflow(continuing("In"), variables=SECURE)
    flow = a_graph_flow(continuing(), a_call(), links=(("Ask", "default", "Call"),))
    assert nodes_of(unsealed(flow, asks)) == ["Call"]
    assert unsealed(a_graph_flow(a_call()), asks) == []
    twice = a_graph_flow(a_call("A"), a_call("B"), links=(("A", "default", "B"),))
    assert nodes_of(unsealed(twice, asks)) == ["B"]


def test_a_flow_within_a_flow_is_looked_at_and_one_that_calls_itself_ends() -> None:
    inner = a_subflow(WAIT, name="Inner", variables=SECURE)
    middle = a_subflow(a_call("Deeper", "Inner"))
    assert nodes_of(unsealed(a_graph_flow(a_call()), middle, inner)) == ["Call"]
    endless = a_subflow(
        continuing("In"),
        a_call("Again"),
        links=(("In", "default", "Again"),),
        variables=SECURE,
    )
    assert nodes_of(unsealed(a_graph_flow(a_call()), endless)) == ["Call"]


def test_a_flow_that_was_published_with_a_key_compiles_without() -> None:
    flow = compile_stored(loaded(secure(delivered())), at_hand(can_seal=False))
    assert flow.name == "F"

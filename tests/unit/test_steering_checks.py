"""Values of an event's that would decide where something goes: what validation says of them."""

from __future__ import annotations

from typing import Any

import pytest

from flows import a_request
from onhook.flow.compiled import validate
from onhook.flow.errors import Severity
from walked import a_graph_flow, a_node, a_set, a_subflow, at_hand, compiled, loaded, walked

HOST = {"name": "Host", "value": "own.example.com"}
SETTABLE = {"name": "v", "value": "own.example.com", "isCAD": True}
SENDS = a_subflow(a_request("Send", "https://{{Host}}/"), variables=(HOST,))


def warned(flow: dict[str, Any], *flows: dict[str, Any]) -> list[tuple[str, str | None]]:
    found = validate(loaded(flow), at_hand(*flows))
    assert {each.severity for each in found} <= {Severity.WARNING, Severity.INFO}
    return [(each.code, each.node) for each in found if each.code in ("OH1027", "OH1028")]


@pytest.mark.parametrize(
    "node",
    [
        a_request("N", "https://{{NewPhoneContact.PSTNRegion}}.example.com/"),
        a_request("N", "https://example.com/", httpRequestHeaders={"X-{{NewContact.DNIS}}": "1"}),
        a_node("N", "screen-pop", screenPopUrl="https://{{AgentDisconnect.TeamId}}.example.com/"),
    ],
)
def test_an_event_s_output_that_decides_where_something_goes_is_a_warning(
    node: dict[str, Any],
) -> None:
    assert warned(a_graph_flow(node)) == [("OH1027", "N")]


def test_also_by_way_of_a_variable() -> None:
    flow = a_graph_flow(
        a_set("Set", Other="{{NewPhoneContact.DNIS}}"),
        a_set("Copy", Host="{{Other}}"),
        a_request("Send", "https://{{Host}}/"),
        links=(("Set", "out", "Copy"), ("Copy", "out", "Send")),
        variables=(HOST, HOST | {"name": "Other"}),
    )
    assert warned(flow) == [("OH1027", "Set")]


@pytest.mark.parametrize("url", ["https://example.com/{{NewPhoneContact.DNIS}}", "{{Host}}"])
def test_elsewhere_in_an_address_it_is_none(url: str) -> None:
    assert warned(a_graph_flow(a_request("N", url), variables=(HOST,))) == []


def a_call(**given: str) -> dict[str, Any]:
    rows = [{"src": source, "target": target} for target, source in given.items()]
    return a_node(
        "Call", "subflow-handoff", subflowVersion={"id": "Sub"}, subflowInputVariables=rows
    )


def test_a_variable_that_events_set_is_no_host_of_a_called_flow() -> None:
    flow = a_graph_flow(a_call(Host="v"), variables=(SETTABLE,))
    assert warned(flow, SENDS) == [("OH1027", "Call")]
    copied = a_graph_flow(
        a_set("Set", w="{{v}}"),
        a_call(Host="w"),
        links=(("Set", "out", "Call"),),
        variables=(SETTABLE, HOST | {"name": "w"}),
    )
    assert warned(copied, SENDS) == [("OH1027", "Call")]


def test_one_that_no_event_sets_may_be() -> None:
    flow = a_graph_flow(a_call(Host="v"), variables=(HOST | {"name": "v"},))
    assert warned(flow, SENDS) == []


def test_a_variable_of_an_event_s_name_is_a_warning_and_is_read_alone() -> None:
    own = {"name": "NewPhoneContact", "type": "JSON", "value": '{"InteractionId": "mine"}'}
    flow = a_graph_flow(
        a_set("Set", x="{{NewPhoneContact.InteractionId}}"), variables=(own, {"name": "x"})
    )
    assert warned(flow) == [("OH1028", None)]
    assert walked(flow).progress.variables["x"] == "mine"


def test_what_an_event_may_set_is_told_by_the_file_alone() -> None:
    flow = a_graph_flow(a_call(Host="v"), variables=(SETTABLE,))
    alone, beside = compiled(flow), compiled(flow, at_hand(SENDS))
    assert (alone.settable, alone.steering) == (beside.settable, beside.steering)

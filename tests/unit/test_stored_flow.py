"""A flow that was published compiles whatever its surroundings have become; its nodes may fail."""

from __future__ import annotations

from typing import Any

import pytest

from flows import a_request
from onhook.flow.compiled import compile_stored, validate
from onhook.flow.errors import FlowError, RunError, Severity
from onhook.flow.surroundings import ALONE, Surroundings
from walked import (
    Unhandled,
    a_graph_flow,
    a_node,
    a_subflow,
    an_end,
    at_hand,
    compiled,
    loaded,
    walked,
)

CALL = a_node("Call", "subflow-handoff", subflowVersion={"id": "Sub"})
SCHEDULE = a_node("Hours", "business-hours", businessHoursId="gone")


def to_connector(path: str, name: str = "crm") -> dict[str, Any]:
    return a_request("Ask", "", authenticated=True, connectorId=name, httpRequestPath=path)


def connectors(**bases: str) -> Surroundings:
    return Surroundings(connectors=bases)


NOW = connectors(crm="https://new.example.com/base")


@pytest.mark.parametrize(
    ("node", "surroundings"),
    [
        (CALL, at_hand(a_subflow(an_end(), kind="FLOW"))),
        (CALL, ALONE),
        (SCHEDULE, ALONE),
        (to_connector("https://old.example.com/a"), NOW),
        (to_connector("/a", "gone"), NOW),
        (to_connector("/a"), connectors(crm="https://{{nowhere")),
    ],
    ids=["type", "flow", "schedule", "origin", "connector", "base"],
)
def test_a_stored_flow_compiles_and_its_node_fails(
    node: dict[str, Any], surroundings: Surroundings
) -> None:
    called = a_subflow(an_end(), kind="FLOW")
    flow = compile_stored(loaded(a_graph_flow(node)), surroundings)
    with pytest.raises((RunError, Unhandled)):
        walked(flow, *([called] if surroundings is not ALONE else []))


@pytest.mark.parametrize(
    ("path", "base"),
    [("https://old.example.com/a", "https://new.example.com"), ("/a", "https://{{nowhere")],
)
def test_what_does_not_fit_a_connector_is_not_published(path: str, base: str) -> None:
    (found,) = (
        each
        for each in validate(loaded(a_graph_flow(to_connector(path))), connectors(crm=base))
        if each.severity is Severity.ERROR
    )
    assert (found.code, found.node) == ("OH1025", "Ask")
    assert "connector 'crm'" in found.message


def test_an_address_of_the_connector_s_own_origin_is_taken() -> None:
    flow = a_graph_flow(to_connector("https://new.example.com/b"))
    assert walked(compiled(flow, NOW)).rendered[0][0] == "https://new.example.com/b"


def test_a_node_that_cannot_be_compiled_is_no_flow() -> None:
    with pytest.raises(FlowError, match="FC1015"):
        compile_stored(loaded(a_graph_flow(a_request("Ask", ""))))

"""The published schema of the flow file: takes what is right, refuses what a hand gets wrong."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from onhook.cli.flow_new import new_flow_text, schema_text
from onhook.flow.activities import ACTIVITIES
from onhook.flow.file_schema import flow_schema
from onhook.flow.importing import import_flow
from onhook.flow.writing import write_flow

SCHEMA = flow_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PACKAGED = json.loads(files("onhook.flow").joinpath("main_flow.json").read_bytes())
EXPORTS = sorted((Path(__file__).parents[1] / "flows_exported").glob("*.json"))


def changed(*path: str | int, value: Any) -> dict[str, Any]:
    """The packaged flow with one thing in it replaced or added."""
    flow = copy.deepcopy(PACKAGED)
    place: Any = flow
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return flow


HANDLER = ("eventFlows", "GLOBAL_EVENTS", "nodes", 1)
REQUEST = (*HANDLER, "properties")


def with_node(**properties: Any) -> dict[str, Any]:
    return changed(*HANDLER, value={"id": "x", "name": "X", "properties": properties})


GOOD: dict[str, dict[str, Any]] = {
    "the packaged flow": PACKAGED,
    "the example": SCHEMA["examples"][0],
    "a number as a default": changed("variables", 0, "value", value=5),
    "a map as a JSON default": changed(
        "variables", 0, value={"name": "v", "type": "JSON", "value": {"a": 1}}
    ),
    "a truth as a port": changed("edges", 0, "condition", value=True),
    "a schema line": changed("$schema", value="flow.schema.json"),
    "a point": changed("nodes", 0, "point", value={"x": 1.5, "y": -2}),
    "the product's own fields": changed("validationResults", value=[]),
    "repeated select fields": changed(*REQUEST, "httpRequestMethod:name", value="POST"),
    "a timeout as text": changed(*REQUEST, "httpResponseTimeout", value="5000"),
    "an unset timeout": changed(*REQUEST, "httpResponseTimeout", value=None),
    "an activity that is not in the table": with_node(activityName="play-message", prompts=None),
    "a condition": with_node(activityName="condition-activity", expression="{{a == 1}}"),
    "a case": with_node(
        activityName="case-statement", expression="{{a}}", menuLinks=["0"], menuLinks_input=[1]
    ),
    "percentages": with_node(
        activityName="percent-allocation", allocations=[{"percent": 100, "desc": "all"}]
    ),
    "one assignment": with_node(activityName="set-variable", srcVariable="a", literal=5),
    "many assignments": with_node(
        activityName="set-variable", setVariablesArray=[{"srcVariable": "a", "literal": "b"}]
    ),
    "a connector": with_node(
        activityName="http-request-v2", connectorId="crm", httpRequestPath="/calls"
    ),
    "a wait": with_node(activityName="wait-activity", duration="00:00:30"),
    "a screen pop": with_node(activityName="screen-pop", screenPopUrl="{{url}}"),
    "a subflow": with_node(
        activityName="subflow-handoff",
        subflowVersion={"id": "Other", "tag": "Live"},
        subflowInputVariables=[{"src": "a", "target": "b", "type": "STRING"}],
    ),
    "a go-to": with_node(activityName="hand-off", handOffFlow={"name": "Other", "tag": "Live"}),
    "another name of an event": changed(
        "eventFlows", "GLOBAL_EVENTS", "onEvents", value={"AgentDisconnected": "agent-disconnect"}
    ),
}


@pytest.mark.parametrize("flow", GOOD.values(), ids=GOOD)
def test_a_right_file_is_taken(flow: dict[str, Any]) -> None:
    assert [problem.message for problem in VALIDATOR.iter_errors(flow)] == []


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_an_imported_export_is_taken(path: Path) -> None:
    imported = import_flow(path.read_bytes(), path.name)
    assert list(VALIDATOR.iter_errors(json.loads(write_flow(imported.file)))) == []


@pytest.mark.parametrize("start", [True, False])
def test_a_new_flow_is_taken(start: bool) -> None:
    assert list(VALIDATOR.iter_errors(json.loads(new_flow_text(start=start)))) == []


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"nodes": []}, "'name' is a required property"),
    "an empty name": (changed("name", value=""), "'' should be non-empty"),
    "a misspelt field": (changed("variabels", value=[]), "'variabels' was unexpected"),
    "a misspelt field of a variable": (
        changed("variables", 0, "isEditable", value=True),
        "'isEditable' was unexpected",
    ),
    "a type that is none": (changed("variables", 0, "type", value="string"), "is not one of"),
    "a flow type that is none": (changed("flowType", value="flow"), "is not one of"),
    "a switch that is a text": (changed("variables", 0, "isCAD", value="yes"), "not of type"),
    "a map as a text's default": (changed("variables", 0, "value", value={}), "is not of type"),
    "a node without an id": (changed("nodes", 0, value={"name": "a"}), "'id' is a required"),
    "an activity beside the properties": (
        changed("nodes", 0, "activityName", value="end"),
        "'activityName' was unexpected",
    ),
    "an activity type that is none": (
        changed("nodes", 0, "activityType", value="begin"),
        "is not one of",
    ),
    "an edge without an end": (changed("edges", 0, value={"from": "a"}), "'to' is a required"),
    "a port by another name": (changed("edges", 0, "port", value="out"), "'port' was unexpected"),
    "handlers as a list": (
        changed("eventFlows", "GLOBAL_EVENTS", "onEvents", value=[]),
        "is not of type 'object'",
    ),
    "a misspelt property": (
        changed(*REQUEST, "httpRequestURL", value="x"),
        "'httpRequestURL' does not match",
    ),
    "a method that is none": (changed(*REQUEST, "httpRequestMethod", value="SEND"), "not one of"),
    "a content type that is none": (
        changed(*REQUEST, "httpContentType", value="JSON"),
        "is not one of",
    ),
    "headers as a list": (changed(*REQUEST, "httpRequestHeaders", value=["a: b"]), "not of type"),
    "a timeout in words": (
        changed(*REQUEST, "httpResponseTimeout", value="2s"),
        "is not valid under any of the given schemas",
    ),
    "a body that is no text": (changed(*REQUEST, "httpRequestBody", value={}), "is not of type"),
    "an address without a connector": (
        with_node(activityName="http-request-v2", authenticated=False),
        "'httpRequestUrl' is a required property",
    ),
    "neither connector nor authenticated: false": (
        with_node(activityName="http-request-v2", httpRequestUrl="https://example.com"),
        "is not valid under any of the given schemas",
    ),
    "an output without a path": (
        changed(*REQUEST, "outputVariableArray", value=[{"outputVariable": "a"}]),
        "'jsonPathExp' is a required property",
    ),
    "a condition without braces": (
        with_node(activityName="condition-activity", expression="a == 1"),
        "does not match",
    ),
    "an assignment of nothing": (
        with_node(activityName="set-variable"),
        "is not valid under any of the given schemas",
    ),
    "a wait without a duration": (
        with_node(activityName="wait-activity"),
        "'duration' is a required property",
    ),
}


@pytest.mark.parametrize(("flow", "words"), WRONG.values(), ids=WRONG)
def test_a_typical_mistake_is_refused(flow: dict[str, Any], words: str) -> None:
    problems = [problem.message for problem in VALIDATOR.iter_errors(flow)]
    assert any(words in problem for problem in problems), problems


def test_every_field_of_the_model_is_explained() -> None:
    kinds = [SCHEMA, *(SCHEMA["$defs"][name] for name in ("Variable", "Node", "Edge", "EventFlow"))]
    for kind in kinds:
        for name, field in kind["properties"].items():
            assert field.get("description"), name


@pytest.mark.parametrize("name", ACTIVITIES)
def test_an_activity_s_ports_and_properties_are_explained(name: str) -> None:
    shown = SCHEMA["$defs"][f"activity-{name}"]
    assert "Ports: " in shown["description"]
    for field in ACTIVITIES[name].properties:
        assert field in shown["properties"]


def test_the_command_prints_the_schema_that_is_published() -> None:
    published = Path(__file__).parents[2] / "contracts" / "schemas" / "flow.json"
    assert json.loads(schema_text()) == json.loads(published.read_bytes()) == SCHEMA

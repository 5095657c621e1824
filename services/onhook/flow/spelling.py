"""Fields of a flow file that nothing reads: most of them are misspelt ones. Warnings, pure.

The hosted product's own fields are known by name and not reported. It must not know what a field
means.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from onhook.flow.activities import ACTIVITIES, COMMON
from onhook.flow.errors import Finding, quoted, warning
from onhook.flow.model import DesktopPlace, Edge, EventFlow, FlowFile, Node, Point, Variable

UNKNOWN_FIELD = "OH1008"

HOSTED: dict[type[Any], frozenset[str]] = {
    FlowFile: frozenset(
        [
            "orgId",
            "flowId",
            "version",
            "createdBy",
            "createdDate",
            "lastModifiedBy",
            "lastModifiedDate",
            "validating",
            "persist",
            "validationResults",
            "runtimeVariables",
            "settings",
            "associatedChannels",
            "flowOutcome",
            "diagram",
            "process",
            "status",
            "templateId",
            "templateName",
            "tags",
            "projectId",
            "__typename",
        ]
    ),
    Variable: frozenset(["resourceType", "__typename"]),
    Node: frozenset(["position", "ports", "description", "__typename"]),
    Edge: frozenset(["label", "__typename"]),
    EventFlow: frozenset(["process", "diagram", "properties", "__typename"]),
    DesktopPlace: frozenset(["__typename"]),
    Point: frozenset(),
}
"""What the product writes and we do not read."""

_MEANT = {
    "default": "value",
    "defaultValue": "value",
    "isAgentViewable": "isCAD",
    "agentViewable": "isCAD",
    "isEditable": "isAgentEditable",
    "isExternal": "isExternalized",
    "label": "desktopLabel",
    "source": "from",
    "target": "to",
    "port": "condition",
    "conditionExpr": "condition",
    "type": "activityType",
    "events": "eventFlows",
    "handlers": "onEvents",
    "url": "httpRequestUrl",
    "body": "httpRequestBody",
    "method": "httpRequestMethod",
    "headers": "httpRequestHeaders",
    "timeout": "httpResponseTimeout",
    "retries": "retryAttempts",
}
"""What people write instead, where the names are not alike."""

_FIELDS = {
    kind: frozenset(field.encode_name for field in msgspec.structs.fields(kind)) for kind in HOSTED
}
_PROPERTIES = {"activityName"}.union(*(activity.properties for activity in ACTIVITIES.values()))

_DOUBLED = re.compile(r":|^_|_(name|type|input|radioName)$")
"""Fields that the product's pages write beside the ones that are read."""


def unknown_fields(plain: Any) -> tuple[Finding, ...]:
    """A warning for each field of a flow file, as JSON values, that nothing reads."""
    return tuple(_in_flow(plain)) if isinstance(plain, dict) else ()


def _in_flow(flow: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _in(flow, FlowFile, "the flow")
    for variable in _maps(flow.get("variables")):
        yield from _in(variable, Variable, f"variable {quoted(variable.get('name'))}")
    for part, places in _named_maps(flow.get("variableOrders")):
        for place in _maps(places):
            yield from _in(place, DesktopPlace, f"variableOrders {quoted(part)}")
    yield from _in_graph(flow)
    for name, event_flow in _named_maps(flow.get("eventFlows")):
        if isinstance(event_flow, dict):
            yield from _in(event_flow, EventFlow, f"event flow {quoted(name)}")
            yield from _in_graph(event_flow)


def _in_graph(graph: Mapping[str, Any]) -> Iterator[Finding]:
    for node in _maps(graph.get("nodes")):
        name = node.get("name")
        yield from _in(node, Node, "", name if isinstance(name, str) else None)
        if isinstance(node.get("point"), dict):
            yield from _in(node["point"], Point, "its point", str(name))
        if isinstance(node.get("properties"), dict):
            yield from _in_properties(node["properties"], str(name))
    for edge in _maps(graph.get("edges")):
        ends = f"{quoted(edge.get('from'))} to {quoted(edge.get('to'))}"
        yield from _in(edge, Edge, f"the edge from {ends}")


def _in_properties(properties: Mapping[str, Any], node: str) -> Iterator[Finding]:
    """Only what looks like a known property: the product has many more than are read here."""
    name = properties.get("activityName")
    activity = ACTIVITIES.get(name) if isinstance(name, str) else None
    if activity is None:
        return
    known = {*activity.properties, *COMMON, "activityName"}
    for field in properties:
        if field in known or _DOUBLED.search(field):
            continue
        meant = _meant(field, activity.properties.keys(), 0.8)
        if meant is not None and meant not in properties:
            yield _finding(field, "its properties", meant, node)


def _in(
    part: Mapping[str, Any], kind: type[Any], place: str, node: str | None = None
) -> Iterator[Finding]:
    known = _FIELDS[kind]
    for field in part:
        if field in known or field in HOSTED[kind]:
            continue
        if kind is Node and field in _PROPERTIES:
            yield warning(
                UNKNOWN_FIELD, f'"{field}" stands beside properties', "put it into properties", node
            )
        else:
            yield _finding(field, place, _meant(field, known, 0.6), node)


def _meant(field: str, known: Any, alike: float) -> str | None:
    if _MEANT.get(field) in known:
        return _MEANT[field]
    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(field.lower(), folded, 1, alike)
    return folded[near[0]] if near else None


def _finding(field: str, place: str, meant: str | None, node: str | None) -> Finding:
    where = f" of {place}" if place else ""
    remedy = f"did you mean {meant}?" if meant else "remove it, or see the schema of the flow file"
    return warning(UNKNOWN_FIELD, f'unknown field "{field[:80]}"{where}', remedy, node)


def _maps(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _named_maps(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []

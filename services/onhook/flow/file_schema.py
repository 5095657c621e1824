"""The published JSON Schema of the flow file: what an editor completes, explains and refuses.

Made of the model and the table of activities, so that it says what they say. Stricter than the
loader where a hand would slip: an unknown field is an error here and a warning there.
"""

from __future__ import annotations

from typing import Any

from onhook.contracts.event import EVENT_NAMES
from onhook.contracts.schema import schema_of
from onhook.flow.activities import ACTIVITIES, COMMON, OTHER_ACTIVITIES, Activity, Fragment
from onhook.flow.model import DesktopPlace, Edge, EventFlow, FlowFile, Node, Point, Variable
from onhook.flow.spelling import HOSTED

_KINDS = (FlowFile, Variable, Node, Edge, EventFlow, DesktopPlace, Point)
_WRITTEN = {"type": ["string", "number", "boolean", "null"]}
"""A text that may be written as a number or a truth: it means what stands in the file."""
_ONLY_JSON_IS_A_MAP = {
    "if": {"properties": {"type": {"const": "JSON"}}, "required": ["type"]},
    "then": {"properties": {"value": {}}},
    "else": {"properties": {"value": _WRITTEN}},
}

_SAY: dict[str, dict[str, str]] = {
    "FlowFile": {
        "$schema": "Where this schema lies, for editors; nothing else reads it",
        "name": "The flow's name; events, entry points and commands select it by this",
        "id": "A fixed id; without one it is derived from the name",
        "flowType": "FLOW handles contacts; SUBFLOW is called by flows",
        "description": "What the flow is for",
        "comment": "What the author wrote when it was published",
        "variables": "The flow's variables, and the global ones that it uses",
        "variableOrders": "Which variables the desktop shows, and where: pop-over (3 to 6) and "
        "interaction-panel (up to 30)",
        "isOrdered": "Whether the events of one interaction run one after another: a later one waits "
        "while an earlier one is retried",
        "nodes": "The main flow's activities; exactly one has activityType start",
        "edges": "The main flow's links",
        "eventFlows": "Handlers beside the call; those of GLOBAL_EVENTS are run",
    },
    "Variable": {
        "name": "As templates read it: {{name}}",
        "type": "What the value must be able to become",
        "value": "The default, as text",
        "description": "What it holds",
        "desktopLabel": "How the agent's desktop calls it",
        "isCAD": "Whether agents see it",
        "isAgentEditable": "Whether agents may change it",
        "isReportable": "Whether reports have it",
        "isSecure": "Whether its value is kept out of logs, traces and pages",
        "isExternalized": "Whether configuration sets it (an override) without a new version",
        "source": "GLOBAL or GLOBAL_TM: of the organisation. SUBFLOW_INPUT, SUBFLOW_OUTPUT: what a "
        "subflow takes and returns. Left out: the flow's own",
        "id": "The global variable's id",
        "overwrite": "Whether the flow replaces the global variable's default",
    },
    "Node": {
        "id": "Edges and onEvents may name it by this; deliveries are identified by it",
        "name": "How templates reach its outputs: {{name.httpStatusCode}}",
        "activityType": "start, action, end or event",
        "group": "The product's own grouping; nothing here needs it",
        "properties": "activityName says which activity it is; the rest belongs to that",
        "point": "Where it stands in the drawing",
    },
    "Edge": {
        "id": "Any id",
        "from": "The node that it leaves, by id or name",
        "to": "The node that it leads to, by id or name",
        "condition": "The output port that it leaves by, such as out, default, true or error",
        "properties": "Kept; nothing here reads it",
    },
    "EventFlow": {
        "id": "Any id",
        "name": "Any name",
        "description": "What the handlers are for",
        "onEvents": "The event, by any of its names, to the id of the node where its handler begins",
        "nodes": "The handlers' activities",
        "edges": "Their links, which may only join nodes of this event flow",
    },
    "DesktopPlace": {"name": "The variable", "variableSeq": "The lowest number stands first"},
    "Point": {"x": "Pixels from the left", "y": "Pixels from the top"},
}
_ONE_OF = {
    ("Node", "activityType"): ("start", "action", "end", "event"),
    ("Variable", "source"): ("", "GLOBAL", "GLOBAL_TM", "SUBFLOW_INPUT", "SUBFLOW_OUTPUT"),
}
_AS_WRITTEN: dict[tuple[str, str], Fragment] = {
    ("Variable", "value"): {},
    ("Edge", "condition"): _WRITTEN,
}
_REPEATED = r":|^_|_(name|type|input|radioName|invalid_error)$"
"""Properties that the product's pages write beside the ones that are read."""


def flow_schema() -> dict[str, Any]:
    """JSON Schema 2020-12, plain enough for editors that read draft-07."""
    schema = schema_of(FlowFile, "flow", "Onhook flow file")
    definitions = schema["$defs"]
    for kind in _KINDS:
        part = schema if kind is FlowFile else definitions[kind.__name__]
        _describe(part, kind)
    definitions["Variable"]["allOf"] = [_ONLY_JSON_IS_A_MAP]
    node = definitions["Node"]
    node["properties"]["properties"] = _any_properties()
    node["allOf"] = [_chosen(name) for name in ACTIVITIES]
    for name, activity in ACTIVITIES.items():
        definitions[_definition(name)] = _properties_of(name, activity)
    definitions["EventFlow"]["properties"]["onEvents"]["propertyNames"] = {
        "anyOf": [{"enum": sorted(EVENT_NAMES)}, {"type": "string"}]
    }
    schema["examples"] = [_EXAMPLE]
    return schema


def _describe(part: dict[str, Any], kind: type[Any]) -> None:
    fields = part["properties"]
    for field, said in _SAY[kind.__name__].items():
        place = (kind.__name__, field)
        if place in _ONE_OF:
            null = [None] if field == "source" else []
            fields[field] = {"enum": [*_ONE_OF[place], *null]}
        elif place in _AS_WRITTEN:
            fields[field] = dict(_AS_WRITTEN[place])
        fields[field] |= {"description": said}
        fields[field].pop("default", None)
    fields |= {name: {"description": "The product's own; ignored"} for name in sorted(HOSTED[kind])}
    part["additionalProperties"] = False


def _any_properties() -> Fragment:
    known = [*ACTIVITIES, *OTHER_ACTIVITIES]
    return {
        "type": "object",
        "description": _SAY["Node"]["properties"],
        "properties": {
            "activityName": {
                "description": "Which activity it is",
                "anyOf": [{"enum": known}, {"type": "string", "minLength": 1}],
            },
            "description": {"type": ["string", "null"]},
        },
    }


def _chosen(name: str) -> Fragment:
    """If the node's activity is `name`, its properties are those of that activity."""
    is_it = {"properties": {"activityName": {"const": name}}, "required": ["activityName"]}
    return {
        "if": {"properties": {"properties": is_it}, "required": ["properties"]},
        "then": {"properties": {"properties": {"$ref": f"#/$defs/{_definition(name)}"}}},
    }


def _properties_of(name: str, activity: Activity) -> Fragment:
    said = f"{activity.what}. Ports: {activity.ports}"
    schema: Fragment = {
        "title": name,
        "description": said,
        "type": "object",
        "properties": {
            "activityName": {"const": name, "description": said},
            **activity.properties,
            **{field: each for field, each in COMMON.items() if field not in activity.properties},
        },
        "patternProperties": {_REPEATED: {}},
        "required": ["activityName", *activity.required],
        "additionalProperties": False,
    }
    if activity.rules:
        schema["allOf"] = list(activity.rules)
    return schema


def _definition(name: str) -> str:
    return f"activity-{name}"


_EXAMPLE = {
    "name": "Hang_Up",
    "nodes": [
        {
            "id": "start",
            "name": "NewPhoneContact",
            "activityType": "start",
            "properties": {"activityName": "start"},
        }
    ],
    "eventFlows": {
        "GLOBAL_EVENTS": {
            "onEvents": {"AgentDisconnect": "hang-up"},
            "nodes": [
                {
                    "id": "hang-up",
                    "name": "AgentDisconnect",
                    "activityType": "event",
                    "properties": {"activityName": "event"},
                },
                {
                    "id": "end",
                    "name": "EndFlow",
                    "activityType": "end",
                    "properties": {"activityName": "end"},
                },
            ],
            "edges": [{"from": "hang-up", "to": "end", "condition": "out"}],
        }
    },
}

"""`onhook flow new`: a flow to begin with, and the schema that an editor checks it by.

Values and texts only; which stream they go to is decided by the caller.
"""

from __future__ import annotations

from importlib.resources import files

import msgspec

from onhook.flow.file_schema import flow_schema
from onhook.flow.loading import load_flow
from onhook.flow.model import GLOBAL_EVENTS, Edge, EventFlow, FlowFile, Node
from onhook.flow.writing import write_flow

MAIN_FLOW = "Main_Flow"
SCHEMA_FILE = "flow.schema.json"
"""What `$schema` of a new flow names: `onhook flow schema` prints it."""


def new_flow(name: str = MAIN_FLOW, *, start: bool, schema: str | None = SCHEMA_FILE) -> FlowFile:
    """The smallest flow with `start`, else one that POSTs the canonical body to a webhook.

    `schema` is the file's `$schema`: where an editor finds the schema, from the file's own place.
    """
    flow = _smallest() if start else _packaged()
    return msgspec.structs.replace(flow, name=name, schema=schema)


def new_flow_text(
    name: str = MAIN_FLOW, *, start: bool, as_yaml: bool = False, schema: str | None = SCHEMA_FILE
) -> str:
    """The file's text; YAML names its schema in the comment that its editors read."""
    if not as_yaml:
        return write_flow(new_flow(name, start=start, schema=schema))
    text = write_flow(new_flow(name, start=start, schema=None), as_yaml=True)
    return text if schema is None else f"# yaml-language-server: $schema={schema}\n{text}"


def schema_text() -> str:
    """The JSON Schema of the flow file."""
    return msgspec.json.format(msgspec.json.encode(flow_schema()), indent=2).decode() + "\n"


def _packaged() -> FlowFile:
    packaged = files("onhook.flow").joinpath("main_flow.json")
    return load_flow(packaged.read_bytes(), str(packaged))


def _smallest() -> FlowFile:
    """AgentDisconnect -> End Flow; the main flow only starts and ends."""
    handlers = EventFlow(
        on_events={"AgentDisconnect": "agent-disconnect"},
        nodes=(
            _node("agent-disconnect", "AgentDisconnect", "event", event="AgentDisconnect"),
            _node("end-event", "EndFlow_event", "end"),
        ),
        edges=(Edge(from_="agent-disconnect", to="end-event", condition="out"),),
    )
    return FlowFile(
        name=MAIN_FLOW,
        nodes=(
            _node("start", "NewPhoneContact", "start", event="NewPhoneContact"),
            _node("end-main", "EndFlow_main", "end"),
        ),
        edges=(Edge(from_="start", to="end-main", condition="out"),),
        event_flows={GLOBAL_EVENTS: handlers},
    )


def _node(node_id: str, name: str, kind: str, **properties: str) -> Node:
    return Node(
        id=node_id, name=name, activity_type=kind, properties={"activityName": kind, **properties}
    )

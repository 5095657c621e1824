"""Which activity a node is, and how its properties become a compiled one. The table is here.

Pure. What an activity is like is its own module's; links are graph.py's.
"""

from __future__ import annotations

from collections.abc import Callable

from onhook.flow.activity import Activity, End, EventNode, Start
from onhook.flow.business_hours import compile_business_hours
from onhook.flow.call_only import CallOnly, cannot_run
from onhook.flow.case import compile_case
from onhook.flow.condition_node import compile_condition
from onhook.flow.errors import Finding
from onhook.flow.go_to import compile_go_to
from onhook.flow.http_request import compile_http_request
from onhook.flow.model import Node
from onhook.flow.parse import compile_parse
from onhook.flow.percent_allocation import compile_percent_allocation
from onhook.flow.properties import Properties, Scope
from onhook.flow.screen_pop import compile_screen_pop
from onhook.flow.set_variable import compile_set_variable
from onhook.flow.subflow import compile_subflow
from onhook.flow.wait import compile_wait

Compile = Callable[[Properties, Scope], Activity | None]

STARTS = frozenset({"start", "NewPhoneContact", "NewContact", "NewSubFlowStart", "start-subflow"})
ENDS = frozenset({"end", "end-subflow"})
HANGS_UP = "disconnect-contact"
HTTP = frozenset({"http-request", "http-request-v2"})

_STANDING: dict[str, type[EventNode | Start | End]] = {
    "event": EventNode,
    **dict.fromkeys(STARTS, Start),
    **dict.fromkeys(ENDS, End),
}
"""Activities that do nothing but stand there."""
_COMPILE: dict[str, Compile] = {
    "http-request": compile_http_request,
    "http-request-v2": compile_http_request,
    "parse-activity": compile_parse,
    "set-variable": compile_set_variable,
    "condition-activity": lambda properties, _scope: compile_condition(properties),
    "case-statement": lambda properties, _scope: compile_case(properties),
    "percent-allocation": lambda properties, _scope: compile_percent_allocation(properties),
    "business-hours": compile_business_hours,
    "screen-pop": lambda properties, _scope: compile_screen_pop(properties),
    "subflow-handoff": lambda properties, _scope: compile_subflow(properties),
    "hand-off": compile_go_to,
    "wait-activity": lambda properties, _scope: compile_wait(properties),
}


def compile_node(
    node: Node, scope: Scope, *, in_call: bool
) -> tuple[Activity | None, list[Finding]]:
    """A node compiled, or None, with what was found. `in_call`: it stands in a main flow."""
    kind = node.activity
    standing = _STANDING.get("start" if is_start(node) else kind)
    if standing is not None:
        return standing(node_id=node.id, name=node.name, kind=kind), []
    if kind == HANGS_UP:
        return _hang_up(node, in_call=in_call)
    compile_kind = _COMPILE.get(kind)
    if compile_kind is None:
        only = CallOnly(node_id=node.id, name=node.name, kind=kind)
        return (only, []) if in_call else (None, [cannot_run(node)])
    properties = Properties(node)
    activity = compile_kind(properties, scope)
    return (None if properties.is_broken else activity), properties.findings


def is_start(node: Node) -> bool:
    return node.activity_type == "start" or node.activity in STARTS


def can_run(node: Node) -> bool:
    """Whether it can run beside a call."""
    kind = node.activity
    return kind in _COMPILE or kind in _STANDING or kind == HANGS_UP or is_start(node)


def _hang_up(node: Node, *, in_call: bool) -> tuple[Activity, list[Finding]]:
    """It ends a main flow by ending the call; beside the call only the flow can be ended."""
    note = "ends this flow; the call is not this flow's to end"
    activity = End(node_id=node.id, name=node.name, kind=node.activity, note=note)
    if in_call:
        return activity, []
    properties = Properties(node)
    properties.warn(
        "OH1013",
        "disconnect-contact ends this event flow, and leaves the call as it is",
        "use end; hang up in the main flow",
    )
    return activity, properties.findings

"""A flow ready to run: its event handlers as graphs of compiled nodes.

Built once per version by `compile_flow`, which collects every finding before it refuses. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from onhook.contracts.event import ERROR_EVENT, canonical_name
from onhook.contracts.run import flow_id_of
from onhook.flow.checks import (
    cannot_run,
    check_name,
    check_names,
    check_references,
    check_start,
    check_variables,
)
from onhook.flow.errors import Finding, FlowError, Severity, error, warning
from onhook.flow.http_request import ACTIVITIES, HttpRequest, compile_http_request
from onhook.flow.model import GLOBAL_EVENTS, Edge, EventFlow, FlowFile, Node, Variable
from onhook.pebble import Reference

ENDS = frozenset({"end"})
ERROR_PORT = "error"


class End(Struct, frozen=True):
    """A node that ends the flow."""

    node_id: str
    name: str


class EventNode(Struct, frozen=True):
    """Where a handler begins; it does nothing itself."""

    node_id: str
    name: str


Activity = HttpRequest | End | EventNode


class Flow(Struct, frozen=True, kw_only=True):
    """A compiled flow. `handlers` maps an event's bus name to its event node's id."""

    id: str
    name: str
    variables: tuple[Variable, ...]
    settable: frozenset[str]
    """Variables that an event may set."""
    own_names: frozenset[str]
    """What templates find in the flow itself; an event's outputs never stand in for it."""
    nodes: Mapping[str, Activity]
    ports: Mapping[tuple[str, str], str]
    """(node id, port) -> id of the node that follows; every node has at most one plain port."""
    handlers: Mapping[str, str]
    continuing: frozenset[str]
    """Ids of the requests that go on whatever the answer."""
    findings: tuple[Finding, ...]

    def after(self, node_id: str) -> str | None:
        """The node that follows by the plain port; None where the flow ends."""
        return self.ports.get((node_id, ""))

    def after_error(self, node_id: str) -> str | None:
        return self.ports.get((node_id, ERROR_PORT))


def compile_flow(file: FlowFile) -> Flow:
    """Compile a flow file's event flows. Raises FlowError with every finding."""
    event_flow = file.event_flows.get(GLOBAL_EVENTS) or EventFlow()
    findings = [*check_name(file), *check_variables(file), *check_start(file)]
    names = {node.id: node for node in event_flow.nodes}
    findings += check_names(event_flow)
    ports, more = _link(event_flow.edges, names)
    findings += more
    http_names = {node.name for node in event_flow.nodes if node.activity in ACTIVITIES}

    def holds_json(reference: Reference) -> bool:
        return reference.path[1:] == ("httpResponseBody",) and reference.path[0] in http_names

    nodes: dict[str, Activity] = {}
    for node in event_flow.nodes:
        if node.activity == "event":
            nodes[node.id] = EventNode(node.id, node.name)
        elif node.activity in ENDS:
            nodes[node.id] = End(node.id, node.name)
        elif node.activity in ACTIVITIES:
            request, more = compile_http_request(node, holds_json)
            findings += more
            if request is not None:
                nodes[node.id] = request
        else:
            findings.append(cannot_run(node))
    handlers, more = _find_handlers(event_flow, names)
    findings += more
    requests = [activity for activity in nodes.values() if isinstance(activity, HttpRequest)]
    findings += check_references(file, requests, http_names)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise FlowError(file.name, tuple(findings))
    return Flow(
        id=file.id or flow_id_of(file.name),
        name=file.name,
        variables=file.variables,
        settable=_settable(file.variables, requests),
        own_names=frozenset({ERROR_EVENT, *http_names, *(each.name for each in file.variables)}),
        nodes=nodes,
        ports=ports,
        handlers=handlers,
        continuing=frozenset(_continuing(requests, ports)),
        findings=tuple(findings),
    )


def _link(
    edges: tuple[Edge, ...], nodes: Mapping[str, Node]
) -> tuple[dict[tuple[str, str], str], list[Finding]]:
    """The plain port of a node is stored as ""; only `error` keeps its name here."""
    findings: list[Finding] = []
    ids = {node.name: node.id for node in nodes.values()} | {node_id: node_id for node_id in nodes}
    ports: dict[tuple[str, str], str] = {}
    for edge in edges:
        missing = next((end for end in (edge.from_, edge.to) if end not in ids), None)
        if missing is not None:
            findings.append(
                error(
                    "FC1012",
                    f'a link from "{edge.from_}" to "{edge.to}" leaves the event flow or names '
                    f'no node ("{missing}")',
                    "correct or remove the link",
                )
            )
            continue
        if nodes[ids[edge.to]].activity == "event":
            findings.append(
                error(
                    "FC1012",
                    f'a link from "{edge.from_}" leads to the event "{edge.to}"',
                    "an event only begins a handler; remove the link",
                )
            )
            continue
        port = ERROR_PORT if edge.condition == ERROR_PORT else ""
        if ports.setdefault((ids[edge.from_], port), ids[edge.to]) != ids[edge.to]:
            findings.append(
                error(
                    "FC1012",
                    "two links leave by the same port",
                    "keep one of them",
                    nodes[ids[edge.from_]].name,
                )
            )
    return ports, findings


def _find_handlers(
    event_flow: EventFlow, nodes: Mapping[str, Node]
) -> tuple[dict[str, str], list[Finding]]:
    handlers: dict[str, str] = {}
    findings = []
    for specification, node_id in event_flow.on_events.items():
        event = canonical_name(specification)
        if event is None:
            findings.append(
                warning(
                    "OH1005",
                    f'no event is called "{specification}"',
                    "its handler never runs; correct the name in onEvents",
                )
            )
        elif node_id not in nodes:
            findings.append(
                error(
                    "FC1012",
                    f'onEvents names node "{node_id}", which is not there',
                    "correct onEvents or add the node",
                )
            )
        elif handlers.setdefault(event, node_id) != node_id:
            findings.append(
                error(
                    "OH1004",
                    f'{event} has two handlers, one of them by the name "{specification}"',
                    "keep one of them in onEvents",
                )
            )
    return handlers, findings


def _settable(variables: tuple[Variable, ...], requests: list[HttpRequest]) -> frozenset[str]:
    """Global or agent-viewable, neither external nor secure, and in no URL's scheme or host."""
    steering = {
        reference.path[0] for request in requests for reference in request.url.origin_references
    }
    return frozenset(
        variable.name
        for variable in variables
        if (variable.is_global or variable.is_agent_viewable)
        and not (variable.is_externalized or variable.is_secure)
        and variable.name not in steering
    )


def _continuing(requests: list[HttpRequest], ports: Mapping[tuple[str, str], str]) -> list[str]:
    """A request whose status a later node reads goes on whatever comes; the file may decide."""
    found = []
    for request in requests:
        later = _reachable(request.node_id, ports)
        read_later = any(
            reference.path[:2] == (request.name, "httpStatusCode")
            for other in requests
            if other.node_id in later
            for reference in other.references
        )
        if (request.on_failure or ("continue" if read_later else "deliver")) == "continue":
            found.append(request.node_id)
    return found


def _reachable(node_id: str, ports: Mapping[tuple[str, str], str]) -> set[str]:
    seen: set[str] = set()
    waiting = [node_id]
    while waiting:
        current = waiting.pop()
        for (origin, _port), target in ports.items():
            if origin == current and target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def handles(flow: Flow, event_type: str) -> bool:
    return event_type in flow.handlers


def has_error_handler(flow: Flow) -> bool:
    return ERROR_EVENT in flow.handlers

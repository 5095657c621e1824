"""A flow ready to run: its event handlers as graphs of compiled nodes.

Built once per version by `compile_flow`, which collects every finding before it refuses. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from onhook.contracts.event import ERROR_EVENT, TEMPLATE_ALIASES, canonical_name
from onhook.contracts.run import flow_id_of
from onhook.flow.errors import Finding, FlowError, Severity, error, warning
from onhook.flow.http_request import ACTIVITIES, HttpRequest, compile_http_request
from onhook.flow.model import GLOBAL_EVENTS, Edge, EventFlow, FlowFile, Node, Variable
from onhook.pebble import Reference

ENDS = frozenset({"end"})
RUNNABLE = "http-request-v2, http-request, end"
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
    findings = [*_check_variables(file), *_check_start(file)]
    names = {node.id: node for node in event_flow.nodes}
    findings += _check_names(event_flow)
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
            findings.append(_cannot_run(node))
    handlers, more = _find_handlers(event_flow, names)
    findings += more
    requests = [activity for activity in nodes.values() if isinstance(activity, HttpRequest)]
    findings += _check_references(file, requests, http_names)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise FlowError(file.name, tuple(findings))
    return Flow(
        id=file.id or flow_id_of(file.name),
        name=file.name,
        variables=file.variables,
        settable=_settable(file.variables, requests),
        nodes=nodes,
        ports=ports,
        handlers=handlers,
        continuing=frozenset(_continuing(requests, ports)),
        findings=tuple(findings),
    )


def _check_variables(file: FlowFile) -> list[Finding]:
    findings = []
    seen: set[str] = set()
    for variable in file.variables:
        if variable.name in seen:
            findings.append(
                error("OH1004", f'variable "{variable.name}" is declared twice', "remove one")
            )
        seen.add(variable.name)
        if variable.is_secure:
            findings.append(
                error(
                    "OH1001",
                    f'secure variable "{variable.name}" cannot be used by this version',
                    "take it out of the flow",
                )
            )
    return findings


def _check_start(file: FlowFile) -> list[Finding]:
    starts = [node for node in file.nodes if node.activity_type == "start"]
    if len(starts) == 1:
        return []
    return [
        error(
            "FC1002",
            f"the main flow has {len(starts) or 'no'} start nodes",
            "give it exactly one node with activityType start",
        )
    ]


def _check_names(event_flow: EventFlow) -> list[Finding]:
    findings = []
    for kind in ("id", "name"):
        values = [getattr(node, kind) for node in event_flow.nodes]
        findings += [
            error("OH1004", f'two nodes have the {kind} "{twice}"', "rename one", twice)
            for twice in sorted({value for value in values if values.count(value) > 1})
        ]
    return findings


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
        else:
            handlers[event] = node_id
    return handlers, findings


def _cannot_run(node: Node) -> Finding:
    return error(
        "OH1001",
        f'activity "{node.activity}" cannot run in an event flow of this version',
        f"remove it; these can run: {RUNNABLE}",
        node.name,
    )


def _check_references(
    file: FlowFile, requests: list[HttpRequest], http_names: set[str]
) -> list[Finding]:
    known = {variable.name for variable in file.variables} | http_names
    findings = []
    for request in requests:
        for reference in _references(request):
            first = reference.path[0]
            is_event = canonical_name(first) is not None or first in TEMPLATE_ALIASES
            if first not in known and not is_event:
                findings.append(
                    warning(
                        "FC1038",
                        f"{reference} names no variable, event or node, and prints nothing",
                        f'declare the variable "{first}" or correct the name',
                        request.name,
                    )
                )
    return findings


def _references(request: HttpRequest) -> list[Reference]:
    found = [part[1] for part in request.url.parts if not isinstance(part, str)]
    for _name, template in (*request.url.query, *request.headers):
        found += template.references
    if request.body is not None:
        found += [part[1] for part in request.body.parts if not isinstance(part, str)]
    return found


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
            for reference in _references(other)
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

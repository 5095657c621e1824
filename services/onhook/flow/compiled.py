"""A flow ready to run: its main flow and its event handlers as graphs of compiled nodes.

Built once per version by `compile_flow`, which collects every finding before it refuses. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from onhook.contracts.event import ERROR_EVENT, canonical_name
from onhook.contracts.run import flow_id_of
from onhook.flow import checks, graph_checks, reference_checks
from onhook.flow.activity import Activity, Start
from onhook.flow.errors import Finding, FlowError, Severity, error, warning
from onhook.flow.graph import BROKEN_LINK, Graph, link
from onhook.flow.kinds import HTTP, compile_node
from onhook.flow.model import GLOBAL_EVENTS, Edge, EventFlow, FlowFile, FlowType, Node, Variable
from onhook.flow.on_failure import OnFailure, on_failure_in
from onhook.flow.properties import Scope
from onhook.flow.steering import settable_variables, steering_variables, tainted_variables
from onhook.flow.subflow import CallNode
from onhook.flow.surroundings import ALONE, Surroundings, no_flow

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


class Flow(Struct, frozen=True, kw_only=True):
    """A compiled flow. `handlers` maps an event's bus name to its event node's id."""

    id: str
    name: str
    variables: tuple[Variable, ...]
    declared: Mapping[str, Variable]
    """The same, by name."""
    external: tuple[Variable, ...]
    """The externalized ones, whose values are looked up when they are used."""
    settable: frozenset[str]
    """Variables that an event may set."""
    steering: frozenset[str]
    """Variables that decide where something goes."""
    tainted: frozenset[str]
    """Variables that may hold what an event set."""
    own_names: frozenset[str]
    """What templates find in the flow itself; an event's outputs never stand in for it."""
    events: Graph
    main: Graph
    main_start: str | None
    """Where the main flow begins, for who calls this one."""
    handlers: Mapping[str, str]
    continuing: frozenset[str]
    """Ids of the requests of event flows that go on whatever the answer."""
    continuing_in_main: frozenset[str]
    calls: tuple[CallNode, ...]
    """The nodes that go into other flows."""
    findings: tuple[Finding, ...]
    """Its warnings."""
    is_ordered: bool = False
    """Events of one interaction run one after another."""

    def graph(self, *, in_main: bool) -> Graph:
        return self.main if in_main else self.events

    def continues(self, node_id: str, *, in_main: bool) -> bool:
        return node_id in (self.continuing_in_main if in_main else self.continuing)


def compile_flow(file: FlowFile, surroundings: Surroundings = ALONE) -> Flow:
    """Compile a flow file. Raises FlowError with errors and warnings where one is an error."""
    draft = _Draft(file, surroundings)
    findings = tuple(each for each in draft.findings if each.severity is not Severity.INFO)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise FlowError(file.name, findings)
    steering = draft.steering
    settable = settable_variables(file.variables, steering)
    return Flow(
        id=file.id or flow_id_of(file.name),
        name=file.name,
        variables=file.variables,
        declared={variable.name: variable for variable in file.variables},
        external=tuple(variable for variable in file.variables if variable.is_externalized),
        settable=settable,
        steering=steering,
        tainted=tainted_variables(settable, draft.activities),
        own_names=frozenset(
            {ERROR_EVENT}
            | {variable.name for variable in file.variables}
            | {activity.name for activity in draft.activities if activity.outputs}
        ),
        events=draft.events,
        main=draft.main,
        main_start=draft.main_start,
        handlers=draft.handlers,
        continuing=_continuing(draft.on_failure),
        continuing_in_main=_continuing(draft.on_failure_in_main),
        calls=tuple(each for each in draft.activities if isinstance(each, CallNode)),
        findings=findings,
        is_ordered=file.is_ordered,
    )


def validate(file: FlowFile, surroundings: Surroundings = ALONE) -> tuple[Finding, ...]:
    """Every finding, errors first, with what was worked out last."""
    return _Draft(file, surroundings).findings


def handles(flow: Flow, event_type: str) -> bool:
    return event_type in flow.handlers


def has_error_handler(flow: Flow) -> bool:
    return ERROR_EVENT in flow.handlers


class _Draft:
    """A flow on its way: compiled as far as it goes, checked throughout."""

    def __init__(self, file: FlowFile, surroundings: Surroundings) -> None:
        self._file = file
        self._surroundings = surroundings
        self._found: list[Finding] = []
        event_flow = file.event_flows.get(GLOBAL_EVENTS) or EventFlow()
        nodes = {node.id: node for node in event_flow.nodes}
        main_nodes = {node.id: node for node in file.nodes}
        self._find(checks.check_name(file), checks.check_variables(file), checks.check_start(file))
        self._find(checks.check_names(event_flow.nodes), checks.check_names(file.nodes))
        self.events = self._graph(nodes, event_flow.edges, "the event flow", in_call=False)
        self.main = self._graph(main_nodes, file.edges, "the main flow", in_call=True)
        self.main_start = next(
            (key for key, each in self.main.nodes.items() if isinstance(each, Start)), None
        )
        self.handlers = self._handlers(event_flow, nodes)
        self._event_nodes = tuple(event_flow.on_events.values())
        self.on_failure = on_failure_in(self.events, is_call=False)
        is_call = file.flow_type is FlowType.FLOW
        self.on_failure_in_main = on_failure_in(self.main, is_call=is_call)
        self.activities: tuple[Activity, ...] = (
            *self.events.nodes.values(),
            *self.main.nodes.values(),
        )
        self.steering = steering_variables(self.activities, self._given_to_steering())
        self._check(nodes, main_nodes)

    def _given_to_steering(self) -> frozenset[str]:
        """Variables handed to a flow that uses them where they decide where something goes."""
        found: set[str] = set()
        for activity in self.activities:
            if not isinstance(activity, CallNode) or not activity.inputs:
                continue
            called = self._surroundings.flows(activity.flow, activity.label)
            if called is None:
                continue
            alone = msgspec.structs.replace(self._surroundings, flows=no_flow)
            steering = _Draft(called.file, alone).steering
            for target, references in activity.inputs_by_target.items():
                if target in steering:
                    found |= {reference.path[0] for reference in references}
        return frozenset(found)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(sorted(self._found, key=lambda finding: _ORDER.index(finding.severity)))

    def _find(self, *found: Iterable[Finding]) -> None:
        for findings in found:
            self._found += findings

    def _graph(
        self, nodes: Mapping[str, Node], edges: tuple[Edge, ...], where: str, *, in_call: bool
    ) -> Graph:
        scope = Scope(
            variables={variable.name: variable for variable in self._file.variables},
            surroundings=self._surroundings,
            response_nodes=frozenset(each.name for each in nodes.values() if each.activity in HTTP),
        )
        activities: dict[str, Activity] = {}
        found: list[Finding] = []
        for node in nodes.values():
            activity, findings = compile_node(node, scope, in_call=in_call)
            found += findings
            if activity is not None:
                activities[node.id] = activity
        ports, findings = link(edges, nodes, activities, where)
        self._find(findings, found)
        return Graph(nodes=activities, ports=ports)

    def _handlers(self, event_flow: EventFlow, nodes: Mapping[str, Node]) -> dict[str, str]:
        handlers: dict[str, str] = {}
        for specification, node_id in event_flow.on_events.items():
            event = canonical_name(specification) or specification
            if canonical_name(specification) is None and not self._is_made(specification):
                self._found.append(
                    warning(
                        "OH1005",
                        f'no event is called "{specification}"',
                        "correct the name in onEvents; else its handler runs only where a source "
                        "(ONHOOK_SOURCES) makes events of that type",
                    )
                )
            if node_id not in nodes:
                finding = error(
                    BROKEN_LINK,
                    f'onEvents names node "{node_id}", which is not there',
                    "correct onEvents or add the node",
                )
            elif handlers.setdefault(event, node_id) != node_id:
                finding = error(
                    "OH1004",
                    f'{event} has two handlers, one of them by the name "{specification}"',
                    "keep one of them in onEvents",
                )
            else:
                continue
            self._found.append(finding)
        error_node = handlers.get(ERROR_EVENT)
        if error_node is not None and self.events.after(error_node) is None:
            del handlers[ERROR_EVENT]  # as exports have it: an empty one would swallow failures
        return handlers

    def _is_made(self, event_type: str) -> bool:
        """Whether a source makes such events."""
        made = self._surroundings.event_types
        return made is None or event_type in made

    def _check(self, nodes: Mapping[str, Node], main_nodes: Mapping[str, Node]) -> None:
        file, events, main = self._file, self.events, self.main
        names = reference_checks.Names.of(file, events, main)
        self._find(
            reference_checks.check_references(events, names),
            reference_checks.check_references(main, names.in_main),
            reference_checks.check_origins(file, self.activities),
            graph_checks.check_reach(nodes, events, self._event_nodes),
            graph_checks.check_reach(main_nodes, main, [self.main_start or ""]),
            graph_checks.check_branches(events),
            graph_checks.check_branches(main),
            graph_checks.check_screen_pops(self.activities),
            graph_checks.check_called(file, events, self._surroundings, in_call=False),
            graph_checks.check_called(file, main, self._surroundings, in_call=True),
            checks.check_limits(file),
        )
        if not self._surroundings.can_seal:
            self._find(graph_checks.check_sealing(file, events, self.on_failure))
        self._find(
            graph_checks.tell_on_failure(events, self.on_failure),
            graph_checks.tell_unhandled(events, self.handlers),
            checks.check_descriptions(file, (*nodes.values(), *main_nodes.values())),
        )


def _continuing(found: Mapping[str, OnFailure]) -> frozenset[str]:
    return frozenset(node_id for node_id, each in found.items() if each.continues)

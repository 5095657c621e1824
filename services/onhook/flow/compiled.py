"""A flow ready to run: its main flow and its event handlers as graphs of compiled nodes.

`compile_flow` collects every finding before it refuses. What a flow does never depends on the flows
and schedules that happen to be there when it is compiled; only its findings do. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from onhook.contracts.event import ERROR_EVENT
from onhook.contracts.run import flow_id_of
from onhook.flow import (
    call_checks,
    checks,
    graph_checks,
    hosted_checks,
    reference_checks,
    sealing_checks,
    steering_checks,
)
from onhook.flow.draft import CalledFlows, Draft, calls_in
from onhook.flow.errors import OF_SURROUNDINGS, Finding, FlowError, Severity, in_order
from onhook.flow.graph import Graph
from onhook.flow.model import FlowFile, FlowType, Variable
from onhook.flow.on_failure import OnFailure
from onhook.flow.steering import Onward, onward, settable_variables
from onhook.flow.subflow import CallNode
from onhook.flow.surroundings import ALONE, Surroundings


class Flow(Struct, frozen=True, kw_only=True):
    """A compiled flow. `handlers` maps an event's bus name to its event node's id."""

    id: str
    name: str
    type: FlowType
    variables: tuple[Variable, ...]
    declared: Mapping[str, Variable]
    """The same, by name."""
    external: tuple[Variable, ...]
    """The externalized ones, whose values are looked up when they are used."""
    settable: frozenset[str]
    """Variables that an event may set."""
    steering: frozenset[str]
    """Variables that decide where something goes."""
    onward: Onward
    """Where values go, from variable to variable; what comes back from other flows aside."""
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
    """Compile a flow that is to be published.

    Raises FlowError with errors and warnings where one is an error.
    """
    draft, found = _validated(file, surroundings)
    findings = tuple(each for each in found if each.severity is not Severity.INFO)
    if draft is None or any(finding.severity is Severity.ERROR for finding in findings):
        raise FlowError(file.name, findings)
    return _flow_of(draft, findings)


def compile_stored(file: FlowFile, surroundings: Surroundings = ALONE) -> Flow:
    """Compile a flow that was published once, whatever its surroundings have become since.

    What they no longer allow fails at run time. Raises FlowError where a node or link of its own
    cannot be compiled by this version of the software.
    """
    draft = Draft(file, surroundings)
    findings = tuple(each for each in draft.findings if each.code not in OF_SURROUNDINGS)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise FlowError(file.name, findings)
    return _flow_of(draft, ())


def validate(file: FlowFile, surroundings: Surroundings = ALONE) -> tuple[Finding, ...]:
    """Every finding, errors first, with what was worked out last."""
    return _validated(file, surroundings)[1]


def handles(flow: Flow, event_type: str) -> bool:
    return event_type in flow.handlers


def has_error_handler(flow: Flow) -> bool:
    return ERROR_EVENT in flow.handlers


def _flow_of(draft: Draft, findings: tuple[Finding, ...]) -> Flow:
    file = draft.file
    calls = calls_in(draft.activities)
    return Flow(
        id=file.id or flow_id_of(file.name),
        name=file.name,
        type=file.flow_type,
        variables=file.variables,
        declared={variable.name: variable for variable in file.variables},
        external=tuple(variable for variable in file.variables if variable.is_externalized),
        settable=settable_variables(file.variables, draft.steering),
        steering=draft.steering,
        onward=onward(each for each in draft.activities if not isinstance(each, CallNode)),
        own_names=reference_checks.own_names(file, draft.activities),
        events=draft.events,
        main=draft.main,
        main_start=draft.main_start,
        handlers=draft.handlers,
        continuing=_continuing(draft.on_failure),
        continuing_in_main=_continuing(draft.on_failure_in_main),
        calls=calls,
        findings=findings,
        is_ordered=file.is_ordered,
    )


def _validated(
    file: FlowFile, surroundings: Surroundings
) -> tuple[Draft | None, tuple[Finding, ...]]:
    """No draft of a flow that is too large to make one."""
    too_large = checks.check_size(file)
    if too_large:
        return None, tuple(too_large)
    draft = Draft(file, surroundings)
    called = CalledFlows(file, surroundings)
    names = reference_checks.Names.of(draft)
    nodes, main_nodes = draft.event_nodes, draft.main_nodes
    found: list[Iterable[Finding]] = [
        checks.check_name(file),
        checks.check_variables(file),
        checks.check_start(file),
        checks.check_names(file),
        draft.findings,
        reference_checks.check_references(draft.events, names),
        reference_checks.check_references(draft.main, names.in_main),
        reference_checks.check_origins(file, draft.activities),
        steering_checks.check_outputs(file, draft),
        steering_checks.check_given(draft, called),
        graph_checks.check_handlers(draft),
        graph_checks.check_reach(nodes, draft.events, draft.begun),
        graph_checks.check_reach(main_nodes, draft.main, [draft.main_start or ""]),
        graph_checks.check_branches(draft.events),
        graph_checks.check_branches(draft.main),
        graph_checks.check_screen_pops(draft.activities),
        call_checks.check_called(draft.events, called, in_call=False),
        call_checks.check_called(draft.main, called, in_call=True),
        hosted_checks.check_bodies(draft.activities),
        hosted_checks.check_braces((*nodes.values(), *main_nodes.values()), names.known),
        checks.check_limits(file),
        () if surroundings.can_seal else sealing_checks.check_sealing(draft, called),
        graph_checks.tell_on_failure(draft.events, draft.on_failure),
        graph_checks.tell_unhandled(draft.events, draft.handlers),
        checks.check_descriptions(file, (*nodes.values(), *main_nodes.values())),
    ]
    return draft, in_order(finding for findings in found for finding in findings)


def _continuing(found: Mapping[str, OnFailure]) -> frozenset[str]:
    return frozenset(node_id for node_id, each in found.items() if each.continues)

"""What validation finds in a graph: what is never reached, branches that lead nowhere, called flows.

Each check returns its findings. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from onhook.contracts.event import ERROR_EVENT
from onhook.flow.activity import ERROR_PORT, Activity, EventNode
from onhook.flow.case import Case
from onhook.flow.condition_node import Condition
from onhook.flow.errors import Finding, error, info, warning
from onhook.flow.graph import Graph
from onhook.flow.http_request import HttpRequest
from onhook.flow.kinds import can_run, is_start
from onhook.flow.model import FlowFile, FlowType, Node
from onhook.flow.on_failure import OnFailure
from onhook.flow.percent_allocation import PercentAllocation
from onhook.flow.screen_pop import ScreenPop
from onhook.flow.subflow import CallNode
from onhook.flow.surroundings import FlowAtHand, Surroundings
from onhook.flow.wait import WaitNode

ISOLATED = "FC1004"
LEADS_NOWHERE = "OH1014"
TWO_POPS = "OH1015"
UNKNOWN_FLOW = "OH1009"
WRONG_FLOW = "OH1016"
PARTLY_RUNNABLE = "OH1017"
UNSEALED = "OH1018"
ON_FAILURE = "OH1019"
UNHANDLED = "OH1024"


def check_reach(
    nodes: Mapping[str, Node], graph: Graph, beginnings: Iterable[str]
) -> list[Finding]:
    """What no handler, or no start, leads to. An event node without a link is an empty handler."""
    begun = set(beginnings)
    reached = begun | graph.reachable(begun)
    leading = {origin for origin, _ in graph.ports}
    return [
        warning(
            ISOLATED,
            f"nothing leads to it: {node.activity} is never run",
            "link it, or remove it",
            node.name,
        )
        for node_id, node in nodes.items()
        if node_id not in reached
        and not is_start(node)
        and not (isinstance(graph.nodes.get(node_id), EventNode) and node_id not in leading)
    ]


def check_branches(graph: Graph) -> list[Finding]:
    """Ports of a branch that no link leaves by: the flow just ends there."""
    findings = []
    for node_id, activity in graph.nodes.items():
        if not isinstance(activity, Condition | Case | PercentAllocation):
            continue
        open_ports = sorted(
            port
            for port in activity.ports
            if port != ERROR_PORT and graph.after(node_id, port) is None
        )
        if open_ports:
            named = ", ".join(f'"{port}"' for port in open_ports)
            findings.append(
                warning(
                    LEADS_NOWHERE,
                    f"no link leaves by {named}: the flow ends there",
                    "link it, to an end if that is meant",
                    activity.name,
                )
            )
    return findings


def tell_unhandled(graph: Graph, handlers: Collection[str]) -> list[Finding]:
    """Nodes that may fail without anything in the flow that would handle it."""
    if ERROR_EVENT in handlers:
        return []
    names = [
        f'"{activity.name}"'
        for node_id, activity in graph.nodes.items()
        if ERROR_PORT in (activity.ports or ()) and graph.after_error(node_id) is None
    ]
    if not names:
        return []
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return [
        info(
            UNHANDLED,
            f"nothing handles a failure of {shown}: the message is set aside for an operator",
            "link the error port, or add a handler for OnGlobalError",
        )
    ]


def check_screen_pops(activities: Iterable[Activity]) -> list[Finding]:
    pops = [activity for activity in activities if isinstance(activity, ScreenPop)]
    return [
        warning(
            TWO_POPS,
            "a second Screen Pop; the hosted product takes one in a flow",
            "keep one of them",
            pop.name,
        )
        for pop in pops[1:]
    ]


def check_called(
    file: FlowFile, graph: Graph, surroundings: Surroundings, *, in_call: bool
) -> list[Finding]:
    """Flows that are called: there, of the right type, and able to run where they are called."""
    findings = []
    for activity in graph.nodes.values():
        if not isinstance(activity, CallNode) or activity.is_computed:
            continue
        called = _at_hand(file, activity, surroundings)
        if called is None:
            findings.append(
                warning(
                    UNKNOWN_FLOW,
                    f'no flow "{activity.flow}" is published under the label '
                    f'"{activity.label}"; the node fails until there is one',
                    "publish it under that label",
                    activity.name,
                )
            )
            continue
        findings += _check_type(activity, called)
        findings += _check_mapping(activity, called)
        if not in_call:
            findings += _check_runnable(activity, called)
    return findings


def _at_hand(file: FlowFile, activity: CallNode, surroundings: Surroundings) -> FlowAtHand | None:
    found = surroundings.flows(activity.flow, activity.label)
    if found is None and activity.flow in (file.name, file.id):
        return FlowAtHand(file=file)
    return found


def _check_type(activity: CallNode, called: FlowAtHand) -> list[Finding]:
    wanted = FlowType.SUBFLOW if activity.returns else FlowType.FLOW
    if called.file.flow_type is wanted:
        return []
    return [
        error(
            WRONG_FLOW,
            f'"{called.file.name}" is a {called.file.flow_type.value}, and {activity.kind} goes '
            f"into a {wanted.value}",
            f"name a {wanted.value}"
            + (", or use hand-off" if activity.returns else ", or use subflow-handoff"),
            activity.name,
        )
    ]


def _check_mapping(activity: CallNode, called: FlowAtHand) -> list[Finding]:
    declared = {variable.name for variable in called.file.variables}
    named = [*activity.inputs_by_target, *activity.read_back]
    return [
        warning(
            "FC1038",
            f'"{called.file.name}" has no variable "{name}" to map',
            "declare it there, or correct the name",
            activity.name,
        )
        for name in dict.fromkeys(named)
        if name not in declared
    ]


def _check_runnable(activity: CallNode, called: FlowAtHand) -> list[Finding]:
    held = [node for node in called.file.nodes if not can_run(node)]
    if not held:
        return []
    names = ", ".join(f'"{node.name}" ({node.activity})' for node in held[:5])
    return [
        warning(
            PARTLY_RUNNABLE,
            f'"{called.file.name}" holds what only a call can run: {names}; it fails when it gets '
            "there",
            "lead the way for event flows past it, or call another flow",
            activity.name,
        )
    ]


def check_sealing(
    file: FlowFile, graph: Graph, on_failure: Mapping[str, OnFailure]
) -> list[Finding]:
    """Secure values may not lie on a bus that cannot seal them (no ONHOOK_RUN_KEY)."""
    secure = [variable.name for variable in file.variables if variable.is_secure]
    if not secure:
        return []
    remedy = "set ONHOOK_RUN_KEY, which encrypts what waits"
    named = ", ".join(f'"{name}"' for name in secure)
    waiting = [
        each
        for node_id, each in graph.nodes.items()
        if isinstance(each, WaitNode)
        or (isinstance(each, HttpRequest) and not on_failure[node_id].continues)
    ]
    findings = [
        error(
            UNSEALED,
            f"it may have to wait on the broker, with the secure {named} in the run",
            f"{remedy}, or set onFailure to continue" if isinstance(each, HttpRequest) else remedy,
            each.name,
        )
        for each in waiting
    ]
    requests = [each for each in graph.nodes.values() if isinstance(each, HttpRequest | CallNode)]
    if len(requests) > 1 and not findings:
        findings.append(
            error(
                UNSEALED,
                f"between its requests the run lies on the broker, with the secure {named} in it",
                remedy,
            )
        )
    return findings


def tell_on_failure(graph: Graph, on_failure: Mapping[str, OnFailure]) -> list[Finding]:
    """Which requests are retried until they are delivered, and which let the flow go on."""
    return [
        info(
            ON_FAILURE,
            f"continues whatever the answer: {found.why}"
            if found.continues
            else f"is retried until it is delivered: {found.why}",
            "set onFailure to deliver or continue to decide it yourself",
            graph.nodes[node_id].name,
        )
        for node_id, found in on_failure.items()
    ]

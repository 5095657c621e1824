"""What validation finds in the flows that a flow calls.

Each check returns its findings. It depends on what is published at that moment.
"""

from __future__ import annotations

from onhook.flow.draft import CalledFlows, calls_in
from onhook.flow.errors import PARTLY_RUNNABLE, UNKNOWN_PLACE, WRONG_FLOW, Finding, error, warning
from onhook.flow.graph import Graph
from onhook.flow.kinds import can_run
from onhook.flow.model import FlowType
from onhook.flow.subflow import CallNode
from onhook.flow.surroundings import FlowAtHand


def check_called(graph: Graph, flows: CalledFlows, *, in_call: bool) -> list[Finding]:
    """There, of the right type, and able to run where they are called."""
    findings = []
    for activity in calls_in(graph.nodes.values()):
        if activity.is_computed:
            continue
        called = flows.at_hand(activity)
        if called is None:
            findings.append(
                warning(
                    UNKNOWN_PLACE,
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

"""What validation finds in a graph: what is never run or reached, branches that lead nowhere.

Each check returns its findings. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from onhook.contracts.event import ERROR_EVENT
from onhook.flow import reachability
from onhook.flow.activity import ERROR_PORT, PLAIN, Activity, End, EventNode, Start
from onhook.flow.call_only import CallOnly
from onhook.flow.case import Case
from onhook.flow.condition_node import Condition
from onhook.flow.draft import Draft
from onhook.flow.errors import Finding, info, warning
from onhook.flow.graph import Graph
from onhook.flow.kinds import is_start
from onhook.flow.model import FlowType, Node
from onhook.flow.on_failure import OnFailure
from onhook.flow.percent_allocation import PercentAllocation
from onhook.flow.screen_pop import ScreenPop

ISOLATED = "FC1004"
LEADS_NOWHERE = "OH1014"
TWO_POPS = "OH1015"
ON_FAILURE = "OH1019"
UNHANDLED = "OH1024"
HANDLES_NOTHING = "OH1029"


def check_reach(
    nodes: Mapping[str, Node], graph: Graph, beginnings: Iterable[str]
) -> list[Finding]:
    """What no handler, or no start, leads to. An event node without a link is an empty handler."""
    begun = set(beginnings)
    reached = begun | reachability.reached(begun, graph.following())
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
    """Ports that no link leaves by, and nodes that nothing comes after: the flow just ends there.

    An event node or start without a link is an empty handler, and means it.
    """
    led_to = set(graph.ports.values())
    findings = []
    for node_id, activity in graph.nodes.items():
        if isinstance(activity, Condition | Case | PercentAllocation):
            findings += _check_ports(graph, node_id, activity, activity.ports)
        elif (
            node_id in led_to
            and PLAIN in (activity.ports or ())
            and graph.after(node_id) is None
            and not isinstance(activity, CallOnly)
        ):
            findings.append(
                warning(
                    LEADS_NOWHERE,
                    "no link leaves it: the flow ends here",
                    "link it to End Flow, or to what comes next",
                    activity.name,
                )
            )
    return findings


def _check_ports(
    graph: Graph, node_id: str, activity: Activity, ports: Iterable[str]
) -> list[Finding]:
    open_ports = sorted(
        port for port in ports if port != ERROR_PORT and graph.after(node_id, port) is None
    )
    if not open_ports:
        return []
    named = ", ".join(f'"{port or "default"}"' for port in open_ports)
    return [
        warning(
            LEADS_NOWHERE,
            f"no link leaves by {named}: the flow ends there",
            "link it, to an end if that is meant",
            activity.name,
        )
    ]


def check_handlers(draft: Draft) -> list[Finding]:
    """A flow that nothing starts: no handler, and a main flow that does nothing."""
    if draft.file.flow_type is FlowType.SUBFLOW or draft.begun:
        return []
    if not all(isinstance(each, Start | End) for each in draft.main.nodes.values()):
        return []
    if draft.main.nodes.keys() != draft.main_nodes.keys():
        return []
    return [
        warning(
            HANDLES_NOTHING,
            "it handles no event and its main flow does nothing, so nothing ever runs",
            "name an event and its node in eventFlows.GLOBAL_EVENTS.onEvents",
        )
    ]


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

"""What validation finds in the names that templates use: variables, events, nodes and outputs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from msgspec import Struct

from onhook.contracts import outputs
from onhook.contracts.event import ERROR_EVENT, EVENT_NAMES, TEMPLATE_ALIASES, canonical_name
from onhook.flow.activity import Activity
from onhook.flow.call_only import CallOnly
from onhook.flow.draft import Draft
from onhook.flow.errors import Finding, error, warning
from onhook.flow.expression import Reference
from onhook.flow.graph import Graph
from onhook.flow.model import GLOBAL_EVENTS, EventFlow, FlowFile, Node
from onhook.flow.properties import UNDECLARED

NO_OUTPUT = "OH1006"
EMPTY_ORIGIN = "OH1007"
KNOWN_OUTPUTS: dict[str, tuple[str, ...]] = {
    **{
        kind.__name__: kind.__struct_fields__
        for kind in (
            outputs.NewPhoneContact,
            outputs.AgentOffered,
            outputs.AgentAnswered,
            outputs.AgentDisconnect,
            outputs.PhoneContactEnded,
        )
    },
    ERROR_EVENT: ("activityName", "errorMessage"),
}
"""The outputs that this version's own events have; another publisher's may have more."""
MOST_HINTS = 20
"""Findings of a graph that name what is spelt alike: looking for it takes a while in a large flow."""
EVENT_OUTPUTS = frozenset({*EVENT_NAMES, *TEMPLATE_ALIASES, ERROR_EVENT})
"""What a reference may begin with, besides the flow's own variables and nodes."""


def own_names(file: FlowFile, activities: Iterable[Activity]) -> frozenset[str]:
    """What templates find in the flow itself, before any event's outputs."""
    return frozenset(
        {ERROR_EVENT}
        | {variable.name for variable in file.variables}
        | {activity.name for activity in activities if activity.outputs}
    )


class Names(Struct, frozen=True, kw_only=True):
    """What the templates of one graph can name."""

    variables: frozenset[str]
    nodes: Mapping[str, tuple[str, ...]]
    """Of this graph: the outputs of each node that has some; none where they are not known."""
    others: Mapping[str, tuple[str, ...]]
    """Of the flow's other graph."""
    events: frozenset[str] = frozenset()
    """Of its handlers' events, those that a source makes: what they have is the source's business."""

    @classmethod
    def of(cls, draft: Draft) -> Names:
        return cls(
            variables=frozenset(variable.name for variable in draft.file.variables),
            nodes=_outputs(draft.events, draft.event_nodes.values()),
            others=_outputs(draft.main, draft.main_nodes.values()),
            events=_events_of_sources(draft.file),
        )

    @property
    def in_main(self) -> Names:
        return Names(
            variables=self.variables, nodes=self.others, others=self.nodes, events=self.events
        )

    @property
    def known(self) -> frozenset[str]:
        """Everything that a reference of either graph may begin with."""
        return self.variables | self.nodes.keys() | self.others.keys() | self.events | EVENT_OUTPUTS


def _events_of_sources(file: FlowFile) -> frozenset[str]:
    handlers = file.event_flows.get(GLOBAL_EVENTS) or EventFlow()
    return frozenset(name for name in handlers.on_events if canonical_name(name) is None)


def _outputs(graph: Graph, nodes: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """Not known: those of an activity that only a call can run, or that could not be compiled."""
    broken: dict[str, tuple[str, ...]] = {
        node.name: () for node in nodes if node.id not in graph.nodes
    }
    return broken | {
        each.name: each.outputs
        for each in graph.nodes.values()
        if each.outputs or isinstance(each, CallOnly)
    }


def check_references(graph: Graph, names: Names) -> list[Finding]:
    findings: list[Finding] = []
    for activity in graph.nodes.values():
        seen: set[tuple[str, ...]] = set()
        for reference in activity.references:
            if reference.path in seen:
                continue
            seen.add(reference.path)
            finding = _check(activity, reference, names, hints=len(findings) < MOST_HINTS)
            if finding is not None:
                findings.append(finding)
    return findings


def _check(
    activity: Activity, reference: Reference, names: Names, *, hints: bool
) -> Finding | None:
    first = reference.path[0]
    if first in names.variables:
        return None
    if first in names.nodes:
        return _check_output(activity, reference, first, "node", names.nodes[first])
    if first in EVENT_OUTPUTS:
        event = TEMPLATE_ALIASES.get(first, first)
        return _check_output(activity, reference, event, "event", KNOWN_OUTPUTS.get(event, ()))
    if first in names.events:
        return None
    return _names_nothing(activity, reference, names, hints=hints)


def _check_output(
    activity: Activity, reference: Reference, owner: str, kind: str, known: tuple[str, ...]
) -> Finding | None:
    if not known or len(reference.path) == 1 or reference.path[1] in known:
        return None
    output = reference.path[1]
    near = _nearest(output, known, 0.6)
    hint = f"did you mean {near}?" if near else _where_outputs_stand(owner, kind, known)
    return warning(
        NO_OUTPUT,
        f'{reference}: the {kind} {owner} has no output "{output}" here',
        hint,
        activity.name,
    )


def _nearest(name: str, known: Iterable[str], alike: float) -> str | None:
    """The name that is spelt most like it; capitals count for little."""
    folded = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), folded, 1, alike)
    return folded[near[0]] if near else None


def _where_outputs_stand(owner: str, kind: str, known: tuple[str, ...]) -> str:
    return f"see the schema of {owner}" if kind == "event" else f"it has {', '.join(known)}"


def _names_nothing(
    activity: Activity, reference: Reference, names: Names, *, hints: bool
) -> Finding:
    first = reference.path[0]
    if first in names.others:
        return warning(
            UNDECLARED,
            f"{reference} names a node of the other tab, whose outputs do not come here",
            "keep the value in a variable that the event carries: a global or agent-viewable one",
            activity.name,
        )
    what = f"{reference} names no variable, event or node"
    known = [*names.variables, *names.nodes, *names.events, *EVENT_OUTPUTS] if hints else []
    near = _nearest(first, known, 0.75)
    hint = f'declare the variable "{first}" or correct the name'
    remedy = f"did you mean {near}? Else {hint}" if near else hint
    if any(each.path == reference.path for each in activity.steering):
        return error(
            UNDECLARED, f"{what}, and decides where the request goes", remedy, activity.name
        )
    return warning(UNDECLARED, f"{what}, and prints nothing", remedy, activity.name)


def check_origins(file: FlowFile, activities: Iterable[Activity]) -> list[Finding]:
    """No event sets what decides where a request goes; so an empty default stays empty."""
    listed = tuple(activities)
    assigned = {each.variable for activity in listed for each in activity.assigned}
    empty = {
        variable.name
        for variable in file.variables
        if not variable.is_externalized
        and not (variable.value or "").strip()
        and variable.name not in assigned
    }
    return [
        warning(
            EMPTY_ORIGIN,
            f"{reference} decides where the request goes, so no event sets it, and its default "
            "is empty",
            "give it a default, or make it isExternalized and configure it",
            activity.name,
        )
        for activity in listed
        for reference in activity.steering
        if reference.path[0] in empty
    ]

"""A flow file on its way to a flow: its nodes compiled and linked as far as that goes.

It gathers what is wrong with the file's parts. What validation finds in the whole is checks.py's
and the modules' beside it. Flows that it calls are compiled when they are asked for, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from onhook.contracts.event import ERROR_EVENT, canonical_name
from onhook.flow.activity import Activity, Start
from onhook.flow.errors import Finding, error, warning
from onhook.flow.graph import BROKEN_LINK, Graph, link
from onhook.flow.kinds import HTTP, compile_node
from onhook.flow.model import GLOBAL_EVENTS, Edge, EventFlow, FlowFile, FlowType, Node
from onhook.flow.on_failure import on_failure_in
from onhook.flow.properties import Scope
from onhook.flow.steering import steering_variables
from onhook.flow.subflow import CallNode
from onhook.flow.surroundings import FlowAtHand, Surroundings


class Draft:
    """`findings` are those of nodes, links and handlers; no attribute raises."""

    def __init__(self, file: FlowFile, surroundings: Surroundings) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self._surroundings = surroundings
        event_flow = file.event_flows.get(GLOBAL_EVENTS) or EventFlow()
        self.event_nodes = {node.id: node for node in event_flow.nodes}
        self.main_nodes = {node.id: node for node in file.nodes}
        self.events = self._graph(
            self.event_nodes, event_flow.edges, "the event flow", in_call=False
        )
        self.main = self._graph(self.main_nodes, file.edges, "the main flow", in_call=True)
        self.main_start = next(
            (key for key, each in self.main.nodes.items() if isinstance(each, Start)), None
        )
        self.begun = tuple(event_flow.on_events.values())
        """Ids that onEvents names."""
        self.handlers = self._handlers(event_flow)
        self.on_failure = on_failure_in(self.events, is_call=False)
        is_call = file.flow_type is FlowType.FLOW
        self.on_failure_in_main = on_failure_in(self.main, is_call=is_call)
        self.activities: tuple[Activity, ...] = (
            *self.events.nodes.values(),
            *self.main.nodes.values(),
        )
        self.steering = steering_variables(self.activities)

    @property
    def is_secure(self) -> bool:
        return any(variable.is_secure for variable in self.file.variables)

    def _graph(
        self, nodes: Mapping[str, Node], edges: tuple[Edge, ...], where: str, *, in_call: bool
    ) -> Graph:
        scope = Scope(
            variables={variable.name: variable for variable in self.file.variables},
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
        self.findings += [*findings, *found]
        return Graph(nodes=activities, ports=ports)

    def _is_made(self, event_type: str) -> bool:
        """Whether a source makes such events."""
        made = self._surroundings.event_types
        return made is None or event_type in made

    def _handlers(self, event_flow: EventFlow) -> dict[str, str]:
        handlers: dict[str, str] = {}
        for specification, node_id in event_flow.on_events.items():
            event = canonical_name(specification) or specification
            if canonical_name(specification) is None and not self._is_made(specification):
                self.findings.append(
                    warning(
                        "OH1005",
                        f'no event is called "{specification}"',
                        "correct the name in onEvents; else its handler runs only where a source "
                        "(ONHOOK_SOURCES) makes events of that type",
                    )
                )
            if node_id not in self.event_nodes:
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
            self.findings.append(finding)
        error_node = handlers.get(ERROR_EVENT)
        if error_node is not None and self.events.after(error_node) is None:
            del handlers[ERROR_EVENT]  # as exports have it: an empty one would swallow failures
        return handlers


class CalledFlows:
    """The flows that a flow calls, and those that they call: each looked up and compiled once."""

    def __init__(self, file: FlowFile, surroundings: Surroundings) -> None:
        self._file = file
        self._surroundings = surroundings
        self._found: dict[tuple[str, str], FlowAtHand | None] = {}
        self._drafts: dict[tuple[str, str], Draft | None] = {}

    def at_hand(self, node: CallNode) -> FlowAtHand | None:
        """None where it is not known, or an expression names it."""
        if node.is_computed:
            return None
        key = (node.flow, node.label)
        if key not in self._found:
            found = self._surroundings.flows(*key)
            if found is None and node.flow in (self._file.name, self._file.id):
                found = FlowAtHand(file=self._file)
            self._found[key] = found
        return self._found[key]

    def draft(self, node: CallNode) -> Draft | None:
        key = (node.flow, node.label)
        if key not in self._drafts:
            found = self.at_hand(node)
            self._drafts[key] = None if found is None else Draft(found.file, self._surroundings)
        return self._drafts[key]


def calls_in(activities: Iterable[Activity]) -> tuple[CallNode, ...]:
    """The nodes that go into other flows."""
    return tuple(each for each in activities if isinstance(each, CallNode))

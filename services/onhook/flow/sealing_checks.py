"""What validation finds where secure values would lie on a bus that cannot seal them.

Once a run was in a flow with secure variables, it may neither wait nor go on behind an effect
without ONHOOK_RUN_KEY. Each node is looked at, and each flow that is called. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from onhook.contracts.event import ERROR_EVENT
from onhook.flow import reachability
from onhook.flow.activity import Activity
from onhook.flow.draft import CalledFlows, Draft, calls_in
from onhook.flow.errors import UNSEALED, Finding, error
from onhook.flow.http_request import HttpRequest
from onhook.flow.model import FlowType
from onhook.flow.on_failure import OnFailure
from onhook.flow.screen_pop import ScreenPop
from onhook.flow.subflow import CallNode
from onhook.flow.wait import WaitNode

_REMEDY = "set ONHOOK_RUN_KEY, which encrypts what waits"
_IN_EVENTS, _IN_MAIN = "event flow ", "main flow "
"""Before node ids: both graphs may use the same."""


class _Walkable(Struct, frozen=True):
    """The nodes that one way into a flow can come to, and how."""

    nodes: Mapping[str, tuple[Activity, OnFailure | None]]
    following: Mapping[str, list[str]]
    error_handler: str | None

    def behind(self, beginnings: Iterable[str]) -> set[str]:
        """What can come later. A failure leads to the error handler, once."""
        listed = set(beginnings)
        if self.error_handler is not None:
            handling = {self.error_handler, *self.reached([self.error_handler])}
            if listed - handling:
                listed.add(self.error_handler)
        return self.reached(listed)

    def reached(self, beginnings: Iterable[str]) -> set[str]:
        return reachability.reached(beginnings, self.following)


class _Called(Struct, frozen=True):
    """What a flow that is called does, with those that it calls."""

    name: str
    is_secure: bool
    leaves: bool
    """Something of it goes out, or waits."""
    goes_on: bool
    """It goes on behind that to something else that does."""
    waits: bool


def check_sealing(draft: Draft, called: CalledFlows) -> list[Finding]:
    """Of the event flows, and of a subflow."""
    findings = _check(draft, _events_of(draft), called)
    if draft.file.flow_type is FlowType.SUBFLOW:
        findings += _check(draft, _main_of(draft), called)
    return findings


def _check(draft: Draft, graph: _Walkable, called: CalledFlows) -> list[Finding]:
    does = {
        key: _does(node, called)
        for key, (node, _) in graph.nodes.items()
        if isinstance(node, CallNode)
    }
    secure_calls = {key for key, each in does.items() if each.is_secure}
    if not draft.is_secure and not secure_calls:
        return []
    held = set(graph.nodes) if draft.is_secure else secure_calls | graph.behind(secure_calls)
    leaving = {
        key
        for key, (node, _) in graph.nodes.items()
        if isinstance(node, _LEAVING) or (key in does and does[key].leaves)
    }
    later = graph.behind(leaving)
    findings = []
    for key, (node, on_failure) in graph.nodes.items():
        if key not in held:
            continue
        of_call = does.get(key)
        if _waits(node, on_failure):
            remedy = f"{_REMEDY}, or set onFailure to continue"
            findings.append(
                _unsealed(
                    "it may have to wait on the broker",
                    node,
                    remedy if isinstance(node, HttpRequest) else _REMEDY,
                )
            )
        elif of_call is not None and of_call.waits:
            what = f'flow "{of_call.name}", which it goes into, may have to wait on the broker'
            findings.append(_unsealed(what, node))
        elif key in leaving & later or (of_call is not None and of_call.goes_on):
            what = "between what the run sends, shows or waits for, it lies on the broker"
            findings.append(_unsealed(what, node))
    return findings


def _unsealed(what: str, node: Activity, remedy: str = _REMEDY) -> Finding:
    return error(UNSEALED, f"{what}, with secure variables in the run", remedy, node.name)


_LEAVING = (HttpRequest, ScreenPop, WaitNode)


def _waits(node: Activity, on_failure: OnFailure | None) -> bool:
    if isinstance(node, HttpRequest):
        return on_failure is not None and not on_failure.continues
    return isinstance(node, WaitNode)


def _does(node: CallNode, called: CalledFlows) -> _Called:
    """Of the called flow and all that it leads to, as if each came behind the other."""
    drafts: dict[tuple[str, str], Draft] = {}
    waiting, again = [node], False
    while waiting:
        call = waiting.pop()
        key = (call.flow, call.label)
        again = again or key in drafts
        draft = None if key in drafts else called.draft(call)
        if draft is not None:
            drafts[key] = draft
            waiting += calls_in(each for each, _ in _main_of(draft).nodes.values())
    graphs = [_main_of(draft) for draft in drafts.values()]
    leaving = 0
    loops = waits = False
    for graph in graphs:
        own = {key for key, (each, _) in graph.nodes.items() if isinstance(each, _LEAVING)}
        leaving += len(own)
        calls = (key for key, (each, _) in graph.nodes.items() if isinstance(each, CallNode))
        loops = loops or bool(own & graph.behind(own))
        loops = loops or any(key in graph.behind([key]) for key in calls)
        waits = waits or any(_waits(each, found) for each, found in graph.nodes.values())
    return _Called(
        name=node.flow,
        is_secure=any(draft.is_secure for draft in drafts.values()),
        leaves=leaving > 0,
        goes_on=leaving > 1 or (leaving == 1 and (again or loops)),
        waits=waits,
    )


def _events_of(draft: Draft) -> _Walkable:
    return _walkable(draft, {_IN_EVENTS})


def _main_of(draft: Draft) -> _Walkable:
    """The main flow, and the handler of its failures, which stands in the event flows."""
    return _walkable(draft, {_IN_MAIN})


def _walkable(draft: Draft, own: set[str]) -> _Walkable:
    graphs = (
        (_IN_EVENTS, draft.events, draft.on_failure),
        (_IN_MAIN, draft.main, draft.on_failure_in_main),
    )
    handler = draft.handlers.get(ERROR_EVENT)
    error_handler = None if handler is None else _IN_EVENTS + handler
    following = {
        where + origin: [where + target for target in targets]
        for where, graph, _ in graphs
        for origin, targets in graph.following().items()
    }
    handling = set() if error_handler is None else reachability.reached([error_handler], following)
    nodes = {
        where + node_id: (activity, on_failure.get(node_id))
        for where, graph, on_failure in graphs
        for node_id, activity in graph.nodes.items()
        if where in own or where + node_id in handling
    }
    return _Walkable(nodes, following, error_handler)

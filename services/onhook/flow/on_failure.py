"""Whether an HTTP Request is delivered or lets the flow go on: said by the file, else computed.

A node whose status a later node reads goes on whatever comes, as in the hosted product. Pure.
"""

from __future__ import annotations

from msgspec import Struct

from onhook.flow.activity import Activity
from onhook.flow.graph import Graph
from onhook.flow.http_request import HttpRequest
from onhook.flow.reachability import Later

DELIVER, CONTINUE = "deliver", "continue"
_STATUS = "httpStatusCode"


class OnFailure(Struct, frozen=True):
    """`why` completes the sentence "it continues: ..."."""

    continues: bool
    why: str


def on_failure_in(graph: Graph, *, is_call: bool) -> dict[str, OnFailure]:
    """By id of each HTTP Request. `is_call`: the graph is a call's own main flow."""
    found: dict[str, OnFailure] = {}
    computed: list[HttpRequest] = []
    for node_id, activity in graph.nodes.items():
        if not isinstance(activity, HttpRequest):
            continue
        if activity.on_failure is not None:
            continues = activity.on_failure == CONTINUE
            found[node_id] = OnFailure(continues, "onFailure says so")
        elif is_call:
            found[node_id] = OnFailure(True, "in the main flow a caller waits")
        else:
            found[node_id] = OnFailure(False, "nothing later reads its status")
            computed.append(activity)
    readers = _readers(graph, frozenset(request.name for request in computed))
    if readers:
        later = Later(graph.nodes, graph.following())
        for request in computed:
            for reader in readers.get(request.name, ()):
                if later.comes(reader.node_id, behind=request.node_id):
                    why = f'{reader.kind} "{reader.name}" reads its status'
                    found[request.node_id] = OnFailure(True, why)
                    break
    return found


def _readers(graph: Graph, names: frozenset[str]) -> dict[str, list[Activity]]:
    """The nodes that read a request's status, or all of its outputs at once, by its name."""
    found: dict[str, list[Activity]] = {}
    for activity in graph.nodes.values():
        read = {
            reference.path[0]
            for reference in activity.references
            if reference.path[0] in names
            and (len(reference.path) == 1 or reference.path[1] == _STATUS)
        }
        for name in read:
            found.setdefault(name, []).append(activity)
    return found

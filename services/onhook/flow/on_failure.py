"""Whether an HTTP Request is delivered or lets the flow go on: said by the file, else computed.

A node whose status a later node reads goes on whatever comes, as in the hosted product. Pure.
"""

from __future__ import annotations

from msgspec import Struct

from onhook.flow.activity import Activity
from onhook.flow.graph import Graph
from onhook.flow.http_request import HttpRequest

DELIVER, CONTINUE = "deliver", "continue"
_STATUS = "httpStatusCode"


class OnFailure(Struct, frozen=True):
    """`why` completes the sentence "it continues: ..."."""

    continues: bool
    why: str


def on_failure_in(graph: Graph, *, is_call: bool) -> dict[str, OnFailure]:
    """By id of each HTTP Request. `is_call`: the graph is a call's own main flow."""
    return {
        node_id: _of(activity, graph, is_call=is_call)
        for node_id, activity in graph.nodes.items()
        if isinstance(activity, HttpRequest)
    }


def _of(request: HttpRequest, graph: Graph, *, is_call: bool) -> OnFailure:
    if request.on_failure is not None:
        return OnFailure(request.on_failure == CONTINUE, "onFailure says so")
    if is_call:
        return OnFailure(True, "in the main flow a caller waits")
    later = graph.reachable([request.node_id])
    for node_id, activity in graph.nodes.items():
        if node_id in later and reads_status(activity, request.name):
            return OnFailure(True, f'{activity.kind} "{activity.name}" reads its status')
    return OnFailure(False, "nothing later reads its status")


def reads_status(activity: Activity, name: str) -> bool:
    """Whether it reads the status of the request `name`, or all of its outputs at once."""
    return any(
        reference.path[0] == name and (len(reference.path) == 1 or reference.path[1] == _STATUS)
        for reference in activity.references
    )

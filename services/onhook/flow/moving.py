"""Where a run stands behind a node: by its port when it is done, by what handles it when it failed.

Pure. Whether a node is done or failed is the engine's to say.
"""

from __future__ import annotations

from typing import Any

import msgspec

from onhook.contracts.event import ERROR_EVENT
from onhook.contracts.run import Progress
from onhook.flow import calling
from onhook.flow.activity import ERROR_PORT, PLAIN, Activity
from onhook.flow.compiled import Flow
from onhook.flow.effect import Moved
from onhook.flow.errors import RunError
from onhook.flow.performing import Lookup, address_of, performed
from onhook.flow.trace import TraceEntry

LONGEST_REASON = 1_000


def moved(
    current: Flow,
    progress: Progress,
    activity: Activity,
    visit: int,
    *,
    port: str = PLAIN,
    outputs: dict[str, Any] | None,
    variables: dict[str, Any],
    inputs: dict[str, Any],
    note: str | None,
) -> Moved:
    """Behind a node that is done, by `port`."""
    graph = current.main if progress.in_main else current.events
    node_id = activity.node_id
    following = graph.after(node_id, port)
    kept = progress.outputs if outputs is None else {**progress.outputs, activity.name: outputs}
    moved = msgspec.structs.replace(
        progress,
        node=following,
        variables={**progress.variables, **variables} if variables else progress.variables,
        outputs=kept,
        visits={**progress.visits, node_id: visit},
    )
    trace = TraceEntry(
        node=node_id,
        name=activity.name,
        activity=activity.kind,
        visit=visit,
        address=address_of(progress, node_id),
        inputs=inputs,
        outputs={**(outputs or {}), **variables},
        edge=None if following is None else (port or activity.plain_port),
        note=note,
    )
    return Moved(moved, trace)


def must(
    flow: Flow,
    lookup: Lookup,
    progress: Progress,
    activity: Activity,
    visit: int,
    reason: str,
    *,
    by_edge: bool = True,
) -> Moved:
    """As _failed; raises RunError where nothing handles it."""
    handled = failed_at(flow, lookup, progress, activity, visit, reason, by_edge=by_edge)
    if handled is None:
        raise RunError(activity.name, reason)
    return handled


def failed_at(
    flow: Flow,
    lookup: Lookup,
    progress: Progress,
    activity: Activity,
    visit: int,
    reason: str,
    *,
    by_edge: bool = True,
    inputs: dict[str, Any] | None = None,
) -> Moved | None:
    node_id, name = activity.node_id, activity.name
    error = {"activityName": name, "errorMessage": reason[:LONGEST_REASON]}
    failing = msgspec.structs.replace(
        progress,
        visits={**progress.visits, node_id: visit},
        outputs={**progress.outputs, ERROR_EVENT: error},
    )
    found = _handled(flow, lookup, failing, node_id, by_edge=by_edge)
    if found is None:
        return None
    handled, edge = found
    trace = TraceEntry(
        node=node_id,
        name=name,
        activity=activity.kind,
        visit=visit,
        address=address_of(progress, node_id),
        inputs=inputs or {},
        edge=edge,
        note=reason[:LONGEST_REASON],
    )
    return Moved(handled, trace)


def _handled(
    flow: Flow, lookup: Lookup, progress: Progress, node_id: str, *, by_edge: bool
) -> tuple[Progress, str] | None:
    """Where a failure of `node_id` leads, and by which edge. None when nothing handles it."""
    while True:
        current = performed(flow, lookup, progress)
        graph = current.main if progress.in_main else current.events
        following = graph.after_error(node_id) if by_edge else None
        if following is not None:
            return msgspec.structs.replace(progress, node=following), ERROR_PORT
        handler = current.handlers.get(ERROR_EVENT)
        if handler is not None and not progress.in_error_handler:
            return (
                msgspec.structs.replace(
                    progress, node=handler, in_main=False, in_error_handler=True
                ),
                ERROR_EVENT,
            )
        if not progress.callers:
            return None
        progress, node_id = calling.given_up(progress)
        by_edge = True

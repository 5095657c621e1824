"""The engine: a pure stepper. Given a flow and a run's progress it performs one node, or says what
somebody else has to do for it.

No I/O, no clock, no randomness: the same progress, world and results give the same steps. It must
not know the bus, HTTP or the journal; the driver performs the effects and hands the results back.
Going from flow to flow is calling.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from onhook.contracts.event import Event
from onhook.contracts.run import LARGEST_RESPONSE_BYTES, Progress
from onhook.flow import calling, moving
from onhook.flow.activity import Activity, End, EventNode, Moment, Start
from onhook.flow.compiled import Flow
from onhook.flow.context import context_in
from onhook.flow.effect import (
    CallFlow,
    Effect,
    Finished,
    Moved,
    PopScreen,
    SendRequest,
    Step,
    Wait,
)
from onhook.flow.errors import RunError, VariableError
from onhook.flow.http_request import HttpRequest
from onhook.flow.performing import Lookup, World, address_of, performed
from onhook.flow.screen_pop import ScreenPop
from onhook.flow.subflow import CallNode
from onhook.flow.taint import brought, kept
from onhook.flow.trace import TraceEntry
from onhook.flow.variables import initial_variables
from onhook.flow.wait import WaitNode
from onhook.pebble import PebbleError

LARGEST_VISITS = 100
"""How often a run may enter one node."""
_NOTHING: Mapping[str, Any] = {}


def begin(
    flow: Flow,
    event: Event,
    overrides: Mapping[str, Any],
    *,
    now: datetime | None = None,
) -> Progress:
    """A run's progress before its first node. Raises VariableError.

    `now` is what a default `{{now()}}` means: without it, the time of the event.
    """
    given = event.data.get("variables") or {}
    at = now or calling.time_of(event)
    variables = initial_variables(flow.variables, given, flow.settable, overrides, at)
    tainted = None
    if flow.calls:  # else nobody asks
        names = [name for name in flow.settable if given.get(name) is not None]
        tainted = kept(brought(flow, names, variables, overrides, at))
    return Progress(node=flow.handlers[event.type], variables=variables, tainted=tainted)


def step(flow: Flow, lookup: Lookup, progress: Progress, world: World) -> Step:
    """Perform exactly one node; `flow` is the run's own.

    Raises RunError where the node fails and nothing handles that, and what `lookup` raises.
    """
    if progress.node is None:
        return _return(flow, lookup, progress, world) if progress.callers else Finished(progress)
    current = performed(flow, lookup, progress)
    graph = current.main if progress.in_main else current.events
    activity = graph.nodes[progress.node]
    if isinstance(activity, Start | EventNode | End):
        return _pass(current, progress, activity)
    visit = progress.visits.get(progress.node, 0) + 1
    if visit > LARGEST_VISITS:
        reason = f"entered more than {LARGEST_VISITS} times"
        by_edge = visit == LARGEST_VISITS + 1  # once, so that its error edge is no loop
        return moving.must(flow, lookup, progress, activity, visit, reason, by_edge=by_edge)
    try:
        return _perform(current, progress, activity, visit, world)
    except (RunError, VariableError, PebbleError) as problem:
        return moving.must(flow, lookup, progress, activity, visit, _reason(problem))


def _perform(
    current: Flow, progress: Progress, activity: Activity, visit: int, world: World
) -> Moved | Effect:
    """Raises RunError, VariableError, PebbleError."""
    address = address_of(progress, activity.node_id)
    if isinstance(activity, HttpRequest):
        continues = current.continues(activity.node_id, in_main=progress.in_main)
        return SendRequest(node=activity, visit=visit, address=address, continues=continues)
    context = context_in(current, world.event, progress, world.overrides, world.now)
    moment = Moment(
        context=context, now=world.now, run_id=world.run_id, address=address, visit=visit
    )
    effect = _effect(activity, moment, world.event)
    if effect is not None:
        return effect
    outcome = activity.perform(moment)
    return moving.moved(
        current,
        progress,
        activity,
        visit,
        port=outcome.port,
        outputs=outcome.outputs,
        variables=outcome.variables,
        inputs=outcome.inputs,
        note=outcome.note,
    )


def _effect(activity: Activity, moment: Moment, event: Event) -> Effect | None:
    """What an activity asks of the driver; None where it asks nothing."""
    visit, address = moment.visit, moment.address
    if isinstance(activity, WaitNode):
        seconds = activity.seconds(moment)
        return Wait(node=activity, visit=visit, address=address, seconds=seconds)
    if isinstance(activity, ScreenPop):
        pop = activity.pop(moment, event)
        return PopScreen(node=activity, visit=visit, address=address, pop=pop)
    if isinstance(activity, CallNode):
        named, label = activity.called(moment)
        return CallFlow(
            node=activity,
            visit=visit,
            address=address,
            flow=named,
            label=label,
            returns=activity.returns,
            given=activity.given(moment),
        )
    return None


def succeeded(
    flow: Flow,
    lookup: Lookup,
    progress: Progress,
    effect: Effect,
    outputs: Mapping[str, Any],
    world: World,
    *,
    inputs: Mapping[str, Any] = _NOTHING,
    entered: Mapping[str, Any] = _NOTHING,
) -> Moved:
    """The effect is done; go on behind it.

    `outputs` are a request's response_outputs, and for a CallFlow {"flow_id", "version"}: what it
    enters, whose variables take the overrides `entered`. `inputs` are for the trace: what the
    driver rendered. Raises RunError where a flow cannot be entered and nothing handles that.
    """
    current = performed(flow, lookup, progress)
    if isinstance(effect, CallFlow):
        try:
            return calling.entered(current, lookup, progress, effect, outputs, entered, world)
        except (RunError, VariableError) as problem:
            reason = _reason(problem)
            return moving.must(flow, lookup, progress, effect.node, effect.visit, reason)
    variables: dict[str, Any] = {}
    note = None
    shown = inputs
    if isinstance(effect, SendRequest):
        variables, note = effect.node.read(outputs)
    elif isinstance(effect, PopScreen):
        shown = msgspec.structs.asdict(effect.pop)
    elif isinstance(effect, Wait):
        shown = {"seconds": effect.seconds}
    return moving.moved(
        current,
        progress,
        effect.node,
        effect.visit,
        outputs=dict(outputs) if effect.node.outputs else None,
        variables=variables,
        inputs=dict(shown),
        note=note,
    )


def failed(
    flow: Flow,
    lookup: Lookup,
    progress: Progress,
    effect: Effect,
    reason: str,
    world: World,  # noqa: ARG001 - of the interface: a step may need it one day
    *,
    inputs: Mapping[str, Any] = _NOTHING,
) -> Moved | None:
    """The effect failed: on by the error edge, else in OnGlobalError, else in the calling flow.

    None when nothing handles it.
    """
    return moving.failed_at(
        flow, lookup, progress, effect.node, effect.visit, reason, inputs=dict(inputs)
    )


def context_of(flow: Flow, lookup: Lookup, progress: Progress, world: World) -> dict[str, Any]:
    """What templates of the flow that is performed now see. Raises RunError."""
    current = performed(flow, lookup, progress)
    return context_in(current, world.event, progress, world.overrides, world.now)


def response_outputs(
    status: int, headers: tuple[tuple[str, str], ...], body: bytes
) -> dict[str, Any]:
    """What later nodes read of a response; a network fault is status 0 with nothing."""
    return {
        "httpStatusCode": status,
        "httpResponseBody": body[:LARGEST_RESPONSE_BYTES].decode("utf-8", "replace"),
        "httpResponseHeaders": dict(headers),
    }


def _pass(current: Flow, progress: Progress, activity: Start | EventNode | End) -> Moved:
    """A node that does nothing."""
    graph = current.main if progress.in_main else current.events
    node_id = activity.node_id
    following = graph.after(node_id)
    note = activity.note if isinstance(activity, End) else None
    trace = TraceEntry(
        node=node_id,
        name=activity.name,
        activity=activity.kind,
        visit=1,
        address=address_of(progress, node_id),
        edge=None if following is None else "out",
        note=note,
    )
    return Moved(msgspec.structs.replace(progress, node=following), trace)


def _return(flow: Flow, lookup: Lookup, progress: Progress, world: World) -> Moved:
    """A flow that was called has ended: its caller goes on behind the calling node."""
    caller = calling.back(progress)
    try:
        return calling.returned(flow, lookup, progress, world)
    except (RunError, VariableError) as problem:
        current = performed(flow, lookup, caller)
        graph = current.main if caller.in_main else current.events
        node = graph.nodes[caller.node or ""]
        visit = caller.visits.get(node.node_id, 1)
        return moving.must(flow, lookup, caller, node, visit, _reason(problem))


def _reason(problem: RunError | VariableError | PebbleError) -> str:
    """A RunError's words without its node, which the trace names anyway."""
    return problem.message if isinstance(problem, RunError) else str(problem)


__all__ = [
    "CallFlow",
    "Effect",
    "Finished",
    "Lookup",
    "Moved",
    "PopScreen",
    "SendRequest",
    "Step",
    "TraceEntry",
    "Wait",
    "World",
    "address_of",
    "begin",
    "context_of",
    "failed",
    "performed",
    "response_outputs",
    "step",
    "succeeded",
]

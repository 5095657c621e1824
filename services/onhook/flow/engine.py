"""The engine: a pure stepper. Given a flow and a run's progress it says what is to be done next.

No I/O, no clock, no randomness: the same progress and results give the same effects. It must not
know the bus, HTTP or the journal; the worker performs the effects and hands the results back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from onhook.contracts.event import ERROR_EVENT, EVENT_NAMES, TEMPLATE_ALIASES, Event
from onhook.contracts.run import LARGEST_RESPONSE_BYTES, Progress
from onhook.flow.compiled import End, EventNode, Flow
from onhook.flow.errors import RunError, VariableError
from onhook.flow.http_request import CONTINUE_TIMEOUT_S, DELIVER_TIMEOUT_S, HttpRequest
from onhook.flow.variables import external_values, initial_variables

LARGEST_VISITS = 100
"""How often a run may enter one node."""


class SendRequest(Struct, frozen=True, kw_only=True):
    """Perform the HTTP Request `node`; this is its `visit`th time."""

    node: HttpRequest
    visit: int
    continues: bool

    @property
    def timeout_s(self) -> float:
        return self.node.timeout_s or (CONTINUE_TIMEOUT_S if self.continues else DELIVER_TIMEOUT_S)


class Finished(Struct, frozen=True):
    """The run is over."""


Effect = SendRequest | Finished


def begin(flow: Flow, event: Event, overrides: Mapping[str, Any]) -> Progress:
    """A run's progress before its first node. Raises VariableError."""
    given = event.data.get("variables") or {}
    variables = initial_variables(flow.variables, given, flow.settable, overrides)
    return Progress(node=flow.handlers[event.type], variables=variables)


def next_effect(flow: Flow, progress: Progress) -> tuple[Progress, Effect]:
    """Go on to the next effect. Raises RunError when a node was entered too often.

    A node's error edge or OnGlobalError handles that first, like any other failure.
    """
    while progress.node is not None:
        activity = flow.nodes[progress.node]
        if isinstance(activity, EventNode):
            progress = msgspec.structs.replace(progress, node=flow.after(activity.node_id))
        elif isinstance(activity, End):
            progress = msgspec.structs.replace(progress, node=None)
        else:
            visit = progress.visits.get(activity.node_id, 0) + 1
            if visit > LARGEST_VISITS:
                progress = _stopped(flow, progress, activity, visit)
                continue
            continues = activity.node_id in flow.continuing
            return progress, SendRequest(node=activity, visit=visit, continues=continues)
    return progress, Finished()


def _stopped(flow: Flow, progress: Progress, node: HttpRequest, visit: int) -> Progress:
    """The node was entered too often, which fails it: once, so that its error edge is no loop."""
    reason = f"entered more than {LARGEST_VISITS} times"
    handled = failed(flow, progress, node, reason) if visit == LARGEST_VISITS + 1 else None
    if handled is None:
        raise RunError(node.name, reason)
    return handled


def succeeded(flow: Flow, progress: Progress, effect: SendRequest, outputs: Any) -> Progress:
    """The request's outputs are in; go on behind it."""
    return msgspec.structs.replace(
        progress,
        node=flow.after(effect.node.node_id),
        outputs={**progress.outputs, effect.node.name: outputs},
        visits={**progress.visits, effect.node.node_id: effect.visit},
    )


def failed(flow: Flow, progress: Progress, node: HttpRequest, reason: str) -> Progress | None:
    """The node failed: go on by its error edge, else in OnGlobalError; None when nothing handles it."""
    visits = {**progress.visits, node.node_id: progress.visits.get(node.node_id, 0) + 1}
    outputs = {
        **progress.outputs,
        ERROR_EVENT: {"activityName": node.name, "errorMessage": reason[:1_000]},
    }
    edge = flow.after_error(node.node_id)
    if edge is not None:
        return msgspec.structs.replace(progress, node=edge, visits=visits, outputs=outputs)
    handler = flow.handlers.get(ERROR_EVENT)
    if handler is None or progress.in_error_handler:
        return None
    return msgspec.structs.replace(
        progress, node=handler, visits=visits, outputs=outputs, in_error_handler=True
    )


def response_outputs(
    status: int, headers: tuple[tuple[str, str], ...], body: bytes
) -> dict[str, Any]:
    """What later nodes read of a response; a network fault is status 0 with nothing."""
    return {
        "httpStatusCode": status,
        "httpResponseBody": body[:LARGEST_RESPONSE_BYTES].decode("utf-8", "replace"),
        "httpResponseHeaders": dict(headers),
    }


def context_of(
    flow: Flow, event: Event, progress: Progress, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """What templates see: variables, the events' outputs, the nodes' outputs. Raises RunError.

    Of the event only outputs of known events are taken, and none that bears a name of the flow's
    own: a publisher could send a delivery elsewhere.
    """
    context: dict[str, Any] = dict(progress.variables)
    try:
        context.update(external_values(flow.variables, overrides))
    except VariableError as problem:
        raise RunError(flow.name, str(problem)) from None
    for alias, outputs in event.data.items():
        name = TEMPLATE_ALIASES.get(alias, alias)
        is_second = name != alias and name in event.data
        if name in EVENT_NAMES and name not in flow.own_names and not is_second:
            context[name] = outputs
    _add_interaction_id(context, event)
    context.update(progress.outputs)
    for alias, name in TEMPLATE_ALIASES.items():
        if name in context:
            context.setdefault(alias, context[name])
    return context


def _add_interaction_id(context: dict[str, Any], event: Event) -> None:
    """Both spellings read the same; a publisher may have sent only one, or only the subject."""
    contact = context.get("NewPhoneContact")
    if contact is not None and not isinstance(contact, dict):
        return
    known = contact or {}
    found = known.get("InteractionId") or known.get("interactionId") or event.subject
    if found:
        context["NewPhoneContact"] = {**known, "InteractionId": found, "interactionId": found}

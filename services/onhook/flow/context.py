"""What the templates of a flow see: its variables, the events' outputs, its nodes' outputs.

Of an event only outputs of known events are taken, and its own under its type, and none that bears
a name of the flow's own: a publisher could send a delivery elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onhook.contracts.event import EVENT_NAMES, TEMPLATE_ALIASES, Event
from onhook.contracts.run import Progress
from onhook.flow.compiled import Flow
from onhook.flow.errors import RunError, VariableError
from onhook.flow.variables import external_values

_KNOWN = {**{name: name for name in EVENT_NAMES}, **TEMPLATE_ALIASES}


def context_in(
    flow: Flow,
    event: Event,
    progress: Progress,
    overrides: Mapping[str, Any],
    now: datetime | None = None,
) -> dict[str, Any]:
    """`flow` is the one that is performed now. Raises RunError.

    A value that an activity gave to an externalized variable goes over the configured one.
    """
    try:
        context = external_values(flow.external, overrides, now)
    except VariableError as problem:
        raise RunError(flow.name, str(problem)) from None
    context.update(progress.variables)
    data, own_names = event.data, flow.own_names
    for alias, outputs in data.items():
        name = _KNOWN.get(alias) or (alias if alias == event.type else None)
        if name is None or name in own_names or (name != alias and name in data):
            continue
        context[name] = outputs
    if "NewPhoneContact" not in own_names:
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

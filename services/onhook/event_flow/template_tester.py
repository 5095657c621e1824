"""One template evaluated against one context, as Flow Designer's expression tester does.

Pure. What a context is made of, and what type a value has, are said here; the language is pebble's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from onhook import pebble
from onhook.contracts.event import EVENT_NAMES, TEMPLATE_ALIASES, Event
from onhook.flow.expression import compiled
from onhook.flow.json_body import compile_json_body


class Evaluated(Struct, frozen=True, kw_only=True):
    """`type` is that of the one expression's value; a text around it makes it a String."""

    output: str
    type: str
    notes: tuple[str, ...] = ()


def evaluate(
    source: str, context: Mapping[str, Any], *, as_json_body: bool, now: datetime
) -> Evaluated:
    """Raises PebbleError, with line and column, also for names that the language does not have."""
    template = compiled(source)
    now = now.replace(microsecond=now.microsecond // 1_000 * 1_000)  # as the hosted product has it
    if as_json_body:
        body = compile_json_body(template, _holds_json)
        notes = tuple(f"{note.message}; {note.remedy}" for note in body.notes)
        output = body.render(context, now=now).decode()
        return Evaluated(output=output, type="JSON", notes=notes)
    output = template.render(context, now=now)
    if template.expression is None:
        return Evaluated(output=output, type="String")
    return Evaluated(output=output, type=type_of(template.value(context, now=now)))


def _holds_json(reference: pebble.Reference) -> bool:
    return reference.path[-1] == "httpResponseBody"


def context_of_event(event: Event) -> dict[str, Any]:
    """What a flow that declares all of the event's variables would see of it."""
    context: dict[str, Any] = dict(event.data.get("variables") or {})
    for alias, outputs in event.data.items():
        name = TEMPLATE_ALIASES.get(alias, alias)
        if name in EVENT_NAMES and (name == alias or name not in event.data):
            context[name] = outputs
    contact = context.get("NewPhoneContact")
    if event.interaction_id and isinstance(contact, dict):
        interaction = event.interaction_id
        ids = {"InteractionId": interaction, "interactionId": interaction}
        context["NewPhoneContact"] = {**contact, **ids}
    for alias, name in TEMPLATE_ALIASES.items():
        if name in context:
            context.setdefault(alias, context[name])
    return context


def type_of(value: Any) -> str:
    """In the words of Flow Designer, and those of the language where it has none."""
    if value is None:
        return "null"
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    return "DateTime" if isinstance(value, datetime) else "String"


_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "Boolean"),
    (int, "Integer"),
    (float, "Decimal"),
    (Mapping, "map"),
    ((list, tuple, range), "list"),
)

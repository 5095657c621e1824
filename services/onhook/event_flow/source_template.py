"""How a source's messages become events: compiled templates, and an event made with them. Pure.

The file that they are read from is sources.py's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from onhook import pebble
from onhook.contracts.event import (
    ERROR_EVENT,
    EVENT_NAMES,
    SPEC_VERSION,
    Event,
    canonical_name,
    timestamp,
)
from onhook.event_flow.dead_letter import cut
from onhook.event_flow.source_message import CONTEXT_NAMES, PROPERTY_NAMES
from onhook.flow.json_body import JsonBody, compile_json_body
from onhook.pebble import PebbleError, Template, Text

LONGEST_ID = 1_000
DEEPEST = 40
VARIABLES = "variables"

_EVENT_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_NOW = re.compile(r"\bnow\s*\(")
_NUMBER = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?", re.ASCII)
_MILLISECONDS_FROM = 100_000_000_000
"""A count since 1970 from here on is one of milliseconds: as seconds it would be the year 5138."""

Part = Template | dict[str, "Part"] | list["Part"] | int | float | bool | None
"""Of data as a mapping: a template, or what stands there as it is."""


class Unusable(Exception):
    """A field of the file cannot be used. The text says why and what to do."""


class NoEvent(Exception):
    """A message cannot be turned into an event; the text names the field."""


class Recipe(Struct, frozen=True, kw_only=True):
    """The templates of a source. `data` None: the message's body is what its event says."""

    source: Template
    type: Template
    id: Template
    subject: Template | None = None
    time: Template | None = None
    data: JsonBody | dict[str, Part] | None = None

    @property
    def literal_type(self) -> str | None:
        """The type of every event that it makes; None where that depends on the message."""
        return literal(self.type)

    @property
    def reads(self) -> frozenset[str]:
        """The names that its templates read of a message."""
        fields = (self.source, self.type, self.id, self.subject, self.time)
        found = {name for field in fields if field is not None for name in _names(field)}
        return frozenset(found | ({"body"} if self.data is None else _names(self.data)))

    def event(self, context: Mapping[str, Any], now: datetime) -> Event:
        """Raises NoEvent."""
        try:
            event_type = checked_type(_required("type", self.type, context, now))
        except Unusable as problem:
            raise NoEvent(f"type: {problem}") from None
        event_id = _required("id", self.id, context, now)
        if len(event_id) > LONGEST_ID:
            raise NoEvent(f"id: has {len(event_id)} characters; {LONGEST_ID} are the most")
        return Event(
            id=event_id,
            source=_required("source", self.source, context, now),
            type=event_type,
            specversion=SPEC_VERSION,
            subject=_printed("subject", self.subject, context, now) or None,
            time=_time(_printed("time", self.time, context, now)),
            datacontenttype="application/json",
            data=self._data(event_type, context, now),
        )

    def _data(self, event_type: str, context: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        try:
            if self.data is None:
                data: Any = {event_type: context["body"]}
            elif isinstance(self.data, dict):
                data = {name: _value(part, context, now) for name, part in self.data.items()}
            else:
                data = msgspec.json.decode(self.data.render(context, now=now))
        except PebbleError as problem:
            raise NoEvent(f"data: {problem}") from None
        except (msgspec.DecodeError, RecursionError) as problem:
            raise NoEvent(f"data: prints no JSON that can be read: {problem}") from None
        if not isinstance(data, dict):
            raise NoEvent(f"data: prints {_kind(data)}, and must be an object")
        if not isinstance(data.get(VARIABLES, {}), dict | None):
            raise NoEvent(f"data.variables: is {_kind(data[VARIABLES])}, and must be an object")
        return data


def checked_type(found: str) -> str:
    """The event's name on the bus. Raises Unusable."""
    name = canonical_name(found) or found
    if name == ERROR_EVENT:
        raise Unusable(f'"{cut(found, 80)}" is how flows handle their errors; choose another name')
    if _EVENT_TYPE.fullmatch(name) is None:
        raise Unusable(
            f'"{cut(found, 80)}" is no event type: letters, digits and _, not a digit first, at '
            "most 100, so that templates can name its outputs"
        )
    return name


def compiled(text: Any, *, is_stable: bool = False) -> Template:
    """A field's template. `is_stable`: the same message must always print the same. Raises Unusable."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise Unusable("must be a text; put it in quotes")
    source = str(text)
    try:
        template = pebble.compile(source)
    except PebbleError as problem:
        raise Unusable(str(problem)) from None
    _check_names(template)
    if is_stable and _NOW.search(source):
        raise Unusable(
            "uses now(), so that a message that is handed out again would be another event; take "
            'what names the message, such as "{{ properties.message_id }}"'
        )
    return template


def compiled_data(given: Any, event_type: str | None) -> JsonBody | dict[str, Part] | None:
    """`event_type` None: it depends on the message. Raises Unusable."""
    if given is None:
        return None
    if isinstance(given, str):
        try:
            return compile_json_body(compiled(given))
        except PebbleError as problem:
            raise Unusable(str(problem)) from None
    if not isinstance(given, dict):
        raise Unusable("must be the template of a JSON body, or a mapping of templates")
    seen = {*EVENT_NAMES, VARIABLES}
    for name in given:
        if event_type is not None and (canonical_name(name) or name) not in {*seen, event_type}:
            raise Unusable(
                f'"{cut(name, 80)}": templates of flows do not see that; put it under {event_type}, '
                "under another event's name, or under variables"
            )
    return {name: _part(part, name, 0) for name, part in given.items()}


def literal(template: Template) -> str | None:
    """The text of a template without expressions."""
    if all(isinstance(node, Text) for node in template.body):
        return "".join(node.text for node in template.body if isinstance(node, Text)).strip()
    return None


def _part(given: Any, place: str, depth: int) -> Part:
    if depth > DEEPEST:
        raise Unusable(f"{place}: nested more than {DEEPEST} levels deep")
    if isinstance(given, dict):
        return {name: _part(part, f"{place}.{name}", depth + 1) for name, part in given.items()}
    if isinstance(given, list):
        return [_part(part, f"{place}[{at}]", depth + 1) for at, part in enumerate(given)]
    if not isinstance(given, str):
        plain: int | float | bool | None = given
        return plain
    try:
        return compiled(given)
    except Unusable as problem:
        raise Unusable(f"{place}: {problem}") from None


def _check_names(template: Template) -> None:
    """Every name must be one that a message has; every filter must exist. Raises Unusable."""
    for problem in template.problems:
        raise Unusable(str(problem))
    for reference in template.references:
        first, *rest = reference.path
        if first not in CONTEXT_NAMES:
            raise Unusable(
                f'"{first}" is nothing that a message has; it has {", ".join(CONTEXT_NAMES)}'
            )
        if first == "properties" and rest and rest[0] not in PROPERTY_NAMES:
            near = difflib.get_close_matches(_snake(rest[0]), PROPERTY_NAMES, 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PROPERTY_NAMES)}"
            raise Unusable(f'a message has no property "{rest[0]}"; {hint}')


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _names(part: JsonBody | Part) -> set[str]:
    """What it reads of a message: the first names of its references."""
    if isinstance(part, Template | JsonBody):
        return {reference.path[0] for reference in part.references}
    if isinstance(part, dict):
        return {name for each in part.values() for name in _names(each)}
    if isinstance(part, list):
        return {name for each in part for name in _names(each)}
    return set()


def _required(field: str, template: Template, context: Mapping[str, Any], now: datetime) -> str:
    found = _printed(field, template, context, now)
    if not found:
        raise NoEvent(f"{field}: {cut(template.source, 80)} prints nothing")
    return found


def _printed(
    field: str, template: Template | None, context: Mapping[str, Any], now: datetime
) -> str:
    if template is None:
        return ""
    try:
        return template.render(context, now=now).strip()
    except PebbleError as problem:
        raise NoEvent(f"{field}: {problem}") from None


def _value(part: Part, context: Mapping[str, Any], now: datetime) -> Any:
    """One expression alone gives its value, anything else its text. Raises PebbleError."""
    if isinstance(part, Template):
        return part.value(context, now=now)
    if isinstance(part, dict):
        return {name: _value(each, context, now) for name, each in part.items()}
    if isinstance(part, list):
        return [_value(each, context, now) for each in part]
    return part


def _time(found: str) -> str | None:
    """RFC 3339, from that or a count of seconds or milliseconds since 1970. Raises NoEvent."""
    if not found:
        return None
    try:
        if _NUMBER.fullmatch(found):
            count = float(found)
            at = datetime.fromtimestamp(count / (1000 if count >= _MILLISECONDS_FROM else 1), UTC)
        else:
            at = datetime.fromisoformat(found)
    except (ValueError, OverflowError, OSError):
        raise NoEvent(
            f'time: "{cut(found, 80)}" is no time; print one such as 2025-01-31T12:00:00Z, or '
            "seconds or milliseconds since 1970"
        ) from None
    return timestamp(at if at.tzinfo is not None else at.replace(tzinfo=UTC))


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")

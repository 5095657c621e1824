"""Compiling a template into texts and references, and rendering it over plain data.

Only dicts are looked into: what is no plain data cannot be reached from here. This module must
not know what a flow is, nor where its output goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

_OPENING = re.compile(r"\{\{|\{%|\{#")
# Pebble drops one line break behind a tag.
_REFERENCE = re.compile(
    r"\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}(?:\r\n|\n\r|[\r\n\x85\u2028\u2029])?", re.ASCII
)
_LITERALS = frozenset({"true", "false", "null", "none", "TRUE", "FALSE", "NULL", "NONE"})
"""What Pebble takes for values, not for names."""

UNSUPPORTED = (
    "only dotted references such as {{NewPhoneContact.ANI}} can be evaluated by this version"
)


class PebbleError(Exception):
    """The template cannot be compiled. `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


class Text(Struct, frozen=True):
    """Literal text; `offset` counts characters of the source from 0."""

    text: str
    offset: int


class Reference(Struct, frozen=True):
    """A dotted name, such as ("NewPhoneContact", "ANI")."""

    path: tuple[str, ...]
    offset: int

    def __str__(self) -> str:
        return "{{" + ".".join(self.path) + "}}"

    def value(self, context: Mapping[str, Any]) -> Any:
        """What it names in `context`; None where there is nothing."""
        found: Any = context
        for name in self.path:
            if not isinstance(found, Mapping):
                return None
            found = found.get(name)
        return found


class Template(Struct, frozen=True):
    """A compiled template."""

    source: str
    parts: tuple[Text | Reference, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(part for part in self.parts if isinstance(part, Reference))

    def render(self, context: Mapping[str, Any]) -> str:
        """The text, with every reference replaced by its value as text; nothing if missing."""
        return "".join(
            part.text if isinstance(part, Text) else as_text(part.value(context))
            for part in self.parts
        )


def as_text(value: Any) -> str:
    """A value as a template prints it: nothing for null, `true`, JSON text for maps and lists."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return msgspec.json.encode(value).decode()


def position(source: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at `offset`."""
    before = source[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def compile_template(source: str) -> Template:
    """Compile `source`. Raises PebbleError with the place of what cannot be evaluated."""
    parts: list[Text | Reference] = []
    at = 0
    while opening := _OPENING.search(source, at):
        if opening.start() > at:
            parts.append(Text(source[at : opening.start()], at))
        reference = _REFERENCE.match(source, opening.end()) if opening[0] == "{{" else None
        if reference is None or reference[1].split(".")[0] in _LITERALS:
            raise PebbleError(UNSUPPORTED, *position(source, opening.start()))
        parts.append(Reference(tuple(reference[1].split(".")), opening.start()))
        at = reference.end()
    if at < len(source):
        parts.append(Text(source[at:], at))
    return Template(source, tuple(parts))

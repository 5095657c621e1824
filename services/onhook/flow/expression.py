"""Templates in a node's properties, evaluated to texts, plain values and yes or no.

The one place of the engine that knows the template language's values; no node, no run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from onhook import pebble
from onhook.pebble import PebbleError, Reference, Template
from onhook.pebble.errors import Fault
from onhook.pebble.operators import truth

_NAME = re.compile(r"\s*[A-Za-z_]\w*(\.\w[\w-]*)*\s*", re.ASCII)
_OPENING = re.compile(r"\{[{%#]")


def compiled(source: str) -> Template:
    """Raises PebbleError, also for filters, tests and functions that do not exist.

    The template language itself fails there only once it comes to them: after publishing.
    """
    template = pebble.compile(source)
    for problem in template.problems:
        raise problem
    return template


def named(source: str) -> str:
    """`source` as a template where it may be a bare name: `Ask.httpResponseBody`, `{{x}}`."""
    return f"{{{{{source.strip()}}}}}" if _NAME.fullmatch(source) else source


def has_tags(source: str) -> bool:
    """Whether anything in it is evaluated."""
    return _OPENING.search(source) is not None


def is_whole(template: Template) -> bool:
    """Whether it is one expression, with nothing but blanks around it."""
    return template.expression is not None


def text_of(template: Template, context: Mapping[str, Any], now: datetime | None) -> str:
    """Raises PebbleError."""
    return template.render(context, now=now)


def value_of(template: Template, context: Mapping[str, Any], now: datetime | None) -> Any:
    """Its value as plain data where it is one expression, else its text. Raises PebbleError."""
    return template.value(context, now=now)


def is_true(value: Any) -> bool:
    """Yes or no, as the template language takes a value in an `if`. Raises PebbleError."""
    try:
        return truth(value)
    except Fault as fault:
        raise PebbleError(fault.message, 1, 1) from None


def as_text(value: Any) -> str:
    """A value for a text that is kept: JSON for maps and lists, nothing for null."""
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return pebble.as_text(value)


__all__ = [
    "PebbleError",
    "Reference",
    "Template",
    "as_text",
    "compiled",
    "has_tags",
    "is_true",
    "is_whole",
    "named",
    "text_of",
    "value_of",
]

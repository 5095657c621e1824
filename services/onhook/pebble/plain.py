"""The shortest way through a template of nothing but texts and dotted names, as most are.

It gives up wherever the language would do more than look into maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from onhook.pebble.errors import Fault
from onhook.pebble.limits import Limits
from onhook.pebble.nodes import Attribute, Expression, Name, Node, Print, Text
from onhook.pebble.printing import text_of

PlainPart: TypeAlias = str | tuple[str, ...]
"""A text, or the path of a value."""

_RESERVED = frozenset({"locale", "_context"})


def plain_parts(body: tuple[Node, ...]) -> tuple[PlainPart, ...] | None:
    """The template's parts; None if there is anything else in it."""
    parts: list[PlainPart] = []
    for node in body:
        if isinstance(node, Text):
            parts.append(node.text)
        elif isinstance(node, Print) and (path := plain_path(node.expression)):
            parts.append(path)
        else:
            return None
    return tuple(parts)


def plain_path(expression: Expression) -> tuple[str, ...] | None:
    """The names of `a.b.c`; None for any other expression."""
    path: list[str] = []
    while isinstance(expression, Attribute):
        path.append(expression.name)
        expression = expression.target
    if not isinstance(expression, Name) or expression.name in _RESERVED:
        return None
    return expression.name, *reversed(path)


def plain_text(
    parts: tuple[PlainPart, ...], context: Mapping[str, Any], limits: Limits
) -> str | None:
    """The rendered text; None if it takes the long way, which also finds what is wrong."""
    out: list[str] = []
    add = out.append
    for part in parts:
        if part.__class__ is str:
            add(part)
            continue
        value: Any = context
        for name in part:
            if value is None:
                break
            if value.__class__ is not dict and value is not context:
                return None
            value = value.get(name)
        if value.__class__ is str:
            add(value)
        elif value is not None:
            try:
                add(text_of(value, limits.output_chars))
            except Fault:
                return None
    if sum(map(len, out)) > limits.output_chars or len(parts) > limits.steps:
        return None
    return "".join(out)

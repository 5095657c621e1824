"""A template without the escaping that its place does anyway: a final `| escape("json")` or `| raw`.

It rewrites the tree, so that a value arrives unescaped and is escaped once. It must not know places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from onhook.pebble import Template
from onhook.pebble.nodes import (
    Arguments,
    Autoescape,
    Block,
    Conditional,
    Expression,
    Filter,
    FilterBlock,
    For,
    Group,
    If,
    Literal,
    Node,
    Print,
)

IsFinal = Callable[[str, str], bool]
"""Whether a filter is dropped, by its name and its strategy (`html` where it names none)."""

RAW = "raw"
_DEEPEST = 50
"""Conditionals within one another that are looked into."""
DEFAULT_STRATEGY = "html"


def without_final(template: Template, is_final: IsFinal) -> tuple[Template, tuple[int, ...]]:
    """The template without those filters where they come last, and where it had them.

    The offsets are those of the expressions' braces.
    """
    stripping = _Stripping(is_final)
    body = stripping.nodes(template.body)
    if not stripping.offsets:
        return template, ()
    return Template(template.source, body), tuple(stripping.offsets)


def drops_escapes(*strategies: str) -> IsFinal:
    """Drops `raw`, and `escape` with one of these strategies."""
    return lambda name, strategy: name == RAW or (name == "escape" and strategy in strategies)


class _Stripping:
    def __init__(self, is_final: IsFinal) -> None:
        self.offsets: list[int] = []
        self._is_final = is_final

    def nodes(self, body: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(self._node(node) for node in body)

    def _node(self, node: Node) -> Node:
        if isinstance(node, Print):
            return self._print(node)
        if isinstance(node, FilterBlock):
            return self._filter_block(node)
        if isinstance(node, If):
            branches = (replace(branch, body=self.nodes(branch.body)) for branch in node.branches)
            return If(tuple(branches), self.nodes(node.otherwise), node.offset)
        if isinstance(node, For):
            otherwise = self.nodes(node.otherwise)
            return replace(node, body=self.nodes(node.body), otherwise=otherwise)
        if isinstance(node, Autoescape | Block | Group):
            inside = replace(node, body=self.nodes(node.body))
            return self._autoescape(inside) if isinstance(inside, Autoescape) else inside
        return node

    def _print(self, node: Print) -> Print:
        kept = self._expression(node.expression)
        if kept is node.expression:
            return node
        self.offsets.append(node.offset)
        return Print(kept, node.offset)

    def _autoescape(self, node: Autoescape) -> Autoescape:
        if not node.active or not self._is_final("escape", node.strategy or DEFAULT_STRATEGY):
            return node
        self.offsets.append(node.offset)
        return replace(node, active=False)

    def _filter_block(self, node: FilterBlock) -> FilterBlock:
        filters = node.filters
        while filters and self._is_dropped(filters[-1].name, filters[-1].arguments):
            filters = filters[:-1]
        if len(filters) < len(node.filters):
            self.offsets.append(node.offset)
        return FilterBlock(filters, node.body, node.offset)

    def _expression(self, expression: Expression, depth: int = 0) -> Expression:
        while isinstance(expression, Filter):
            if not self._is_dropped(expression.name, expression.arguments):
                return expression
            expression = expression.target
        if isinstance(expression, Conditional) and depth < _DEEPEST:
            then = self._expression(expression.then, depth + 1)
            otherwise = self._expression(expression.otherwise, depth + 1)
            if then is not expression.then or otherwise is not expression.otherwise:
                return Conditional(expression.condition, then, otherwise, expression.offset)
        return expression

    def _is_dropped(self, name: str, arguments: Arguments) -> bool:
        given: Any = dict(arguments.named).get("strategy")
        if arguments.positional:
            given = arguments.positional[0]
        if given is None:
            return self._is_final(name, DEFAULT_STRATEGY)
        return isinstance(given, Literal) and self._is_final(name, str(given.value))

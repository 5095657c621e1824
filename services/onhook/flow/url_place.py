"""Where in an address a piece of it stands, and which expressions can decide its scheme or host.

Over texts and the syntax tree, without values. It must not know how a value is encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from onhook.pebble import Reference, Template
from onhook.pebble.analysis import facts_of
from onhook.pebble.nodes import (
    Autoescape,
    Block,
    Expression,
    FilterBlock,
    For,
    Group,
    If,
    Node,
    Print,
    Set,
    Text,
)

VALUE = "\0"
"""Stands for an expression in the text before another."""
_ORIGIN = re.compile(r"[^:/?#]*:/?/?[^/?#]*")
_WHOLE_ORIGIN = re.compile(rf"{VALUE}(?::?//|:/?$)?[^/?#]*")
"""After an expression at the start, which may be a scheme alone, or with its colon."""
# Loops print the same again: it is enough to know that something stands there.
_VALUES = re.compile(rf"{VALUE}+")
_HOST = re.compile(rf"({VALUE}(?!:\Z)(?::?//)?|[^:/?#{VALUE}]*:/?/?)[^/?#]+\Z")
_MOST_BEGINNINGS = 64
_MOST_TURNS = 8
_MOST_WORK = 20_000


class Place(Enum):
    WHOLE = "whole"
    """At the start: the value brings the scheme, and mostly the host."""
    HOST = "host"
    PATH = "path"
    QUERY = "query"


def place_behind(before: str) -> Place:
    """The place of what follows `before`, in which VALUE stands for each expression."""
    if not before:
        return Place.WHOLE
    behind = behind_origin(before)
    if not behind:
        return Place.HOST
    return Place.QUERY if "?" in behind else Place.PATH


def behind_origin(before: str) -> str:
    """What of `before` stands behind scheme and host for certain; empty while they go on."""
    origin = _WHOLE_ORIGIN.match(before) or _ORIGIN.match(before)
    return before[origin.end() :] if origin else ""


def steering(template: Template) -> tuple[Reference, ...]:
    """The references that may decide scheme or host: all that are read before those have ended."""
    finder = _Finder()
    finder.nodes(template.body, {""})
    if finder.has_blocks or finder.is_endless:  # a block can be printed anywhere
        return template.references
    return tuple(each for each in template.references if each in finder.found)


class _Finder:
    """Follows every beginning that an address may have; one that has ended is None."""

    def __init__(self) -> None:
        self.found: set[Reference] = set()
        self.has_blocks = False
        self.is_endless = False
        self._is_lost = False
        self._work = 0

    def nodes(self, body: Iterable[Node], begun: set[str | None]) -> set[str | None]:
        for node in body:
            self._work += 1
            if self._work > _MOST_WORK:
                self.is_endless = True
                return begun
            begun = self._node(node, begun)
            if len(begun) > _MOST_BEGINNINGS:
                self._is_lost = True
                begun = {""}
        return begun

    def _node(self, node: Node, begun: set[str | None]) -> set[str | None]:
        if isinstance(node, Text):
            return {_with(before, node.text) for before in begun}
        if isinstance(node, Print | FilterBlock):
            self._read(node, begun)
            return {_with(before, VALUE) for before in begun}
        if isinstance(node, Set):
            self._read(node, begun)
        elif isinstance(node, If):
            return self._if(node, begun)
        elif isinstance(node, For):
            return self._for(node, begun)
        elif isinstance(node, Block | Autoescape | Group):
            self.has_blocks |= isinstance(node, Block)
            return self.nodes(node.body, begun)
        return begun

    def _if(self, node: If, begun: set[str | None]) -> set[str | None]:
        after: set[str | None] = set()
        for branch in node.branches:
            self._evaluate(branch.condition, begun)
            after |= self.nodes(branch.body, begun)
        return after | self.nodes(node.otherwise, begun)

    def _for(self, node: For, begun: set[str | None]) -> set[str | None]:
        self._evaluate(node.iterable, begun)
        after = begun | self.nodes(node.otherwise, begun)
        fresh = begun
        for _ in range(_MOST_TURNS):
            fresh = self.nodes(node.body, fresh) - after
            after = after | fresh
            if not fresh:
                return after
        self._is_lost = True
        return {""}

    def _evaluate(self, expression: Expression, begun: set[str | None]) -> None:
        self._read(Print(expression, expression.offset), begun)

    def _read(self, node: Print | FilterBlock | Set, begun: set[str | None]) -> None:
        if self._is_lost or begun != {None}:
            self.found.update(facts_of((node,)).references)


def _with(before: str | None, text: str) -> str | None:
    if before is None:
        return None
    before = _HOST.sub(r"\1h", _VALUES.sub(VALUE, before + text))
    return None if behind_origin(before) else before

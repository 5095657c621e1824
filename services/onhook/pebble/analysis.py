"""What a template's tree says without being rendered: names, macros, blocks, references.

It reads the tree; it must not know how anything is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from msgspec import Struct

from onhook.pebble.nodes import (
    Arguments,
    Attribute,
    Autoescape,
    Binary,
    Block,
    Call,
    Conditional,
    Expression,
    Filter,
    FilterBlock,
    FilterStep,
    For,
    Group,
    If,
    ListLiteral,
    Literal,
    Macro,
    MapLiteral,
    MethodCall,
    Name,
    Node,
    Print,
    Set,
    Subscript,
    Test,
    Unary,
)

_GLOBALS = "_context"
_LOCALE = "locale"
_CHANGING = frozenset({"reverse", "sort", "rsort"})
"""Filters that change the list they are given, as Java's do."""


class Reference(Struct, frozen=True):
    """A dotted path that is read from the context, such as ("NewPhoneContact", "ANI")."""

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


class Use(Struct, frozen=True):
    """A filter, test or function that is used by its name."""

    kind: str
    called: Call | Filter | FilterStep | Test

    @property
    def name(self) -> str:
        return self.called.name

    @property
    def offset(self) -> int:
        return self.called.offset


class Facts(Struct, frozen=True):
    """`macros` and `blocks` come with the autoescaping strategy at their place."""

    uses: tuple[Use, ...]
    references: tuple[Reference, ...]
    local_names: frozenset[str]
    macros: dict[str, tuple[Macro, str | None]]
    blocks: dict[str, tuple[Block, str | None]]
    changes_lists: bool


def facts_of(body: tuple[Node, ...]) -> Facts:
    """Everything there is to know of a template's tree."""
    survey = _Survey()
    survey.nodes(body, frozenset(), None)
    references = sorted(survey.references, key=lambda reference: reference.offset)
    return Facts(
        tuple(sorted(survey.uses, key=lambda use: use.offset)),
        tuple(references),
        frozenset(survey.local_names),
        survey.macros,
        survey.blocks,
        survey.changes_lists,
    )


class _Survey:
    """Walks a tree in source order. `known`: names that are local where it stands."""

    def __init__(self) -> None:
        self.uses: list[Use] = []
        self.references: list[Reference] = []
        self.local_names: set[str] = set()
        self.macros: dict[str, tuple[Macro, str | None]] = {}
        self.blocks: dict[str, tuple[Block, str | None]] = {}
        self.changes_lists = False
        self._is_in_macro = False

    def nodes(
        self, body: Iterable[Node], known: frozenset[str], strategy: str | None
    ) -> frozenset[str]:
        """The names that are local behind `body`."""
        for node in body:
            if visit := self._VISITS.get(type(node)):
                known = visit(self, node, known, strategy)
        return known

    def _bind(self, *names: str) -> frozenset[str]:
        self.local_names.update(names)
        return frozenset(names)

    def _print(self, node: Print, known: frozenset[str], _: str | None) -> frozenset[str]:
        self._expression(node.expression, known)
        return known

    def _if(self, node: If, known: frozenset[str], strategy: str | None) -> frozenset[str]:
        behind = known
        for branch in node.branches:
            self._expression(branch.condition, known)
            behind |= self.nodes(branch.body, known, strategy)
        return behind | self.nodes(node.otherwise, known, strategy)

    def _for(self, node: For, known: frozenset[str], strategy: str | None) -> frozenset[str]:
        self._expression(node.iterable, known)
        self.nodes(node.body, known | self._bind(node.name, "loop"), strategy)
        return self.nodes(node.otherwise, known, strategy)

    def _set(self, node: Set, known: frozenset[str], _: str | None) -> frozenset[str]:
        self._expression(node.value, known)
        return known | self._bind(node.name)

    def _macro(self, node: Macro, known: frozenset[str], strategy: str | None) -> frozenset[str]:
        """Within a macro nothing is read from the context."""
        outer, self._is_in_macro = self._is_in_macro, True
        self.macros[node.name] = node, strategy
        for parameter in node.parameters:
            if parameter.default is not None:
                self._expression(parameter.default, frozenset())
        parameters = self._bind(*(parameter.name for parameter in node.parameters))
        self.nodes(node.body, parameters, strategy)
        self._is_in_macro = outer
        return known

    def _filter_block(
        self, node: FilterBlock, known: frozenset[str], strategy: str | None
    ) -> frozenset[str]:
        for step in node.filters:
            self.uses.append(Use("filter", step))
            self._arguments(step.arguments, known)
        return self.nodes(node.body, known, strategy)

    def _block(self, node: Block, known: frozenset[str], strategy: str | None) -> frozenset[str]:
        self.blocks[node.name] = node, strategy
        return self.nodes(node.body, known, strategy)

    def _autoescape(self, node: Autoescape, known: frozenset[str], _: str | None) -> frozenset[str]:
        return self.nodes(node.body, known, (node.strategy or "html") if node.active else None)

    def _group(self, node: Group, known: frozenset[str], strategy: str | None) -> frozenset[str]:
        if node.key is not None:
            self._expression(node.key, known)
        return self.nodes(node.body, known, strategy)

    def _arguments(self, arguments: Arguments, known: frozenset[str]) -> None:
        for value in _values(arguments):
            self._expression(value, known)

    def _expression(self, expression: Expression, known: frozenset[str]) -> None:
        pending = [expression]
        while pending:
            node = pending.pop()
            if isinstance(node, Name | Attribute | Subscript):
                self._path(node, known, pending)
                continue
            if isinstance(node, Call | Filter | Test):
                self.uses.append(Use(_USE_KINDS[type(node)], node))
            if isinstance(node, Call):
                self._named_arguments(node)
            if isinstance(node, Binary) and node.operator in "+-":
                self.changes_lists = True
            if isinstance(node, Filter) and node.name in _CHANGING:
                self.changes_lists = True
            pending += _PARTS[type(node)](node)

    def _named_arguments(self, call: Call) -> None:
        """A macro without parameters takes any named argument for a variable."""
        self._bind(*(name for name, _ in call.arguments.named))

    def _path(self, node: Expression, known: frozenset[str], pending: list[Expression]) -> None:
        path: list[str] = []
        while isinstance(node, Attribute | Subscript):
            if isinstance(node, Attribute):
                path.append(node.name)
            elif isinstance(node.key, Literal) and isinstance(node.key.value, str):
                path.append(node.key.value)
            else:
                path.clear()
                pending.append(node.key)
            node = node.target
        if not isinstance(node, Name):
            pending.append(node)
            return
        if self._is_in_macro or node.name in known or node.name == _LOCALE:
            return
        if node.name != _GLOBALS:
            path.append(node.name)
        if path:
            self.references.append(Reference(tuple(reversed(path)), node.offset))

    _VISITS: ClassVar[
        dict[type, Callable[[_Survey, Any, frozenset[str], str | None], frozenset[str]]]
    ] = {
        Print: _print,
        If: _if,
        For: _for,
        Set: _set,
        Macro: _macro,
        FilterBlock: _filter_block,
        Block: _block,
        Autoescape: _autoescape,
        Group: _group,
    }


def _values(arguments: Arguments) -> list[Expression]:
    return [*arguments.positional, *(value for _, value in arguments.named)]


_USE_KINDS: dict[type, str] = {Call: "function", Filter: "filter", Test: "test"}
_PARTS: dict[type, Callable[[Any], list[Expression]]] = {
    Literal: lambda _node: [],
    MethodCall: lambda node: [node.target, *node.arguments],
    Call: lambda node: _values(node.arguments),
    Filter: lambda node: [node.target, *_values(node.arguments)],
    Test: lambda node: [node.target, *_values(node.arguments)],
    Unary: lambda node: [node.operand],
    Binary: lambda node: [node.left, node.right],
    Conditional: lambda node: [node.condition, node.then, node.otherwise],
    ListLiteral: lambda node: list(node.items),
    MapLiteral: lambda node: [part for entry in node.entries for part in entry],
}
"""The expressions right within one."""

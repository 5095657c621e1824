"""Compiling expressions into functions of the state.

One function for each kind of expression; operators have theirs in `operations`, and what filters
and methods compute is decided in their own modules. Every Fault leaves here with the offset of the
expression that failed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from onhook.pebble import attributes
from onhook.pebble.arguments import Evaluate, bound, failing
from onhook.pebble.equality import hash_map
from onhook.pebble.errors import Fault
from onhook.pebble.filters import FILTERS
from onhook.pebble.functions import FUNCTIONS
from onhook.pebble.nodes import (
    Attribute,
    Binary,
    Call,
    Conditional,
    Expression,
    Filter,
    FilterStep,
    ListLiteral,
    Literal,
    MapLiteral,
    MethodCall,
    Name,
    Subscript,
    Test,
    Unary,
)
from onhook.pebble.operations import applied, binary, conditional, unary
from onhook.pebble.predicates import TESTS
from onhook.pebble.state import State
from onhook.pebble.values import Safe

_LONG_CHAIN = 32


class ExpressionCompiler:
    """Compiles the expressions of one template, which share their macros and blocks.

    `call_special` compiles a call of a macro or block; None when there is none of that name.
    """

    def __init__(
        self,
        local_names: frozenset[str],
        call_special: Callable[[Call, ExpressionCompiler], Evaluate | None],
    ) -> None:
        self._local_names = local_names
        self._call_special = call_special
        self.steps = 0
        """Expressions compiled so far: what evaluating them costs."""

    def compile(self, expression: Expression) -> Evaluate:
        """A function that gives the expression's value."""
        chain = [expression]
        while (inner := _inner(chain[-1])) is not None:
            chain.append(inner)
        compiled = self._single(chain.pop(), None)
        if len(chain) > _LONG_CHAIN:
            return _along(compiled, [self._single(link, _carried) for link in reversed(chain)])
        while chain:
            compiled = self._single(chain.pop(), compiled)
        return compiled

    def _single(self, expression: Expression, inner: Evaluate | None) -> Evaluate:
        """`inner` is what the expression's leftmost part was compiled to."""
        self.steps += 1
        return self._COMPILERS[type(expression)](self, expression, inner)

    def _literal(self, node: Literal, _inner: Any) -> Evaluate:
        value = node.value
        return lambda _state: value

    def _name(self, node: Name, _inner: Any) -> Evaluate:
        name = node.name
        if name in self._local_names:
            return lambda state: state.lookup(name)
        return lambda state: state.root(name)

    def _attribute(self, node: Attribute, target: Evaluate) -> Evaluate:
        name, offset, get = node.name, node.offset, attributes.attribute

        def evaluate(state: State) -> Any:
            found = target(state)
            if found.__class__ is dict:
                return found.get(name)
            try:
                return get(found, name, state)
            except Fault as fault:
                raise fault.at(offset) from None

        return evaluate

    def _subscript(self, node: Subscript, target: Evaluate) -> Evaluate:
        return applied(attributes.item, target, self.compile(node.key), node.offset)

    def _method(self, node: MethodCall, target: Evaluate) -> Evaluate:
        name, offset, call = node.name, node.offset, attributes.method
        given = [self.compile(argument) for argument in node.arguments]

        def evaluate(state: State) -> Any:
            found = target(state)
            arguments = [argument(state) for argument in given]
            try:
                return call(found, name, arguments, state)
            except Fault as fault:
                raise fault.at(offset) from None

        return evaluate

    def _call(self, node: Call, _inner: Any) -> Evaluate:
        definition, offset = FUNCTIONS.get(node.name), node.offset
        if definition is None:
            special = self._call_special(node, self)
            if special is None:
                return failing(f'there is no function or macro "{node.name}"', offset)
            return special
        call = definition.call
        arguments = bound(self.compile, node, definition.parameters)

        def evaluate(state: State) -> Any:
            given = arguments(state)
            try:
                return call(given, state)
            except Fault as fault:
                raise fault.at(offset) from None

        return evaluate

    def _filter(self, node: Filter, target: Evaluate) -> Evaluate:
        return self.filtered(node, target)

    def filtered(self, step: Filter | FilterStep, target: Evaluate) -> Evaluate:
        """A filter applied to what `target` gives; its arguments are evaluated first."""
        definition, offset = FILTERS.get(step.name), step.offset
        if definition is None:
            return failing(f'there is no filter "{step.name}"', offset)
        apply, keeps_escaping = definition.apply, definition.keeps_escaping
        arguments = bound(self.compile, step, definition.parameters)

        def evaluate(state: State) -> Any:
            values = arguments(state)
            value = target(state)
            if value.__class__ is Safe and not keeps_escaping:
                value = str(value)
            try:
                return apply(value, values, state)
            except Fault as fault:
                raise fault.at(offset) from None

        return evaluate

    def _test(self, node: Test, target: Evaluate) -> Evaluate:
        test, negates, offset = TESTS.get(node.name), node.negated, node.offset
        if test is None:
            return failing(f'there is no test "{node.name}"', offset)
        arguments = bound(self.compile, node, None)

        def evaluate(state: State) -> Any:
            arguments(state)
            value = target(state)
            try:
                return test(value) is not negates
            except Fault as fault:
                raise fault.at(offset) from None

        return evaluate

    def _unary(self, node: Unary, _inner: Any) -> Evaluate:
        evaluate = unary(node.operator, self.compile(node.operand), node.offset)
        return _folded(evaluate, node.operand)

    def _binary(self, node: Binary, left: Evaluate) -> Evaluate:
        names = (_path(node.left), _path(node.right))
        return binary(node.operator, left, self.compile(node.right), node.offset, names)

    def _conditional(self, node: Conditional, condition: Evaluate) -> Evaluate:
        then, otherwise = self.compile(node.then), self.compile(node.otherwise)
        return conditional(condition, then, otherwise, node.offset)

    def _list(self, node: ListLiteral, _inner: Any) -> Evaluate:
        items = [self.compile(item) for item in node.items]
        return lambda state: [item(state) for item in items]

    def _map(self, node: MapLiteral, _inner: Any) -> Evaluate:
        entries = [(self.compile(key), self.compile(value)) for key, value in node.entries]
        capacity, offset = -(-len(entries) * 4 // 3), node.offset

        def evaluate(state: State) -> Any:
            given = [(key(state), value(state)) for key, value in entries]
            try:
                return hash_map(given, capacity)
            except Fault as fault:
                raise fault.at(offset) from None

        return evaluate

    _COMPILERS: ClassVar[dict[type, Callable[[ExpressionCompiler, Any, Any], Evaluate]]] = {
        Literal: _literal,
        Name: _name,
        Attribute: _attribute,
        Subscript: _subscript,
        MethodCall: _method,
        Call: _call,
        Filter: _filter,
        Test: _test,
        Unary: _unary,
        Binary: _binary,
        Conditional: _conditional,
        ListLiteral: _list,
        MapLiteral: _map,
    }


def _carried(state: State) -> Any:
    return state.carried.pop()


def _along(first: Evaluate, links: list[Evaluate]) -> Evaluate:
    """A long chain of operators, one after another instead of one within another."""

    def evaluate(state: State) -> Any:
        value = first(state)
        for link in links:
            state.carried.append(value)
            value = link(state)
        return value

    return evaluate


def _path(expression: Expression) -> str | None:
    """`NewPhoneContact.ANI`; None for what is no name."""
    names: list[str] = []
    while isinstance(expression, Attribute):
        names.append(expression.name)
        expression = expression.target
    return ".".join([expression.name, *reversed(names)]) if isinstance(expression, Name) else None


def _inner(expression: Expression) -> Expression | None:
    """The leftmost part of an expression, which a chain of operators nests in."""
    if isinstance(expression, Attribute | Subscript | MethodCall | Filter | Test):
        return expression.target
    if isinstance(expression, Binary):
        return expression.left
    return expression.condition if isinstance(expression, Conditional) else None


def _folded(evaluate: Evaluate, operand: Expression) -> Evaluate:
    """A constant instead of an operator on a literal."""
    if not isinstance(operand, Literal):
        return evaluate
    try:
        value = evaluate(None)  # type: ignore[arg-type]  # a literal needs no state
    except Fault:
        return evaluate
    return lambda _state: value

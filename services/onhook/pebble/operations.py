"""Operators as functions of the state, made of the functions that give their operands.

What an operator computes is decided in `operators` and `arithmetic`. It must not know expressions.
Each function here evaluates its operands and places faults itself: rendering a template is little
else, and one call more for each operator shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from onhook.pebble.arguments import Evaluate
from onhook.pebble.arithmetic import negated
from onhook.pebble.errors import Fault
from onhook.pebble.operators import BINARY, Operator, truth
from onhook.pebble.state import State

Names: TypeAlias = tuple[str | None, str | None]
"""How the source calls both sides, where it has a name for them."""
NAMELESS: Names = (None, None)


def unary(operator: str, operand: Evaluate, offset: int) -> Evaluate:
    """`not`, `-` or `+`."""
    apply = _UNARY[operator]

    def evaluate(state: State) -> Any:
        value = operand(state)
        try:
            return apply(value)
        except Fault as fault:
            raise fault.at(offset) from None

    return evaluate


def binary(
    operator: str, left: Evaluate, right: Evaluate, offset: int, names: Names = NAMELESS
) -> Evaluate:
    """Any operator with two sides; some may leave their right side alone."""
    shortcut = _SHORTCUTS.get(operator)
    if shortcut is not None:
        return shortcut(left, right, offset)
    return applied(BINARY[operator], left, right, offset, names)


def applied(
    apply: Operator, left: Evaluate, right: Evaluate, offset: int, names: Names = NAMELESS
) -> Evaluate:
    """What `apply` makes of both sides."""
    left_name, right_name = names

    def evaluate(state: State) -> Any:
        first, second = left(state), right(state)
        try:
            return apply(first, second, state)
        except Fault as fault:
            named = ((first, left_name), (second, right_name))
            raise fault.of(named).at(offset) from None

    return evaluate


def conditional(condition: Evaluate, then: Evaluate, otherwise: Evaluate, offset: int) -> Evaluate:
    """`condition ? then : otherwise`"""

    def evaluate(state: State) -> Any:
        value = condition(state)
        try:
            is_true = value if value.__class__ is bool else truth(value)
        except Fault as fault:
            raise fault.at(offset) from None
        return then(state) if is_true else otherwise(state)

    return evaluate


def _conjunction(left: Evaluate, right: Evaluate, offset: int) -> Evaluate:
    def evaluate(state: State) -> Any:
        try:
            return truth(left(state)) and truth(right(state))
        except Fault as fault:
            raise fault.at(offset) from None

    return evaluate


def _disjunction(left: Evaluate, right: Evaluate, offset: int) -> Evaluate:
    def evaluate(state: State) -> Any:
        try:
            return truth(left(state)) or truth(right(state))
        except Fault as fault:
            raise fault.at(offset) from None

    return evaluate


def _containment(left: Evaluate, right: Evaluate, offset: int) -> Evaluate:
    contains = BINARY["contains"]

    def evaluate(state: State) -> Any:
        first = left(state)
        if first is None:
            return False
        second = right(state)
        try:
            return contains(first, second, state)
        except Fault as fault:
            raise fault.at(offset) from None

    return evaluate


def _not(value: Any) -> bool:
    return not truth(value)


def _positive(value: Any) -> Any:
    return negated(negated(value))


_UNARY: dict[str, Callable[[Any], Any]] = {"not": _not, "-": negated, "+": _positive}
_SHORTCUTS: dict[str, Callable[[Evaluate, Evaluate, int], Evaluate]] = {
    "and": _conjunction,
    "or": _disjunction,
    "contains": _containment,
}

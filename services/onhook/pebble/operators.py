"""The binary operators of the language: one function each, in a table by symbol.

Operands have been evaluated. It must not know where they stand in the source.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from onhook.pebble.arithmetic import calculated, compared
from onhook.pebble.equality import equal, has_key, position_in
from onhook.pebble.errors import Fault
from onhook.pebble.functions import numbers_or_letters
from onhook.pebble.printing import too_long
from onhook.pebble.state import State
from onhook.pebble.values import GLOBALS, Array, FixedList, Safe, is_list, is_number, kind

Operator = Callable[[Any, Any, State], Any]


_JOINED = (str, Safe)
"""Types that plus makes a text of."""


def truth(value: Any) -> bool:
    """What counts as true: true, a number but 0, a text that is not empty; null is false."""
    if value is None:
        return False
    if value.__class__ is bool:
        return bool(value)
    if is_number(value):
        return bool(value != 0 and not (isinstance(value, float) and math.isnan(value)))
    if type(value) is str:
        return bool(value)
    raise Fault(
        f"a condition must be true or false, a number or a text, not {kind(value)}", operand=value
    )


def _add(left: Any, right: Any, state: State) -> Any:
    if type(left) in _JOINED or type(right) in _JOINED:
        return joined(state.text(left), state.text(right), state)
    if is_list(left):
        return _added_to_list(left, right, state)
    return calculated("+", left, right)


def joined(left: str, right: str, state: State) -> str:
    """Both texts in one; its length is bounded before it is built."""
    if len(left) + len(right) > state.limits.output_chars:
        raise too_long(state.limits.output_chars)
    return state.bounded(str(left) + str(right))


def _added_to_list(items: list[Any], added: Any, state: State) -> list[Any]:
    """The list itself grows, as in Java."""
    if type(items) is FixedList:
        raise Fault("nothing can be added to a sorted array")
    new = list(added) if is_list(added) else [added]
    state.check_size(len(items) + len(new), len(new))
    items.extend(new)
    state.note_change(items)
    return items


def _subtract(left: Any, right: Any, state: State) -> Any:
    if not is_list(left):
        return calculated("-", left, right)
    if is_list(right):
        kept = [item for item in left if position_in(right, item, state) < 0]
    else:
        at = position_in(left, right, state)
        kept = left if at < 0 else [*left[:at], *left[at + 1 :]]
    if len(kept) < len(left):
        if type(left) is FixedList:
            raise Fault("nothing can be taken out of a sorted array")
        left[:] = kept
        state.note_change(left)
    return left


def _concatenate(left: Any, right: Any, state: State) -> str:
    first = "" if left is None else state.text(left)
    return joined(first, "" if right is None else state.text(right), state)


def _is_equal(left: Any, right: Any, state: State) -> bool:
    if is_number(left) and is_number(right):
        return compared(left, right) == 0
    return equal(left, right, state)


def _contains(left: Any, right: Any, state: State) -> bool:
    if is_list(left) and is_list(right):
        return all(position_in(left, item, state) >= 0 for item in right)
    if is_list(left) or type(left) is Array:
        return position_in(left, right, state) >= 0
    if isinstance(left, Mapping):
        return has_key(left, right)
    if type(left) is str:
        state.charge(len(left) >> 6)
        return state.text(right) in left
    if left is GLOBALS:
        raise Fault("_context can only be looked into")
    raise Fault(f"only a list, a map or a text contains something, not {kind(left)}", operand=left)


def _comparison(holds: Callable[[int], bool]) -> Operator:
    def compare(left: Any, right: Any, _state: State) -> bool:
        order = compared(left, right)
        return order is not None and holds(order)

    return compare


def _arithmetic(symbol: str) -> Operator:
    return lambda left, right, _state: calculated(symbol, left, right)


BINARY: dict[str, Operator] = {
    "+": _add,
    "-": _subtract,
    "*": _arithmetic("*"),
    "/": _arithmetic("/"),
    "%": _arithmetic("%"),
    "~": _concatenate,
    "==": _is_equal,
    "!=": lambda left, right, state: not _is_equal(left, right, state),
    "<": _comparison(lambda order: order < 0),
    "<=": _comparison(lambda order: order <= 0),
    ">": _comparison(lambda order: order > 0),
    ">=": _comparison(lambda order: order >= 0),
    "contains": _contains,
    "..": lambda left, right, state: numbers_or_letters(left, right, None, state),
}

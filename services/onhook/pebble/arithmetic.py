"""Operators on numbers, texts and lists, with Java's arithmetic.

Whole numbers are Longs of 64 bits that wrap, decimals are Doubles. What is no number where one is
needed raises Fault. It must not know how operands came about.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from onhook.java.number import Int, as_double, double_to_string
from onhook.pebble.errors import Fault
from onhook.pebble.values import is_number, kind

_LONG_SPAN = 1 << 64
_LONG_TOP = 1 << 63
_INT_SPAN = 1 << 32
_INT_TOP = 1 << 31
_WHOLE = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?", re.ASCII)
_NEGATION = "negation"
_VERBS = {
    _NEGATION: "negated",
    "+": "added",
    "-": "subtracted",
    "*": "multiplied",
    "/": "divided",
    "%": "divided for a remainder",
}


def wrapped(number: int) -> int:
    """`number` as a Long: of what is too large, the lowest 64 bits."""
    if -_LONG_TOP <= number < _LONG_TOP:
        return number
    return (number + _LONG_TOP) % _LONG_SPAN - _LONG_TOP


def calculated(operator: str, left: Any, right: Any) -> int | float:
    """`left operator right` for `+ - * / %`; texts that hold numbers count as numbers."""
    first, second = _operand(operator, left), _operand(operator, right)
    if isinstance(first, float) or isinstance(second, float):
        return _DOUBLE[operator](as_double(first), as_double(second))
    result = _LONG[operator](wrapped(first), wrapped(second))
    if type(first) is Int and type(second) is Int:
        return (result + _INT_TOP) % _INT_SPAN - _INT_TOP
    return wrapped(result)


def negated(operand: Any) -> int | float:
    """Unary minus: Java multiplies by an Integer of -1."""
    return calculated("*", -1, _operand(_NEGATION, operand))


def compared(left: Any, right: Any) -> int | None:
    """Negative, zero or positive; None when either is null. Only numbers can be compared."""
    if left is None or right is None:
        return None
    for operand in (left, right):
        if not is_number(operand):
            raise Fault(f"{kind(operand)} cannot be compared; only numbers can", operand=operand)
    if isinstance(left, float) and isinstance(right, float):
        return _double_compared(left, right)
    if isinstance(left, float) or isinstance(right, float):
        first, second = _exact(left), _exact(right)
        return (first > second) - (first < second)
    return int((left > right) - (left < right))


def _double_compared(left: float, right: float) -> int:
    """Double.compare: NaN is greatest and equals itself, 0.0 is greater than -0.0."""
    if left < right:
        return -1
    if left > right:
        return 1
    if left == right and left != 0:
        return 0
    first, second = _order(left), _order(right)
    return (first > second) - (first < second)


def _order(number: float) -> int:
    if math.isnan(number):
        return 2
    return 0 if math.copysign(1.0, number) < 0 else 1


def _exact(number: int | float) -> Decimal:
    """A number as it prints, which is what Java compares by."""
    if isinstance(number, float):
        if math.isnan(number) or math.isinf(number):
            raise Fault(f"{double_to_string(number)} cannot be compared with a whole number")
        return Decimal(repr(number))
    return Decimal(number)


def _operand(operator: str, value: Any) -> int | float:
    if type(value) is str:
        return _number_in(operator, value)
    if not is_number(value):
        raise Fault(f"{kind(value)} cannot be {_VERBS[operator]}", operand=value)
    number: int | float = value
    return number


def _number_in(operator: str, text: str) -> int | float:
    if len(text) <= 1000:
        if _WHOLE.fullmatch(text) and -_LONG_TOP <= (whole := int(text)) < _LONG_TOP:
            return whole
        stripped = text.strip(" \t\n\r\x0b\x0c")
        if _DECIMAL.fullmatch(stripped):
            return float(stripped.rstrip("dDfF"))
    shown = f'"{text[:40]}"' if len(text) <= 40 else f'"{text[:40]}…"'
    raise Fault(f"the text {shown} is no number and cannot be {_VERBS[operator]}", operand=text)


def _quotient(left: int, right: int) -> int:
    """Rounds towards zero."""
    if right == 0:
        raise Fault("division by zero")
    result = abs(left) // abs(right)
    return -result if (left < 0) != (right < 0) else result


def _remainder(left: int, right: int) -> int:
    """Has the sign of the dividend."""
    if right == 0:
        raise Fault("division by zero")
    result = abs(left) % abs(right)
    return -result if left < 0 else result


def _double_quotient(left: float, right: float) -> float:
    if right == 0:
        if left == 0 or math.isnan(left):
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1.0, right)
    return left / right


def _double_remainder(left: float, right: float) -> float:
    if right == 0 or math.isinf(left) or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.fmod(left, right)


_LONG: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _quotient,
    "%": _remainder,
}
_DOUBLE: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _double_quotient,
    "%": _double_remainder,
}

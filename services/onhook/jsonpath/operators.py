"""The operators of filters, each a function of two values.

From Jayway's EvaluatorFactory, its accidents included: `all`, `type` and `matches` cannot be
written in a path and never match. It must not know paths or how values were found.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import regex

from onhook.java.char import length, order
from onhook.java.number import narrowed
from onhook.java.regex import OutOfTime
from onhook.jsonpath.errors import Inapplicable, PathError
from onhook.jsonpath.limits import Purse, slow_regex
from onhook.jsonpath.values import (
    IsPath,
    are_equal,
    exact,
    is_json,
    is_number,
    items_of,
    left_equals,
    list_of,
    parsed,
    text_of,
)

Operator: TypeAlias = Callable[[Any, Any, "Bench"], bool]


class Bench:
    """What comparing needs besides the values: who pays, and who knows paths."""

    __slots__ = ("is_path", "purse")

    def __init__(self, purse: Purse, is_path: IsPath) -> None:
        self.purse = purse
        self.is_path = is_path

    def items(self, value: Any) -> list[Any] | None:
        return items_of(value, self.is_path, self.purse)

    def members(self, value: Any) -> list[Any] | None:
        return list_of(value, self.is_path, self.purse)

    def holds(self, items: list[Any], value: Any) -> bool:
        return any(left_equals(value, item, self.purse) for item in items)


def _equal(left: Any, right: Any, bench: Bench) -> bool:
    return are_equal(left, right, bench.purse)


def _same_kind(left: Any, right: Any, bench: Bench) -> bool:
    return _kind(left) == _kind(right) and are_equal(left, right, bench.purse)


def _kind(value: Any) -> str:
    if is_number(value):
        return "number"
    return "json" if is_json(value) else type(value).__name__


def _ordered(compare: Callable[[Any, Any], bool]) -> Operator:
    def ordered(left: Any, right: Any, bench: Bench) -> bool:
        bench.purse.pay_for_number(left)
        bench.purse.pay_for_number(right)
        if is_number(left) and is_number(right):
            return compare(exact(left), exact(right))
        one, other = (text_of(side) if is_number(side) else side for side in (left, right))
        if not isinstance(one, str) or not isinstance(other, str):
            return False
        bench.purse.pay_for_text(one)
        bench.purse.pay_for_text(other)
        return compare(order(one), order(other))

    return ordered


def _size(left: Any, right: Any, _: Bench) -> bool:
    if not is_number(right):
        return False
    expected = narrowed(exact(right), 32)
    if isinstance(left, str):
        return length(left) == expected
    if is_json(left):
        found = parsed(left)
        return (len(found) if isinstance(found, list) else -1) == expected
    return False


def _empty(left: Any, right: Any, _: Bench) -> bool:
    if isinstance(left, str):
        is_empty = not left
    elif is_json(left):
        found = parsed(left)
        if isinstance(found, dict):
            raise PathError('"empty" cannot be asked of an object; ask for .keys() or a key')
        is_empty = not found
    else:
        return False
    if not isinstance(right, bool):
        raise Inapplicable('"empty" wants true or false')
    return is_empty is right


def _in(left: Any, right: Any, bench: Bench) -> bool:
    members = bench.members(right)
    return members is not None and bench.holds(members, left)


def _contains(left: Any, right: Any, bench: Bench) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        bench.purse.pay_for_text(left)
        return right in left
    if not is_json(left):
        return False
    items = bench.items(left)
    return items is not None and bench.holds(items, right)


def _matches_regex(left: Any, right: Any, bench: Bench) -> bool:
    pattern, value = (left, right) if isinstance(left, regex.Pattern) else (right, left)
    if not isinstance(pattern, regex.Pattern) or isinstance(value, regex.Pattern):
        return False
    items = bench.items(value) if is_json(value) else None
    return any(_is_match(pattern, item, bench) for item in ([value] if items is None else items))


def _is_match(pattern: regex.Pattern[str], value: Any, bench: Bench) -> bool:
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif is_number(value):
        bench.purse.pay_for_number(value)
        text = text_of(value)
    else:
        text = value if isinstance(value, str) else ""
    bench.purse.pay_for_text(text)
    try:
        with bench.purse.pattern_time as seconds:
            return pattern.fullmatch(text, timeout=seconds) is not None
    except OutOfTime:
        raise slow_regex() from None


def _sets(left: Any, right: Any, bench: Bench) -> tuple[list[Any], list[Any]] | None:
    wanted = bench.members(right)
    found = None if wanted is None else bench.members(left)
    return None if wanted is None or found is None else (found, wanted)


def _subset_of(left: Any, right: Any, bench: Bench) -> bool:
    sets = _sets(left, right, bench)
    return sets is not None and all(bench.holds(sets[1], item) for item in sets[0])


def _any_of(left: Any, right: Any, bench: Bench) -> bool:
    sets = _sets(left, right, bench)
    return sets is not None and any(bench.holds(sets[1], item) for item in sets[0])


def _none_of(left: Any, right: Any, bench: Bench) -> bool:
    sets = _sets(left, right, bench)
    return sets is not None and not any(bench.holds(sets[1], item) for item in sets[0])


def _exists(left: Any, right: Any, _: Bench) -> bool:
    if not isinstance(left, bool) and not isinstance(right, bool):
        raise PathError('"exists" wants true or false')
    if not isinstance(left, bool) or not isinstance(right, bool):
        raise Inapplicable('"exists" wants true or false')
    return left is right


def _never(*_: Any) -> bool:
    raise Inapplicable("this operator cannot be used in a path")


def _not(positive: Operator) -> Operator:
    def negative(left: Any, right: Any, bench: Bench) -> bool:
        return not positive(left, right, bench)

    return negative


OPERATORS: dict[str, Operator] = {
    "==": _equal,
    "!=": _not(_equal),
    "===": _same_kind,
    "!==": _not(_same_kind),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "=~": _matches_regex,
    "IN": _in,
    "NIN": _not(_in),
    "CONTAINS": _contains,
    "SIZE": _size,
    "EMPTY": _empty,
    "SUBSETOF": _subset_of,
    "ANYOF": _any_of,
    "NONEOF": _none_of,
    "EXISTS": _exists,
    "ALL": _never,
    "TYPE": _never,
    "MATCHES": _never,
}
"""By name; words are written in either case."""

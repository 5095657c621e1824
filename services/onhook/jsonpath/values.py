"""Values as filters compare them, and when two are equal.

A value is plain data or a Decimal (a number in the filter's text), or one of the kinds below. It
must not know paths' grammar; whether a text is a path it is told.

From Jayway's ValueNodes: numbers compare as decimals, a number and a text as the kind on the left
demands, lists and maps only as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from onhook.java.char import trimmed
from onhook.java.number import decimal_of, decimal_of_text, number_text
from onhook.jsonpath.errors import Inapplicable, PathError
from onhook.jsonpath.escapes import unescaped
from onhook.jsonpath.json_literal import read_json
from onhook.jsonpath.limits import Purse

IsPath: TypeAlias = Callable[[str], bool]


class _Undefined:
    """What a path inside a filter found nothing for: equal to nothing."""


UNDEFINED = _Undefined()


class Unmatchable:
    """A text in a list that reads as a path: Jayway takes it for one, and it equals nothing."""


class JsonText:
    """A list or object written in a filter, or a text in a list that reads as one."""

    __slots__ = ("_problem", "_value", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._value: Any = None
        self._problem: str | None = None
        try:
            self._value = read_json(text)
        except PathError as error:
            self._problem = error.text

    @property
    def is_broken(self) -> bool:
        return self._problem is not None

    def value(self) -> Any:
        """Raises PathError when the text is no JSON."""
        if self._problem is not None:
            raise PathError(self._problem)
        return self._value


def found_value(value: Any) -> Any:
    """What a path found, as a value of a filter. Raises PathError."""
    if isinstance(value, float) and decimal_of(value) is None:
        raise PathError("a number that is infinite or none cannot be compared")
    if isinstance(value, tuple):
        raise PathError("keys() cannot be compared in a filter")
    return value


def is_json(value: Any) -> bool:
    return isinstance(value, list | dict | JsonText)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def parsed(value: Any) -> Any:
    """A list or map; the text of one is read. Raises PathError."""
    return value.value() if isinstance(value, JsonText) else value


def exact(number: float | Decimal) -> Decimal | int:
    """The number as Java's BigDecimal has it: from what it prints, not from its bits."""
    if isinstance(number, float):
        decimal = decimal_of(number)
        assert decimal is not None, "found_value keeps these out"
        return decimal
    return number


def text_of(number: float | Decimal) -> str:
    """What Java's BigDecimal prints."""
    if isinstance(number, float):
        return str(exact(number))
    return str(number) if isinstance(number, Decimal) else number_text(number)


def are_equal(left: Any, right: Any, purse: Purse) -> bool:
    """`==`. Raises PathError where JSON in the filter is none."""
    if is_json(left) and is_json(right):
        other = parsed(right)
        return not isinstance(left, JsonText) and are_same(left, other, purse)
    return left_equals(left, right, purse)


def left_equals(left: Any, right: Any, purse: Purse) -> bool:
    """Java's equals of two values, where the left one decides how they compare."""
    purse.pay()
    purse.pay_for_number(left)
    purse.pay_for_number(right)
    if isinstance(left, str):
        purse.pay_for_text(left)
        return (
            left == right
            if isinstance(right, str)
            else is_number(right) and (left == text_of(right))
        )
    if isinstance(left, bool) or left is None:
        return left is right
    if is_number(left):
        if isinstance(right, str):
            purse.pay_for_text(right)
            number = decimal_of_text(right)
            return number is not None and exact(left) == number
        return is_number(right) and exact(left) == exact(right)
    if isinstance(left, JsonText):
        return isinstance(right, JsonText) and left.text == right.text
    return isinstance(left, list | dict) and are_same(left, right, purse)


def are_same(left: Any, right: Any, purse: Purse) -> bool:
    """Java's equals of plain data: a whole number never equals one with a point."""
    open_pairs = [(left, right)]
    while open_pairs:
        one, other = open_pairs.pop()
        purse.pay()
        if type(one) is not type(other):
            return False
        if isinstance(one, list):
            if len(one) != len(other):
                return False
            open_pairs.extend(zip(one, other, strict=True))
        elif isinstance(one, dict):
            if one.keys() != other.keys():
                return False
            open_pairs.extend((one[key], other[key]) for key in one)
        elif one != other:
            return False
    return True


def items_of(value: Any, is_path: IsPath, purse: Purse) -> list[Any] | None:
    """The values in a list, None when there is no list. Raises PathError for lists in it."""
    found = parsed(value)
    if not isinstance(found, list):
        return None
    purse.pay(1 + len(found))
    return [_item(item, is_path, purse) for item in found]


def list_of(value: Any, is_path: IsPath, purse: Purse) -> list[Any] | None:
    """The same; what is not JSON at all is no match. Raises PathError."""
    if not is_json(value):
        raise Inapplicable("expected a list")
    return items_of(value, is_path, purse)


def _item(value: Any, is_path: IsPath, purse: Purse) -> Any:
    if isinstance(value, list | dict | tuple):
        raise PathError("a list that holds lists or objects cannot be compared item by item")
    if not isinstance(value, str):
        return found_value(value)
    text = trimmed(value)
    if text[:1] in ("@", "$"):
        purse.pay(len(text))
        if is_path(text):
            return Unmatchable()
    if len(text) > 1 and text[0] + text[-1] in ("[]", "{}"):
        purse.pay(len(text))
        written = JsonText(value)
        if not written.is_broken:
            return written
    if len(value) > 1:
        is_quoted = value[0] in "'\"" and value[0] == value[-1]
        return unescaped(value[1:-1] if is_quoted else value)
    return value

"""How a value prints: Java's toString, bounded in length and depth.

It must not know where the text goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onhook.java.char import Char, whole
from onhook.java.date import zoned_text
from onhook.java.number import Int, double_to_string
from onhook.pebble.errors import Fault, LimitExceeded, PebbleError
from onhook.pebble.limits import DATA_DEPTH, Limits
from onhook.pebble.values import Count, Entry, Loop, Moment, Safe, too_deep

_MOST_PARTS = 1_000_000
"""Elements and the punctuation between them."""
_OUTPUT_CHARS = Limits().output_chars


def as_text(value: Any) -> str:
    """`value` as a template prints it: nothing for null, `[a, b]`, `{k=v}`, `true`, `1.0E-5`.

    Raises PebbleError when it is too long or nested too deeply.
    """
    if value is None:
        return ""
    try:
        return text_of(value, _OUTPUT_CHARS)
    except Fault as fault:
        raise PebbleError(fault.message, 1, 1) from None


def text_of(value: Any, limit: int) -> str:
    """toString; null is `null`. Raises Fault for more than `limit` characters."""
    print_scalar = _SCALARS.get(type(value))
    if print_scalar is not None:
        return print_scalar(value)
    return "".join(parts_of(value, limit))


def parts_of(value: Any, limit: int) -> list[str]:
    """The text of a list or map in pieces."""
    printer = _Printer(limit)
    printer.add(value, 0)
    return printer.parts


def too_long(limit: int) -> LimitExceeded:
    return LimitExceeded(f"a text is longer than {limit} characters (output_chars)")


class _Printer:
    """Collects the parts of a list's or map's text."""

    def __init__(self, limit: int) -> None:
        self.parts: list[str] = []
        self._limit = limit
        self._left = limit
        self._open: list[int] = []

    def add(self, value: Any, depth: int) -> None:
        print_scalar = _SCALARS.get(type(value))
        if print_scalar is not None:
            self._put(print_scalar(value))
            return
        if depth > DATA_DEPTH:
            raise too_deep()
        is_map = isinstance(value, Mapping)
        if self._open and self._open[-1] == id(value):
            self._put("(this Map)" if is_map else "(this Collection)")
            return
        self._open.append(id(value))
        if is_map:
            self._members("{}", value.items(), depth)
        elif isinstance(value, list | tuple):
            self._members("[]", value, depth)
        elif type(value) is Entry:
            self._entry(value.key, value.value, depth)
        elif type(value) is Loop:
            self._put(_loop_text(value))
        self._open.pop()

    def _members(self, brackets: str, members: Any, depth: int) -> None:
        self._put(brackets[0])
        for number, member in enumerate(members):
            if number:
                self._put(", ")
            if brackets == "{}":
                self._entry(member[0], member[1], depth)
            else:
                self.add(member, depth + 1)
        self._put(brackets[1])

    def _entry(self, key: Any, value: Any, depth: int) -> None:
        self.add(key, depth + 1)
        self._put("=")
        self.add(value, depth + 1)

    def _put(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise too_long(self._limit)
        self.parts.append(text)
        if len(self.parts) > _MOST_PARTS:
            raise LimitExceeded(f"the data that is printed has more than {_MOST_PARTS} parts")


def plain_data(value: Any, charge: Callable[[int], None], depth: int = 0) -> Any:
    """`value` with nothing left in it that only templates know: a time becomes its text.

    `charge` counts the elements.
    """
    kind_of = type(value)
    if kind_of is str:
        return whole(value)
    if kind_of in _PLAIN:
        return value
    if make_plain := _MADE_PLAIN.get(kind_of):
        return make_plain(value)
    if depth > DATA_DEPTH:
        raise too_deep()
    if isinstance(value, list | tuple):
        charge(len(value))
        return [plain_data(item, charge, depth + 1) for item in value]
    if not isinstance(value, Mapping):
        return text_of(value, _OUTPUT_CHARS)
    charge(len(value))
    return {
        plain_data(key, charge, depth + 1): plain_data(item, charge, depth + 1)
        for key, item in value.items()
    }


def _integer_text(value: int) -> str:
    if value.bit_length() > 4_000:
        raise LimitExceeded("a number has more than 1,200 digits")
    return str(int(value))


def _loop_text(loop: Loop) -> str:
    last = loop.index == loop.length - 1
    return (
        f"{{last={_boolean_text(last)}, length={loop.length}, index={loop.index}, "
        f"revindex={loop.length - loop.index - 1}, first={_boolean_text(loop.index == 0)}}}"
    )


def _boolean_text(value: bool) -> str:
    return "true" if value else "false"


_SCALARS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _none: "null",
    str: lambda text: text,
    Safe: str.__str__,
    Char: str.__str__,
    bool: _boolean_text,
    int: _integer_text,
    Int: _integer_text,
    Count: _integer_text,
    float: double_to_string,
    Moment: lambda moment: zoned_text(moment.at),
}
_PLAIN = (type(None), bool, int, float)
_MADE_PLAIN: dict[type, Callable[[Any], Any]] = {
    Safe: lambda text: whole(str(text)),
    Char: lambda text: whole(str(text)),
    Int: int,
    Count: int,
    Moment: lambda moment: zoned_text(moment.at),
}

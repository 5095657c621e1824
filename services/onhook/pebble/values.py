"""The values that templates work with: plain data, and the few things that Pebble has besides.

Pebble runs on Java, whose types show: a character (what `first` and `last` take out of a text) is
no text, an escaped text is neither, a split text is an array and no list, and a length or index is
an Int, while literals and results of arithmetic are Longs. Types, their names and how they become plain data; what they do in an
operator or filter is decided there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from onhook.java.char import Char
from onhook.java.hash import hash_code
from onhook.java.number import Int
from onhook.pebble.errors import Fault
from onhook.pebble.limits import DATA_DEPTH


class Safe(str):
    """SafeString: what escaping, `raw` and macros make. Not a text to most operators."""

    __slots__ = ()


class Count(Int):
    """`loop.length` and `loop.revindex`: a number that is neither Integer nor Long."""

    __slots__ = ()


class Array(list[Any]):
    """An array: what `split` makes. It can be iterated, but is no list."""

    __slots__ = ()


class FixedList(list[Any]):
    """A list that cannot grow or shrink: a sorted array."""

    __slots__ = ()


class Entry:
    """A key and its value, of a map that is iterated."""

    __slots__ = ("key", "value")

    def __init__(self, key: Any, value: Any) -> None:
        self.key = key
        self.value = value


class Moment:
    """A time with its zone, as `now()` gives it."""

    __slots__ = ("at",)

    def __init__(self, at: datetime) -> None:
        self.at = at


class Loop:
    """`loop` within a for; one object for all its rounds."""

    __slots__ = ("index", "length")

    def __init__(self, length: int) -> None:
        self.index = 0
        self.length = length


class Globals:
    """`_context`: the variables of a template as a map that can only be looked into."""

    __slots__ = ()


GLOBALS = Globals()

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a map",
    Safe: "an escaped text",
    Char: "a character",
    Int: "a number",
    Count: "a number",
    Array: "an array",
    FixedList: "a list",
    Entry: "an entry of a map",
    Moment: "a time",
    Loop: "a loop",
    Globals: "_context",
}


def kind(value: Any) -> str:
    """What users call the type of `value`."""
    return _KINDS.get(type(value), "this value")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and value is not True and value is not False


def is_list(value: Any) -> bool:
    """Whether it is a java.util.List."""
    return isinstance(value, list) and type(value) is not Array


def too_deep() -> Fault:
    return Fault(f"the data is nested more than {DATA_DEPTH} levels deep")


def hash_of(value: Any) -> int:
    """hashCode as an unsigned number of 32 bits. Raises Fault for data too deep."""
    try:
        return hash_code(value)
    except ValueError:
        raise too_deep() from None

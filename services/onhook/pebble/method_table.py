"""What a table of methods is, and which arguments Java's overloads take; no method itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from onhook.java.char import Char
from onhook.java.number import Int
from onhook.pebble.errors import Fault
from onhook.pebble.state import State
from onhook.pebble.values import hash_of, is_list

Method: TypeAlias = Callable[..., Any]
Accepts: TypeAlias = Callable[[Any], bool]
Overloads: TypeAlias = list[tuple[tuple[Accepts, ...], Method]]
"""For each overload what its arguments must be, and the function."""


def is_text(value: Any) -> bool:
    return type(value) is str or value is None


def is_char(value: Any) -> bool:
    return type(value) is Char


def is_int(value: Any) -> bool:
    return type(value) is Int


def is_any(_value: Any) -> bool:
    return True


def is_collection(value: Any) -> bool:
    return is_list(value) or value is None


def is_long(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _signed(code: int) -> Int:
    return Int(code - (1 << 32) if code >= 1 << 31 else code)


def hash_code(value: Any, _state: State) -> Int:
    return _signed(hash_of(value))


def to_string(value: Any, state: State) -> str:
    return state.text(value)


def given(value: Any) -> Any:
    if value is None:
        raise Fault("a method was called with null")
    return value

"""What can stand behind `is`: one function each, in a table by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onhook.java.char import trimmed
from onhook.pebble.errors import Fault
from onhook.pebble.values import GLOBALS, Array, Count, kind


def is_empty(value: Any) -> bool:
    """Null, a blank text, a list or map without elements."""
    if value is None:
        return True
    if type(value) is str:
        return not trimmed(value)
    return isinstance(value, list | tuple | Mapping) and not value and type(value) is not Array


def _is_even(value: Any) -> bool:
    return _whole(value, "even") % 2 == 0


def _is_odd(value: Any) -> bool:
    return _whole(value, "odd") % 2 == 1


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool | Count):
        raise Fault(f'the test "{name}" takes a whole number, not {kind(value)}')
    return value


TESTS: dict[str, Callable[[Any], bool]] = {
    "defined": lambda value: value is not None,
    "empty": is_empty,
    "even": _is_even,
    "iterable": lambda value: isinstance(value, list | tuple),
    "map": lambda value: isinstance(value, Mapping) or value is GLOBALS,
    "null": lambda value: value is None,
    "odd": _is_odd,
}

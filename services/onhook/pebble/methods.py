"""Methods of Java's texts, numbers, lists and maps that templates can call, as pure functions.

An explicit table: what is not in it cannot be reached, whatever its name. Arguments must be of the
types that Java's overloads take: a Long is no int, so `"abc".substring(1)` finds nothing. Nothing
here reads an attribute of a Python object.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from onhook.java.number import Int, as_double, narrowed
from onhook.pebble.equality import has_key, position_in
from onhook.pebble.errors import Fault
from onhook.pebble.method_table import (
    Overloads,
    given,
    hash_code,
    is_any,
    is_collection,
    is_int,
    is_long,
    to_string,
)
from onhook.pebble.state import State
from onhook.pebble.text_methods import TEXT_METHODS
from onhook.pebble.values import Entry, is_list, is_number


def _element(items: list[Any], _state: State, index: int) -> Any:
    if not 0 <= index < len(items):
        raise Fault(f"index {index} is beyond the list's {len(items)} elements")
    return items[index]


def _sublist(items: list[Any], state: State, begin: int, end: int) -> list[Any]:
    if not 0 <= begin <= end <= len(items):
        raise Fault(f"{begin} to {end} is beyond the list's {len(items)} elements")
    state.check_size(end - begin)
    return items[begin:end]


def _last_position(items: list[Any], wanted: Any, state: State) -> Int:
    found = position_in(reversed(items), wanted, state)
    return Int(-1 if found < 0 else len(items) - 1 - found)


_LIST: dict[str, Overloads] = {
    "containsall": [
        (
            (is_collection,),
            lambda items, state, wanted: all(
                position_in(items, item, state) >= 0 for item in given(wanted)
            ),
        )
    ],
    "get": [((is_int,), _element)],
    "indexof": [((is_any,), lambda items, state, item: Int(position_in(items, item, state)))],
    "isempty": [((), lambda items, _: not items)],
    "lastindexof": [((is_any,), lambda items, state, item: _last_position(items, item, state))],
    "size": [((), lambda items, _: Int(len(items)))],
    "sublist": [((is_int, is_int), _sublist)],
    "tostring": [((), to_string)],
}


def _map_get(data: Mapping[Any, Any], _state: State, key: Any, default: Any = None) -> Any:
    return data[key] if has_key(data, key) else default


def _keys(data: Mapping[Any, Any], state: State) -> list[Any]:
    state.check_size(len(data))
    return list(data)


def _map_values(data: Mapping[Any, Any], state: State) -> list[Any]:
    state.check_size(len(data))
    return list(data.values())


def _entries(data: Mapping[Any, Any], state: State) -> list[Any]:
    state.check_size(len(data))
    return [Entry(key, value) for key, value in data.items()]


_MAP: dict[str, Overloads] = {
    "containskey": [((is_any,), lambda data, _, key: has_key(data, key))],
    "containsvalue": [
        ((is_any,), lambda data, state, value: position_in(data.values(), value, state) >= 0)
    ],
    "entryset": [((), _entries)],
    "get": [((is_any,), _map_get)],
    "getordefault": [((is_any, is_any), _map_get)],
    "isempty": [((), lambda data, _: not data)],
    "keyset": [((), _keys)],
    "size": [((), lambda data, _: Int(len(data)))],
    "tostring": [((), to_string)],
    "values": [((), _map_values)],
}


def _as_int(number: int | float, _state: State) -> Int:
    return Int(narrowed(number, 32))


def _as_long(number: int | float, _state: State) -> int:
    return narrowed(number, 64)


def _order(first: float, second: float) -> Int:
    return Int((first > second) - (first < second))


_NUMBER: dict[str, Overloads] = {
    "doublevalue": [((), lambda number, _: as_double(number))],
    "hashcode": [((), hash_code)],
    "intvalue": [((), _as_int)],
    "longvalue": [((), _as_long)],
    "tostring": [((), to_string)],
}
_WHOLE = _NUMBER | {"compareto": [((is_long,), lambda number, _, other: _order(number, other))]}
_DECIMAL = _NUMBER | {
    "compareto": [
        ((lambda value: isinstance(value, float),), lambda number, _, other: _order(number, other))
    ],
    "isinfinite": [((), lambda number, _: math.isinf(number))],
    "isnan": [((), lambda number, _: math.isnan(number))],
}
_BOOLEAN: dict[str, Overloads] = {
    "booleanvalue": [((), lambda value, _: value)],
    "hashcode": [((), hash_code)],
    "tostring": [((), to_string)],
}
_OTHER: dict[str, Overloads] = {
    "hashcode": [((), hash_code)],
    "tostring": [((), to_string)],
}
_ENTRY: dict[str, Overloads] = {
    "getkey": [((), lambda entry, _: entry.key)],
    "getvalue": [((), lambda entry, _: entry.value)],
    "tostring": [((), to_string)],
}


def methods_of(value: Any) -> dict[str, Overloads]:
    """The table of `value`'s methods, by their names in small letters."""
    if type(value) is str:
        return TEXT_METHODS
    if isinstance(value, bool):
        return _BOOLEAN
    if is_number(value):
        return _DECIMAL if isinstance(value, float) else _WHOLE
    if is_list(value):
        return _LIST
    if isinstance(value, Mapping):
        return _MAP
    return _ENTRY if type(value) is Entry else _OTHER

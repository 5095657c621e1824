"""Methods of Java's texts, numbers, lists and maps that templates can call, as pure functions.

An explicit table: what is not in it cannot be reached, whatever its name. Arguments must be of the
types that Java's overloads take: a Long is no int, so `"abc".substring(1)` finds nothing. Nothing
here reads an attribute of a Python object.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from onhook.pebble import java_char
from onhook.pebble.arithmetic import as_double, narrowed
from onhook.pebble.equality import has_key, position_in
from onhook.pebble.errors import Fault
from onhook.pebble.java_hash import hash_code
from onhook.pebble.java_regex import matches as regex_matches
from onhook.pebble.java_regex import replaced, split
from onhook.pebble.state import State
from onhook.pebble.values import Array, Char, Entry, Int, is_list, is_number

Method = Callable[..., Any]
Accepts = Callable[[Any], bool]
Overloads = list[tuple[tuple[Accepts, ...], Method]]
"""For each overload what its arguments must be, and the function."""


def _is_text(value: Any) -> bool:
    return type(value) is str or value is None


def _is_sequence(value: Any) -> bool:
    """CharSequence"""
    return type(value) is str or value is None


def _is_char(value: Any) -> bool:
    return type(value) is Char


def _is_int(value: Any) -> bool:
    return type(value) is Int


def _is_any(_value: Any) -> bool:
    return True


def _is_collection(value: Any) -> bool:
    return is_list(value) or value is None


def _is_long(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _signed(code: int) -> Int:
    return Int(code - (1 << 32) if code >= 1 << 31 else code)


def _hash(value: Any, _state: State) -> Int:
    return _signed(hash_code(value))


def _to_string(value: Any, state: State) -> str:
    return state.text(value)


def _given(value: Any) -> Any:
    if value is None:
        raise Fault("a method was called with null")
    return value


def _between(text: str, begin: int, end: int) -> str:
    if not 0 <= begin <= end <= java_char.length(text):
        raise Fault(f"{begin} to {end} is beyond the text's {java_char.length(text)} characters")
    return java_char.substring(text, begin, end)


def _char_at(text: str, _state: State, index: int) -> Char:
    return Char(_between(text, index, index + 1))


def _index_of(text: str, _state: State, wanted: str, begin: int = 0) -> Int:
    return Int(java_char.units(text).find(java_char.units(_given(wanted)), max(begin, 0)))


def _last_index_of(text: str, _state: State, wanted: str) -> Int:
    return Int(java_char.units(text).rfind(java_char.units(_given(wanted))))


def _compared(first: str, second: str) -> Int:
    """compareTo: the difference of the first characters that differ, else of the lengths."""
    first, second = java_char.units(first), java_char.units(second)
    for left, right in zip(first, second, strict=False):
        if left != right:
            return Int(ord(left) - ord(right))
    return Int(len(first) - len(second))


def _folded(text: str) -> str:
    """Letter by letter to capitals and back, as Java ignores case."""
    raised = (upper if len(upper := char.upper()) == 1 else char for char in text)
    return "".join(char.lower()[0] for char in raised)


def _repeat(text: str, state: State, count: int) -> str:
    if count < 0:
        raise Fault("a text cannot be repeated less than 0 times")
    if len(text) * count > state.limits.output_chars:
        return state.bounded(" " * (state.limits.output_chars + 1))
    return state.bounded(text * count)


def _chars(text: str, state: State) -> Array:
    state.check_size(len(text))
    return Array(Char(unit) for unit in java_char.units(text))


def _replace(text: str, state: State, old: str, new: str) -> str:
    old, new = _given(old), _given(new)
    growth = text.count(old) * max(len(new) - len(old), 0)
    if len(text) + growth > state.limits.output_chars:
        return state.bounded(" " * (state.limits.output_chars + 1))
    state.charge(len(text) >> 6)
    return state.bounded(text.replace(old, new))


_TEXT: dict[str, Overloads] = {
    "charat": [((_is_int,), _char_at)],
    "compareto": [((_is_text,), lambda text, _, other: _compared(text, _given(other)))],
    "comparetoignorecase": [
        ((_is_text,), lambda text, _, other: _compared(_folded(text), _folded(_given(other))))
    ],
    "concat": [((_is_text,), lambda text, state, other: state.bounded(text + _given(other)))],
    "endswith": [((_is_text,), lambda text, _, end: text.endswith(_given(end)))],
    "equalsignorecase": [
        ((_is_text,), lambda text, _, other: other is not None and _folded(text) == _folded(other))
    ],
    "hashcode": [((), _hash)],
    "indexof": [
        ((_is_text,), _index_of),
        ((_is_text, _is_int), _index_of),
        ((_is_int,), lambda text, state, code: _index_of(text, state, chr(code & 0xFFFF))),
    ],
    "intern": [((), lambda text, _: text)],
    "isblank": [((), lambda text, _: all(map(java_char.is_whitespace, text)))],
    "isempty": [((), lambda text, _: not text)],
    "lastindexof": [((_is_text,), _last_index_of)],
    "length": [((), lambda text, _: Int(java_char.length(text)))],
    "matches": [((_is_text,), lambda text, state, p: regex_matches(_given(p), text, state))],
    "repeat": [((_is_int,), _repeat)],
    "replace": [((_is_sequence, _is_sequence), _replace), ((_is_char, _is_char), _replace)],
    "replaceall": [
        (
            (_is_text, _is_text),
            lambda text, state, p, new: replaced(_given(p), text, _given(new), 0, state),
        )
    ],
    "replacefirst": [
        (
            (_is_text, _is_text),
            lambda text, state, p, new: replaced(_given(p), text, _given(new), 1, state),
        )
    ],
    "split": [
        ((_is_text,), lambda text, state, pattern: split(text, _given(pattern), 0, state)),
        ((_is_text, _is_int), lambda text, state, p, limit: split(text, _given(p), limit, state)),
    ],
    "startswith": [
        ((_is_text,), lambda text, _, start: text.startswith(_given(start))),
        (
            (_is_text, _is_int),
            lambda text, _, start, at: (
                0 <= at <= java_char.length(text)
                and java_char.units(text).startswith(java_char.units(_given(start)), at)
            ),
        ),
    ],
    "strip": [((), lambda text, _: java_char.left_trimmed(java_char.right_trimmed(text)))],
    "stripleading": [((), lambda text, _: java_char.left_trimmed(text))],
    "striptrailing": [((), lambda text, _: java_char.right_trimmed(text))],
    "substring": [
        ((_is_int,), lambda text, _, begin: _between(text, begin, java_char.length(text))),
        ((_is_int, _is_int), lambda text, _, begin, end: _between(text, begin, end)),
    ],
    "subsequence": [((_is_int, _is_int), lambda text, _, begin, end: _between(text, begin, end))],
    "tochararray": [((), _chars)],
    "tolowercase": [((), lambda text, state: state.bounded(java_char.lower(text)))],
    "tostring": [((), _to_string)],
    "touppercase": [((), lambda text, state: state.bounded(java_char.upper(text)))],
    "trim": [((), lambda text, _: java_char.trimmed(text))],
}


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
            (_is_collection,),
            lambda items, state, wanted: all(
                position_in(items, item, state) >= 0 for item in _given(wanted)
            ),
        )
    ],
    "get": [((_is_int,), _element)],
    "hashcode": [((), _hash)],
    "indexof": [((_is_any,), lambda items, state, item: Int(position_in(items, item, state)))],
    "isempty": [((), lambda items, _: not items)],
    "lastindexof": [((_is_any,), lambda items, state, item: _last_position(items, item, state))],
    "size": [((), lambda items, _: Int(len(items)))],
    "sublist": [((_is_int, _is_int), _sublist)],
    "tostring": [((), _to_string)],
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
    "containskey": [((_is_any,), lambda data, _, key: has_key(data, key))],
    "containsvalue": [
        ((_is_any,), lambda data, state, value: position_in(data.values(), value, state) >= 0)
    ],
    "entryset": [((), _entries)],
    "get": [((_is_any,), _map_get)],
    "getordefault": [((_is_any, _is_any), _map_get)],
    "hashcode": [((), _hash)],
    "isempty": [((), lambda data, _: not data)],
    "keyset": [((), _keys)],
    "size": [((), lambda data, _: Int(len(data)))],
    "tostring": [((), _to_string)],
    "values": [((), _map_values)],
}


def _as_int(number: int | float, _state: State) -> Int:
    return Int(narrowed(number, 32))


def _as_long(number: int | float, _state: State) -> int:
    return narrowed(number, 64)


def _order(first: float, second: float) -> Int:
    return Int((first > second) - (first < second))


_NUMBER: dict[str, Overloads] = {
    "doublevalue": [
        ((), lambda number, _: as_double(number))
    ],
    "hashcode": [((), _hash)],
    "intvalue": [((), _as_int)],
    "longvalue": [((), _as_long)],
    "tostring": [((), _to_string)],
}
_WHOLE = _NUMBER | {"compareto": [((_is_long,), lambda number, _, other: _order(number, other))]}
_DECIMAL = _NUMBER | {
    "compareto": [
        ((lambda value: isinstance(value, float),), lambda number, _, other: _order(number, other))
    ],
    "isinfinite": [((), lambda number, _: math.isinf(number))],
    "isnan": [((), lambda number, _: math.isnan(number))],
}
_BOOLEAN: dict[str, Overloads] = {
    "booleanvalue": [((), lambda value, _: value)],
    "hashcode": [((), _hash)],
    "tostring": [((), _to_string)],
}
_OTHER: dict[str, Overloads] = {
    "hashcode": [((), _hash)],
    "tostring": [((), _to_string)],
}
_ENTRY: dict[str, Overloads] = {
    "getkey": [((), lambda entry, _: entry.key)],
    "getvalue": [((), lambda entry, _: entry.value)],
    "tostring": [((), _to_string)],
}


def methods_of(value: Any) -> dict[str, Overloads]:
    """The table of `value`'s methods, by their names in small letters."""
    if type(value) is str:
        return _TEXT
    if isinstance(value, bool):
        return _BOOLEAN
    if is_number(value):
        return _DECIMAL if isinstance(value, float) else _WHOLE
    if is_list(value):
        return _LIST
    if isinstance(value, Mapping):
        return _MAP
    return _ENTRY if type(value) is Entry else _OTHER

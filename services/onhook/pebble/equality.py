"""Java's equals and compareTo over values, and the order in which its hash maps iterate.

It must not know operators or filters.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from onhook.java.char import Char, has_wide, order
from onhook.pebble.errors import Fault
from onhook.pebble.limits import DATA_DEPTH
from onhook.pebble.state import State
from onhook.pebble.values import Array, Entry, Globals, Loop, Moment, hash_of, kind, too_deep

_MAP_CAPACITY = 16
_FEW = 64
"""In a map of more keys, one that Python takes for equal is taken for the key."""
_IDENTITY = (Array, Loop, Globals)
"""Types whose objects are equal to themselves alone."""
_COLLECTIONS = (list, dict, Entry)


def equal(left: Any, right: Any, state: State, depth: int = 0) -> bool:
    """`left.equals(right)`: a number never equals a text, nor a whole number a decimal."""
    kind_of = _class(left)
    if left is right or kind_of is not _class(right):
        return left is right
    if kind_of in _COLLECTIONS:
        if depth > DATA_DEPTH:
            raise too_deep()
        return _members_equal(kind_of, left, right, state, depth + 1)
    if kind_of is float:
        return _double_key(left) == _double_key(right)
    if kind_of is Moment:
        return bool(left.at == right.at)
    return kind_of not in _IDENTITY and bool(left == right)


def _members_equal(kind_of: type, left: Any, right: Any, state: State, depth: int) -> bool:
    if kind_of is Entry:
        return equal(left.key, right.key, state, depth) and equal(
            left.value, right.value, state, depth
        )
    if len(left) != len(right):
        return False
    state.charge(len(left))
    if kind_of is list:
        return all(equal(a, b, state, depth) for a, b in zip(left, right, strict=True))
    return all(key in right and equal(left[key], right[key], state, depth) for key in left)


def _class(value: Any) -> type:
    """The Java type of `value`, all kinds of whole numbers, lists and maps being one."""
    kind_of = type(value)
    if kind_of is str or kind_of is bool or kind_of is float or kind_of in _IDENTITY:
        return kind_of
    if isinstance(value, int):
        return int
    if isinstance(value, list | tuple):
        return list
    return dict if isinstance(value, Mapping) else kind_of


def position_in(items: Iterable[Any], wanted: Any, state: State) -> int:
    """The index of the first element that equals `wanted`, -1 without one."""
    for index, item in enumerate(items):
        state.charge(1)
        if equal(item, wanted, state):
            return index
    return -1


def has_key(data: Mapping[Any, Any], key: Any) -> bool:
    """Whether `key` itself, not only something that Python takes for equal, is a key."""
    if isinstance(key, list | Mapping | Entry):
        return False
    kind_of = _class(key)
    if kind_of is str:
        return key in data
    if key not in data or len(data) > _FEW:
        return key in data
    return any(known == key and _class(known) is kind_of for known in data)


def sorted_items(items: list[Any], state: State) -> list[Any]:
    """In their natural order. Raises Fault for elements that have none between them."""
    if len(items) > 1:
        kinds = {_class(item) for item in items}
        unsortable = kinds - {str, int, float, bool, Char}
        if unsortable or len(kinds) > 1:
            mixed = " and ".join(sorted({kind(item) for item in items}))
            raise Fault(f"elements that are {mixed} have no order; sort texts or numbers alone")
    state.charge(len(items) * max(len(items).bit_length(), 1))
    if any(isinstance(item, str) and has_wide(item) for item in items):
        return sorted(items, key=order)
    if any(isinstance(item, float) for item in items):
        return sorted(items, key=functools.cmp_to_key(_double_order))
    return sorted(items)


def _double_order(left: float, right: float) -> int:
    first, second = _double_key(left), _double_key(right)
    return (first > second) - (first < second)


def _double_key(number: float) -> tuple[bool, float, bool]:
    is_nan = math.isnan(number)
    return is_nan, 0.0 if is_nan else number, math.copysign(1.0, number) > 0 or is_nan


def hash_map(entries: Iterable[tuple[Any, Any]], capacity: int = _MAP_CAPACITY) -> dict[Any, Any]:
    """A map of `entries` in the order of a java.util.HashMap made for `capacity` entries."""
    data: dict[Any, Any] = {}
    for key, value in entries:
        if isinstance(key, list | Mapping | Entry):
            raise Fault(f"{kind(key)} cannot be the key of a map; use a text or a number")
        data[key] = value
    size = 1
    while size < capacity:
        size *= 2
    while len(data) > size * 3 // 4:
        size *= 2
    if len(data) < 2:
        return data
    return dict(sorted(data.items(), key=lambda entry: _bucket(entry[0], size)))


def _bucket(key: Any, size: int) -> int:
    code = hash_of(key)
    return (code ^ code >> 16) & (size - 1)

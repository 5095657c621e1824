"""Filters that take a list, map or text as a row of elements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onhook.java import char as java_char
from onhook.java.char import Char
from onhook.java.number import Int
from onhook.pebble.equality import hash_map, sorted_items
from onhook.pebble.errors import Fault
from onhook.pebble.filters.definition import FilterDefinition, number_argument, text_argument
from onhook.pebble.predicates import is_empty
from onhook.pebble.printing import too_long
from onhook.pebble.state import State
from onhook.pebble.values import Array, Entry, FixedList, is_list, kind

_MERGE_ROOM = 16


def _default(value: Any, arguments: Mapping[str, Any], _state: State) -> Any:
    return arguments.get("default") if is_empty(value) else value


def _first(value: Any, _arguments: Mapping[str, Any], _state: State) -> Any:
    return _at_end(value, "first", 0)


def _last(value: Any, _arguments: Mapping[str, Any], _state: State) -> Any:
    return _at_end(value, "last", -1)


def _at_end(value: Any, name: str, index: int) -> Any:
    if value is None:
        return None
    if type(value) is str:
        if not value:
            raise Fault(f'the filter "{name}" finds no character in an empty text')
        return Char(java_char.units(value[index])[index])
    if not isinstance(value, list | tuple):
        raise Fault(f'the filter "{name}" takes a list or a text, not {kind(value)}')
    return value[index] if value else None


def _join(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    if value is None:
        return None
    separator = text_argument(arguments, "separator", "join") or ""
    if not isinstance(value, list | tuple):
        raise Fault(f'the filter "join" takes a list, not {kind(value)}')
    state.charge(len(value))
    limit = state.limits.output_chars
    parts: list[str] = []
    size = -len(separator)
    for item in value:
        part = state.text(item)
        size += len(part) + len(separator)
        if size > limit:
            raise too_long(limit)
        parts.append(part)
    return state.bounded(separator.join(parts))


def _length(value: Any, _arguments: Mapping[str, Any], _state: State) -> Any:
    if type(value) is str:
        return Int(java_char.length(value))
    if isinstance(value, list | tuple | Mapping):
        return Int(len(value))
    return Int(0)


def _merge(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    items = arguments.get("items")
    if value is None and items is None:
        raise Fault('both values of the filter "merge" are null')
    if value is None or items is None:
        return items if value is None else value
    is_map, is_array = isinstance(items, Mapping), type(items) is Array
    if isinstance(value, Mapping) and (is_map or is_list(items)):
        state.check_size(len(value) + len(items))
        added = items.items() if isinstance(items, Mapping) else [(item, item) for item in items]
        capacity = len(value) + len(items) + _MERGE_ROOM
        return hash_map([*value.items(), *added], capacity)
    if is_list(value) and (is_map or is_list(items)):
        state.check_size(len(value) + len(items))
        if isinstance(items, Mapping):
            return [*value, *(Entry(key, item) for key, item in items.items())]
        return [*value, *items]
    if type(value) is Array and is_array:
        state.check_size(len(value) + len(items))
        return Array([*value, *items])
    raise Fault(f'the filter "merge" cannot merge {kind(value)} with {kind(items)}')


def _reverse(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    """In place, as Java does: the list itself is reversed."""
    if value is None:
        return None
    if not is_list(value):
        raise Fault(f'the filter "reverse" takes a list, not {kind(value)}')
    state.charge(len(value))
    value.reverse()
    return value


def _slice(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    if value is None:
        return None
    begin = number_argument(arguments, "fromIndex", "slice") or 0
    end = number_argument(arguments, "toIndex", "slice")
    if type(value) is str:
        length = java_char.length(value)
    elif isinstance(value, list):
        length = len(value)
    else:
        raise Fault(f'the filter "slice" takes a text or a list, not {kind(value)}')
    if begin < 0 or begin > length:
        raise Fault(f"slice begins at {begin}, which is not within 0 to {length}")
    if end is None:
        end = length
    elif end > length or end <= begin:
        raise Fault(f"slice ends at {end}, which is not within {begin + 1} to {length}")
    if type(value) is str:
        return java_char.substring(value, begin, end)
    state.check_size(end - begin)
    return Array(value[begin:end]) if type(value) is Array else list(value[begin:end])


def _sort(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    if value is None:
        return None
    if not isinstance(value, list):
        raise Fault(f'the filter "sort" takes a list, not {kind(value)}')
    value[:] = sorted_items(value, state)
    if type(value) is Array:
        return FixedList(value)
    state.note_change(value)
    return value


def _rsort(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    if value is None:
        return None
    if not is_list(value):
        raise Fault(f'the filter "rsort" takes a list, not {kind(value)}')
    value[:] = reversed(sorted_items(value, state))
    state.note_change(value)
    return value


COLLECTION_FILTERS = {
    "default": FilterDefinition(_default, ("default",)),
    "first": FilterDefinition(_first),
    "join": FilterDefinition(_join, ("separator",)),
    "last": FilterDefinition(_last),
    "length": FilterDefinition(_length),
    "merge": FilterDefinition(_merge, ("items",)),
    "reverse": FilterDefinition(_reverse),
    "rsort": FilterDefinition(_rsort),
    "slice": FilterDefinition(_slice, ("fromIndex", "toIndex")),
    "sort": FilterDefinition(_sort),
}

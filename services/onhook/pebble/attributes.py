"""Looking into values: keys of maps, indices of lists, properties and methods that Java has.

Only plain data is looked into, only by the rules here; no attribute of a Python object can be
reached. What is not there is null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from onhook.java.number import Int
from onhook.pebble.equality import has_key
from onhook.pebble.errors import Fault
from onhook.pebble.method_table import Overloads
from onhook.pebble.methods import methods_of
from onhook.pebble.printing import text_of
from onhook.pebble.state import State
from onhook.pebble.values import Array, Count, Entry, Globals, Loop, is_list, is_number

_INDEX = re.compile(r"[+-]?\d{1,10}")
_FORBIDDEN = frozenset({"getclass", "wait", "notify", "notifyall"})
"""Methods of every Java object that Pebble refuses to call."""


def attribute(target: Any, name: str, state: State) -> Any:
    """`target.name`"""
    if type(target) is dict:
        return target.get(name)
    if target is None:
        return None
    if isinstance(target, Mapping):
        return target.get(name)
    if type(target) is Loop:
        return _loop_attribute(target, name, state)
    if type(target) is Globals:
        return state.lookup(name)
    return _property(target, name, state)


def item(target: Any, key: Any, state: State) -> Any:
    """`target[key]`"""
    if isinstance(target, Mapping):
        return _map_item(target, key)
    if isinstance(target, list | tuple):
        return _list_item(target, key, state)
    if target is not None and isinstance(key, str):
        return attribute(target, str(key), state)
    return None


def _list_item(target: Any, key: Any, state: State) -> Any:
    index = _index(key)
    if index is not None:
        return target[index] if 0 <= index < len(target) else None
    if type(target) is Array:
        raise Fault("an array is looked into by a number")
    return _property(target, str(key), state) if isinstance(key, str) else None


def method(target: Any, name: str, arguments: list[Any], state: State) -> Any:
    """`target.name(arguments)`; null when there is no such method for such arguments."""
    if target is None:
        return None
    small = name.lower()
    if small in _FORBIDDEN:
        raise Fault(f'the method "{name}" must not be called')
    if type(target) is Loop and not arguments:
        return _loop_attribute(target, name, state)
    if type(target) is Globals:
        raise Fault("_context can only be looked into")
    methods = methods_of(target)
    for candidate in (small, f"get{small}", f"is{small}", f"has{small}"):
        if candidate in _FORBIDDEN and not arguments:
            raise Fault(f'"{name}" stands for a method that must not be called')
        if overloads := methods.get(candidate):
            return _call(overloads, target, arguments, state)
    return None


def _call(overloads: Overloads, target: Any, arguments: list[Any], state: State) -> Any:
    for accepted, function in overloads:
        if len(accepted) == len(arguments) and all(
            accepts(argument) for accepts, argument in zip(accepted, arguments, strict=True)
        ):
            return function(target, state, *arguments)
    return None


def _property(target: Any, name: str, state: State) -> Any:
    """A method without arguments under its own name, or as a bean's property."""
    if is_list(target) and (index := _index(name)) is not None:
        return target[index] if 0 <= index < len(target) else None
    if type(target) is Array:
        return None
    if type(target) is Entry and name in ("key", "value"):
        return target.key if name == "key" else target.value
    return method(target, name, [], state)


def _map_item(target: Mapping[Any, Any], key: Any) -> Any:
    if not target:
        return None
    if is_number(key):
        key = _as_key(target, key)
    return target[key] if has_key(target, key) else None


def _as_key(target: Mapping[Any, Any], number: float) -> int | float:
    """A number as the type of the map's first key, which Pebble takes for that of all."""
    first = next(iter(target))
    if not is_number(first):
        raise Fault("the keys of the map are no numbers; write the key in quotes")
    if isinstance(first, float):
        return float(number)
    return int(number) if abs(number) < 1e19 else 0


def _index(key: Any) -> int | None:
    """Integer.parseInt of the key's text."""
    if isinstance(key, bool | float):
        return None
    if isinstance(key, int):
        return int(key)
    return int(key) if isinstance(key, str) and _INDEX.fullmatch(key) else None


def _loop_attribute(loop: Loop, name: str, state: State) -> Any:
    small = name.lower().removeprefix("get").removeprefix("is")
    if small == "index":
        return Int(loop.index)
    if small == "length":
        return Count(loop.length)
    if small == "revindex":
        return Count(loop.length - loop.index - 1)
    if small == "first":
        return loop.index == 0
    if small == "last":
        return loop.index == loop.length - 1
    if small == "class":
        raise Fault('the method "getClass" must not be called')
    return text_of(loop, state.limits.output_chars) if small == "tostring" else None

"""What a filter is, and reading its arguments; no filter itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from onhook.java.number import narrowed
from onhook.pebble.errors import Fault
from onhook.pebble.state import State
from onhook.pebble.values import is_number, kind

_PATTERN_CHARS = 1_000

Apply = Callable[[Any, Mapping[str, Any], State], Any]


class FilterDefinition(Struct, frozen=True):
    """`parameters` None: any number of positional arguments, which are named "0", "1", ..."""

    apply: Apply
    parameters: tuple[str, ...] | None = None
    keeps_escaping: bool = False
    """Whether an escaped text arrives as one, not as an ordinary text."""


def text_input(value: Any, name: str) -> str:
    """The value, which must be a text."""
    if type(value) is not str:
        raise Fault(f'the filter "{name}" takes a text, not {kind(value)}')
    return value


def text_argument(arguments: Mapping[str, Any], parameter: str, name: str) -> str | None:
    """An argument that must be a text, None without it."""
    value = arguments.get(parameter)
    if value is not None and type(value) is not str:
        raise Fault(f'{parameter} of the filter "{name}" must be a text, not {kind(value)}')
    return value


def pattern_argument(arguments: Mapping[str, Any], parameter: str, name: str) -> str | None:
    """A format that must be a text of reasonable length; None without it."""
    pattern = text_argument(arguments, parameter, name)
    if pattern is not None and len(pattern) > _PATTERN_CHARS:
        raise Fault(
            f'{parameter} of the filter "{name}" is longer than {_PATTERN_CHARS} characters'
        )
    return pattern


def number_argument(arguments: Mapping[str, Any], parameter: str, name: str) -> int | None:
    """An argument that must be a number, as an int of Java; None without it."""
    value = arguments.get(parameter)
    if value is None:
        return None
    if not is_number(value):
        raise Fault(f'{parameter} of the filter "{name}" must be a number, not {kind(value)}')
    return narrowed(value, 32)

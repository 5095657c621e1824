"""Filters that take a number, and format, which takes a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onhook.java.format import format_string
from onhook.java.number_format import default_number_format, format_decimal
from onhook.pebble.arithmetic import wrapped
from onhook.pebble.errors import Fault
from onhook.pebble.filters.definition import FilterDefinition, pattern_argument
from onhook.pebble.state import State
from onhook.pebble.values import Count, is_number, kind


def _abs(value: Any, _arguments: Mapping[str, Any], _state: State) -> Any:
    if not is_number(value):
        raise Fault(f'the filter "abs" takes a number, not {kind(value)}')
    if isinstance(value, float):
        return abs(value)
    return float(abs(value)) if type(value) is Count else wrapped(abs(value))


def _format(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    if value is None:
        return None
    pattern = state.text(value)
    given = [arguments[str(number)] for number in range(len(arguments))]
    state.charge(len(pattern))
    try:
        return state.bounded(
            format_string(pattern, given, lambda item: _counted(item, state), kind)
        )
    except ValueError as error:
        raise Fault(f'the filter "format" fails: {error}') from None


def _counted(value: Any, state: State) -> str:
    """toString; a long text counts each time, although nothing is made of it."""
    return state.bounded(state.text(value))


def _numberformat(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    if value is None:
        return None
    if not is_number(value):
        raise Fault(f'the filter "numberformat" takes a number, not {kind(value)}')
    pattern = pattern_argument(arguments, "format", "numberformat")
    try:
        if pattern is None:
            return default_number_format(value)
        state.charge(len(pattern) >> 2)
        return state.bounded(format_decimal(pattern, value))
    except ValueError as error:
        raise Fault(f'the filter "numberformat" fails: {error}') from None


NUMBER_FILTERS = {
    "abs": FilterDefinition(_abs),
    "format": FilterDefinition(_format),
    "numberformat": FilterDefinition(_numberformat, ("format",)),
}

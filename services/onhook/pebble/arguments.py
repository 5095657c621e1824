"""Binding the arguments of a function, macro, filter or test to its parameters.

It must not know what is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from onhook.pebble.errors import Fault
from onhook.pebble.nodes import Call, Expression, Filter, FilterStep, Test
from onhook.pebble.state import State

Evaluate: TypeAlias = Callable[[State], Any]
"""Gives an expression's value."""
Bound: TypeAlias = Callable[[State], Mapping[str, Any]]
"""Gives the arguments by the names of the parameters."""

_NONE: Mapping[str, Any] = {}


def bound(
    compile_expression: Callable[[Expression], Evaluate],
    called: Call | Filter | FilterStep | Test,
    parameters: tuple[str, ...] | None,
) -> Bound:
    """The arguments of `called`, compiled. What does not fit fails when it is evaluated.

    `parameters` None: positional ones by number, named ones are not looked at. An empty tuple
    takes any name.
    """
    given, name = called.arguments, called.name
    values = [compile_expression(value) for value in given.positional]
    if parameters is None:
        return _evaluating([(str(number), value) for number, value in enumerate(values)])
    if len(values) > len(parameters):
        allowed = f"{len(parameters)} argument{'s' if len(parameters) != 1 else ''}"
        return failing(f'"{name}" takes {allowed}, not {len(values)}', called.offset)
    pairs = list(zip(parameters, values, strict=False))
    for argument, value in given.named:
        if parameters and argument not in parameters:
            known = ", ".join(parameters)
            return failing(f'"{name}" has no argument "{argument}"; it has {known}', called.offset)
        pairs.append((argument, compile_expression(value)))
    return _evaluating(pairs)


def failing(message: str, offset: int) -> Callable[[State], Any]:
    """What fails whenever it is evaluated: Pebble does not look before."""

    def evaluate(_state: State) -> Any:
        raise Fault(message, offset)

    return evaluate


def _evaluating(pairs: list[tuple[str, Evaluate]]) -> Bound:
    if not pairs:
        return lambda _state: _NONE
    return lambda state: {parameter: value(state) for parameter, value in pairs}

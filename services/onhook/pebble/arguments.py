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
    wrong = misfit(called, parameters)
    if wrong is not None:
        return failing(wrong, called.offset)
    given = called.arguments
    values = [compile_expression(value) for value in given.positional]
    if parameters is None:
        return _evaluating([(str(number), value) for number, value in enumerate(values)])
    pairs = list(zip(parameters, values, strict=False))
    pairs += [(name, compile_expression(value)) for name, value in given.named]
    return _evaluating(pairs)


def misfit(
    called: Call | Filter | FilterStep | Test, parameters: tuple[str, ...] | None
) -> str | None:
    """Why the arguments of `called` cannot be bound; None when they can."""
    given, name = called.arguments, called.name
    if parameters is None:
        return None
    if len(given.positional) > len(parameters):
        allowed = f"{len(parameters)} argument{'s' if len(parameters) != 1 else ''}"
        return f'"{name}" takes {allowed}, not {len(given.positional)}'
    for argument, _ in given.named:
        if parameters and argument not in parameters:
            return f'"{name}" has no argument "{argument}"; it has {", ".join(parameters)}'
    return None


def failing(message: str, offset: int) -> Callable[[State], Any]:
    """What fails whenever it is evaluated: Pebble does not look before."""

    def evaluate(_state: State) -> Any:
        raise Fault(message, offset)

    return evaluate


def _evaluating(pairs: list[tuple[str, Evaluate]]) -> Bound:
    if not pairs:
        return lambda _state: _NONE
    return lambda state: {parameter: value(state) for parameter, value in pairs}

"""The functions of the language: one each, in a table by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from onhook.java import char as java_char
from onhook.java.char import Char
from onhook.java.number import narrowed
from onhook.pebble.arithmetic import compared
from onhook.pebble.errors import Fault
from onhook.pebble.state import State
from onhook.pebble.values import Moment, is_number


class FunctionDefinition(Struct, frozen=True):
    """`parameters` None: any number of positional arguments, which are named "0", "1", ..."""

    call: Callable[[Mapping[str, Any], State], Any]
    parameters: tuple[str, ...] | None = None


def _extreme(arguments: Mapping[str, Any], sign: int) -> Any:
    """The first of the arguments that none exceeds; nulls are passed over."""
    best: Any = None
    for value in arguments.values():
        if best is None or (compared(value, best) or 0) * sign > 0:
            best = value
    return best


def _range(arguments: Mapping[str, Any], state: State) -> Any:
    return numbers_or_letters(
        arguments.get("start"), arguments.get("end"), arguments.get("increment"), state
    )


def numbers_or_letters(start: Any, end: Any, increment: Any, state: State) -> list[Any]:
    """Both ends are included; an increment below zero counts down."""
    step = 1 if increment is None else _long(increment)
    if step == 0:
        raise Fault("the increment of a range must not be 0")
    if is_number(start) and is_number(end):
        numbers = _counted(_long(start), _long(end), step, state)
        return list(numbers)
    if type(start) is str and type(end) is str:
        if java_char.length(start) != 1 or java_char.length(end) != 1:
            raise Fault("the ends of a range of letters must be single characters")
        return [Char(chr(code)) for code in _counted(ord(start), ord(end), step, state)]
    raise Fault("a range needs two numbers or two single characters")


def _counted(start: int, end: int, step: int, state: State) -> range:
    numbers = range(start, end + (1 if step > 0 else -1), step)
    length = 0 if (end - start) * step < 0 else (end - start) // step + 1
    state.check_size(length)
    return numbers


def _long(value: Any) -> int:
    if not is_number(value):
        raise Fault("the increment of a range must be a number")
    return narrowed(value, 64)


def _i18n(_arguments: Mapping[str, Any], _state: State) -> Any:
    raise Fault("i18n needs a bundle of messages; there is none here")


FUNCTIONS = {
    "i18n": FunctionDefinition(_i18n, ("bundle", "key", "params")),
    "max": FunctionDefinition(lambda arguments, _state: _extreme(arguments, 1)),
    "min": FunctionDefinition(lambda arguments, _state: _extreme(arguments, -1)),
    "now": FunctionDefinition(lambda _arguments, state: Moment(state.now)),
    "range": FunctionDefinition(_range, ("start", "end", "increment")),
}

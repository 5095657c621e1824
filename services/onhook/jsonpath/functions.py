"""The functions of paths: `length()`, `sum()`, `concat()`, ...

From Jayway's function classes, its accidents included: the last item of a list of one is an
error, and numbers come out as doubles. It must not know paths: arguments come as values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from onhook.java.number import as_double, narrowed
from onhook.jsonpath.errors import OutOfRange, PathError
from onhook.jsonpath.limits import Purse
from onhook.jsonpath.printing import printed

Arguments: TypeAlias = tuple[Callable[[], Any], ...]
Function: TypeAlias = Callable[[Any, Arguments, Purse], Any]

_LARGEST = 1.7976931348623157e308
_NO_NUMBERS = "there are no numbers to calculate with"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(model: Any, arguments: Arguments, purse: Purse) -> list[float]:
    """The numbers of a list and of the arguments, as doubles. Raises PathError without any."""
    lists = [model if isinstance(model, list) else []]
    lists.extend(_spread(arguments))
    found: list[float] = []
    for values in lists:
        purse.pay(len(values))
        found.extend(as_double(value) for value in values if _is_number(value))
    if not found:
        raise PathError(_NO_NUMBERS)
    return found


def _spread(arguments: Arguments) -> Iterator[list[Any]]:
    for argument in arguments:
        value = argument()
        yield value if isinstance(value, list) else [value]


def _sum(model: Any, arguments: Arguments, purse: Purse) -> float:
    total = 0.0
    for number in _numbers(model, arguments, purse):
        total += number
    return total


def _avg(model: Any, arguments: Arguments, purse: Purse) -> float:
    numbers = _numbers(model, arguments, purse)
    total = 0.0
    for number in numbers:
        total += number
    return total / len(numbers)


def _max(model: Any, arguments: Arguments, purse: Purse) -> float:
    best = -_LARGEST
    for number in _numbers(model, arguments, purse):
        best = max(best, number)
    return best


def _min(model: Any, arguments: Arguments, purse: Purse) -> float:
    best = _LARGEST
    for number in _numbers(model, arguments, purse):
        best = min(best, number)
    return best


def _stddev(model: Any, arguments: Arguments, purse: Purse) -> float:
    numbers = _numbers(model, arguments, purse)
    total = squares = 0.0
    for number in numbers:
        total += number
        squares += number * number
    count = float(len(numbers))
    spread = squares / count - total * total / count / count
    return math.sqrt(spread) if spread >= 0 else math.nan


def _concat(model: Any, arguments: Arguments, purse: Purse) -> str:
    parts: list[str] = []
    if isinstance(model, list):
        parts.extend(item for item in model if isinstance(item, str))
    for argument in arguments:
        value = argument()
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, list):
            purse.pay(len(value))
            parts.extend(printed(item, purse) for item in value if item is not None)
    for part in parts:
        purse.pay_for_text(part)
    return "".join(parts)


def length(model: Any) -> int | None:
    """Of a list or object; None of anything else."""
    return len(model) if isinstance(model, list | dict) else None


def _length(model: Any, _: Arguments, __: Purse) -> int | None:
    return length(model)


def _append(model: Any, arguments: Arguments, purse: Purse) -> Any:
    """A list with the arguments behind; the document stays as it was."""
    if not isinstance(model, list) or not arguments:
        return model
    purse.pay(len(model))
    return [*model, *(argument() for argument in arguments)]


def _keys(model: Any, _: Arguments, purse: Purse) -> tuple[str, ...] | None:
    """A tuple, which no other function takes for a list: Java's is a set."""
    if not isinstance(model, dict):
        return None
    purse.pay(len(model))
    return tuple(model)


def _item(model: Any, index: int) -> Any:
    count = len(model)
    if index >= 0:
        if index >= count:
            raise OutOfRange(f"the list has {count} items, so none at {index}")
        return model[index]
    if count + index > 0:
        return model[count + index]
    raise PathError(f"the list has too few items ({count}) to count back from its end")


def _list_only(model: Any) -> None:
    if not isinstance(model, list):
        raise PathError("it wants a list")


def _first(model: Any, _: Arguments, __: Purse) -> Any:
    _list_only(model)
    return _item(model, 0)


def _last(model: Any, _: Arguments, __: Purse) -> Any:
    _list_only(model)
    return _item(model, -1)


def _index(model: Any, arguments: Arguments, _: Purse) -> Any:
    _list_only(model)
    numbers = [value for values in _spread(arguments) for value in values if _is_number(value)]
    if not numbers:
        raise OutOfRange("it wants a position as its argument")
    return _item(model, narrowed(numbers[0], 32))


FUNCTIONS: dict[str, Function] = {
    "min": _min,
    "max": _max,
    "avg": _avg,
    "stddev": _stddev,
    "sum": _sum,
    "concat": _concat,
    "length": _length,
    "size": _length,
    "append": _append,
    "keys": _keys,
    "first": _first,
    "last": _last,
    "index": _index,
}
LENGTHS = ("length", "size")
"""These look at what their argument leads to themselves; `calls` does that."""

"""What a template's conditions can be known to say without values: `loop.last`, `not`, `and`, `or`,
and a condition that is asked twice.

Pure, over the syntax tree; it must not know what is printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from msgspec import Struct

from onhook.pebble.nodes import (
    Attribute,
    Binary,
    Call,
    Expression,
    Literal,
    MethodCall,
    Name,
    Unary,
)

_DEEPEST = 60
"""A condition of more parts within one another is not looked into."""
_MOST_ATOMS = 8
"""Conditions whose answer is remembered: each doubles the paths."""

Answers = frozenset[tuple[Any, bool]]
"""What was answered on the way here; an atom is known by its shape."""


class Turn(Struct, frozen=True):
    """A turn of a loop; None where it can be either."""

    first: bool | None = None
    last: bool | None = None


def shape(value: Any) -> Any:
    """A part of the tree without its places: equal for what is written twice."""
    if isinstance(value, Struct):
        fields = (name for name in value.__struct_fields__ if name != "offset")
        return (type(value).__name__, *(shape(getattr(value, name)) for name in fields))
    return tuple(map(shape, value)) if isinstance(value, tuple) else value


def is_readable(condition: Expression) -> bool:
    """Whether the other questions may be asked of it: long chains nest deeper than Python can."""
    level: list[Any] = [condition]
    for _ in range(_DEEPEST):
        level = [
            part
            for each in level
            for part in (
                each
                if isinstance(each, tuple)
                else [getattr(each, name) for name in each.__struct_fields__]
            )
            if isinstance(part, Struct | tuple)
        ]
        if not level:
            return True
    return False


def atoms(condition: Expression) -> Iterator[Expression]:
    """The parts that `not`, `and` and `or` join."""
    if isinstance(condition, Unary) and condition.operator == "not":
        yield from atoms(condition.operand)
    elif isinstance(condition, Binary) and condition.operator in ("and", "or"):
        yield from atoms(condition.left)
        yield from atoms(condition.right)
    else:
        yield condition


def repeated(conditions: list[Expression], changing: frozenset[str]) -> frozenset[Any]:
    """The shapes that stand more than once and must answer alike each time.

    `changing` are the names that the template itself sets.
    """
    asked = Counter(
        shape(atom)
        for condition in conditions
        for atom in atoms(condition)
        if not _may_change(atom, changing)
    )
    return frozenset([each for each, times in asked.most_common(_MOST_ATOMS) if times > 1])


def decide(
    condition: Expression, turn: Turn | None, answers: Answers, tracked: frozenset[Any]
) -> Iterator[tuple[bool, Answers]]:
    """Each answer that is possible, with what is known when it is given."""
    known = dict(answers)
    answer = _value(condition, turn, known)
    if answer is not None:
        yield answer, answers
        return
    open_atoms = (shape(atom) for atom in atoms(condition))
    split = next((each for each in open_atoms if each in tracked and each not in known), None)
    for assumed in (True, False):
        if split is None:
            yield assumed, answers
        else:
            yield from decide(condition, turn, answers | {(split, assumed)}, tracked)


def mentions(part: Any, names: Collection[str]) -> bool:
    """Whether one of these variables is read in a part of the tree."""
    if isinstance(part, Name):
        return part.name in names
    if isinstance(part, Struct):
        return any(mentions(getattr(part, name), names) for name in part.__struct_fields__)
    return isinstance(part, tuple) and any(mentions(each, names) for each in part)


def _may_change(part: Any, changing: frozenset[str]) -> bool:
    if isinstance(part, Call | MethodCall):
        return True
    if isinstance(part, Name):
        return part.name in changing
    if isinstance(part, Struct):
        return any(_may_change(getattr(part, name), changing) for name in part.__struct_fields__)
    return isinstance(part, tuple) and any(_may_change(each, changing) for each in part)


def _value(condition: Expression, turn: Turn | None, known: dict[Any, bool]) -> bool | None:
    if isinstance(condition, Literal) and isinstance(condition.value, bool):
        return condition.value
    if isinstance(condition, Unary) and condition.operator == "not":
        inner = _value(condition.operand, turn, known)
        return None if inner is None else not inner
    if isinstance(condition, Binary) and condition.operator in ("and", "or"):
        both = (_value(condition.left, turn, known), _value(condition.right, turn, known))
        deciding = condition.operator == "or"
        if deciding in both:
            return deciding
        return None if None in both else not deciding
    if turn is not None and (answer := _of_loop(condition, turn)) is not None:
        return answer
    return known.get(shape(condition))


def _of_loop(condition: Expression, turn: Turn) -> bool | None:
    """`loop.first`, `loop.last`, and comparisons of `loop.index`, `.revindex` and `.length`."""
    if isinstance(condition, Attribute):
        answers = {"first": turn.first, "last": turn.last}
        return answers.get(condition.name) if _is_loop(condition.target) else None
    if not isinstance(condition, Binary) or condition.operator not in _SIGNS:
        return None
    left, right = _linear(condition.left), _linear(condition.right)
    if left is None or right is None:
        return None
    before, behind, constant = (a - b for a, b in zip(left, right, strict=True))
    low = high = float(constant)
    for factor, at_edge in ((before, turn.first), (behind, turn.last)):
        least, most = (0.0, 0.0) if at_edge else (0.0 if at_edge is None else 1.0, float("inf"))
        bounds = [factor * bound if factor else 0.0 for bound in (least, most)]
        low, high = low + min(bounds), high + max(bounds)
    return _compare(condition.operator, low, high)


_SIGNS = frozenset({"==", "!=", "<", ">", "<=", ">="})


def _compare(operator: str, low: float, high: float) -> bool | None:
    """`difference operator 0` for a difference between `low` and `high`; None if it depends."""
    always, never = {
        "<": (high < 0, low >= 0),
        ">": (low > 0, high <= 0),
        "<=": (high <= 0, low > 0),
        ">=": (low >= 0, high < 0),
        "==": (low == high == 0, low > 0 or high < 0),
        "!=": (low > 0 or high < 0, low == high == 0),
    }[operator]
    return True if always else False if never else None


def _linear(part: Expression) -> tuple[int, int, int] | None:
    """A number of a loop as (times the turns before, times those behind, plus a constant)."""
    if isinstance(part, Literal) and type(part.value) is int:
        return 0, 0, part.value
    if isinstance(part, Attribute) and _is_loop(part.target):
        return {"index": (1, 0, 0), "revindex": (0, 1, 0), "length": (1, 1, 1)}.get(part.name)
    if isinstance(part, Binary) and part.operator in ("+", "-"):
        left, right = _linear(part.left), _linear(part.right)
        if left is None or right is None:
            return None
        sign = 1 if part.operator == "+" else -1
        return left[0] + sign * right[0], left[1] + sign * right[1], left[2] + sign * right[2]
    return None


def _is_loop(part: Expression) -> bool:
    return isinstance(part, Name) and part.name == "loop"

"""What a path is made of once it is read: plain frozen values.

It must not know text or documents. `path_parser` makes them, `evaluation` gives them meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec


class Property(msgspec.Struct, frozen=True, tag=True):
    """`.name`, `['name']` or `['name','name']`."""

    names: tuple[str, ...]


class Indexes(msgspec.Struct, frozen=True, tag=True):
    """`[0]` or `[0,2]`; negative ones count from the end."""

    indexes: tuple[int, ...]


class Slice(msgspec.Struct, frozen=True, tag=True):
    """`[1:]`, `[:2]` or `[1:2]`; one of the two ends may be None."""

    start: int | None
    stop: int | None


class Wildcard(msgspec.Struct, frozen=True, tag=True):
    """`*` or `[*]`."""


class Scan(msgspec.Struct, frozen=True, tag=True):
    """`..`"""


class Filter(msgspec.Struct, frozen=True, tag=True):
    """`[?(...)]`"""

    condition: Condition


class JsonArgument(msgspec.Struct, frozen=True, tag=True):
    """An argument written as JSON, as its text: it is read when the function asks for it."""

    text: str
    column: int


class PathArgument(msgspec.Struct, frozen=True, tag=True):
    """An argument that is a path into the whole document."""

    tree: PathTree


class Function(msgspec.Struct, frozen=True, tag=True):
    """`.name()` or `.name(argument, ...)`"""

    name: str
    arguments: tuple[JsonArgument | PathArgument, ...]


Token: TypeAlias = Property | Indexes | Slice | Wildcard | Scan | Filter | Function


class PathTree(msgspec.Struct, frozen=True):
    """One path. `is_detached`: its first token takes the place of a scan, so that it counts as
    one that may find several values (`$..x.sum()`, which is read as `$.sum($..x)`)."""

    is_root: bool
    tokens: tuple[Token, ...]
    is_detached: bool = False

    @property
    def is_function(self) -> bool:
        return bool(self.tokens) and isinstance(self.tokens[-1], Function)

    @property
    def is_definite(self) -> bool:
        """Whether it leads to one value, not to a list of what was found."""
        last = len(self.tokens) - 1
        return all(
            is_definite(token, is_leaf=index == last) for index, token in enumerate(self.tokens)
        )


def is_definite(token: Token, *, is_leaf: bool) -> bool:
    match token:
        case Property(names):
            return len(names) == 1 or is_leaf
        case Indexes(indexes):
            return len(indexes) == 1
        case Function():
            return True
        case _:
            return False


class Literal(msgspec.Struct, frozen=True, tag=True):
    """A value as `values` knows them."""

    value: Any


class PathValue(msgspec.Struct, frozen=True, tag=True):
    """What a path finds; `is_wanted` is False behind a `!`."""

    tree: PathTree
    is_wanted: bool


Operand: TypeAlias = Literal | PathValue


class Relation(msgspec.Struct, frozen=True, tag=True):
    """`left operator right`"""

    left: Operand
    operator: str
    right: Operand


class Existence(msgspec.Struct, frozen=True, tag=True):
    """`@.name` or `!@.name`"""

    path: PathValue


class Both(msgspec.Struct, frozen=True, tag=True):
    """`... && ...`"""

    parts: tuple[Condition, ...]


class Either(msgspec.Struct, frozen=True, tag=True):
    """`... || ...`"""

    parts: tuple[Condition, ...]


class Negation(msgspec.Struct, frozen=True, tag=True):
    """`!(...)`"""

    part: Condition


Condition: TypeAlias = Relation | Existence | Both | Either | Negation

ReadPath: TypeAlias = Callable[[str, int], PathTree]
"""Reads a path that stands inside another one, at the given column."""

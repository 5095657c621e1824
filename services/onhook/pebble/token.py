"""What a template's source is split into, and how messages name each piece. No splitting."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Kind(Enum):
    """What a token is; the value is how messages name it."""

    TEXT = "text"
    PRINT_START = "{{"
    PRINT_END = "}}"
    EXECUTE_START = "{%"
    EXECUTE_END = "%}"
    NAME = "a name"
    LONG = "a whole number"
    NUMBER = "a number"
    STRING = "a text"
    OPERATOR = "an operator"
    PUNCTUATION = "punctuation"
    INTERPOLATION_START = "#{"
    INTERPOLATION_END = "}"
    END = "the end of the template"


class Token(Struct, frozen=True):
    """`value` is the text as the language means it: strings are unquoted."""

    kind: Kind
    value: str
    offset: int

    def is_(self, kind: Kind, *values: str) -> bool:
        return self.kind is kind and self.value in values

    def __str__(self) -> str:
        named = self.kind in (Kind.NAME, Kind.OPERATOR, Kind.PUNCTUATION, Kind.LONG, Kind.NUMBER)
        return f'"{self.value}"' if named else self.kind.value

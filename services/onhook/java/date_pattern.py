"""A date pattern of Java, split into literals, fields and optional sections.

It takes what SimpleDateFormat and DateTimeFormatter take together. This module must not know what
a field prints.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal as OneOf

from msgspec import Struct

MAX_PATTERN = 1_000
"""Characters of a pattern."""

LETTERS = frozenset("GyYMLwWDdFEuaHkKhmsSAnNzZXxVvOQqec")
_MAX_COUNT = 19
_MAX_OPTIONAL = 20


Style = OneOf["simple", "temporal"]
"""SimpleDateFormat or DateTimeFormatter."""


class Literal(Struct, frozen=True):
    text: str


class Field(Struct, frozen=True):
    """`count` times one letter."""

    letter: str
    count: int


class Optional(Struct, frozen=True):
    items: tuple[Literal | Field | Optional, ...]


Items = tuple[Literal | Field | Optional, ...]


@lru_cache(maxsize=512)
def date_items(pattern: str) -> Items:
    """Split `pattern`. ValueError says what is wrong with it."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a date pattern has at most {MAX_PATTERN} characters")
    items, end = _items(pattern, 0, 0)
    if end < len(pattern):
        raise ValueError(f'date pattern "{pattern}": "]" closes nothing')
    return items


def _items(pattern: str, position: int, depth: int) -> tuple[Items, int]:
    """The items from `position` to the end of the section, and where that is."""
    if depth > _MAX_OPTIONAL:
        raise ValueError(f'date pattern "{pattern}": its brackets are nested too deeply')
    items: list[Literal | Field | Optional] = []
    while position < len(pattern) and pattern[position] != "]":
        character = pattern[position]
        if character == "'":
            text, position = _quoted(pattern, position + 1)
            items.append(Literal(text))
        elif character == "[":
            inner, position = _items(pattern, position + 1, depth + 1)
            items.append(Optional(inner))
            position += 1
        elif character.isascii() and character.isalpha():
            end = position
            while pattern[end : end + 1] == character:
                end += 1
            items.append(_field(pattern, character, end - position))
            position = end
        else:
            items.append(Literal(character))
            position += 1
    return tuple(items), position


def _quoted(pattern: str, position: int) -> tuple[str, int]:
    if pattern[position : position + 1] == "'":
        return "'", position + 1
    text = ""
    while (end := pattern.find("'", position)) >= 0:
        text += pattern[position:end]
        if pattern[end + 1 : end + 2] != "'":
            return text, end + 1
        text += "'"
        position = end + 2
    raise ValueError(f'date pattern "{pattern}": a quote is not closed')


def _field(pattern: str, letter: str, count: int) -> Field:
    if letter not in LETTERS:
        raise ValueError(
            f'date pattern "{pattern}": the letter "{letter}" means nothing; quote it if it is text'
        )
    if count > _MAX_COUNT:
        raise ValueError(f'date pattern "{pattern}": too many "{letter}"')
    return Field(letter, count)

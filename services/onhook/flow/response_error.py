"""How a text fails to become data, and where.

It must not know any notation.
"""

from __future__ import annotations

DEEPEST = 200
"""Levels, the same in every notation."""


class ResponseError(Exception):
    """The text is not what it is said to be, or more than we read."""


def place(line: int, column: int) -> str:
    """Both counted from 1."""
    return f" at line {line}, column {column}"

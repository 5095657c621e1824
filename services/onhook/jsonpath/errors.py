"""What a path can end in besides a value.

It must not know how paths are read. Texts speak of the path and the document, never of Python.
"""

from __future__ import annotations


class JsonPathError(Exception):
    """the path gave no value"""


class PathMissing(JsonPathError):
    """nothing in the document is where the path points"""


class PathError(JsonPathError):
    """The path cannot be compiled, or cannot be evaluated on this document.

    `column` counts characters from 1 in the path's own text; None where no place is to blame.
    """

    def __init__(self, text: str, column: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.column = column


class Inapplicable(PathError):
    """Jayway's invalid path: an error by itself, no match where a filter meets it."""


class OutOfRange(PathError):
    """A position outside a list: an error by itself, nothing where a list's items are walked."""


class TooMuchWork(PathError):
    """A bound of `limits` was reached; nothing may take this for a missing value."""

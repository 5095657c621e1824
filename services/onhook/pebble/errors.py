"""What can go wrong with a template, and where in its source.

Errors and positions only; nothing here knows the language.
"""

from __future__ import annotations

from collections.abc import Iterable

from onhook.java.char import whole


class PebbleError(Exception):
    """The template cannot be compiled or rendered. `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        self.message = whole(message)
        super().__init__(f"line {line}, column {column}: {self.message}")
        self.line = line
        self.column = column


class Fault(Exception):
    """An error on its way to the template, which knows the source and makes a PebbleError of it.

    `offset` counts characters of the source; None until an expression says where it stands.
    `operand` is the value that an operator cannot take.
    """

    def __init__(self, message: str, offset: int | None = None, *, operand: object = ...) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.operand = operand

    def at(self, offset: int) -> Fault:
        """This fault, placed at `offset` unless an inner expression has placed it already."""
        if self.offset is None:
            self.offset = offset
        return self

    def of(self, named: Iterable[tuple[object, str | None]]) -> Fault:
        """This fault, saying what the operand is called: `named` are values and their names."""
        if self.offset is None:
            for value, name in named:
                if value is self.operand:
                    self.message = f"{name}: {self.message}" if name else self.message
                    break
        return self


class LimitExceeded(Fault):
    """A bound on work or size was passed; the message names it."""


def position(source: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at `offset`."""
    before = source[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def placed(fault: Fault, source: str) -> PebbleError:
    """The error that users see."""
    offset = min(fault.offset or 0, len(source))
    return PebbleError(fault.message, *position(source, offset))

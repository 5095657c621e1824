"""The arguments of a function: `(3, "a", {"b": 1}, $.path)`.

It finds where each ends, as Jayway does: by counting brackets, and taking a closing parenthesis
of an inner call for the end of the argument. It knows no paths: those go to whoever reads them.
"""

from __future__ import annotations

from onhook.java.char import is_digit
from onhook.jsonpath.cursor import Cursor
from onhook.jsonpath.tokens import JsonArgument, PathArgument, ReadPath

_BLANKS = " \t\n\r"


def read_arguments(cursor: Cursor, read_path: ReadPath) -> tuple[JsonArgument | PathArgument, ...]:
    """From behind the opening parenthesis to behind the closing one. Raises PathError."""
    return _Arguments(cursor, read_path).read()


class _Arguments:
    def __init__(self, cursor: Cursor, read_path: ReadPath) -> None:
        self._cursor = cursor
        self._read_path = read_path
        self._found: list[JsonArgument | PathArgument] = []
        self._kind = ""
        self._text: list[str] = []
        self._column = 1
        self._open = {"(": 1, "[": 0, "{": 0}
        self._quotes = 0

    def read(self) -> tuple[JsonArgument | PathArgument, ...]:
        cursor = self._cursor
        previous = ""
        is_over = False
        while cursor.is_inside and not is_over:
            char = cursor.here
            cursor.position += 1
            if not self._kind and char in _BLANKS:
                continue
            self._begin(char)
            if char == "\\" and self._takes_escaped():
                previous = ""
                continue
            is_over = self._count(char, previous)
            if self._kind and not (char == "," and self._is_between()):
                self._text.append(char)
            previous = char
        if any(self._open.values()):
            raise cursor.invalid('the arguments are not closed with ")"')
        return tuple(self._found)

    def _begin(self, char: str) -> None:
        if self._kind:
            return
        if char in '{"-' or is_digit(char):
            self._kind = "json"
        elif char in "$@":
            self._kind = "path"
        self._column = self._cursor.column(self._cursor.position - 1)

    def _takes_escaped(self) -> bool:
        """Inside quotes, an escaped quote or comma goes in without its backslash."""
        escaped = self._cursor.here
        if self._quotes != 1 or escaped not in ',"':
            return False
        self._text.append(escaped)
        self._cursor.position += 1
        return True

    def _count(self, char: str, previous: str) -> bool:
        """Whether the last argument ended with `char`."""
        match char:
            case '"':
                self._quotes += -1 if previous != "\\" and self._quotes > 0 else 1
            case "(" | "[" | "{":
                self._open[char] += 1
            case "]" | "}":
                opening = {"]": "[", "}": "{"}[char]
                if not self._open[opening]:
                    raise self._cursor.invalid(
                        f'"{char}" closes nothing', self._cursor.position - 1
                    )
                self._open[opening] -= 1
            case ")":
                self._open["("] -= 1
                if self._open["("] < 0 or previous == "(":
                    self._text.append(char)
                return self._ends(char)
            case ",":
                return self._ends(char)
        return False

    def _ends(self, char: str) -> bool:
        is_last = self._open["("] == 0 and char == ")"
        if self._quotes or self._open["{"] or self._open["["]:
            return False
        if not is_last and self._open["("] != 1:
            return False
        text = "".join(self._text)
        if self._kind == "json":
            self._found.append(JsonArgument(text, self._column))
        elif self._kind == "path":
            self._found.append(PathArgument(self._read_path(text, self._column)))
        if self._kind:
            self._text.clear()
            self._kind = ""
        return is_last

    def _is_between(self) -> bool:
        return self._open == {"(": 1, "[": 0, "{": 0}

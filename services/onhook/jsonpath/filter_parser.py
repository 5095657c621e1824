"""The text of a filter, `[?(...)]`, becomes a condition.

It knows the grammar of Jayway's FilterCompiler, with what that takes and refuses by accident.
Paths inside are read by whoever calls it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

from onhook.java.char import is_digit
from onhook.java.number import decimal_of_text
from onhook.java.regex import compile_pattern
from onhook.java.regex_class import FLAGS, PatternError
from onhook.jsonpath.cursor import BLANK, Cursor
from onhook.jsonpath.errors import Inapplicable, PathError, TooMuchWork
from onhook.jsonpath.escapes import unescaped
from onhook.jsonpath.operators import OPERATORS
from onhook.jsonpath.tokens import (
    Both,
    Condition,
    Either,
    Existence,
    Literal,
    Negation,
    Operand,
    PathTree,
    PathValue,
    Relation,
)
from onhook.jsonpath.values import JsonText

_RELATION_CHARS = "<>=~!"
_NUMBER_CHARS = "-.Ee"


class PathReader(Protocol):
    """Reads the paths inside a filter, and guards how deep things nest."""

    def whole(self, text: str, column: int) -> PathTree: ...

    def nested(self, column: int) -> AbstractContextManager[None]: ...


def read_filter(text: str, column: int, paths: PathReader) -> Condition:
    """`text` from `[` to `]`. Raises PathError with the column in the whole path."""
    cursor = Cursor(text, column)
    cursor.position, cursor.last = 1, cursor.last - 1
    cursor.trim()
    cursor.position += 1
    cursor.trim()
    if cursor.here != "(" or cursor.at(cursor.last) != ")":
        raise cursor.invalid("a filter stands in parentheses: [?(...)]")
    return _FilterReader(cursor, paths).read()


class _FilterReader:
    def __init__(self, cursor: Cursor, paths: PathReader) -> None:
        self._cursor = cursor
        self._paths = paths
        self._doubt: Inapplicable | None = None
        """Why the last path was taken to stand alone: the better text when that fails later."""

    def read(self) -> Condition:
        try:
            found = self._either()
        except (Inapplicable, TooMuchWork):
            raise
        except PathError as error:
            raise Inapplicable(error.text, error.column or self._cursor.column()) from None
        self._cursor.skip_blanks()
        if self._cursor.is_inside:
            raise self._doubt or self._cursor.invalid("the filter should end here")
        return found

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._accepts("||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._part()]
        while self._accepts("&&"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _accepts(self, word: str) -> bool:
        start = self._cursor.position
        if self._cursor.accept(word):
            return True
        self._cursor.position = start
        return False

    def _part(self) -> Condition:
        cursor = self._cursor
        with self._paths.nested(cursor.column()):
            cursor.skip_blanks()
            start = cursor.position
            if cursor.here == "!":
                cursor.position += 1
                cursor.skip_blanks()
                if cursor.here not in "$@":
                    return Negation(self._part())
                cursor.position = start
            if cursor.here == "(":
                cursor.position += 1
                found = self._either()
                if not cursor.accept(")"):
                    raise self._doubt or cursor.invalid('expected ")"')
                return found
            return self._relation()

    def _relation(self) -> Condition:
        self._doubt = None
        left = self._operand()
        start = self._cursor.position
        try:
            operator = self._operator()
            return Relation(left, operator, self._operand())
        except Inapplicable as error:
            if not isinstance(left, PathValue):
                raise
            self._doubt = error
        self._cursor.position = start
        return Existence(left)

    def _operator(self) -> str:
        cursor = self._cursor
        cursor.skip_blanks()
        start = cursor.position
        if cursor.here in _RELATION_CHARS:
            while cursor.is_inside and cursor.here in _RELATION_CHARS:
                cursor.position += 1
        else:
            while cursor.is_inside and cursor.here != BLANK:
                cursor.position += 1
        name = cursor.text[start : cursor.position]
        if name.upper() not in OPERATORS:
            raise cursor.invalid(f'"{name}" is no operator of filters', start)
        return name.upper()

    def _operand(self) -> Operand:
        cursor = self._cursor
        cursor.skip_blanks()
        if cursor.here in "$@":
            return self._path()
        if cursor.here == "!":
            cursor.position += 1
            cursor.skip_blanks()
            if cursor.here in "$@":
                return self._path()
            raise cursor.invalid('"!" stands before a path or a parenthesis')
        return Literal(self._literal())

    def _literal(self) -> Any:  # noqa: PLR0911  # one return a kind
        match self._cursor.here:
            case "'" | '"' as quote:
                return self._text(quote)
            case "t" | "f":
                return self._word({"true": True, "false": False})
            case "n":
                return self._word({"null": None})
            case "[":
                return self._json("[]")
            case "{":
                return self._json("{}")
            case "/":
                return self._pattern()
            case _:
                return self._number()

    def _text(self, quote: str) -> str:
        cursor = self._cursor
        start = cursor.position
        end = cursor.find_unescaped(start, quote)
        if end == -1:
            raise cursor.invalid(f"the quote {quote} is missing")
        cursor.position = end + 1
        return unescaped(cursor.text[start + 1 : end])

    def _word(self, words: dict[str, Any]) -> Any:
        for word, value in words.items():
            if self._cursor.accept(word):
                return value
        raise self._cursor.invalid(f"expected {' or '.join(words)}; texts stand in quotes")

    def _json(self, pair: str) -> JsonText:
        cursor = self._cursor
        start = cursor.position
        end = cursor.find_closing(start, pair, skips_regex=False)
        if end == -1:
            raise cursor.invalid(f'"{pair[1]}" is missing')
        cursor.position = end + 1
        return JsonText(cursor.text[start : end + 1])

    def _pattern(self) -> Any:
        cursor = self._cursor
        start = cursor.position
        end = cursor.find_unescaped(start, "/")
        if end == -1:
            raise cursor.invalid("the regular expression is not closed with /")
        behind = end + 1
        while cursor.has(behind) and cursor.at(behind) in FLAGS:
            behind += 1
        cursor.position = behind
        source, flags = cursor.text[start + 1 : end], cursor.text[end + 1 : behind]
        try:
            return compile_pattern(source, flags)
        except PatternError as error:
            raise PathError(
                f"the regular expression is wrong: {error}", cursor.column(start + 1 + error.at)
            ) from None

    def _number(self) -> Any:
        cursor = self._cursor
        start = cursor.position
        while cursor.is_inside and (is_digit(cursor.here) or cursor.here in _NUMBER_CHARS):
            cursor.position += 1
        number = decimal_of_text(cursor.text[start : cursor.position])
        if number is None:
            raise PathError("expected a path, number, text or list", cursor.column(start))
        return number

    def _path(self) -> PathValue:
        cursor = self._cursor
        before = cursor.significant_before(cursor.position)
        start = cursor.position
        cursor.position += 1
        while cursor.is_inside:
            if cursor.here == "[":
                closing = cursor.find_closing(cursor.position, "[]", skips_regex=False)
                if closing == -1:
                    raise cursor.invalid('"]" is missing')
                cursor.position = closing + 1
            ends_here = cursor.here == ")" and not self._closes_call(start)
            if not cursor.is_inside or cursor.here in _RELATION_CHARS + BLANK or ends_here:
                break
            cursor.position += 1
        tree = self._paths.whole(cursor.text[start : cursor.position], cursor.column(start))
        return PathValue(tree, is_wanted=before == -1 or cursor.at(before) != "!")

    def _closes_call(self, start: int) -> bool:
        """Whether the `)` here ends a call without arguments, such as `.length()`."""
        cursor = self._cursor
        opening = cursor.significant_before(cursor.position)
        if opening == -1 or cursor.at(opening) != "(":
            return False
        return "." in cursor.text[start + 1 : opening]

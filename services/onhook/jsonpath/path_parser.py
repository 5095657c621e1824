"""The text of a path becomes tokens.

It knows the grammar of Jayway's PathCompiler, with what that takes and refuses by accident, and
nothing of documents. Filters are read by `filter_parser`.
"""

from __future__ import annotations

from onhook.java.char import is_digit, trimmed
from onhook.jsonpath import limits
from onhook.jsonpath.arguments import read_arguments
from onhook.jsonpath.cursor import BLANK, QUOTES, Cursor
from onhook.jsonpath.errors import Inapplicable, PathError, TooMuchWork
from onhook.jsonpath.filter_parser import read_filter
from onhook.jsonpath.quoted_names import read_quoted_names
from onhook.jsonpath.tokens import (
    Filter,
    Function,
    Indexes,
    PathArgument,
    PathTree,
    Property,
    Scan,
    Slice,
    Token,
    Wildcard,
)

_CONTEXTS = "$@"
_ARGUMENT_BLANKS = " \t\n\r"
_INT_RANGE = range(-(2**31), 2**31)


def parse_path(text: str) -> PathTree:
    """Raises PathError, with the column in `text`."""
    if not text.strip(BLANK):
        raise PathError("it is empty; write $ for the whole document", column=1)
    if len(text) > limits.LONGEST_PATH:
        raise TooMuchWork(
            f"it has {len(text)} characters; {limits.LONGEST_PATH} are the most", column=1
        )
    return _Parser().whole(text, 1)


class _Parser:
    """Reads one path and all paths inside it, and counts what they are made of."""

    def __init__(self) -> None:
        self._steps = 0
        self._depth = 0

    def whole(self, text: str, column: int) -> PathTree:
        """A path on its own: `$.` may be left out, blanks stand around it."""
        try:
            with self.nested(column):
                return self._trimmed(Cursor(text, column))
        except (Inapplicable, TooMuchWork):
            raise
        except PathError as error:  # A filter around it takes both for the same.
            raise Inapplicable(error.text, error.column or column) from None

    def _trimmed(self, cursor: Cursor) -> PathTree:
        cursor.trim()
        if cursor.at(0) not in _CONTEXTS:
            cursor = Cursor("$." + cursor.text, cursor.column_of_first - 2)
            cursor.trim()
        if cursor.at(cursor.last) == ".":
            raise cursor.invalid('it must not end with "."', cursor.last)
        return self._from_context(cursor)

    def argument(self, text: str, column: int) -> PathTree:
        """A path as an argument: it begins with `$` or `@`."""
        with self.nested(column):
            cursor = Cursor(text, column)
            while cursor.is_inside and cursor.here in _ARGUMENT_BLANKS:
                cursor.position += 1
            return self._from_context(cursor)

    def nested(self, column: int) -> _Nesting:
        return _Nesting(self, column)

    def enter(self, column: int) -> None:
        self._depth += 1
        if self._depth > limits.DEEPEST_NESTING:
            raise TooMuchWork(
                f"it is nested more than {limits.DEEPEST_NESTING} levels deep", column
            )

    def leave(self) -> None:
        self._depth -= 1

    def _from_context(self, cursor: Cursor) -> PathTree:
        context = cursor.here
        if context not in _CONTEXTS:
            raise cursor.invalid('it must begin with "$" or "@"')
        tokens: list[Token] = []
        if not cursor.is_at_end:
            cursor.position += 1
            if cursor.here not in ".[":
                raise cursor.invalid('expected "." or "["')
            self._read_tokens(cursor, tokens)
        return _functions_first(PathTree(context == "$", tuple(tokens)))

    def _read_tokens(self, cursor: Cursor, tokens: list[Token]) -> None:
        while True:
            self._read_token(cursor, tokens)
            self._steps += 1
            if self._steps > limits.MOST_STEPS_IN_PATH:
                raise TooMuchWork(
                    f"it has more than {limits.MOST_STEPS_IN_PATH} steps", cursor.column()
                )
            if cursor.is_at_end:
                return

    def _read_token(self, cursor: Cursor, tokens: list[Token]) -> None:
        """One token, or a scan and the dot before a token."""
        if cursor.here == ".":
            if cursor.is_next("."):
                tokens.append(Scan())
                cursor.position += 2
            elif not cursor.has(cursor.position + 1):
                raise cursor.invalid('it must not end with "."')
            else:
                cursor.position += 1
            if cursor.here == ".":
                raise cursor.invalid('"." is one too many')
        match cursor.here:
            case "[":
                tokens.append(self._bracket(cursor))
            case "*":
                cursor.position += 1
                tokens.append(Wildcard())
            case _:
                tokens.append(self._name(cursor))

    def _bracket(self, cursor: Cursor) -> Token:
        first = cursor.significant_after(cursor.position)
        if first in QUOTES:
            return read_quoted_names(cursor, first)
        if is_digit(first) or first in "-:":
            found = _positions(cursor)
            if found is not None:
                return found
        if first == "*":
            star = cursor.after_blanks(cursor.position)
            end = cursor.after_blanks(star)
            if not cursor.has(end) or cursor.at(end) != "]":
                raise cursor.invalid('expected "]" behind "*"', star + 1)
            cursor.position = end + 1
            return Wildcard()
        if first == "?":
            found_filter = self._filter(cursor)
            if found_filter is not None:
                return found_filter
        raise cursor.invalid("expected a quoted name, a position, * or ?(...) in the brackets")

    def _filter(self, cursor: Cursor) -> Filter | None:
        start = cursor.position
        question = cursor.after_blanks(start)
        opening = cursor.find_significant(question, "(")
        if opening == -1:
            return None
        closing = cursor.find_closing(opening, "()", skips_regex=True)
        if closing == -1:
            return None
        end = cursor.after_blanks(closing)
        if not cursor.has(end) or cursor.at(end) != "]":
            return None
        condition = read_filter(cursor.text[start : end + 1], cursor.column(start), self)
        cursor.position = end + 1
        return Filter(condition)

    def _name(self, cursor: Cursor) -> Property | Function:
        start = end = cursor.position
        if cursor.here == BLANK:
            raise cursor.invalid("expected a name")
        while cursor.has(end) and cursor.at(end) not in ".[(":
            if cursor.at(end) == BLANK:
                raise cursor.invalid("a name with a blank stands in brackets: ['my name']", end)
            end += 1
        name = cursor.text[start:end]
        if not cursor.has(end) or cursor.at(end) != "(":
            cursor.position = end
            return Property((name,))
        _check_parentheses(cursor, end)
        if cursor.at(end + 1) == ")":
            cursor.position = end + 1
            return Function(name, ())
        cursor.position = end + 1
        return Function(name, read_arguments(cursor, self.argument))


class _Nesting:
    """A level of nesting, for as long as it is being read."""

    __slots__ = ("_column", "_parser")

    def __init__(self, parser: _Parser, column: int) -> None:
        self._parser = parser
        self._column = column

    def __enter__(self) -> None:
        self._parser.enter(self._column)

    def __exit__(self, *_: object) -> None:
        self._parser.leave()


def _functions_first(tree: PathTree) -> PathTree:
    """`$..x.sum()` is read as `$.sum($..x)`: over all that the scan finds, not over each."""
    tokens = tree.tokens
    if not (tree.is_function and isinstance(tokens[0], Scan)):
        return tree
    first = next(index for index, token in enumerate(tokens) if isinstance(token, Function))
    function = tokens[first]
    assert isinstance(function, Function)
    scanned = PathArgument(PathTree(True, tokens[:first]))
    return PathTree(
        tree.is_root, (Function(function.name, (scanned,)), *tokens[first + 1 :]), is_detached=True
    )


def _check_parentheses(cursor: Cursor, opening: int) -> None:
    depth = 0
    for index in range(opening, cursor.length):
        depth += {"(": 1, ")": -1}.get(cursor.text[index], 0)
        if depth == 0:
            return
    raise cursor.invalid('")" is missing', opening)


def _positions(cursor: Cursor) -> Indexes | Slice | None:
    """`[1]`, `[1,2]`, `[1:2]`; None when the brackets hold something else."""
    start = cursor.position + 1
    end = cursor.find(start, "]")
    if end == -1:
        return None
    text = trimmed(cursor.text[start:end])
    if not all(is_digit(char) or char in ",-: " for char in text):
        return None
    wrong = cursor.invalid(f'"{text}" is no position, list of positions or slice', start)
    found = _slice(text, wrong) if ":" in text else _indexes(text, wrong)
    cursor.position = end + 1
    return found


def _slice(text: str, wrong: Inapplicable) -> Slice:
    parts = text.split(":")
    while parts and not parts[-1]:
        parts.pop()  # As Java splits: what is empty at the end does not count.
    start = _integer(parts[0], wrong) if parts and parts[0] else None
    stop = _integer(parts[1], wrong) if len(parts) > 1 and parts[1] else None
    if start is None and stop is None:
        raise wrong
    return Slice(start, stop)


def _indexes(text: str, wrong: Inapplicable) -> Indexes:
    return Indexes(tuple(_integer(part.strip(BLANK), wrong) for part in text.split(",")))


def _integer(text: str, wrong: PathError) -> int:
    digits = text.removeprefix("-")
    if not digits or not all(map(is_digit, digits)):
        raise wrong
    number = int(text)
    if number not in _INT_RANGE:
        raise wrong
    return number

"""Splitting a template's source into tokens, as Pebble's own lexer does.

It knows delimiters, whitespace control, strings and operators; it must not know what a tag or an
expression means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import regex

from onhook.java.char import is_whitespace, left_trimmed, right_trimmed
from onhook.pebble import slips
from onhook.pebble.errors import Fault
from onhook.pebble.token import Kind, Token

_SPACE = r"[ \t\n\x0b\f\r]"
_NEWLINE = "(?:\r\n|\n\r|\r|\n|\x85|\u2028|\u2029)?"
_OPENING = re.compile(r"\{\{|\{%|\{#")
_CLOSING = {
    Kind.PRINT_END: re.compile(_SPACE + r"*-?\}\}" + _NEWLINE),
    Kind.EXECUTE_END: re.compile(_SPACE + r"*-?%\}" + _NEWLINE),
}
_COMMENT_END = re.compile(r"#\}" + _NEWLINE)
_COMMENT_TRIMS = re.compile(_SPACE + r"+-\Z")
_TRIM_BEFORE = re.compile("-" + _SPACE + "+")
_TRIM_AFTER = re.compile(_SPACE + r"*-(?:\}\}|%\}|#\})")
_VERBATIM = re.compile(f"{_SPACE}*verbatim{_SPACE}*-?%\\}}{_NEWLINE}")
_VERBATIM_END = re.compile(rf"\{{%(-)?{_SPACE}*endverbatim{_SPACE}*(-)?%\}}{_NEWLINE}")
_INTERPOLATION_END = re.compile(_SPACE + r"*\}")
_OPERATOR = re.compile(
    r"(?:contains|is not|equals|not|and|or|is)(?![a-zA-Z0-9_])|==|!=|>=|<=|\.\.|[-+*/%|~<>]"
)
_NAME = regex.compile(r"[\p{L}_][\p{L}\p{Nd}_]*")
_LONG = re.compile(r"([0-9]+)L")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_STRING = re.compile(
    r""""([^#"\\]*(?:\\.[^#"\\]*)*)"|'([^'\\]*(?:\\.[^'\\]*)*)'""",
    re.DOTALL,
)
_STRING_PART = re.compile(r'[^#"\\]*(?:(?:\\.|#(?!\{))[^#"\\]*)*', re.DOTALL)
_PUNCTUATION = frozenset("()[]{}?:.,|=")
_PARTNER = {"(": ")", "[": "]", "{": "}"}


def tokenize(source: str) -> list[Token]:
    """The tokens of `source`, END last. Raises Fault with the offset of what is malformed."""
    return list(_Lexer(source).tokens())


class _Lexer:
    """`at` moves through the source once; each method takes what it recognises."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._trims_next = False
        self._brackets: list[tuple[str, int]] = []

    def tokens(self) -> Iterator[Token]:
        while self._at < len(self._source):
            yield from self._data()
        yield Token(Kind.END, "", len(self._source))

    def _data(self) -> Iterator[Token]:
        """Text up to the next opening delimiter, then what that opens."""
        begin = self._at
        opening = _OPENING.search(self._source, begin)
        end = opening.start() if opening else len(self._source)
        text = self._source[begin:end]
        if self._trims_next:
            text = left_trimmed(text)
            begin = end - len(text)
            self._trims_next = False
        self._at = opening.end() if opening else end
        if opening and (trim := _TRIM_BEFORE.match(self._source, self._at)):
            text = right_trimmed(text)
            self._at = trim.end()
        if text:
            yield Token(Kind.TEXT, text, begin)
        if opening is None:
            return
        if opening[0] == "{#":
            self._comment(opening.start())
        elif opening[0] == "{{":
            yield Token(Kind.PRINT_START, "{{", opening.start())
            yield from self._code(Kind.PRINT_END, opening.start())
        elif verbatim := _VERBATIM.match(self._source, self._at):
            self._at = verbatim.end()
            yield from self._verbatim(opening.start())
        else:
            yield Token(Kind.EXECUTE_START, "{%", opening.start())
            yield from self._code(Kind.EXECUTE_END, opening.start())

    def _comment(self, opened_at: int) -> None:
        closing = _COMMENT_END.search(self._source, self._at)
        if closing is None:
            _fail("the comment is never closed; end it with #}", opened_at)
        if _COMMENT_TRIMS.search(self._source[self._at : closing.start()]):
            self._trims_next = True
        self._at = closing.end()

    def _verbatim(self, opened_at: int) -> Iterator[Token]:
        """Pebble trims the text's beginning always, its end only for `{%- endverbatim`."""
        closing = _VERBATIM_END.search(self._source, self._at)
        if closing is None:
            _fail("verbatim is never closed; end it with {% endverbatim %}", opened_at)
        text = left_trimmed(self._source[self._at : closing.start()])
        begin = closing.start() - len(text)
        if closing[1]:
            text = right_trimmed(text)
        self._trims_next = bool(closing[2])
        self._at = closing.end()
        if text:
            yield Token(Kind.TEXT, text, begin)

    def _code(self, closing: Kind, opened_at: int) -> Iterator[Token]:
        """Tokens of an expression or tag up to its closing delimiter."""
        pattern = _CLOSING[closing]
        while self._at < len(self._source):
            if _TRIM_AFTER.match(self._source, self._at):
                self._trims_next = True
            if not self._brackets and (end := pattern.match(self._source, self._at)):
                yield Token(closing, closing.value, self._at)
                self._at = end.end()
                return
            yield from self._token()
        if self._brackets:
            bracket, offset = self._brackets[-1]
            _fail(f"{bracket} is never closed", offset)
        opening = "{{" if closing is Kind.PRINT_END else "{%"
        _fail(f"{opening} is never closed; end it with {closing.value}", opened_at)

    def _token(self) -> Iterator[Token]:
        source = self._source
        while self._at < len(source) and is_whitespace(source[self._at]):
            self._at += 1
        at = self._at
        if at == len(source):
            return
        if found := _OPERATOR.match(source, at):
            yield self._take(Kind.OPERATOR, found[0], found.end())
        elif name := _NAME.match(source, at):
            yield self._take(Kind.NAME, name[0], name.end())
        elif found := _LONG.match(source, at):
            yield self._take(Kind.LONG, found[1], found.end())
        elif found := _NUMBER.match(source, at):
            yield self._take(Kind.NUMBER, found[0], found.end())
        elif source[at] in _PUNCTUATION:
            self._match_bracket(source[at])
            yield self._take(Kind.PUNCTUATION, source[at], at + 1)
        elif found := _STRING.match(source, at):
            quote = source[at]
            yield self._take(Kind.STRING, found[0][1:-1].replace("\\" + quote, quote), found.end())
        elif source[at] == '"':
            self._at += 1
            yield from self._interpolated(at)
        else:
            shown = "a quote that is never closed" if source[at] == "'" else f'"{source[at]}"'
            _fail(f"unexpected {shown}{slips.of_character(source[at])}", at)

    def _take(self, kind: Kind, value: str, end: int) -> Token:
        token = Token(kind, value, self._at)
        self._at = end
        return token

    def _match_bracket(self, char: str) -> None:
        if char in "([{":
            self._brackets.append((char, self._at))
        elif char in ")]}":
            if not self._brackets:
                _fail(f'unexpected "{char}"', self._at)
            opened, offset = self._brackets.pop()
            if _PARTNER.get(opened) != char:
                _fail(f"{opened} is never closed", offset)

    def _interpolated(self, opened_at: int) -> Iterator[Token]:
        """A double-quoted string with `#` in it; Pebble leaves its backslashes as they are."""
        source = self._source
        while True:
            if source.startswith("#{", self._at):
                yield self._take(Kind.INTERPOLATION_START, "#{", self._at + 2)
                yield from self._interpolation(self._at - 2)
            elif (part := _STRING_PART.match(source, self._at)) and part.end() > self._at:
                yield self._take(Kind.STRING, part[0], part.end())
            elif source.startswith('"', self._at):
                self._at += 1
                return
            else:
                _fail("the text is never closed; end it with a double quote", opened_at)

    def _interpolation(self, opened_at: int) -> Iterator[Token]:
        self._brackets.append(("#{", opened_at))
        while self._at < len(self._source):
            end = _INTERPOLATION_END.match(self._source, self._at)
            if end and self._brackets[-1][0] == "#{":
                self._brackets.pop()
                yield self._take(Kind.INTERPOLATION_END, "}", end.end())
                return
            yield from self._token()
        _fail("#{ is never closed; end it with }", opened_at)


def _fail(message: str, offset: int) -> NoReturn:
    raise Fault(message, offset)

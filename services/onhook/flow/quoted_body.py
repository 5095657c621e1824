"""TOML and GraphQL bodies: a value is escaped for the quotes it stands in; bare it is a literal.

One scanner serves both: it knows quotes, comments, and which bare values of TOML are keys. Whether
the whole is TOML says a real parser. The product's pages do not say how it escapes; this is ours.
"""

from __future__ import annotations

import re
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from onhook.flow import quotes
from onhook.flow.json_literal import NoLiteral, as_text, literal
from onhook.flow.placed_text import PlacedText
from onhook.java.char import whole
from onhook.pebble.nodes import Print, Text

_BARE, _COMMENT = "", "#"
_TOKEN = re.compile(r'"+|\'+|#|\n|[\[\]{},=]')
_SIMPLE_ESCAPES = ('"', '"""')


class _QuotedWriter(ABC):
    """A pebble Output; what differs between the formats are the four methods below."""

    single_quotes = True

    def __init__(self, source: str) -> None:
        self._out = PlacedText(source)
        self._place = _BARE
        self._is_key = True
        self._open: list[str] = []
        self._last = ""
        """The character before; NUL behind a value in quotes, BEL behind a bare one."""

    def text(self, node: Text) -> None:
        self._out.add(node.text, node.offset, literal=True)
        self._check_joint(node)
        text = node.text
        at = 0
        while at < len(text):
            at = self._bare_on(text, at, node) if not self._place else self._inside_on(text, at)
        if self._place in _SIMPLE_ESCAPES and quotes.is_torn(text):
            self._out.fail(quotes.TORN, node.offset + len(text) - 1)
        self._last = text[-1]

    def value(self, value: Any, node: Print) -> None:
        try:
            self._out.add(self._written(value, node.offset), node.offset, literal=False)
        except NoLiteral as problem:
            self._out.fail(str(problem), node.offset)
        self._last = "\0" if self._place else "\a"

    def finish(self) -> str:
        return self._out.joined()

    def _check_joint(self, node: Text) -> None:
        first = node.text[0]
        if self._last == "\a" and not quotes.may_follow(first):
            self._out.fail(quotes.GLUED, node.offset)
        if (
            self._place == _COMMENT
            and self._last == "\0"
            and self._out.lost_line_break(node.offset)
        ):
            self._out.fail(quotes.GLUED, node.offset)
        in_one = len(self._place) == 1 and self._place != _COMMENT
        doubled = in_one and self._last == "\0" and node.text.startswith(self._place * 2)
        if first in "\"'" and (self._last == first or doubled):
            self._out.fail(quotes.IN_ONE_PIECE, node.offset)

    def _bare_on(self, text: str, at: int, node: Text) -> int:
        found = _TOKEN.search(text, at)
        if found is None:
            return len(text)
        sign = found[0]
        if sign[0] == "'" and not self.single_quotes:
            return found.end()
        if sign[0] in "\"'":
            if len(sign) > 3 and len(sign) != 6:
                self._out.fail(quotes.IN_ONE_PIECE, node.offset + found.start())
            self._place = {1: sign, 3: sign}.get(len(sign), _BARE)
        elif sign == "#":
            self._place = _COMMENT
        else:
            self._structure(sign)
        return found.end()

    def _structure(self, sign: str) -> None:
        """Follows which bare places of TOML are keys."""
        if sign == "=":
            self._is_key = False
        elif sign in "[{" and not self._is_key:
            self._open.append(sign)
            self._is_key = sign == "{"
        elif sign == ",":
            self._is_key = self._open[-1:] == ["{"]
        elif sign in "]}" and self._open:
            self._open.pop()
            self._is_key = False
        elif sign == "\n" and not self._open:
            self._is_key = True

    def _inside_on(self, text: str, at: int) -> int:
        place = self._place
        end = "\n" if place == _COMMENT else place
        found = at
        while True:
            if place in _SIMPLE_ESCAPES:
                found = quotes.end_of_escaped(text, found)
            else:
                found = text.find(end[0], found)
            if not 0 <= found < len(text):
                return len(text)
            if text.startswith(end, found):
                break
            found += 1
        self._place = _BARE
        if place == _COMMENT:
            return found  # the line break itself ends a line of TOML
        end_at = found + len(end)
        while len(end) == 3 and text.startswith(end[0], end_at):
            end_at += 1  # quotes of the string, before those that end it
        return end_at

    def _written(self, value: Any, offset: int) -> str:
        if self._place == _COMMENT:
            return quotes.commented(value)
        if self._place == '"':
            return quotes.escaped(value)
        if self._place == '"""':
            return self.in_block(value, offset)
        if self._place:
            text = whole(as_text(value))
            if "'" in text or quotes.has_control(text):
                self._out.fail("a value cannot stand in single quotes; use double ones", offset)
            return text
        if not (quotes.may_stand_behind(self._last) or (self._is_key and self._last == ".")):
            self._out.fail("an expression stands directly behind another text", offset)
        return self.bare(value, is_key=self._is_key)

    @abstractmethod
    def in_block(self, value: Any, offset: int) -> str:
        """For three double quotes."""

    @abstractmethod
    def bare(self, value: Any, *, is_key: bool) -> str:
        """For a place without quotes."""


class TomlWriter(_QuotedWriter):
    """Null, which TOML has not, is an empty text; a map is an inline table."""

    def in_block(self, value: Any, offset: int) -> str:  # noqa: ARG002  (the format's own)
        return quotes.escaped(value)

    def bare(self, value: Any, *, is_key: bool) -> str:
        if is_key:
            return quotes.bare(whole(as_text(value)))
        return _toml(value)

    def finish(self) -> str:
        text = self._out.joined()
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as problem:
            what = f"the body is no TOML: {problem}"
            place = re.search(r"at line (\d+), column (\d+)", str(problem))
            if place is None:
                self._out.fail_at(what, len(text))
            self._out.fail_at_line(what[: what.rindex(" (")], int(place[1]), int(place[2]))
        except RecursionError:
            self._out.fail_at("the body is nested too deeply", len(text))
        return text


class GraphqlWriter(_QuotedWriter):
    """Maps go in as input objects; a value in a block string must not end in a quote."""

    single_quotes = False

    def finish(self) -> str:
        text = self._out.joined()
        if self._place not in (_BARE, _COMMENT):
            self._out.fail_at("a string of the query is never closed", len(text))
        return text

    def in_block(self, value: Any, offset: int) -> str:
        text = whole(as_text(value))
        if text.startswith('"') or text.endswith(('"', "\\")):
            self._out.fail('a value with quotes cannot stand in """; use " instead', offset)
        return text.replace('"""', '\\"""')

    def bare(self, value: Any, *, is_key: bool) -> str:  # noqa: ARG002  (TOML's alone)
        return _graphql(value)


_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*", re.ASCII)


def _toml(value: Any) -> str:
    if value is None:
        return '""'
    if isinstance(value, Mapping):
        members = (f"{quotes.bare(as_text(name))} = {_toml(each)}" for name, each in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float) and value - value != 0:
        return "nan" if value != value else "inf" if value > 0 else "-inf"  # noqa: PLR0124
    return quotes.bare(value)


def _graphql(value: Any) -> str:
    if isinstance(value, Mapping):
        for name in value:
            if not _NAME.fullmatch(as_text(name)):
                raise NoLiteral(f"{literal(as_text(name))[:60]} is no name of GraphQL")
        return "{" + ", ".join(f"{as_text(n)}: {_graphql(each)}" for n, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_graphql, value)) + "]"
    return quotes.bare(value)

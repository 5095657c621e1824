"""A YAML body: a value is escaped for the quotes it stands in, bare it is a JSON literal, which YAML
reads.

The scanner follows lines, quotes and comments; whether the whole is YAML says a real parser. In a
plain text, which has no escapes, an expression is refused; in a block of lines its lines are indented.
The product's pages do not say how it escapes; this is ours.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from onhook.flow import quotes
from onhook.flow.json_literal import NoLiteral, as_text
from onhook.flow.placed_text import PlacedText
from onhook.java.char import whole
from onhook.pebble.nodes import Print, Text

_FRESH, _PLAIN, _CLOSED = "a new value", "a text without quotes", "the end of a value"
_DOUBLE, _SINGLE, _COMMENT, _LINES, _FOLDED = '"', "'", "#", "|", ">"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TOKEN = re.compile(r"[^ \t]")
_TOP_LEVEL = re.compile(r"\n(?=\S)")
_INDENT = re.compile(r"[ ]*")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[ \t]*(#.*)?(\n|\Z)")


class YamlWriter:
    """A pebble Output that writes YAML."""

    def __init__(self, source: str) -> None:
        self._out = PlacedText(source)
        self._place = _FRESH
        self._last = ""
        """The character before; NUL behind a value in quotes, BEL behind a bare one."""
        self._depth = 0
        self._line = ""
        """What stands before, on the line that is being written."""

    def text(self, node: Text) -> None:
        self._out.add(node.text, node.offset, literal=True)
        text = node.text
        self._check_joint(node)
        at = 0
        while at < len(text):
            at = self._step(text, at)
        if self._place == _DOUBLE and quotes.is_torn(text):
            self._out.fail(quotes.TORN, node.offset + len(text) - 1)
        self._last = text[-1]
        self._line = text[text.rfind("\n") + 1 :] if "\n" in text else self._line + text

    def value(self, value: Any, node: Print) -> None:
        try:
            self._out.add(self._written(value, node.offset), node.offset, literal=False)
        except NoLiteral as problem:
            self._out.fail(str(problem), node.offset)
        is_bare = self._place == _FRESH
        self._last = "\a" if is_bare else "\0"
        self._place = _CLOSED if is_bare else self._place
        self._line += "."

    def finish(self) -> str:
        text = self._out.joined()
        try:
            for _ in yaml.parse(text, Loader=_Loader):
                pass
        except yaml.MarkedYAMLError as problem:
            what = f"the body is no YAML: {problem.problem}"
            mark = problem.problem_mark
            if mark is None:
                self._out.fail_at(what, len(text))
            self._out.fail_at_line(what, mark.line + 1, mark.column + 1)
        except (yaml.YAMLError, RecursionError):
            self._out.fail_at("the body is no YAML: it holds what YAML cannot", len(text))
        return text

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
        if first in "\"'" and self._last == first:
            self._out.fail(quotes.IN_ONE_PIECE, node.offset)
        if self._last in ("-", "?", ":") and first in " \t\n":
            self._place = _FRESH if self._place == _PLAIN else self._place

    def _step(self, text: str, at: int) -> int:
        if self._place == _DOUBLE:
            return self._ended(text, quotes.end_of_escaped(text, at))
        if self._place == _SINGLE:
            end = text.find("'", at)
            while end >= 0 and text.startswith("''", end):
                end = text.find("'", end + 2)
            return self._ended(text, end if end >= 0 else len(text))
        if self._place == _COMMENT:
            end = text.find("\n", at)
            return self._ended(text, end if end >= 0 else len(text))
        if self._place in (_LINES, _FOLDED):
            found = _TOP_LEVEL.search(text, at)
            return self._ended(text, found.start() if found else len(text))
        return self._outside(text, at)

    def _ended(self, text: str, end: int) -> int:
        if end < len(text):
            self._place = _FRESH if text[end] == "\n" else _CLOSED
        return end + 1

    def _outside(self, text: str, at: int) -> int:
        """One character of what is in no quotes."""
        found = _TOKEN.search(text, at)
        if found is None:
            return len(text)
        sign, start = found[0], found.start()
        before = text[start - 1] if start else self._last
        if sign == "#" and before in ("", " ", "\t", "\n"):
            self._place = _COMMENT
        elif (sign in "\"'" and self._place == _FRESH) or (
            sign in "|>" and self._place == _FRESH and _BLOCK_HEADER.match(text, start)
        ):
            self._place = sign
        elif sign in "[{" and self._place == _FRESH:
            self._depth += 1
        elif sign in "]}" and self._depth:
            self._depth -= 1
            self._place = _CLOSED
        elif self._begins_value(text, start):
            self._place = _FRESH
        elif sign != "\n":
            self._place = _PLAIN
        return found.end()

    def _begins_value(self, text: str, at: int) -> bool:
        """Whether a value may begin behind the character at `at`."""
        behind = text[at + 1 : at + 2]
        if text[at] == "\n":  # a plain text goes on in lines that are indented further
            return self._place != _PLAIN or not (self._depth or behind in (" ", "\t"))
        if text[at] == ",":
            return self._depth > 0
        if text[at] == ":" and self._place == _CLOSED and self._depth:
            return True
        return text[at] in "-?:" and behind in (" ", "\t", "\n")

    def _written(self, value: Any, offset: int) -> str:
        if self._place == _COMMENT:
            return quotes.commented(value)
        if self._place == _DOUBLE:
            return quotes.escaped(value)
        if self._place == _SINGLE:
            text = whole(as_text(value))
            if quotes.has_control(text):
                self._out.fail("a line break cannot stand in single quotes; use double", offset)
            return text.replace("'", "''")
        if self._place in (_LINES, _FOLDED):
            return self._in_lines(whole(as_text(value)), offset)
        if self._place != _FRESH or not quotes.may_stand_behind(self._last):
            self._out.fail(
                f"an expression stands in {self._place}; put all of it in double quotes", offset
            )
        return quotes.bare(value)

    def _in_lines(self, text: str, offset: int) -> str:
        """For a block of lines, whose end is told by its indent."""
        indent = _INDENT.match(self._line)
        blanks = indent[0] if indent else ""
        begins_line = blanks == self._line
        is_folded = self._place == _FOLDED and "\n" in text
        if not blanks or is_folded or _UNPRINTABLE.search(text):
            self._out.fail("this value cannot stand in a block of lines; use quotes", offset)
        if begins_line and text[:1] in (" ", "\t", "\n"):
            self._out.fail("a line of a block begins with a blank value; use quotes", offset)
        return text.replace("\n", "\n" + blanks)

"""An XML body: each value is escaped for the place where it stands, and can open no tag.

The scanner knows just as much of XML as tells the places apart; whether the whole is well formed
says a real parser. The product's pages do not say how it escapes; this is ours.
"""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

from onhook.flow.json_literal import NoLiteral, as_text
from onhook.flow.placed_text import PlacedText
from onhook.java.char import whole
from onhook.pebble.nodes import Print, Text

TEXT, TAG, DOUBLE, SINGLE = "text", "a tag", "a value in quotes", "a value in single quotes"
CDATA, COMMENT, INSTRUCTION, DECLARATION = "CDATA", "a comment", "an instruction", "a declaration"

_ENDS = {CDATA: "]]>", COMMENT: "-->", INSTRUCTION: "?>", DOUBLE: '"', SINGLE: "'"}
_AFTER = {DOUBLE: TAG, SINGLE: TAG}
_IN_TAG = {">": TEXT, '"': DOUBLE, "'": SINGLE}
_NEXT_IN_TAG = re.compile("[>\"']")
_PLAIN_DOCTYPE = re.compile(r"<!DOCTYPE[^<>\[\]]*>")

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"(?!\d)[\w:][\w:.\-]*")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
# A parser turns a tab or line break of an attribute into a space.
_QUOTED_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
    | {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class XmlWriter:
    """A pebble Output that writes XML."""

    def __init__(self, source: str) -> None:
        self._out = PlacedText(source)
        self._place = TEXT
        self._tail = ""
        """The last of the text before, which what ends the place may begin in."""

    def text(self, node: Text) -> None:
        self._out.add(node.text, node.offset, literal=True)
        if self._place == TAG and self._tail == "<" and node.text[0] in "!?":
            self._out.fail("a markup's opening must stand in one piece", node.offset)
        text = self._tail + node.text
        at = len(self._tail) if self._place in (TEXT, TAG) else 0
        begin = 0
        while at < len(text):
            before = self._place
            at, self._place = _scanned(text, at, before)
            begin = begin if self._place == before else at
        self._tail = "<" if text.endswith("<") else text[begin:][-2:]

    def value(self, value: Any, node: Print) -> None:
        try:
            text = _ILLEGAL.sub("\ufffd", whole(as_text(value)))
        except NoLiteral as problem:
            self._out.fail(str(problem), node.offset)
        self._out.add(self._escaped(text, node.offset), node.offset, literal=False)
        self._tail = ""

    def finish(self) -> str:
        text = self._out.joined()
        content = text.encode("utf-8", "replace")
        parser = expat.ParserCreate()
        parser.XmlDeclHandler = self._check_declaration
        try:
            parser.Parse(content, True)
        except expat.ExpatError as problem:
            before = content[: max(parser.ErrorByteIndex, 0)].decode("utf-8", "ignore")
            self._out.fail_at(f"the body is no XML: {expat.ErrorString(problem.code)}", len(before))
        return text

    def _check_declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _UTF_8:
            self._out.fail_at(f"the body is sent as UTF-8, not as {encoding}; say so", 0)

    def _escaped(self, text: str, offset: int) -> str:
        if self._place == TEXT:
            return text.translate(_ESCAPES)
        if self._place in (DOUBLE, SINGLE):
            return text.translate(_QUOTED_ESCAPES)
        if self._place == CDATA:
            return _OF_END.sub(_outside, text)
        if self._place == COMMENT:
            return text.replace("-", "\u2010")
        if self._place != TAG or not _NAME.fullmatch(text):
            what = "only a name" if self._place == TAG else "no expression"
            self._out.fail(f"{what} can stand in {self._place}; put it in quotes", offset)
        return text


_OF_END = re.compile(r"[\]>]")


def _outside(found: re.Match[str]) -> str:
    """A character of CDATA's end, written outside of it: no part of `]]>` is a value's."""
    return f"]]>{'&gt;' if found[0] == '>' else ']'}<![CDATA["


def _scanned(text: str, at: int, place: str) -> tuple[int, str]:
    """Where the next place begins in `text`, or its end, and that place."""
    if place == TEXT:
        return _opened(text, at)
    if place == TAG:
        found = _NEXT_IN_TAG.search(text, at)
        return (found.end(), _IN_TAG[found[0]]) if found else (len(text), TAG)
    end = _ENDS.get(place, "")
    found_at = text.find(end, at) if end else -1
    return (found_at + len(end), _AFTER.get(place, TEXT)) if found_at >= 0 else (len(text), place)


def _opened(text: str, at: int) -> tuple[int, str]:
    at = text.find("<", at)
    if at < 0:
        return len(text), TEXT
    if doctype := _PLAIN_DOCTYPE.match(text, at):
        return doctype.end(), TEXT
    openings = (("<!--", COMMENT), ("<![CDATA[", CDATA), ("<?", INSTRUCTION), ("<!", DECLARATION))
    for opening, inside in (*openings, ("<", TAG)):
        if text.startswith(opening, at):
            return at + len(opening), inside
    return len(text), TEXT

"""A JSON body with expressions in it: each value is escaped for the place where it stands.

In a string the value's text is escaped; bare it becomes a JSON literal (missing: `null`). So no
value can break the body or add a key. Pure; it must not know nodes or requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from onhook.pebble import PebbleError, Reference, Template, Text
from onhook.pebble.template import as_text, position

_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<constant>-?Infinity|NaN)', re.DOTALL)


class Place(Enum):
    """Where an expression stands in the JSON."""

    STRING = "string"
    BARE = "bare"
    BARE_JSON = "bare-json"
    """Bare, and its text is JSON already if it can be read as such (a response's body)."""
    KEY = "key"


class JsonBody(Struct, frozen=True):
    """A compiled body. `parts` are literal texts and references with their places."""

    parts: tuple[str | tuple[Place, Reference], ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(part[1] for part in self.parts if not isinstance(part, str))

    def render(self, context: Mapping[str, Any]) -> bytes:
        """The body, which is JSON whatever the values are. UTF-8."""
        return "".join(
            part if isinstance(part, str) else _ENCODERS[part[0]](part[1].value(context))
            for part in self.parts
        ).encode()


def compile_json_body(
    template: Template, holds_json: Callable[[Reference], bool] = lambda _reference: False
) -> JsonBody:
    """Find each expression's place. Raises PebbleError where the text cannot become JSON.

    `holds_json` says which references are texts that hold JSON.
    """
    skeleton = _Skeleton(template)
    for number, part in enumerate(template.parts):
        if isinstance(part, Text):
            skeleton.add_text(part)
        else:
            following = template.parts[number + 1 :]
            is_key = bool(following) and _starts_with_colon(following[0])
            skeleton.add_reference(part, is_key=is_key, holds_json=holds_json(part))
    skeleton.check()
    return JsonBody(tuple(skeleton.parts))


class _Skeleton:
    """The body with a stand-in for each expression, to be read as JSON once."""

    def __init__(self, template: Template) -> None:
        self.parts: list[str | tuple[Place, Reference]] = []
        self._source = template.source
        self._text: list[str] = []
        self._offsets: list[int] = []
        self._in_string = False
        self._after_backslash = False

    def add_text(self, part: Text) -> None:
        self.parts.append(part.text)
        for index, char in enumerate(part.text):
            self._text.append(char)
            self._offsets.append(part.offset + index)
            if self._after_backslash:
                self._after_backslash = False
            elif char == '"':
                self._in_string = not self._in_string
            elif char == "\\":
                self._after_backslash = self._in_string

    def add_reference(self, part: Reference, *, is_key: bool, holds_json: bool) -> None:
        if self._after_backslash:
            self._fail("an expression cannot follow a backslash", part.offset)
        if self._in_string:
            place, stand_in = Place.STRING, "x"  # no digit, which could complete a \u escape
        elif is_key:
            place, stand_in = Place.KEY, '""'
        else:
            place, stand_in = Place.BARE_JSON if holds_json else Place.BARE, "null"
        self.parts.append((place, part))
        self._text += stand_in
        self._offsets += [part.offset] * len(stand_in)

    def check(self) -> None:
        text = "".join(self._text)
        try:
            json.loads(text, parse_int=str, parse_float=str)
        except json.JSONDecodeError as error:
            self._refuse(_lower(error.msg), error.pos)
        except RecursionError:
            self._refuse("nested too deeply", 0)
        for found in _CONSTANT.finditer(text):  # Python's reader takes what JSON does not have
            if found["constant"]:
                self._refuse(f"{found['constant']} is no JSON value", found.start())

    def _refuse(self, what: str, at: int) -> NoReturn:
        """`at` counts characters of the skeleton."""
        offset = self._offsets[at] if at < len(self._offsets) else len(self._source)
        self._fail(f"the body is no JSON: {what}", offset)

    def _fail(self, message: str, offset: int) -> NoReturn:
        raise PebbleError(message, *position(self._source, offset)) from None


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _starts_with_colon(part: Text | Reference) -> bool:
    return isinstance(part, Text) and part.text.lstrip().startswith(":")


def _literal(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _in_string(value: Any) -> str:
    text = as_text(value)
    if "\\" not in text and '"' not in text and text.isprintable():
        return text
    return _literal(text)[1:-1]


def _key(value: Any) -> str:
    return _literal(as_text(value))


def _bare_json(value: Any) -> str:
    if isinstance(value, str):
        try:
            return msgspec.json.format(value, indent=-1) if value.strip() else "null"
        except (msgspec.DecodeError, RecursionError):
            return _literal(value)
    return _literal(value)


_ENCODERS: dict[Place, Callable[[Any], str]] = {
    Place.STRING: _in_string,
    Place.BARE: _literal,
    Place.BARE_JSON: _bare_json,
    Place.KEY: _key,
}

"""Forms: `name=value` pairs with `&` between them, or a JSON object of names to values.

Sent percent-encoded (Form URL Encoded) or as parts of a multipart body (Form Data). The product's
pages do not show how it writes either; ours is what an HTML form sends, null being an empty value
and a list its name once for each element.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import msgspec

from onhook.flow.json_literal import NoLiteral, as_text
from onhook.flow.placed_text import PlacedText
from onhook.java.char import whole
from onhook.pebble.nodes import Print, Text

Pairs = list[tuple[str, str]]

_LINE_BREAKS = re.compile(r"[ \t]*[\r\n]\s*")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_STRUCTURE = "&="
_FIELD_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""As HTML forms write the names of multipart fields."""


class FormWriter:
    """A pebble Output that writes a form's text, its values percent-encoded.

    `kept` are the characters of the author's own text that stand as they are: in a body that is
    sent percent-encoded every printable one, in one that is not only `&` and `=`.
    """

    kept = _PRINTABLE
    line_break = ""

    def __init__(self, source: str) -> None:
        self._out = PlacedText(source)
        self._held = ""
        """Blanks that stand only if something follows."""
        self._is_empty = True

    def text(self, node: Text) -> None:
        text = self._held + whole(node.text)
        if self._out.lost_line_break(node.offset):
            text = "\n" + text
        text = _LINE_BREAKS.sub(self.line_break, text)
        text = text.lstrip() if self._is_empty else text
        kept = text.rstrip(" \t")
        self._held = text[len(kept) :]
        self._add(quote(kept, safe=self.kept), node.offset)

    def value(self, value: Any, node: Print) -> None:
        try:
            text = whole(as_text(value))
        except NoLiteral as problem:
            self._out.fail(str(problem), node.offset)
        self._add(quote(self._held, safe=self.kept) + quote_plus(text), node.offset)
        self._held = ""
        self._is_empty = False

    def finish(self) -> str:
        return self._out.joined()

    def _add(self, piece: str, offset: int) -> None:
        self._is_empty &= not piece
        self._out.add(piece, offset, literal=False)


class PartsWriter(FormWriter):
    """As FormWriter, for a body of parts: pairs may also stand on lines of their own."""

    kept = _STRUCTURE
    line_break = "&"


def pairs_of(form: str) -> Pairs:
    """The pairs of a form's text."""
    return parse_qsl(form, keep_blank_values=True)


def pairs_of_object(body: bytes) -> Pairs:
    """The pairs of a JSON object. Raises ValueError for other JSON."""
    try:
        fields = msgspec.json.decode(body)
    except msgspec.DecodeError as problem:
        raise ValueError(f"the form cannot be read: {problem}") from None
    if not isinstance(fields, dict):
        raise ValueError("a form is an object of names to values")  # noqa: TRY004
    return [
        (name, as_text(each))
        for name, value in fields.items()
        for each in (value if isinstance(value, list) else [value])
    ]


def encoded(pairs: Pairs) -> bytes:
    return urlencode(pairs).encode("ascii")


def multipart(pairs: Iterable[tuple[str, str]], boundary: str) -> bytes:
    """The pairs as parts, in their order. Raises ValueError where a value holds the boundary."""
    parts = []
    for name, value in pairs:
        if boundary in value or boundary in name:
            raise ValueError("a value holds the boundary of the parts")
        field = name.translate(_FIELD_ESCAPES)
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        )
    return "".join([*parts, f"--{boundary}--\r\n"]).encode()

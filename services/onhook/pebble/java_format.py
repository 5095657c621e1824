"""String.format as Java has it: format specifiers over plain data, US English always.

Values are what JSON holds: an int is a Java Long, a float a Double, a Decimal a BigDecimal. This
module must not know what a template is.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from onhook.pebble.java_format_number import float_text, integer_text
from onhook.pebble.java_specifier import Specifier, pieces_of
from onhook.pebble.java_value import hash_code, kind, to_text, utf16_length, utf16_prefix

MAX_OUTPUT = 4_000_000
"""The most characters that one call prints."""


def format_string(pattern: str, args: Sequence[Any]) -> str:
    """`pattern` with its specifiers replaced by `args`, by the rules of java.util.Formatter.

    Raises ValueError for a malformed specifier, a missing argument, and an argument of a type
    that the conversion does not take.
    """
    printed: list[str] = []
    size = 0
    ordinary = last = -1
    for piece in pieces_of(pattern):
        if isinstance(piece, str):
            text = piece
        elif piece.conversion in {"%", "n"}:
            text = "\n" if piece.conversion == "n" else _justified(piece, "%")
        else:
            if piece.index is None:
                ordinary += 1
                last = ordinary
            elif piece.index > 0:
                last = piece.index - 1
            if not 0 <= last < len(args):
                raise piece.error("there is no argument for it")
            text = _printed(piece, args[last])
        size += len(text)
        if size > MAX_OUTPUT:
            raise ValueError("the formatted text is too long")
        printed.append(text)
    return "".join(printed)


def _printed(specifier: Specifier, value: Any) -> str:
    conversion = specifier.conversion
    if conversion == "b":
        return _text(specifier, "false" if value is None or value is False else "true")
    if value is None:
        if conversion == "s" and "#" in specifier.flags:
            raise specifier.error('flag "#" does not go with %s')
        return _text(specifier, "null")
    if conversion == "s":
        if "#" in specifier.flags:
            raise specifier.error('flag "#" does not go with %s')
        return _text(specifier, to_text(value))
    if conversion == "h":
        return _text(specifier, f"{hash_code(value) & 0xFFFFFFFF:x}")
    if conversion in "dox" and isinstance(value, int) and not isinstance(value, bool):
        return _justified(specifier, integer_text(specifier, value))
    if conversion in "efga" and (
        isinstance(value, float) or (isinstance(value, Decimal) and conversion != "a")
    ):
        return _justified(specifier, float_text(specifier, value))
    raise specifier.error(f"{kind(value)} cannot be printed by %{conversion}")


def _text(specifier: Specifier, text: str) -> str:
    if specifier.precision is not None:
        text = utf16_prefix(text, specifier.precision)
    return _justified(specifier, text.upper() if specifier.is_upper else text)


def _justified(specifier: Specifier, text: str) -> str:
    if specifier.width is None:
        return text
    padding = " " * (specifier.width - utf16_length(text))
    return text + padding if "-" in specifier.flags else padding + text

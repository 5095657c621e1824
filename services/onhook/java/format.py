"""String.format as Java has it: format specifiers over plain data, US English always.

An int is a Java Long, a float a Double, a Decimal a BigDecimal. It must not know what a value
prints as, or is called: of that it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from onhook.java.char import Char, length, substring
from onhook.java.format_number import float_text, integer_text
from onhook.java.hash import hash_code
from onhook.java.number import Int
from onhook.java.specifier import Specifier, pieces_of

MAX_OUTPUT = 4_000_000
"""The most characters that one call prints."""

_LAST_CHARACTER = 0x10FFFF


ToText = Callable[[Any], str]
_Printer = Callable[[Specifier, Any, ToText], str | None]
"""None: the conversion does not take the value."""


def format_string(
    pattern: str, args: Sequence[Any], to_text: ToText, kind: Callable[[Any], str]
) -> str:
    """`pattern` with its specifiers replaced by `args`, by the rules of java.util.Formatter.

    `to_text` is toString; it is called for every text, list and map that a specifier works
    through, however little of it the specifier prints, so that it can count the work. `kind` is
    what an error calls the type of a value: "a text".

    Raises ValueError for a malformed specifier, a missing argument, and an argument of a type
    that the conversion does not take; and what `to_text` raises.
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
            found = _printed(piece, args[last], to_text)
            if found is None:
                raise _mismatch(piece, args[last], kind(args[last]))
            text = found
        size += len(text)
        if size > MAX_OUTPUT:
            raise ValueError("the formatted text is too long")
        printed.append(text)
    return "".join(printed)


def _printed(specifier: Specifier, value: Any, to_text: ToText) -> str | None:
    if specifier.conversion == "b":
        return _text(specifier, "false" if value is None or value is False else "true")
    if specifier.conversion == "s" and "#" in specifier.flags:
        raise specifier.error('flag "#" does not go with %s')
    if value is None:
        return _text(specifier, "null")
    return _PRINTERS[specifier.conversion](specifier, value, to_text)


def _printed_text(specifier: Specifier, value: Any, to_text: ToText) -> str:
    return _text(specifier, str(value) if isinstance(value, Decimal) else to_text(value))


def _printed_hash(specifier: Specifier, value: Any, to_text: ToText) -> str:
    if not isinstance(value, int | float | Decimal):
        text = to_text(value)  # for its count, whatever is hashed
        value = value if isinstance(value, list | Mapping) else text
    return _text(specifier, f"{hash_code(value):x}")


def _printed_character(specifier: Specifier, value: Any, _: ToText) -> str | None:
    if isinstance(value, Char):
        return _text(specifier, str(value))
    if type(value) is Int and 0 <= value <= _LAST_CHARACTER:
        return _text(specifier, chr(value))
    return None


def _printed_integer(specifier: Specifier, value: Any, _: ToText) -> str | None:
    if type(value) is not int and type(value) is not Int:
        return None
    return _justified(specifier, integer_text(specifier, value))


def _printed_float(specifier: Specifier, value: Any, _: ToText) -> str | None:
    is_decimal = isinstance(value, Decimal) and specifier.conversion != "a"
    if not isinstance(value, float) and not is_decimal:
        return None
    return _justified(specifier, float_text(specifier, value))


def _mismatch(specifier: Specifier, value: Any, kind: str) -> ValueError:
    conversion = f"%{specifier.conversion}"
    if conversion in {"%e", "%f", "%g", "%a"} and isinstance(value, int):
        return specifier.error(f"{kind} without decimals cannot be printed by {conversion}")
    if conversion in {"%d", "%o", "%x"} and isinstance(value, float):
        return specifier.error(f"{kind} with decimals cannot be printed by {conversion}")
    return specifier.error(f"{kind} cannot be printed by {conversion}")


_PRINTERS: dict[str, _Printer] = {
    "s": _printed_text,
    "h": _printed_hash,
    "c": _printed_character,
    **dict.fromkeys("dox", _printed_integer),
    **dict.fromkeys("efga", _printed_float),
}


def _text(specifier: Specifier, text: str) -> str:
    if specifier.precision is not None:
        text = substring(text, 0, min(specifier.precision, length(text)))
    return _justified(specifier, text.upper() if specifier.is_upper else text)


def _justified(specifier: Specifier, text: str) -> str:
    if specifier.width is None:
        return text
    padding = " " * (specifier.width - length(text))
    return text + padding if "-" in specifier.flags else padding + text

"""Texts and numbers as Java sees them: UTF-16 units, escapes, decimals and how they print.

It must not know paths or filters.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, DecimalException

from onhook.jsonpath.errors import PathError

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b"}
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,10})?")
_HEX = re.compile(r"[+-]?[0-9a-fA-F]+")
_HIGHEST_BMP = "\uffff"
_INT_MAX = 2**31 - 1
_BITS = 32
_INT_BITS = 2**_BITS
_PLAIN_BELOW, _PLAIN_FROM = 1e7, 1e-3


def is_digit(char: str) -> bool:
    return char.isdecimal() and char <= _HIGHEST_BMP


def trimmed(text: str) -> str:
    """Java's trim: no character up to the blank at either end."""
    return text.strip("".join(map(chr, range(33))))


def utf16_length(text: str) -> int:
    return len(text) + sum(char > _HIGHEST_BMP for char in text)


def utf16_order(text: str) -> bytes:
    """A key that sorts as Java's compareTo does."""
    return text.encode("utf-16-be", "surrogatepass")


def joined_surrogates(text: str) -> str:
    """Halves of a character that stand side by side become the character."""
    if not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def unescaped(text: str) -> str:
    r"""The text without its backslashes: `\n`, `\u0041`, or the character itself.

    Raises PathError on a `\u` without a number.
    """
    if "\\" not in text:
        return text
    found: list[str] = []
    index = 0
    while index < len(text):
        char = text[index]
        index += 1
        if char == "\\" and index < len(text):
            char = text[index]
            index += 1
            if char == "u":
                code = text[index : index + 4]
                index += 4
                char = _unit(code) if len(code) == 4 else ""
            else:
                char = _ESCAPES.get(char, char)
        found.append(char)
    return joined_surrogates("".join(found))


def _unit(code: str) -> str:
    if not _HEX.fullmatch(code):
        raise PathError(f'"\\u{code}" is no character; write four hexadecimal digits')
    return chr(int(code, 16) & 0xFFFF)


def decimal_of_text(text: str) -> Decimal | None:
    """None where Java's BigDecimal takes the text for no number."""
    if not _DECIMAL.fullmatch(text):
        return None
    exponent = text.upper().rpartition("E")[2] if "e" in text or "E" in text else "0"
    if abs(int(exponent)) > _INT_MAX:
        return None
    try:
        return _positive_zero(Decimal(text))
    except (DecimalException, ValueError):
        return None


def decimal_of(number: float) -> Decimal | None:
    """None where the number is infinite or not a number."""
    if isinstance(number, int):
        return Decimal(number)
    return decimal_of_text(double_text(number))


def _positive_zero(number: Decimal) -> Decimal:
    return number.copy_abs() if number.is_zero() else number


def number_text(number: float) -> str:
    """An integer's digits, or what Java prints for a double."""
    return str(Decimal(number)) if isinstance(number, int) else double_text(number)


def double_text(number: float) -> str:
    """Java's Double.toString: `1.0`, `1.0E10`, `1.0E-5`, `NaN`, `Infinity`."""
    if number != number:  # noqa: PLR0124  # the one value that differs from itself
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0 or _PLAIN_FROM <= abs(number) < _PLAIN_BELOW:
        return repr(number)
    sign, digits, _ = Decimal(repr(number)).as_tuple()
    exponent = Decimal(repr(number)).adjusted()
    written = "".join(map(str, digits)).rstrip("0") or "0"
    return f"{'-' * sign}{written[0]}.{written[1:] or '0'}E{exponent}"


def java_int(number: float | Decimal) -> int:
    """Java's intValue: of a double the nearest, of a whole or decimal number the lowest 32 bits."""
    if isinstance(number, float):
        return 0 if math.isnan(number) else int(max(-_INT_MAX - 1, min(_INT_MAX, number)))
    if isinstance(number, Decimal):
        _, __, exponent = number.as_tuple()
        # Multiples of ten to the 32nd end in 32 zero bits, however large they are.
        if number.adjusted() < 0 or int(exponent) >= _BITS:
            return 0
    bits: int = int(number) % _INT_BITS
    return bits - _INT_BITS if bits > _INT_MAX else bits

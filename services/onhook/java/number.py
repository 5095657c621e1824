"""java.lang.Integer, Long and Double, and BigDecimal: conversions between them and to and from text.

It must not know patterns, nor where a number comes from.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, DecimalException

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,10})?")
_INT_MAX = 2**31 - 1
_BEYOND_LONG = 1e19
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e7


class Int(int):
    """Integer; every other int is a Long."""

    __slots__ = ()


def narrowed(number: float | Decimal, bits: int) -> int:
    """intValue or longValue: a whole number of so many bits.

    Of a Double the nearest; of a Long, BigInteger or BigDecimal the lowest bits.
    """
    top = 1 << bits - 1
    if isinstance(number, float):
        if math.isnan(number):
            return 0
        return min(max(int(max(min(number, _BEYOND_LONG), -_BEYOND_LONG)), -top), top - 1)
    if isinstance(number, Decimal):
        _, _, exponent = number.as_tuple()
        # A multiple of ten to the power of n ends in n zero bits, however large it is.
        if number.adjusted() < 0 or int(exponent) >= bits:
            return 0
        number = int(number)
    return (number + top) % (2 * top) - top


def as_double(number: float) -> float:
    """doubleValue; a huge whole number is infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def decimal_of_text(text: str) -> Decimal | None:
    """new BigDecimal(text); None where that takes the text for no number."""
    if not _DECIMAL.fullmatch(text):
        return None
    exponent = text.upper().rpartition("E")[2] if "e" in text or "E" in text else "0"
    if abs(int(exponent)) > _INT_MAX:
        return None
    try:
        number = Decimal(text)
    except (DecimalException, ValueError):
        return None
    return number.copy_abs() if number.is_zero() else number


def decimal_of(number: float) -> Decimal | None:
    """BigDecimal of what the number prints; None where it is infinite or not a number."""
    if isinstance(number, int):
        return Decimal(number)
    return decimal_of_text(double_to_string(number))


def number_text(number: float) -> str:
    """An integer's digits, however many, or what Java prints for a double."""
    return str(Decimal(number)) if isinstance(number, int) else double_to_string(number)


def double_to_string(value: float) -> str:
    """`value` as Double.toString (JDK 19 and later) prints it: `1.0`, `1.0E10`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    magnitude = abs(value)
    if magnitude == 0 or _PLAIN_FROM <= magnitude < _PLAIN_BELOW:
        return repr(float(value))
    sign = "-" if value < 0 else ""
    if math.isinf(magnitude):
        return f"{sign}Infinity"
    digits, point = digits_and_point(Decimal(repr(magnitude)))
    if len(digits) == 1:  # Java takes the nearest of two digits where one would do
        digits, point = digits_and_point(Decimal(f"{magnitude:.1e}"))
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{point - 1}"


def digits_and_point(number: Decimal) -> tuple[str, int]:
    """The significant digits of a finite number and where its decimal point stands among them.

    12.50 is ("125", 2), 0.001 is ("1", -2), and zero is ("", 0).
    """
    parts = number.as_tuple()
    digits = "".join(map(str, parts.digits)).lstrip("0")
    if not digits:
        return "", 0
    assert isinstance(parts.exponent, int)
    return digits.rstrip("0"), len(digits) + parts.exponent

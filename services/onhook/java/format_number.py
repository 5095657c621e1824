"""Numbers under a format specifier: %d %o %x and %e %f %g %a, as java.util.Formatter prints them.

It must not know where a number comes from.
"""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_UP, Context, Decimal

from onhook.java.number import Int
from onhook.java.specifier import Specifier

_INT_BITS, _LONG_BITS = 32, 64
_MAX_DIGITS = 1_000
_DEFAULT_PRECISION = 6
_FRACTION_BITS = 52
_LEAST_EXPONENT = -1022
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=ROUND_HALF_UP, traps=[])


def integer_text(specifier: Specifier, value: int) -> str:
    """`value` under %d, %o or %x, not yet justified."""
    if specifier.conversion == "d":
        return _signed(specifier, str(abs(value)), is_negative=value < 0)
    bits = _INT_BITS if isinstance(value, Int) else _LONG_BITS
    is_long = -(1 << _LONG_BITS - 1) <= value < 1 << _LONG_BITS - 1
    refused = sorted(specifier.flags.intersection("(+ "))
    if is_long and refused:
        raise specifier.error(f'flag "{refused[0]}" does not go with %{specifier.conversion}')
    if is_long:
        value &= (1 << bits) - 1  # Java prints the bits of a negative Long
    radix = {"o": "0", "x": "0x"}[specifier.conversion] if "#" in specifier.flags else ""
    digits = f"{abs(value):{specifier.conversion}}"
    return _signed(specifier, digits, is_negative=value < 0, radix=radix)


def float_text(specifier: Specifier, value: float | Decimal) -> str:
    """`value` under %e, %f, %g or %a, not yet justified."""
    number = Decimal(repr(value)) if isinstance(value, float) else value
    if number.is_nan():
        return "NAN" if specifier.is_upper else "NaN"
    is_negative = math.copysign(1.0, value) < 0 if isinstance(value, float) else value < 0
    if number.is_infinite():
        plain = specifier.without_zeros()
        return _signed(plain, "Infinity", is_negative=is_negative)
    if specifier.conversion == "a":
        assert isinstance(value, float)
        digits, spare = _hexadecimal(abs(value), specifier.precision)
        # The JDK counts the zeros of "0" before it adds those of the precision.
        zeros = specifier.width - len(digits) + spare - 2 if specifier.width is not None else 0
        if is_negative or specifier.flags & {"+", " "}:
            zeros -= 1
        radix = "0x" + "0" * zeros if "0" in specifier.flags else "0x"
        return _signed(specifier.without_zeros(), digits, is_negative=is_negative, radix=radix)
    number = number.copy_abs() if number or isinstance(value, Decimal) else Decimal(0)
    if len(number.as_tuple().digits) > _MAX_DIGITS or abs(number.adjusted()) > _MAX_DIGITS:
        raise specifier.error("the number has too many digits to be printed")
    return _signed(specifier, _decimal(specifier, number), is_negative=is_negative)


def _decimal(specifier: Specifier, number: Decimal) -> str:
    precision = _DEFAULT_PRECISION if specifier.precision is None else specifier.precision
    has_point = "#" in specifier.flags
    if specifier.conversion == "f":
        return _plain(number, precision, has_point=has_point)
    if specifier.conversion == "e":
        return _scientific(number, precision, has_point=has_point)
    significant = max(precision, 1)
    rounded = _rounded(number, significant)
    is_zero = rounded.is_zero() and rounded.as_tuple().exponent == 0
    if is_zero or Decimal("0.0001") <= rounded < Decimal(1).scaleb(significant, context=_EXACT):
        return _plain(rounded, max(significant - rounded.adjusted() - 1, 0), has_point=False)
    return _scientific(rounded, significant - 1, has_point=False)


def _plain(number: Decimal, places: int, *, has_point: bool) -> str:
    text = f"{number.quantize(Decimal(1).scaleb(-places), context=_EXACT):f}"
    return f"{text}." if has_point and not places else text


def _scientific(number: Decimal, places: int, *, has_point: bool) -> str:
    rounded = _rounded(number, places + 1)
    digits = "".join(map(str, rounded.as_tuple().digits)).ljust(places + 1, "0")
    point = "." if places or has_point else ""
    exponent = rounded.adjusted()
    return f"{digits[0]}{point}{digits[1 : places + 1]}e{exponent:+03d}"


def _rounded(number: Decimal, significant: int) -> Decimal:
    rounding = Context(
        prec=significant, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=ROUND_HALF_UP, traps=[]
    )
    return rounding.plus(number)


def _hexadecimal(magnitude: float, precision: int | None) -> tuple[str, int]:
    """Double.toHexString without its 0x, and how many zeros `precision` has added to it."""
    mantissa, exponent = math.frexp(magnitude)
    is_subnormal = 0 < magnitude < math.ldexp(1.0, _LEAST_EXPONENT)
    places = None if precision is None else max(precision, 1)
    if magnitude == 0:
        digits, exponent = "0.0", 0
    elif is_subnormal and (places is None or places >= _FRACTION_BITS // 4):
        bits = int(math.ldexp(magnitude, _FRACTION_BITS - _LEAST_EXPONENT))
        digits, exponent = _hex_digits(bits), _LEAST_EXPONENT
    else:
        bits, exponent = int(math.ldexp(mantissa, _FRACTION_BITS + 1)), exponent - 1
        cut = 0 if places is None else max(_FRACTION_BITS - 4 * places, 0)
        bits = round(bits / (1 << cut)) << cut  # to the nearest, ties to even
        if bits >> _FRACTION_BITS + 1:
            bits, exponent = bits >> 1, exponent + 1
        digits = _hex_digits(bits)
    spare = max((places or 0) + 2 - len(digits), 0)
    return f"{digits}{'0' * spare}p{exponent}", spare


def _hex_digits(bits: int) -> str:
    fraction = f"{bits & (1 << _FRACTION_BITS) - 1:013x}".rstrip("0")
    return f"{bits >> _FRACTION_BITS}.{fraction or '0'}"


def _signed(specifier: Specifier, digits: str, *, is_negative: bool, radix: str = "") -> str:
    flags, close = specifier.flags, ""
    if is_negative:
        sign, close = ("(", ")") if "(" in flags else ("-", "")
    else:
        sign = "+" if "+" in flags else " " if " " in flags else ""
    if "," in flags and digits[0].isdigit():
        integer, mark, rest = digits.partition("." if "." in digits else "e")
        digits = f"{int(integer):,}{mark}{rest}"
    if "0" in flags and specifier.width is not None:
        digits = digits.rjust(specifier.width - len(sign) - len(radix) - len(close), "0")
    text = f"{sign}{radix}{digits}{close}"
    return text.upper() if specifier.is_upper else text

"""java.text.DecimalFormat: numbers printed by a pattern.

US English symbols always, whatever the machine's locale. It must not know where a number comes
from.
"""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal

from onhook.java.number import digits_and_point
from onhook.java.number_pattern import NumberPattern, number_pattern

_MAX_MAGNITUDE = 1_000
"""Numbers with more digits than this are refused instead of printed."""

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=ROUND_HALF_EVEN, traps=[])


def format_decimal(pattern: str, value: int | float | Decimal) -> str:
    """`value` by a pattern of java.text.DecimalFormat, such as `#,##0.00;(#)`.

    Rounds half to even on the exact value, as the JDK does since 8. Raises ValueError for a
    malformed pattern and for a number of absurd length.
    """
    form = number_pattern(pattern)
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")  # noqa: TRY004 - a user's error
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        is_negative = math.copysign(1.0, value) < 0
        magnitude = abs(value) * form.factor
        exact, shown = Decimal(magnitude), _shown(magnitude)
    else:
        number = Decimal(value)
        if number.is_nan():
            return "NaN"
        is_negative = number < 0
        exact = shown = _EXACT.multiply(number.copy_abs(), Decimal(form.factor))
    prefix, suffix = form.negative if is_negative else form.positive
    if exact.is_infinite():
        return f"{prefix}∞{suffix}"
    if _is_long(exact):
        raise ValueError("the number has too many digits to be printed")
    if not form.exponent:
        body = _plain(form, exact, shown)
    elif isinstance(value, float) and exact == exact.to_integral_value():
        # The JDK takes a whole double for one that was cut off, so a tie goes up.
        body = _scientific(form, exact, shown, ROUND_HALF_UP)
    else:
        body = _scientific(form, exact, shown, ROUND_HALF_EVEN)
    return f"{prefix}{body}{suffix}"


def default_number_format(value: int | float | Decimal) -> str:
    """`value` as NumberFormat.getInstance(Locale.US) prints it: `1,234.568`."""
    return format_decimal("#,##0.###", value)


def _shown(magnitude: float) -> Decimal:
    """The digits that DecimalFormat takes a double for.

    The shortest that tell it from its neighbours; but whole numbers beyond 2**53 keep more.
    """
    if not 2.0**53 <= magnitude < 2.0**63:
        return Decimal(repr(magnitude))
    spare_bits = math.frexp(magnitude)[1] - 1 - 54
    unit = 10 ** int(spare_bits * math.log10(2)) if spare_bits > 1 else 1
    return Decimal((int(magnitude) + unit // 2) // unit * unit)


def _is_long(number: Decimal) -> bool:
    parts = number.as_tuple()
    assert isinstance(parts.exponent, int)
    return len(parts.digits) > _MAX_MAGNITUDE or abs(parts.exponent) > _MAX_MAGNITUDE * 2


def _plain(form: NumberPattern, exact: Decimal, shown: Decimal) -> str:
    places = form.max_fraction
    exponent = shown.as_tuple().exponent
    assert isinstance(exponent, int)
    # Only what is cut off is rounded on the exact value; the rest are the digits people know.
    if -exponent > places:
        shown = exact.quantize(Decimal(1).scaleb(-places), context=_EXACT)
    integer, _, fraction = f"{shown:f}".partition(".")
    integer = integer.lstrip("0").rjust(form.min_integer, "0")
    fraction = fraction.rstrip("0").ljust(form.min_fraction, "0")
    if not integer and not fraction:
        integer = "0"
    if form.group:
        integer = _grouped(integer, form.group)
    point = "." if fraction or form.keeps_point else ""
    return f"{integer}{point}{fraction}"


def _grouped(integer: str, size: int) -> str:
    first = len(integer) % size
    groups = [integer[start : start + size] for start in range(first, len(integer), size)]
    return ",".join([integer[:first], *groups] if first else groups)


def _scientific(form: NumberPattern, exact: Decimal, shown: Decimal, mode: str) -> str:
    significant = form.max_integer + form.max_fraction
    digits, point = digits_and_point(shown)
    if len(digits) > significant:
        rounding = Context(prec=significant, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=mode)
        digits, point = digits_and_point(rounding.plus(exact))
    if form.max_integer > 1 and form.max_integer > form.min_integer:
        # Engineering notation: the exponent goes in steps of the integer digits.
        step, least = form.max_integer, 1
        exponent = (point - 1) // step * step if point >= 1 else -((step - point) // step) * step
    else:
        least = form.min_integer
        exponent = point - least
    before_point = point - exponent if digits else least
    total = max(len(digits), form.min_integer + form.min_fraction, before_point)
    digits_shown = digits.ljust(total, "0")
    integer, fraction = digits_shown[: max(before_point, 0)], digits_shown[max(before_point, 0) :]
    mark = "." if fraction or form.keeps_point else ""
    if not digits:
        exponent = 0
    sign = "-" if exponent < 0 else ""
    return f"{integer}{mark}{fraction}E{sign}{_exponent_digits(abs(exponent), form.exponent)}"


def _exponent_digits(exponent: int, least: int) -> str:
    return (str(exponent) if exponent else "").rjust(least, "0")

from __future__ import annotations

from decimal import Decimal

import pytest

from onhook.java.number import digits_and_point, double_to_string
from onhook.java.number_format import default_number_format, format_decimal


@pytest.mark.parametrize(
    ("pattern", "value", "text"),
    [
        ("00000", 42, "00042"),
        ("#,##0.00", 1234567.891, "1,234,567.89"),
        ("#,##0.00;(#)", -1234.5, "(1,234.50)"),
        ("#%", 0.256, "26%"),
        ("0.###E0", 1234, "1.234E3"),
        ("##0.#####E0", 123456, "123.456E3"),
        ("'#'#", 123, "#123"),
        ("0.00", -0.001, "-0.00"),
        ("0", float("nan"), "NaN"),
        ("0 s", float("-inf"), "-∞ s"),
    ],
)
def test_a_pattern_says_how_a_number_prints(pattern, value, text):
    assert format_decimal(pattern, value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.125, "0.12"), (0.375, "0.38"), (1.005, "1.00"), (0.615, "0.61"), (2.345, "2.35")],
)
def test_a_tie_is_judged_on_the_exact_binary_value(value, text):
    assert format_decimal("0.00", value) == text


def test_digits_beyond_those_of_a_number_are_no_binary_noise():
    assert format_decimal("0.####################", 0.1) == "0.1"


def test_decimals_keep_digits_that_no_double_has():
    exact = Decimal("12345678901234567890.12345678901234567895")
    assert format_decimal("0.00000000000000000000", exact) == str(exact)


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("0.0.0", "only one decimal point"),
        ("0#0", '"0" cannot stand behind'),
        ("#,", "out of order"),
        ("'abc", "a quote is not closed"),
        ("0%%", "only one percent"),
        ("0E", "E0"),
        (";0", '";" must be quoted'),
    ],
)
def test_a_malformed_pattern_is_named_with_what_is_wrong(pattern, what):
    with pytest.raises(ValueError, match=what) as caught:
        format_decimal(pattern, 1)
    assert f'number pattern "{pattern}"' in str(caught.value)


@pytest.mark.parametrize("value", [Decimal("1E+100000000"), Decimal("1E-100000000"), 10**1500])
def test_a_number_of_absurd_length_is_refused(value):
    with pytest.raises(ValueError, match="too many digits"):
        format_decimal("#,##0.00", value)


def test_a_boolean_is_no_number():
    with pytest.raises(ValueError, match="no numbers"):
        format_decimal("0", True)


def test_without_a_pattern_numbers_have_commas_and_three_decimals():
    assert default_number_format(1234567.8916) == "1,234,567.892"
    assert default_number_format(42) == "42"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1e10, "1.0E10"),
        (1e-5, "1.0E-5"),
        (5e-324, "4.9E-324"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (float("inf"), "Infinity"),
    ],
)
def test_a_double_prints_with_as_few_digits_as_tell_it_apart(value, text):
    assert double_to_string(value) == text


def test_digits_and_point_of_a_number():
    assert digits_and_point(Decimal("12.50")) == ("125", 2)
    assert digits_and_point(Decimal("0.001")) == ("1", -2)
    assert digits_and_point(Decimal("0.00")) == ("", 0)

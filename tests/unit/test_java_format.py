"""What Java itself printed: tests/vectors/java_format.jsonl, made with JDK 17 and 25."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from onhook import pebble
from onhook.java.char import Char
from onhook.java.date import format_date, parse_date, zone
from onhook.java.format import MAX_OUTPUT, format_string
from onhook.java.number import Int, double_to_string
from onhook.java.number_format import default_number_format, format_decimal
from onhook.java.specifier import MAX_WIDTH
from onhook.pebble.printing import text_of
from onhook.pebble.values import Count, kind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 25, tzinfo=UTC)
VECTORS = Path(__file__).parent.parent / "vectors/java_format.jsonl"
ROWS = [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()]


def formatted(pattern: str, args: list[Any]) -> str:
    return format_string(pattern, args, lambda value: text_of(value, MAX_OUTPUT), kind)


def value_of(written: Any) -> Any:
    if isinstance(written, dict) and "decimal" in written:
        return Decimal(written["decimal"])
    if isinstance(written, dict) and "double" in written:
        return float(written["double"])
    return written


def at(row: dict[str, Any]) -> datetime:
    passed = timedelta(milliseconds=row.get("epoch_ms", 0), microseconds=row.get("epoch_us", 0))
    return (EPOCH + passed).astimezone(zone(row["zone"]))


def parsed_ms(row: dict[str, Any]) -> int:
    time = parse_date(row["pattern"], row["text"], zone(row["zone"]), now=NOW)
    return (time - EPOCH) // timedelta(milliseconds=1)


PRINTED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "decimal": lambda row: format_decimal(row["pattern"], value_of(row["value"])),
    "default": lambda row: default_number_format(value_of(row["value"])),
    "double": lambda row: double_to_string(value_of(row["value"])),
    "format": lambda row: formatted(row["pattern"], [value_of(arg) for arg in row["args"]]),
    "simple": lambda row: format_date(row["pattern"], at(row)),
    "temporal": lambda row: format_date(row["pattern"], at(row), style="temporal"),
    "parse": parsed_ms,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: json.dumps(row)[:90])
def test_it_is_as_java_has_it(row):
    if "error" in row:
        with pytest.raises(ValueError):
            PRINTED[row["kind"]](row)
    else:
        assert PRINTED[row["kind"]](row) == row["output"]


def test_every_kind_has_vectors():
    assert {row["kind"] for row in ROWS} == PRINTED.keys()


@pytest.mark.parametrize(
    ("pattern", "args", "message"),
    [
        ("%d", ["seven"], '"%d": a text cannot be printed by %d'),
        ("%d", [2.5], '"%d": a number with decimals cannot be printed by %d'),
        ("%.2f", [3], '"%.2f": a number without decimals cannot be printed by %f'),
        ("%s %s", ["a"], '"%s": there is no argument for it'),
        ("%0$s", ["a"], '"%0$s": arguments count from 1'),
        ("up to 50% off", [], '"% o": there is no argument for it'),
        ("50%", [], '"%" is no format specifier'),
        ("%tY", [1], '"%tY": dates are not formatted here; the date filter does that'),
        ("%-d", [1], '"%-d": flags "-" and "0" need a width'),
        ("%#d", [1], '"%#d": flag "#" does not go with %d'),
    ],
)
def test_an_error_says_which_specifier_and_why(pattern, args, message):
    with pytest.raises(ValueError) as caught:
        formatted(pattern, args)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "pattern", ["%1000000000s", "%.1000000000f", "%1000000000$s", f"%{'9' * 5000}s"]
)
def test_a_width_of_a_billion_is_refused(pattern):
    with pytest.raises(ValueError, match=f"numbers in it go up to {MAX_WIDTH}"):
        formatted(pattern, [1.5])


def test_many_wide_specifiers_are_refused_together():
    with pytest.raises(ValueError, match="too long"):
        formatted(f"%1${MAX_WIDTH}s" * 500, ["x"])


def test_widths_count_utf16_units_as_java_does():
    assert formatted("%4s|%-4s|", ["😀", "東京"]) == "  😀|東京  |"


def test_lengths_and_characters_print_as_the_java_types_they_are():
    assert formatted("%x %c %c %h", [Int(-1), Int(65), Char("é"), Int(-1)]) == (
        "ffffffff A é ffffffff"
    )
    with pytest.raises(ValueError, match="cannot be printed by %d"):
        formatted("%d", [Count(3)])


def test_a_decimal_of_absurd_length_is_refused():
    with pytest.raises(ValueError, match="too many digits"):
        formatted("%f", [Decimal("1E+100000000")])


@pytest.mark.parametrize(
    "template",
    [
        '{% set x = "' + "%1$.0s" * 50_000 + '" | format(many) %}',
        '{% set x = "' + "%1$h" * 50_000 + '" | format(many) %}',
        '{% for i in range(1, 90000) %}{% set x = "'
        + "1 " * 490
        + '" | date("yyyy", existingFormat="'
        + "d " * 490
        + '") %}{% endfor %}',
        '{% for i in range(1, 90000) %}{% set x = i | date("' + "Gz" * 450 + '") %}{% endfor %}',
        '{% for i in range(1, 90000) %}{% set x = i | numberformat("'
        + "0" * 900
        + '") %}{% endfor %}',
    ],
    ids=["text", "hash", "parse", "date", "number"],
)
def test_work_counts_although_next_to_nothing_is_printed(template):
    with pytest.raises(pebble.PebbleError, match="takes more than 1000000 steps"):
        pebble.compile(template).render({"many": [1.5] * 50_000})

"""Texts read as dates by a pattern, field by field.

SimpleDateFormat ("simple") is lenient: what follows the date is ignored, a month 13 is January of
the next year. DateTimeFormatter ("temporal") is not. This module must not know what a template is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from onhook.pebble.java_date_pattern import Field, Items, Literal, Optional, Style, date_items
from onhook.pebble.java_date_resolve import resolved
from onhook.pebble.java_date_text import DAYS, MONTHS, QUARTERS
from onhook.pebble.java_zone import zone, zones_by_name

MAX_TEXT = 1_000
_YEARS_BACK = 80
_NUMBER = re.compile(r"-?[0-9]+")
_MAX_DIGITS = 18
_ZONE_ID = re.compile(r"[A-Za-z][A-Za-z0-9~/._+:-]*")
_OFFSET = re.compile(r"(?:GMT|UTC|UT)?([+-])([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)
_SMALL_TEXT = frozenset("MLQqec")
"""Letters that are numbers up to two of them, words from three on."""


_SAME = {"L": "M", "q": "Q", "c": "e", "E": "e"}
_RANGES = {
    "M": (1, 12),
    "Q": (1, 4),
    "d": (1, 31),
    "D": (1, 366),
    "w": (1, 53),
    "W": (0, 6),
    "F": (1, 5),
    "e": (1, 7),
    "H": (0, 23),
    "K": (0, 11),
    "m": (0, 59),
    "s": (0, 59),
    "A": (0, 86_399_999),
    "n": (0, 999_999_999),
    "N": (0, 86_399_999_999_999),
}


class _Mismatch(Exception):
    """The text does not go on as the pattern does."""


class _Parsed:
    """Fields in the order in which they were read, the last one last, and where reading stands."""

    def __init__(self, text: str, now: datetime, *, is_strict: bool) -> None:
        self.text = text
        self.is_strict = is_strict
        self.now = now
        self.position = 0
        self.fields: dict[str, int] = {}
        self.zone: tzinfo | None = None

    def set(self, letter: str, value: int) -> None:
        self.fields.pop(letter, None)
        self.fields[letter] = value


def parse_date(
    pattern: str, text: str, zone: tzinfo, *, style: Style = "simple", now: datetime | None = None
) -> datetime:
    """The time that `text` names, in the zone that it names or else in `zone`.

    `now` places years of two digits, within 80 years before and 20 after it; by default the
    clock does. Raises ValueError where `text` does not follow `pattern`, and for years beyond
    1 to 9999.
    """
    items = date_items(pattern)
    parsed = _Parsed(text[:MAX_TEXT], now or datetime.now(UTC), is_strict=style == "temporal")
    try:
        _read(items, parsed)
        if parsed.is_strict and not _is_sound(parsed):
            raise _Mismatch
        return resolved(parsed.fields, parsed.zone or zone)
    except _Mismatch:
        raise ValueError(f'"{text[:100]}" is no date of the form "{pattern}"') from None
    except OverflowError:
        raise ValueError(f'"{text[:100]}" is beyond the years 1 to 9999') from None


def _is_sound(parsed: _Parsed) -> bool:
    """Whether all was read and no field is out of its range."""
    return parsed.position == len(parsed.text) and all(
        _RANGES[letter][0] <= value <= _RANGES[letter][1]
        for letter, value in parsed.fields.items()
        if letter in _RANGES
    )


def _read(items: Items, parsed: _Parsed) -> None:
    for position, item in enumerate(items):
        if isinstance(item, Literal):
            if not parsed.text.startswith(item.text, parsed.position):
                raise _Mismatch
            parsed.position += len(item.text)
        elif isinstance(item, Optional):
            _try(item.items, parsed)
        else:
            following = items[position + 1] if position + 1 < len(items) else None
            _read_field(item, parsed, is_abutting=isinstance(following, Field))


def _try(items: Items, parsed: _Parsed) -> None:
    """Read an optional section, or leave everything as it was."""
    position, fields, zone = parsed.position, dict(parsed.fields), parsed.zone
    try:
        _read(items, parsed)
    except _Mismatch:
        parsed.position, parsed.fields, parsed.zone = position, fields, zone


def _read_field(field: Field, parsed: _Parsed, *, is_abutting: bool) -> None:
    letter, count, text = field.letter, field.count, parsed.text
    while not parsed.is_strict and text[parsed.position : parsed.position + 1] in {" ", "\t"}:
        parsed.position += 1
    if letter in "zZXxOVv":
        _read_zone(letter, parsed)
    elif letter in "GaE" or (letter in _SMALL_TEXT and count > 2):
        _read_word(letter, parsed)
    else:
        start = parsed.position
        value = _read_number(parsed, count if is_abutting else _MAX_DIGITS)
        _set_number(letter, count, text[start : parsed.position], value, parsed)


def _set_number(letter: str, count: int, digits: str, value: int, parsed: _Parsed) -> None:
    if letter == "u" and parsed.is_strict:
        letter = "y"
    if letter == "y" and count <= 2 and len(digits) == 2 and digits.isdigit():
        value = 2000 + value if parsed.is_strict else _full_year(value, parsed.now)
    elif letter == "S" and parsed.is_strict:
        letter, value = "n", int(digits.ljust(9, "0")[:9])
    elif letter == "u":
        letter, value = "e", value % 7 + 1
    elif letter == "k":
        letter, value = "H", 0 if value == 24 else value
    elif letter == "h":
        letter, value = "K", 0 if value == 12 else value
    parsed.set(_SAME.get(letter, letter), value)


def _read_number(parsed: _Parsed, limit: int) -> int:
    found = _NUMBER.match(parsed.text, parsed.position, parsed.position + limit)
    if found is None:
        raise _Mismatch
    parsed.position = found.end()
    return int(found[0])


def _full_year(two_digits: int, now: datetime) -> int:
    first = now.year - _YEARS_BACK
    year = first // 100 * 100 + two_digits
    return year if year >= first else year + 100


def _read_word(letter: str, parsed: _Parsed) -> None:
    rest = parsed.text[parsed.position :].lower()
    best, value = "", 0
    for number, words in enumerate(_WORDS[letter]):
        for word in words:
            if len(word) > len(best) and rest.startswith(word.lower()):
                best, value = word, number
    if not best:
        raise _Mismatch
    parsed.position += len(best)
    parsed.set(_SAME.get(letter, letter), value + _FIRST.get(letter, 0))


_MONTH_WORDS = [(month, month[:3]) for month in MONTHS]
_DAY_WORDS = [(day, day[:3]) for day in DAYS]
_QUARTER_WORDS = [(quarter, f"Q{number}") for number, quarter in enumerate(QUARTERS, 1)]
_WORDS = {
    "G": [("BC", "Before Christ"), ("AD", "Anno Domini")],
    "a": [("AM",), ("PM",)],
    "M": _MONTH_WORDS,
    "L": _MONTH_WORDS,
    "Q": _QUARTER_WORDS,
    "q": _QUARTER_WORDS,
    "E": _DAY_WORDS,
    "e": _DAY_WORDS,
    "c": _DAY_WORDS,
}
_FIRST = {"M": 1, "L": 1, "Q": 1, "q": 1, "E": 1, "e": 1, "c": 1}


def _read_zone(letter: str, parsed: _Parsed) -> None:
    text, position = parsed.text, parsed.position
    if letter in "XxZ" and text[position : position + 1] == "Z":
        parsed.zone, parsed.position = UTC, position + 1
        return
    if found := _OFFSET.match(text, position):
        hours, minutes = int(found[2]), int(found[3] or 0)
        if hours > 23 or minutes > 59:
            raise _Mismatch
        offset = timedelta(hours=hours, minutes=minutes)
        parsed.zone = timezone(-offset if found[1] == "-" else offset)
        parsed.position = found.end()
        return
    if letter in "Xx":
        raise _Mismatch
    _read_zone_name(parsed)


def _read_zone_name(parsed: _Parsed) -> None:
    rest = parsed.text[parsed.position :].lower()
    names = [name for name in zones_by_name() if rest.startswith(name)]
    best = max(names, key=len, default="")
    found = _ZONE_ID.match(parsed.text, parsed.position)
    if found and len(found[0]) > len(best):
        try:
            parsed.zone = zone(found[0])
        except ValueError:
            pass
        else:
            parsed.position = found.end()
            return
    if not best:
        raise _Mismatch
    parsed.zone = zones_by_name()[best]
    parsed.position += len(best)

"""Texts read as dates by a pattern, field by field.

SimpleDateFormat ("simple") is lenient: what follows the date is ignored, a month 13 is January of
the next year. DateTimeFormatter ("temporal") is not. It must not know who asks.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from onhook.java.date_pattern import Field, Items, Literal, Optional, Style, date_items
from onhook.java.date_resolve import resolved
from onhook.java.date_text import DAYS, MONTHS, QUARTERS
from onhook.java.zone import names_of, zone, zones_by_name

MAX_TEXT = 1_000
_YEARS_BACK = 80
_NUMBER = re.compile(r"-?[0-9]+")
_MAX_DIGITS = 18
_ZONE_ID = re.compile(r"[A-Za-z][A-Za-z0-9~/._+:-]*")
_OFFSET = re.compile(r"(?:GMT|UTC|UT)?([+-])([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)
_GMT_OFFSET = re.compile(r"GMT([+-])([0-9]{1,2}):([0-9]{2})", re.IGNORECASE)
_PLAIN_OFFSET = re.compile(r"([+-])([0-9]{2})([0-9]{2})")
_ISO_OFFSETS = (
    re.compile(r"([+-])([0-9]{2})()"),
    _PLAIN_OFFSET,
    re.compile(r"([+-])([0-9]{2}):([0-9]{2})"),
)
_NUMERIC = frozenset("yYuwWDdFHkKhmsSAnN")
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

    def __init__(self, text: str, own_zone: tzinfo, now: datetime, *, is_strict: bool) -> None:
        self.text = text
        self.own_zone = own_zone
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
    is_strict = style == "temporal"
    parsed = _Parsed(text[:MAX_TEXT], zone, now or datetime.now(UTC), is_strict=is_strict)
    try:
        _read(items, parsed)
        if parsed.is_strict and not _is_sound(parsed):
            raise _Mismatch
        return resolved(parsed.fields, parsed.zone or zone, prefers_later=not is_strict)
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
            _read_field(item, parsed, is_abutting=_is_numeric(following))


def _is_numeric(item: object) -> bool:
    if not isinstance(item, Field):
        return False
    return item.letter in _NUMERIC or (item.letter in _SMALL_TEXT and item.count <= 2)


def _try(items: Items, parsed: _Parsed) -> None:
    """Read an optional section, or leave everything as it was."""
    position, fields, zone = parsed.position, dict(parsed.fields), parsed.zone
    try:
        _read(items, parsed)
    except _Mismatch:
        parsed.position, parsed.fields, parsed.zone = position, fields, zone


def _read_field(field: Field, parsed: _Parsed, *, is_abutting: bool) -> None:
    letter, count, text = field.letter, field.count, parsed.text
    if letter in "zZXxOVv":
        _read_zone(letter, count, parsed)
    elif letter in "GaE" or (letter in _SMALL_TEXT and count > 2):
        _read_word(letter, parsed)
    else:
        end = parsed.position + count if is_abutting else len(text)
        if end > len(text):
            raise _Mismatch
        start = parsed.position = _after_blanks(parsed)
        value = _read_number(parsed, end)
        _set_number(letter, count, text[start : parsed.position], value, parsed)


def _after_blanks(parsed: _Parsed) -> int:
    position = parsed.position
    while not parsed.is_strict and parsed.text[position : position + 1] in {" ", "\t"}:
        position += 1
    return position


def _set_number(letter: str, count: int, digits: str, value: int, parsed: _Parsed) -> None:
    if letter == "u" and parsed.is_strict:
        letter = "y"
    if letter == "y" and count <= 2 and len(digits) == 2 and digits.isdigit():
        value = 2000 + value if parsed.is_strict else _full_year(value, parsed.now)
    elif letter == "S" and parsed.is_strict:
        letter, value = "n", int(digits.ljust(9, "0")[:9])
    elif letter == "u":
        letter, value = "e", 1 if value == 7 else value + 1
    elif letter == "k":
        letter, value = "H", 0 if value == 24 else value
    elif letter == "h":
        letter, value = "K", 0 if value == 12 else value
    parsed.set(_SAME.get(letter, letter), value)


def _read_number(parsed: _Parsed, end: int) -> int:
    found = _NUMBER.match(parsed.text, parsed.position, end)
    if found is None or len(found[0]) > _MAX_DIGITS:
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


_MONTH_WORDS: list[tuple[str, ...]] = [(month, month[:3]) for month in MONTHS]
_DAY_WORDS: list[tuple[str, ...]] = [(day, day[:3]) for day in DAYS]
_QUARTER_WORDS: list[tuple[str, ...]] = [
    (quarter, f"Q{number}") for number, quarter in enumerate(QUARTERS, 1)
]
_WORDS: dict[str, list[tuple[str, ...]]] = {
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


def _read_zone(letter: str, count: int, parsed: _Parsed) -> None:
    text, position = parsed.text, _after_blanks(parsed)
    if letter in "Xx" and text[position : position + 1] == "Z":
        parsed.zone, parsed.position = UTC, position + 1
        return
    found = _offset_pattern(letter, count, parsed, position).match(text, position)
    if found:
        hours, minutes = int(found[2]), int(found[3] or 0)
        if hours > 23 or minutes > 59:
            raise _Mismatch
        offset = timedelta(hours=hours, minutes=minutes)
        parsed.zone = timezone(-offset if found[1] == "-" else offset)
        parsed.position = found.end()
    elif letter in "Xx":
        raise _Mismatch
    else:
        _read_zone_name(parsed, takes_id=letter == "V" or parsed.is_strict)


def _offset_pattern(letter: str, count: int, parsed: _Parsed, position: int) -> re.Pattern[str]:
    if parsed.is_strict or letter not in "zZX":
        return _OFFSET
    if letter == "X":
        return _ISO_OFFSETS[min(count, 3) - 1]
    has_name = parsed.text[position : position + 1].isalpha()
    return _GMT_OFFSET if has_name else _PLAIN_OFFSET


def _read_zone_name(parsed: _Parsed, *, takes_id: bool) -> None:
    text, position = parsed.text, parsed.position
    rest = text[position:].lower()
    best = ""
    for names in (names_of(parsed.own_zone), zones_by_name()):
        for name, named in names.items():
            if len(name) > len(best) and rest.startswith(name):
                best, parsed.zone = name, named
    found = _ZONE_ID.match(text, position)
    if takes_id and found and len(found[0]) > len(best):
        try:
            best, parsed.zone = found[0], zone(found[0])
        except ValueError:
            raise _Mismatch from None
    is_offset = best == "gmt" and rest[3:4] in {"+", "-"}
    if not best or is_offset:
        raise _Mismatch
    parsed.position += len(best)

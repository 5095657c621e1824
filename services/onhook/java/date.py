"""Dates as text, the way Java writes them, always in US English.

Two Java classes share most letters of a pattern and differ in the rest: SimpleDateFormat
("simple") prints epoch times, DateTimeFormatter ("temporal") what has a zone of its own. Where one
does not know a letter, it takes it from the other. It must not know who asks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from onhook.java.date_parse import parse_date
from onhook.java.date_pattern import Field, Items, Literal, Optional, Style, date_items
from onhook.java.date_text import (
    DAYS,
    MONTHS,
    QUARTERS,
    day_of_week,
    week_of_month,
    week_of_year,
)
from onhook.java.zone import (
    generic_zone_name,
    offset_minutes,
    offset_text,
    zone,
    zone_id,
    zone_name,
)

__all__ = ["format_date", "parse_date", "zone", "zoned_text"]

_Printer = Callable[[datetime, int], str]

_MOST = {
    **dict.fromkeys("WFaK", 1),
    **dict.fromkeys("dwHhkKmsec", 2),
    **dict.fromkeys("DXx", 3),
    **dict.fromkeys("zvO", 4),
    **dict.fromkeys("GMLEQqZXxec", 5),
    "a": 1,
    "V": 2,
    "S": 9,
}
"""How often a letter may stand in a pattern of DateTimeFormatter; others: as often as you like."""


def format_date(pattern: str, at: datetime, *, style: Style = "simple") -> str:
    """`at`, which has a zone, by a date pattern such as `yyyy-MM-dd'T'HH:mm:ssZ`.

    Raises ValueError for a malformed pattern.
    """
    return _printed(date_items(pattern), at, style)


def zoned_text(at: datetime) -> str:
    """`at`, which has a zone, as ZonedDateTime.toString: seconds and fractions only where there are any."""
    text = f"{at:%Y-%m-%dT%H:%M}" if at.year > 999 else f"{at.year:04}{at:-%m-%dT%H:%M}"
    if at.second or at.microsecond:
        text += f":{at.second:02}"
    if at.microsecond:
        thousandths, rest = divmod(at.microsecond, 1000)
        text += f".{at.microsecond:06}" if rest else f".{thousandths:03}"
    offset = at.utcoffset()
    if not offset:
        text += "Z"
    else:
        minutes = int(offset.total_seconds()) // 60
        text += f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    name = "UTC" if at.tzinfo is UTC else str(at.tzinfo)
    return f"{text}[{name}]"


def _printed(items: Items, at: datetime, style: Style) -> str:
    printed = []
    for item in items:
        if isinstance(item, Literal):
            printed.append(item.text)
        elif isinstance(item, Optional):
            printed.append(_printed(item.items, at, style))
        else:
            printed.append(_field(item, at, style))
    return "".join(printed)


def _field(field: Field, at: datetime, style: Style) -> str:
    letter, count = field.letter, field.count
    if style == "temporal" and count > _MOST.get(letter, count):
        raise _wrong_count(field)
    if style == "temporal" or letter in _ONLY_TEMPORAL:
        printer = _TEMPORAL.get(letter) or _SIMPLE[letter]
    else:
        printer = _SIMPLE[letter]
    try:
        return printer(at, count)
    except LookupError:
        raise _wrong_count(field) from None


def _wrong_count(field: Field) -> ValueError:
    return ValueError(f'"{field.letter * field.count}" is no field of a date pattern')


def _number(value: int, count: int) -> str:
    return str(value).rjust(count, "0")


def _year(year: int, count: int) -> str:
    return _number(year % 100, 2) if count == 2 else _number(year, count)


def _word(number: int, word: str, count: int) -> str:
    """A number, `Nov`, or `November`."""
    if count < 3:
        return _number(number, count)
    return word[:3] if count == 3 else word


def _narrow(number: int, word: str, count: int) -> str:
    return word[0] if count == 5 else _word(number, word, count)


def _month(at: datetime, count: int) -> str:
    return _word(at.month, MONTHS[at.month - 1], count)


def _week_day(at: datetime, count: int) -> str:
    return _word(0, DAYS[day_of_week(at)], max(count, 3))


def _local_week_day(at: datetime, count: int) -> str:
    number = day_of_week(at)
    return _narrow(number + 1, DAYS[number], count)


def _standalone_week_day(at: datetime, count: int) -> str:
    if count == 2:
        raise LookupError
    return _local_week_day(at, count)


def _quarter(at: datetime, count: int) -> str:
    number = (at.month + 2) // 3
    return (f"{number}", f"0{number}", f"Q{number}", QUARTERS[number - 1], f"{number}")[count - 1]


def _era(_: datetime, count: int) -> str:
    return {4: "Anno Domini", 5: "A"}.get(count, "AD")


def _simple_offset(at: datetime, count: int) -> str:
    if count > 3:
        raise LookupError
    if not offset_minutes(at):
        return "Z"
    return offset_text(at)[:3] if count == 1 else _iso_offset(at, count)


def _zulu_offset(at: datetime, count: int) -> str:
    return _iso_offset(at, count) if offset_minutes(at) else "Z"


def _iso_offset(at: datetime, count: int) -> str:
    """`+01` and `+0530`, `+0100`, `+01:00`: by the count of the letter."""
    text = offset_text(at, (":", "", "", ":", "", ":")[count])
    return text[:3] if count == 1 and text.endswith("00") else text


def _gmt_offset(at: datetime, count: int) -> str:
    if count not in {1, 4}:
        raise LookupError
    minutes = offset_minutes(at)
    if not minutes:
        return "GMT"
    if count == 4:
        return "GMT" + offset_text(at)
    rest = f":{abs(minutes) % 60:02}" if minutes % 60 else ""
    return f"GMT{'-' if minutes < 0 else '+'}{abs(minutes) // 60}{rest}"


def _temporal_offset(at: datetime, count: int) -> str:
    if count <= 3:
        return offset_text(at, "")
    return _gmt_offset(at, 4) if count == 4 else _zulu_offset(at, 3)


def _generic_name(at: datetime, count: int) -> str:
    if count not in {1, 4}:
        raise LookupError
    return generic_zone_name(at, is_long=count == 4)


def _id(at: datetime, count: int) -> str:
    if count != 2:
        raise LookupError
    return zone_id(at)


def _nano_of_day(at: datetime) -> int:
    seconds = (at.hour * 60 + at.minute) * 60 + at.second
    return (seconds * 1_000_000 + at.microsecond) * 1_000


_SIMPLE: dict[str, _Printer] = {
    "G": lambda _at, _count: "AD",
    "y": lambda at, count: _year(at.year, count),
    "Y": lambda at, count: _year(week_of_year(at.date())[0], count),
    "M": _month,
    "L": _month,
    "w": lambda at, count: _number(week_of_year(at.date())[1], count),
    "W": lambda at, count: _number(week_of_month(at), count),
    "D": lambda at, count: _number(at.timetuple().tm_yday, count),
    "d": lambda at, count: _number(at.day, count),
    "F": lambda at, count: _number((at.day - 1) // 7 + 1, count),
    "E": _week_day,
    "u": lambda at, count: _number(at.isoweekday(), count),
    "a": lambda at, _count: "AM" if at.hour < 12 else "PM",
    "H": lambda at, count: _number(at.hour, count),
    "k": lambda at, count: _number(at.hour or 24, count),
    "K": lambda at, count: _number(at.hour % 12, count),
    "h": lambda at, count: _number(at.hour % 12 or 12, count),
    "m": lambda at, count: _number(at.minute, count),
    "s": lambda at, count: _number(at.second, count),
    "S": lambda at, count: _number(at.microsecond // 1_000, count),
    "z": lambda at, count: zone_name(at, is_long=count >= 4),
    "Z": lambda at, _count: offset_text(at, ""),
    "X": _simple_offset,
}
_TEMPORAL: dict[str, _Printer] = {
    "G": _era,
    "u": lambda at, count: _year(at.year, count),
    "M": lambda at, count: _narrow(at.month, MONTHS[at.month - 1], count),
    "L": lambda at, count: _narrow(at.month, MONTHS[at.month - 1], count),
    "E": lambda at, count: _narrow(0, DAYS[day_of_week(at)], max(count, 3)),
    "S": lambda at, count: f"{at.microsecond * 1_000:09}"[:count],
    "A": lambda at, count: _number(_nano_of_day(at) // 1_000_000, count),
    "n": lambda at, count: _number(at.microsecond * 1_000, count),
    "N": lambda at, count: _number(_nano_of_day(at), count),
    "Z": _temporal_offset,
    "X": _zulu_offset,
    "x": _iso_offset,
    "V": _id,
    "v": _generic_name,
    "O": _gmt_offset,
    "Q": _quarter,
    "q": _quarter,
    "e": _local_week_day,
    "c": _standalone_week_day,
}
_ONLY_TEMPORAL = _TEMPORAL.keys() - _SIMPLE.keys()

"""The time that a handful of date fields means, as java.util.Calendar resolves it.

Fields are named by their pattern letters; `e` counts from 1 for Sunday, `H` is the hour of the
day, `K` the hour of the half day, `a` 1 in the afternoon. Values out of their range roll over.
This module must not know patterns or texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo

from onhook.java.date_text import day_of_week

Fields = Mapping[str, int]
"""In the order in which they were set; of contradicting ones the last wins."""

_EPOCH_YEAR = 1970


def resolved(fields: Fields, zone: tzinfo, *, prefers_later: bool) -> datetime:
    """The time in `zone`; what is missing is taken from 1970-01-01 00:00.

    `prefers_later` chooses among the two times of an hour that a clock change repeats. Raises
    OverflowError for years beyond 1 to 9999.
    """
    if fields.get("G") == 0:
        raise OverflowError
    wall = datetime.combine(_day(fields), datetime.min.time()) + _time(fields)
    # By way of UTC, so that an hour that a clock change skips becomes the one behind it.
    later = wall.replace(tzinfo=zone, fold=1).astimezone(UTC).astimezone(zone)
    if prefers_later and later.replace(tzinfo=None, fold=0) == wall:
        return later
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)


def _day(fields: Fields) -> date:
    order = {letter: place for place, letter in enumerate(fields)}

    def completed(*letters: str) -> int:
        return max(order[x] for x in letters) if all(x in order for x in letters) else -1

    if order.get("Y", -1) > order.get("y", -1):
        return _by_week_of_year(fields)
    complete: list[tuple[int, Callable[[Fields], date]]] = [
        (completed("d"), _by_month),
        (completed("W", "e"), _by_week_of_month),
        (completed("F", "e"), _by_week_day),
        (completed("D"), _by_day_of_year),
        (completed("w", "e"), _by_week_of_year),
    ]
    last, resolve = max(complete, key=lambda group: group[0])
    if last >= 0:
        return resolve(fields)
    alone = {"W": _by_week_of_month, "F": _by_week_day, "e": _by_week_day, "w": _by_week_of_year}
    present = [letter for letter in alone if letter in fields]
    return alone[present[0]](fields) if present else _by_month(fields)


def _later(day: date, days: int) -> date:
    return day + timedelta(days=days)


def _first_of_month(fields: Fields) -> date:
    month = fields.get("M", fields.get("Q", 1) * 3 - 2)
    months = fields.get("y", _EPOCH_YEAR) * 12 + month - 1
    return _date(months // 12, months % 12 + 1)


def _date(year: int, month: int) -> date:
    if not date.min.year <= year <= date.max.year:
        raise OverflowError
    return date(year, month, 1)


def _by_month(fields: Fields) -> date:
    return _later(_first_of_month(fields), fields.get("d", 1) - 1)


def _by_week_of_month(fields: Fields) -> date:
    first = _first_of_month(fields)
    week_day = fields.get("e", 1) - 1
    return _later(first, week_day - day_of_week(first) + (fields["W"] - 1) * 7)


def _by_week_day(fields: Fields) -> date:
    first = _first_of_month(fields)
    days = (fields.get("e", 1) - 1 - day_of_week(first)) % 7
    return _later(first, days + (fields.get("F", 1) - 1) * 7)


def _by_day_of_year(fields: Fields) -> date:
    return _later(_date(fields.get("y", _EPOCH_YEAR), 1), fields["D"] - 1)


def _by_week_of_year(fields: Fields) -> date:
    first = _date(fields.get("Y", fields.get("y", _EPOCH_YEAR)), 1)
    week_day = fields.get("e", 1) - 1
    return _later(first, week_day - day_of_week(first) + (fields.get("w", 1) - 1) * 7)


def _time(fields: Fields) -> timedelta:
    if "N" in fields:
        return timedelta(microseconds=fields["N"] // 1_000)
    if "A" in fields:
        return timedelta(milliseconds=fields["A"])
    order = {letter: place for place, letter in enumerate(fields)}
    half = max(order["K"], order["a"]) if "K" in order and "a" in order else -1
    if order.get("H", -1) > half:
        hours = fields["H"]
    else:
        hours = fields.get("K", 0) + 12 * fields.get("a", 0)
    return timedelta(
        hours=hours,
        minutes=fields.get("m", 0),
        seconds=fields.get("s", 0),
        milliseconds=fields.get("S", 0),
        microseconds=fields.get("n", 0) // 1_000,
    )

"""The English words of dates and the numbers of US weeks, as Java's Locale.US has them.

This module must not know date patterns.
"""

from __future__ import annotations

from datetime import date, timedelta

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
"""A US week starts on Sunday."""

QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")


def day_of_week(day: date) -> int:
    """0 for Sunday to 6 for Saturday."""
    return day.isoweekday() % 7


def week_of_year(day: date) -> tuple[int, int]:
    """(week year, week): the week with January 1 in it is the first one."""
    days_left = 6 - day_of_week(day)
    if day > date.max - timedelta(days=days_left):
        return day.year + 1, 1
    saturday = day + timedelta(days=days_left)
    return saturday.year, (saturday.timetuple().tm_yday - 1) // 7 + 1


def week_of_month(day: date) -> int:
    """1 for the week with the first of the month in it."""
    return (day.day - 1 + day_of_week(day.replace(day=1))) // 7 + 1

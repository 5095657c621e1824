"""Business hours as configured: working hours, holidays, overrides, in one time zone.

Shapes and checks only; which of them holds at a moment is the flow's Business Hours activity.
"""

from __future__ import annotations

import datetime as dt
import re
from datetime import datetime, time
from enum import Enum
from zoneinfo import ZoneInfo

from msgspec import Struct, field

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


class Day(Enum):
    """Days of the week; their order is that of datetime.weekday()."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class Shift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Working hours on some days, `HH:MM` to `HH:MM`; a `to` before `from` is the next day's.

    The same text twice is the whole day, and so is 00:00 to 24:00.
    """

    name: str
    days: tuple[Day, ...]
    from_: str = field(name="from")
    to: str


class Holiday(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whole days, in the schedule's zone; `yearly` ones come back on the same day each year."""

    name: str
    date: dt.date | None = None
    dates: tuple[dt.date, ...] = ()
    yearly: bool = False

    @property
    def days(self) -> tuple[dt.date, ...]:
        return self.dates if self.date is None else (self.date, *self.dates)


class Override(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From one local time to another, whatever else holds. `is_open` is told in the trace."""

    name: str
    from_: datetime = field(name="from")
    to: datetime
    is_open: bool = True


class BusinessHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule."""

    id: str
    name: str
    time_zone: str = "UTC"
    working_hours: tuple[Shift, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    overrides: tuple[Override, ...] = ()


def faults_of(schedule: BusinessHours) -> list[str]:
    """What is wrong with a schedule, in words; nothing where it can be used."""
    found = []
    try:
        ZoneInfo(schedule.time_zone)
    except (KeyError, OSError, ValueError):
        found.append(f'no time zone "{schedule.time_zone}"; use a name like Europe/Berlin')
    for shift in schedule.working_hours:
        found += [
            f'working hours "{shift.name}": "{text}" is no time; write HH:MM'
            for text in (shift.from_, shift.to)
            if not _TIME.fullmatch(text)
        ]
        if not shift.days:
            found.append(f'working hours "{shift.name}": name at least one day')
        if shift.from_ == "24:00":
            found.append(f'working hours "{shift.name}": a shift begins at 23:59 at the latest')
    for holiday in schedule.holidays:
        if not holiday.days:
            found.append(f'holiday "{holiday.name}": give it a date')
    for override in schedule.overrides:
        if override.from_.tzinfo is not None or override.to.tzinfo is not None:
            found.append(
                f'override "{override.name}": times are local to {schedule.time_zone}; '
                "leave the offset out"
            )
        elif override.from_ >= override.to:
            found.append(f'override "{override.name}": it ends before it begins')
    return found


def time_of(text: str) -> time:
    """`HH:MM`; 24:00 is midnight."""
    return time(0) if text == "24:00" else time.fromisoformat(text)

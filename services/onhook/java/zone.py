"""Time zones as Java names them: ids such as `GMT+2` and `PST`, offsets, English names.

The rules of a zone come from zoneinfo; the machine's own zone is never asked for. This module must
not know date patterns.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(
    r"(?P<base>UTC|GMT|UT)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?"
)
_ID = re.compile(r"[A-Za-z][A-Za-z0-9~/._+-]*")
_MAX_ID = 64
_MACHINE = ("posix/", "right/", "localtime", "posixrules", "Factory")
"""Files beside the zones that are none, or that depend on the machine."""

_SHORT_IDS = {
    "ACT": "Australia/Darwin",
    "AET": "Australia/Sydney",
    "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo",
    "AST": "America/Anchorage",
    "BET": "America/Sao_Paulo",
    "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare",
    "CNT": "America/St_Johns",
    "CST": "America/Chicago",
    "CTT": "Asia/Shanghai",
    "EAT": "Africa/Addis_Ababa",
    "ECT": "Europe/Paris",
    "IET": "America/Indiana/Indianapolis",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "MIT": "Pacific/Apia",
    "NET": "Asia/Yerevan",
    "NST": "Pacific/Auckland",
    "PLT": "Asia/Karachi",
    "PNT": "America/Phoenix",
    "PRT": "America/Puerto_Rico",
    "PST": "America/Los_Angeles",
    "SST": "Pacific/Guadalcanal",
    "VST": "Asia/Ho_Chi_Minh",
}
"""java.time.ZoneId.SHORT_IDS."""

_NAMED_YEAR = 2025
_FIXED_IDS = {"EST": -5, "MST": -7, "HST": -10}

# (abbreviation, hours from UTC) -> name, generic name, generic abbreviation
_NAMES = {
    ("UTC", 0): ("Coordinated Universal Time", "Coordinated Universal Time", "UTC"),
    ("GMT", 0): ("Greenwich Mean Time", "Greenwich Mean Time", "GMT"),
    ("BST", 1): ("British Summer Time", "London Time", "GMT"),
    ("IST", 1): ("Irish Standard Time", "Dublin Time", "GMT"),
    ("WET", 0): ("Western European Standard Time", "Western European Time", "WET"),
    ("WEST", 1): ("Western European Summer Time", "Western European Time", "WET"),
    ("CET", 1): ("Central European Standard Time", "Central European Time", "CET"),
    ("CEST", 2): ("Central European Summer Time", "Central European Time", "CET"),
    ("EET", 2): ("Eastern European Standard Time", "Eastern European Time", "EET"),
    ("EEST", 3): ("Eastern European Summer Time", "Eastern European Time", "EET"),
    ("MSK", 3): ("Moscow Standard Time", "Moscow Time", "MSK"),
    ("IST", 2): ("Israel Standard Time", "Israel Time", "IT"),
    ("IDT", 3): ("Israel Daylight Time", "Israel Time", "IT"),
    ("WAT", 1): ("West Africa Standard Time", "West Africa Time", "WAT"),
    ("CAT", 2): ("Central Africa Time", "Central Africa Time", "CAT"),
    ("SAST", 2): ("South Africa Standard Time", "Johannesburg Time", "SAST"),
    ("EAT", 3): ("East Africa Time", "East Africa Time", "EAT"),
    ("PKT", 5): ("Pakistan Standard Time", "Pakistan Time", "PKT"),
    ("IST", 5.5): ("India Standard Time", "Kolkata Time", "IST"),
    ("WIB", 7): ("Western Indonesia Time", "Jakarta Time", "WIB"),
    ("WITA", 8): ("Central Indonesia Time", "Makassar Time", "WITA"),
    ("CST", 8): ("China Standard Time", "China Time", "CT"),
    ("HKT", 8): ("Hong Kong Standard Time", "Hong Kong Time", "HKT"),
    ("PST", 8): ("Philippine Standard Time", "Philippine Time", "PT"),
    ("AWST", 8): ("Australian Western Standard Time", "Australian Western Time", "AWT"),
    ("WIT", 9): ("Eastern Indonesia Time", "Jayapura Time", "WIT"),
    ("JST", 9): ("Japan Standard Time", "Japan Time", "JT"),
    ("KST", 9): ("Korean Standard Time", "Korean Time", "KST"),
    ("ACST", 9.5): ("Australian Central Standard Time", "Australian Central Time", "ACT"),
    ("ACDT", 10.5): ("Australian Central Daylight Time", "Australian Central Time", "ACT"),
    ("AEST", 10): ("Australian Eastern Standard Time", "Australian Eastern Time", "AET"),
    ("AEDT", 11): ("Australian Eastern Daylight Time", "Australian Eastern Time", "AET"),
    ("NZST", 12): ("New Zealand Standard Time", "New Zealand Time", "NZT"),
    ("NZDT", 13): ("New Zealand Daylight Time", "New Zealand Time", "NZT"),
    ("NST", -3.5): ("Newfoundland Standard Time", "Newfoundland Time", "NT"),
    ("NDT", -2.5): ("Newfoundland Daylight Time", "Newfoundland Time", "NT"),
    ("AST", -4): ("Atlantic Standard Time", "Atlantic Time", "AT"),
    ("ADT", -3): ("Atlantic Daylight Time", "Atlantic Time", "AT"),
    ("EST", -5): ("Eastern Standard Time", "Eastern Time", "ET"),
    ("EDT", -4): ("Eastern Daylight Time", "Eastern Time", "ET"),
    ("CST", -6): ("Central Standard Time", "Central Time", "CT"),
    ("CDT", -5): ("Central Daylight Time", "Central Time", "CT"),
    ("CST", -5): ("Cuba Standard Time", "Cuba Time", "CT"),
    ("CDT", -4): ("Cuba Daylight Time", "Cuba Time", "CT"),
    ("MST", -7): ("Mountain Standard Time", "Mountain Time", "MT"),
    ("MDT", -6): ("Mountain Daylight Time", "Mountain Time", "MT"),
    ("PST", -8): ("Pacific Standard Time", "Pacific Time", "PT"),
    ("PDT", -7): ("Pacific Daylight Time", "Pacific Time", "PT"),
    ("AKST", -9): ("Alaska Standard Time", "Alaska Time", "AKT"),
    ("AKDT", -8): ("Alaska Daylight Time", "Alaska Time", "AKT"),
    ("HST", -10): ("Hawaii-Aleutian Standard Time", "Hawaii-Aleutian Time", "HST"),
    ("HDT", -9): ("Hawaii-Aleutian Daylight Time", "Hawaii-Aleutian Time", "HST"),
    ("SST", -11): ("American Samoa Standard Time", "American Samoa Time", "SST"),
}


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The zone of a Java id: `Europe/Paris`, `UTC`, `GMT+2`, `+05:30`, `EST`.

    Raises ValueError for an unknown one.
    """
    if name in {"UTC", "Z"}:
        return UTC
    if name in {"GMT", "UT"}:
        return timezone(timedelta(0), name)
    if found := _OFFSET.fullmatch(name):
        return _fixed(found, name)
    if name in _FIXED_IDS:
        return timezone(timedelta(hours=_FIXED_IDS[name]), name)
    key = _SHORT_IDS.get(name, name)
    if len(key) > _MAX_ID or not _ID.fullmatch(key) or key.startswith(_MACHINE):
        raise _unknown(name)
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _unknown(name) from None


def _fixed(found: re.Match[str], name: str) -> tzinfo:
    hours, minutes = int(found["hours"]), int(found["minutes"] or 0)
    if hours > 23 or minutes > 59:
        raise _unknown(name)
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if found["sign"] == "-" else 1)
    if not offset:
        return timezone(offset, found["base"] or "Z")
    return timezone(offset, f"{found['base'] or ''}{found['sign']}{hours:02}:{minutes:02}")


def _unknown(name: str) -> ValueError:
    return ValueError(f'time zone "{name[:_MAX_ID]}" is unknown; write one such as Europe/Paris')


def offset_minutes(at: datetime) -> int:
    """Minutes east of UTC at that time; seconds of historic offsets are dropped."""
    offset = at.utcoffset() or timedelta(0)
    return int(offset.total_seconds() / 60)


def offset_text(at: datetime, separator: str = ":") -> str:
    """`+05:30`."""
    minutes = offset_minutes(at)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{separator}{abs(minutes) % 60:02}"


def zone_id(at: datetime) -> str:
    """`Europe/Paris`, `UTC`, `GMT+02:00`."""
    return at.tzinfo.key if isinstance(at.tzinfo, ZoneInfo) else at.tzname() or "UTC"


def zone_name(at: datetime, *, is_long: bool) -> str:
    """`CET`, or `Central European Standard Time`; `GMT+03:00` where there is no such name."""
    short, offset = _abbreviation(at)
    return _NAMES.get((short, offset), (short,))[0] if is_long else short


def generic_zone_name(at: datetime, *, is_long: bool) -> str:
    """`PT`, or `Pacific Time`: the name that summer time does not change."""
    if isinstance(at.tzinfo, ZoneInfo):
        winter, summer = _todays(at.tzinfo)
        # London's winter is named like every other Greenwich Mean Time, its summer is not.
        name, hours = summer if summer in _NAMES else winter
    else:
        name, hours = _abbreviation(at)
    _, long_name, short_name = _NAMES.get((name, hours), (name, name, name))
    return long_name if is_long else short_name


def _abbreviation(at: datetime) -> tuple[str, float]:
    """The short name and the hours from UTC that belong to it.

    Java knows only today's names of a zone, for winter and for summer, and uses them for the past.
    """
    name, hours = at.tzname() or "UTC", offset_minutes(at) / 60
    if not isinstance(at.tzinfo, ZoneInfo):
        return name, hours
    winter, summer = _todays(at.tzinfo)
    is_irish = at.tzinfo.key in {"Europe/Dublin", "Eire"}  # whose standard time is in summer
    is_summer = name == summer[0] if is_irish else (at.dst() or timedelta(0)) > timedelta(0)
    if is_summer and winter != summer:
        return summer
    if not is_summer:
        return winter
    return (name if name.isalpha() else "GMT" + offset_text(at)), hours


@lru_cache(maxsize=1024)
def _todays(zone: ZoneInfo) -> tuple[tuple[str, float], tuple[str, float]]:
    """What the zone is called in winter and in summer, each with its hours from UTC."""
    names = []
    for month in (1, 7):
        at = datetime(_NAMED_YEAR, month, 1, tzinfo=zone)
        name = at.tzname() or ""
        hours = offset_minutes(at) / 60
        names.append((hours, name if name.isalpha() else "GMT" + offset_text(at)))
    (winter_hours, winter), (summer_hours, summer) = sorted(names)
    return (winter, winter_hours), (summer, summer_hours)


def names_of(zone: tzinfo) -> dict[str, tzinfo]:
    """The English names of `zone` itself, winter and summer, in lower case."""
    names: dict[str, tzinfo] = {}
    for month in (1, 7):
        at = datetime(_NAMED_YEAR, month, 1, tzinfo=zone)
        fixed = timezone(at.utcoffset() or timedelta(0))
        for name in (zone_name(at, is_long=False), zone_name(at, is_long=True)):
            names[name.lower()] = fixed
    return names


@lru_cache(maxsize=1)
def zones_by_name() -> dict[str, tzinfo]:
    """Every English zone name and abbreviation, in lower case, as a fixed offset.

    Where an abbreviation means several, the one that Java's US locale finds first.
    """
    zones: dict[str, tzinfo] = {}
    for (short, hours), (long, _, _) in _NAMES.items():
        zones[short.lower()] = zones[long.lower()] = timezone(timedelta(hours=hours), short)
    for short, hours in (("CST", -6), ("CDT", -5), ("IST", 2)):
        zones[short.lower()] = timezone(timedelta(hours=hours), short)
    return zones

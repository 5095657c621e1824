"""The filters date and epoch: times as text, and text as times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from onhook.java.char import Char
from onhook.java.date import format_date, parse_date, zone, zoned_text
from onhook.pebble.errors import Fault
from onhook.pebble.filters.definition import FilterDefinition, pattern_argument
from onhook.pebble.state import State
from onhook.pebble.values import Moment, Safe, is_number, kind

_DEFAULT = "yyyy-MM-dd'T'HH:mm:ssZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _date(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    """Epoch milliseconds, a time, or a text in existingFormat, by the pattern `format`."""
    if value is None:
        return None
    pattern = pattern_argument(arguments, "format", "date")
    existing = pattern_argument(arguments, "existingFormat", "date")
    in_zone = _zone(pattern_argument(arguments, "timeZone", "date"), "date")
    if type(value) is Moment:
        at = value.at.astimezone(in_zone) if in_zone else value.at
        if pattern is None:
            return Safe(zoned_text(at))
        return Safe(state.bounded(_formatted(pattern, at, state, is_temporal=True)))
    if is_number(value):
        at = _from_milliseconds(int(value) if abs(value) < 1e18 else None)
    else:
        at = _parsed(value, existing or _DEFAULT, "date", state)
    at = at.astimezone(in_zone or UTC)
    return Safe(state.bounded(_formatted(pattern or _DEFAULT, at, state, is_temporal=False)))


def _epoch(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    """Seconds since 1970, or milliseconds for `inMillis`; a text is read by `format`."""
    if value is None:
        return None
    pattern = pattern_argument(arguments, "format", "epoch")
    in_zone = _zone(pattern_argument(arguments, "timeZone", "epoch"), "epoch")
    if type(value) is Moment:
        at = value.at
    elif is_number(value):
        at = _from_milliseconds(int(value) if abs(value) < 1e18 else None)
    else:
        at = _parsed(value, pattern or _DEFAULT, "epoch", state, in_zone or UTC)
    milliseconds = (at - _EPOCH) // _MILLISECOND
    return milliseconds if arguments.get("inMillis") is True else milliseconds // 1000


def _from_milliseconds(milliseconds: int | None) -> datetime:
    try:
        if milliseconds is not None:
            return _EPOCH + milliseconds * _MILLISECOND
    except OverflowError:
        pass
    raise Fault("the time is beyond the years 1 to 9999") from None


def _parsed(value: Any, pattern: str, name: str, state: State, in_zone: tzinfo = UTC) -> datetime:
    if not isinstance(value, str) or type(value) is Char:
        raise Fault(f'the filter "{name}" takes a time, a number or a text, not {kind(value)}')
    state.charge(len(pattern))
    try:
        return parse_date(pattern, value, in_zone, now=state.now)
    except (ValueError, OverflowError) as error:
        raise Fault(f'the filter "{name}" fails: {error}') from None


def _formatted(pattern: str, at: datetime, state: State, *, is_temporal: bool) -> str:
    state.charge(len(pattern) >> 2)
    try:
        return format_date(pattern, at, style="temporal" if is_temporal else "simple")
    except (ValueError, OverflowError) as error:
        raise Fault(f"the date cannot be printed: {error}") from None


def _zone(name: str | None, filter_name: str) -> tzinfo | None:
    if name is None:
        return None
    try:
        return zone(name)
    except ValueError as error:
        raise Fault(f'the filter "{filter_name}" fails: {error}') from None


TIME_FILTERS = {
    "date": FilterDefinition(_date, ("format", "existingFormat", "timeZone")),
    "epoch": FilterDefinition(_epoch, ("format", "inMillis", "timeZone")),
}

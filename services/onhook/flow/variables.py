"""Variables of a run: event over override over flow default, key by key, each of its type.

Pure. Types and defaults come from the flow; which variables an event may set is decided by the
compiled flow and handed in, as are the overrides of this flow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec

from onhook.flow.errors import VariableError, quoted
from onhook.flow.model import Variable
from onhook.settings.contact_centre import VariableType

_NOW = re.compile(r"\s*\{\{\s*now\(\s*\)\s*\}\}\s*")
_ZONE_NAME = re.compile(r"\[[\w/+\-]+\]\Z", re.ASCII)
"""What `now()` prints behind the offset: `[UTC]`."""
_INTEGER = re.compile(r"[+-]?\d{1,4000}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Origin(Enum):
    """Where a value comes from, in words for errors."""

    EVENT = "the event's value"
    OVERRIDE = "its override"
    DEFAULT = "its default"
    ASSIGNED = "the value"


def initial_variables(
    declared: Collection[Variable],
    event_values: Mapping[str, Any],
    settable: Collection[str],
    overrides: Mapping[str, Any],
    now: datetime | None = None,
) -> dict[str, Any]:
    """Values at the start of a run, without the externalized ones, which are looked up when used.

    `settable` names those that the event may set; `now` is what a default `{{now()}}` means.
    Raises VariableError naming the variable.
    """
    values: dict[str, Any] = {}
    for variable in declared:
        if variable.is_externalized:
            continue
        given = event_values.get(variable.name) if variable.name in settable else None
        values[variable.name] = (
            _configured(variable, overrides, now)
            if given is None
            else converted(variable, given, Origin.EVENT)
        )
    return values


def external_values(
    declared: Collection[Variable], overrides: Mapping[str, Any], now: datetime | None = None
) -> dict[str, Any]:
    """Values of the externalized variables now. Raises VariableError naming the variable."""
    return {
        variable.name: _configured(variable, overrides, now)
        for variable in declared
        if variable.is_externalized
    }


def _configured(variable: Variable, overrides: Mapping[str, Any], now: datetime | None) -> Any:
    override = overrides.get(variable.name)
    if override is None:
        if is_now(variable):
            return None if now is None else _date_time_text(now)
        return converted(variable, variable.value, Origin.DEFAULT)
    return converted(variable, override, Origin.OVERRIDE)


def is_now(variable: Variable) -> bool:
    """Whether its default is the time at which a run begins."""
    is_time = variable.type is VariableType.DATETIME
    return is_time and _NOW.fullmatch(variable.value or "") is not None


def _date_time_text(at: datetime) -> str:
    """`yyyy-MM-ddTHH:mm:ss.SSSZ`, in UTC."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def assigned_value(variable: Variable, value: Any) -> Any:
    """`value`, which an activity gives, as the variable's type. Raises VariableError.

    Nothing becomes the empty text of a String and the null of any other type; a map or a list
    becomes the JSON text of a String.
    """
    if variable.type is VariableType.STRING:
        if value is None:
            return ""
        if isinstance(value, dict | list):
            return msgspec.json.encode(value).decode()
    return converted(variable, value, Origin.ASSIGNED)


def converted(variable: Variable, value: Any, origin: Origin) -> Any:
    """`value` as the variable's type; null stays null. Raises VariableError.

    An empty text is null to every type but String: so flow files and desktops write "unset".
    """
    if value is None or (value == "" and variable.type is not VariableType.STRING):
        return None
    try:
        return _READ[variable.type](value)
    except (ValueError, RecursionError):
        shown = "" if variable.is_secure else f" {quoted(value)}"
        raise VariableError(
            f'variable "{variable.name}": {origin.value}{shown} is no '
            f"{variable.type.value}; give it a value of that type, or declare another"
        ) from None


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return msgspec.json.encode(_finite(value)).decode()
    raise ValueError


def _finite(number: int | float) -> int | float:
    """Configuration may say `.inf` or `.nan`, which no JSON can hold."""
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError
    return number


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    raise ValueError


def _decimal(value: Any) -> int | float:
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int | float):
        return _finite(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)  # every digit of it
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return _finite(float(value))
    raise ValueError


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "false": False}
    if isinstance(value, str) and value.strip().lower() in known:
        return known[value.strip().lower()]
    raise ValueError


def _date_time(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    datetime.fromisoformat(_ZONE_NAME.sub("", value.strip()))
    return value


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        raise ValueError from None


_READ: dict[VariableType, Callable[[Any], Any]] = {
    VariableType.STRING: _string,
    VariableType.INTEGER: _integer,
    VariableType.DECIMAL: _decimal,
    VariableType.BOOLEAN: _boolean,
    VariableType.DATETIME: _date_time,
    VariableType.JSON: _json,
}

"""Global variables of a call: what it starts with, and what an agent may save.

Pure checks by the variables' types. A value reaches a flow only once it was saved, which is the
lifecycle's business, not this module's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from onhook.call_emulator.errors import Refused
from onhook.settings.contact_centre import (
    ContactCentre,
    ContactCentreError,
    GlobalVariable,
    VariableType,
)

LANGUAGE = "Global_Language"
LONGEST_TEXT = 1_024
"""Characters of a global String at run time."""
LARGEST_JSON_BYTES = 16 * 1024
_INTEGERS = range(-(2**63), 2**63)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{3})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)


def starting_values(centre: ContactCentre, language: str | None) -> dict[str, Any]:
    """The variables of a new call.

    An empty default is left out: `""` would be a value, and win over the flow's own default.
    Raises ContactCentreError where a default is not of its variable's type.
    """
    values = {each.name: _default(each) for each in centre.global_variables if each.default}
    if language is not None:
        values[LANGUAGE] = language
    return values


def editable_names(centre: ContactCentre) -> list[str]:
    return [each.name for each in centre.global_variables if each.agent_editable]


def viewable_values(centre: ContactCentre, values: Mapping[str, Any]) -> dict[str, Any]:
    """The call-associated data: what an agent sees of the variables."""
    names = [each.name for each in centre.global_variables if each.agent_viewable]
    return {name: values[name] for name in names if name in values}


def checked(centre: ContactCentre, given: Mapping[str, Any]) -> dict[str, Any]:
    """What an agent wants to save, checked. Raises Refused, naming what is editable."""
    editable = {each.name: each for each in centre.global_variables if each.agent_editable}
    listing = ", ".join(editable) or "none"
    known = {each.name for each in centre.global_variables}
    for name, value in given.items():
        if name not in editable:
            why = "cannot be edited by an agent" if name in known else "is no global variable"
            raise Refused(f'"{name[:200]}" {why}; editable: {listing}')
        if (wrong := _CHECKS[editable[name].type](value)) is not None:
            raise Refused(f'"{name}": {wrong}')
    return dict(given)


def _default(variable: GlobalVariable) -> Any:
    value = _from_text(variable)
    if (wrong := _CHECKS[variable.type](value)) is not None:
        raise ContactCentreError(
            f'global variable "{variable.name}": its default "{variable.default[:80]}" '
            f"{wrong.removeprefix('the value ')}"
        )
    return value


def _from_text(variable: GlobalVariable) -> Any:
    if variable.type in (VariableType.STRING, VariableType.DATETIME):
        return variable.default
    text = variable.default.strip()
    try:
        return msgspec.json.decode(text.lower() if variable.type is VariableType.BOOLEAN else text)
    except msgspec.DecodeError:
        return variable.default


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return "the value must be a text"
    if len(value) > LONGEST_TEXT:
        return f"the value has {len(value)} characters; at most {LONGEST_TEXT} are possible"
    return None


def _integer(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or value not in _INTEGERS:
        return "the value must be a whole number of at most 64 bits"
    return None


def _decimal(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "the value must be a number"
    return None


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "the value must be true or false"


def _date_time(value: Any) -> str | None:
    try:
        if isinstance(value, str) and _DATE_TIME.fullmatch(value):
            datetime.fromisoformat(value)
            return None
    except ValueError:
        pass
    return "the value must be a date and time such as 2025-02-06T21:09:02.712Z"


def _json(value: Any) -> str | None:
    if len(msgspec.json.encode(value)) > LARGEST_JSON_BYTES:
        return f"the value is larger than {LARGEST_JSON_BYTES} bytes"
    return None


_CHECKS: dict[VariableType, Callable[[Any], str | None]] = {
    VariableType.STRING: _text,
    VariableType.INTEGER: _integer,
    VariableType.DECIMAL: _decimal,
    VariableType.BOOLEAN: _boolean,
    VariableType.DATETIME: _date_time,
    VariableType.JSON: _json,
}
"""What is wrong with a value for each type; None when nothing is."""

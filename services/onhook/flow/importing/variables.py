"""Exported variables and their places on the desktop, as the model's JSON values.

It must not know how a value is converted: a type is only spelled as the model spells it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from onhook.flow.errors import quoted
from onhook.flow.importing.report import Report
from onhook.flow.model import Variable
from onhook.flow.settling import settled
from onhook.flow.written import plain
from onhook.settings.contact_centre import VariableType

_SPELLINGS = {
    "BOOL": "BOOLEAN",
    "DATE": "DATETIME",
    "DATE TIME": "DATETIME",
    "DATE_TIME": "DATETIME",
    "DOUBLE": "DECIMAL",
    "FLOAT": "DECIMAL",
    "INT": "INTEGER",
    "LONG": "INTEGER",
    "NUMBER": "DECIMAL",
    "OBJECT": "JSON",
    "TEXT": "STRING",
} | {kind.value: kind.value for kind in VariableType}
_SWITCHES = (
    "isCAD",
    "isAgentEditable",
    "isReportable",
    "isSecure",
    "isExternalized",
    "overwrite",
)
_OPTIONAL_TEXTS = ("description", "desktopLabel", "source", "id")


def imported_variables(given: Any, report: Report) -> list[dict[str, Any]]:
    """From the written tree, so that numbers are the texts that they were."""
    found = []
    for number, written in enumerate(given if isinstance(given, list) else [], 1):
        variable = settled(written, Variable) if isinstance(written, dict) else {}
        if not variable.get("name"):
            report.left_out(f"variable {number}, which has no name")
            continue
        found.append(_variable(variable, report))
    return found


def _variable(given: dict[str, Any], report: Report) -> dict[str, Any]:
    name = given["name"]
    spelled = str(given.get("type") or "STRING").upper()
    kind = _SPELLINGS.get(spelled, "STRING")
    if kind != given.get("type", "STRING"):
        report.changed(f'variable "{name}": its type {quoted(given.get("type"))} is {kind} now')
    value = given.get("value")
    if isinstance(value, dict | list):
        report.changed(f'variable "{name}": its value is a text of JSON now')
    found = {"name": name, "type": kind, "value": _as_text(value)}
    found |= {field: given[field] for field in _OPTIONAL_TEXTS if given.get(field)}
    return found | {field: _is_on(given.get(field)) for field in _SWITCHES}


def _as_text(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return value if value is None else str(value)


def _is_on(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def desktop_places(given: Any, report: Report) -> dict[str, list[dict[str, Any]]]:
    """`variableOrders`; what is no place is left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    for part, rows in (given if isinstance(given, dict) else {}).items():
        places = [place for place in map(_place, rows if isinstance(rows, list) else []) if place]
        if isinstance(rows, list) and len(places) < len(rows):
            report.left_out(f'variableOrders "{part}": a row without a name')
        if places:
            found[part] = places
    return found


def _place(row: Any) -> dict[str, Any] | None:
    row = plain(row)
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"]:
        return None
    sequence = str(row.get("variableSeq", 0)).strip()
    return {"name": row["name"], "variableSeq": int(sequence) if sequence.isdecimal() else 0}

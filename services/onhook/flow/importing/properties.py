"""One exported activity's properties, as the activity here reads them.

The pages write a select field several times: `x` is its value, `x_name` and `x:name` what was
shown, `x_name:name` and `x:name:name` what was shown once. `x` wins; where it is unset, what was
shown. Properties of activities that are not known here come along untouched.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from onhook.flow.activities import ACTIVITIES
from onhook.flow.errors import quoted
from onhook.flow.importing.report import Report

_SUFFIXED = re.compile(r"(?P<base>.+?)(?P<chain>([:_](name|type|input|radioName))+)")
_NOISE = re.compile(r"_renderRequestTimestamp|__typename|.*_invalid_error")
_VALUE_IS_SHOWN = frozenset({"httpRequestMethod", "httpContentType", "contentType"})
"""Selects whose value is the word that is shown."""

ACTIVITY_OF_ID = {
    "5f114466ef5cfc454fbbf131": "play-message",
    "5f1145ceef5cfc454fbbf134": "ivr-menu",
    "5f1144eaef5cfc454fbbf132": "ivr-collectdigits",
    "5f114550ef5cfc454fbbf133": "queue-contact",
    "5faa2ad13505f538acc86afc": "play-music",
    "5faa898c8bf5b65b82f0706b": "disconnect-contact",
    "5faa897107cf954e1147199a": "blind-transfer",
    "628d7efd4ba3176df6ce0088": "queue-to-agent",
    "62da6fe3a350ce0ccab93a04": "ivr-virtualassistantvoice",
    "5f33a6045d76a50d1e8fb4d0": "ivr-virtualassistant",
    "start-subflow": "NewSubFlowStart",
}
"""The product's opaque ids of its older activities, for exports that name no activity."""

_OPAQUE = re.compile(r"[0-9a-f]{24}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def activity_name(properties: dict[str, Any], group: str | None) -> str | None:
    """`activityName`, else what the group or `activityId` says; None where neither does."""
    name = properties.get("activityName")
    if isinstance(name, str) and name:
        return name
    if group in ("event", "start"):
        return group
    known = properties.get("activityId")
    if not isinstance(known, str) or not known:
        return None
    return ACTIVITY_OF_ID.get(known, None if _OPAQUE.fullmatch(known) else known)


def imported_properties(
    properties: dict[str, Any], activity: str, node: str, report: Report
) -> dict[str, Any]:
    """As the activity reads them; `activityName` is set in any case."""
    if activity not in ACTIVITIES:
        return {"activityName": activity} | properties
    folded = {"activityName": activity} | _folded(properties, node, report)
    _TURNED.get(activity, _as_it_is)(folded, node, report)
    return folded


def _folded(properties: dict[str, Any], node: str, report: Report) -> dict[str, Any]:
    """Each field once, without those that are unset."""
    found: dict[str, Any] = {}
    shown: dict[tuple[str, str], Any] = {}
    for field, value in properties.items():
        if value is None or _NOISE.fullmatch(field) or (field == "name" and value == node):
            continue
        parts = _suffixes(field, properties)
        if parts is not None:
            report.changed("select fields that stand several times (x, x_name, x:name): x wins")
        if parts is None:
            found[field] = value
        elif len(parts) == 2:  # more suffixes are leftovers
            shown.setdefault((parts[0], parts[1]), value)
    for (base, suffix), value in shown.items():
        is_unset = found.get(base) in (None, "")
        if suffix == "name" and is_unset and base in _VALUE_IS_SHOWN and value != "":
            found[base] = value
            report.changed(f'node "{node}": {base} was unset; took {quoted(value)}, as shown')
        elif value not in ("", found.get(base)):
            found[f"{base}_{suffix}"] = value
    return found


def _suffixes(field: str, properties: dict[str, Any]) -> list[str] | None:
    """Base and suffixes of a repeated field; None for a field that stands for itself."""
    match = _SUFFIXED.fullmatch(field)
    if match is None or (":" not in field and match["base"] not in properties):
        return None
    return [match["base"], *re.split("[:_]", match["chain"])[1:]]


def _as_it_is(folded: dict[str, Any], node: str, report: Report) -> None:
    """Most activities need no more."""


def _outputs(folded: dict[str, Any], node: str, report: Report) -> None:
    rows = folded.get("outputVariableArray")
    if not isinstance(rows, list):
        return
    kept = []
    for row in rows:
        if isinstance(row, dict) and str(row.get("jsonPathExp") or "").strip():
            kept.append(row)
        else:
            name = row.get("outputVariable") if isinstance(row, dict) else row
            report.left_out(f'node "{node}": the output {quoted(name)}, which has no path')
    folded["outputVariableArray"] = kept


def _allocations(folded: dict[str, Any], node: str, report: Report) -> None:
    """Ports by number and texts of JSON become percentages with their ports' names."""
    texts = folded.get("allocations_input")
    rows = [_from_json(text) for text in texts] if isinstance(texts, list) else []
    if not rows or not all(isinstance(row, dict) and "percent" in row for row in rows):
        return
    del folded["allocations_input"]
    ports: list[str] = []
    for number, row in enumerate(rows):
        port = str(row.get("desc") or number)
        ports.append(f"{port} ({number})" if port in ports else port)
    folded["allocations"] = [
        {"percent": row["percent"], "desc": port} for row, port in zip(rows, ports, strict=True)
    ]
    report.changed(f'node "{node}": allocations are percentages, and their descs its ports')


def _request(folded: dict[str, Any], node: str, report: Report) -> None:
    _outputs(folded, node, report)
    _by_name(folded, "connectorId", node, report)
    body = folded.get("httpRequestBodyGQL")
    if isinstance(body, dict) and not str(body.get("variables") or "").strip():
        folded["httpRequestBodyGQL"] = {
            name: each for name, each in body.items() if name != "variables"
        }


def _hours(folded: dict[str, Any], node: str, report: Report) -> None:
    _by_name(folded, "businessHoursId", node, report)


def _by_name(folded: dict[str, Any], field: str, node: str, report: Report) -> None:
    """What a tenant's id stands for, by its name: here nobody knows the id."""
    name = folded.pop(f"{field}_name", None)
    if isinstance(name, str) and name and folded.get(field) != name:
        _say_named(node, field, name, report)
        folded[field] = name


def _say_named(node: str, field: str, name: str, report: Report) -> None:
    report.changed(f'node "{node}": {field} is the name {quoted(name)}, no longer a tenant\'s id')


def _hand_off(folded: dict[str, Any], node: str, report: Report) -> None:
    """The target and the label by name; those that an expression gives stay expressions."""
    target = folded.get("handOffFlow")
    if not isinstance(target, dict):
        return
    name, shown = target.get("handOffToName"), ("handOffToName", "flowTagId")
    turned = {field: each for field, each in target.items() if field not in shown}
    if target.get("isDynamic"):
        turned["flowTagName"] = target.get("flowTagId") or target.get("flowTagName")
    elif isinstance(name, str) and name and name != target.get("handOffTo"):
        turned["handOffTo"] = name
        _say_named(node, "handOffTo", name, report)
    mapped = target.get("mappedVariableArray")
    rows = _from_json(mapped)
    if isinstance(mapped, str) and isinstance(rows, list):
        turned["mappedVariableArray"] = rows
        report.changed(f'node "{node}": mappedVariableArray is a list, no longer a text')
    folded["handOffFlow"] = {field: each for field, each in turned.items() if each is not None}


def _subflow(folded: dict[str, Any], node: str, report: Report) -> None:
    name, version = folded.get("subflowName"), folded.get("subflowVersion")
    by_id = folded.get("subflowId") or (isinstance(version, dict) and version.get("id"))
    if not isinstance(name, str) or not name or not by_id:
        return
    folded.pop("subflowId", None)
    if isinstance(version, dict):
        folded["subflowVersion"] = {key: each for key, each in version.items() if key != "id"}
    _say_named(node, "the subflow", name, report)


_TURNED = {
    "http-request-v2": _request,
    "http-request": _request,
    "parse-activity": _outputs,
    "percent-allocation": _allocations,
    "business-hours": _hours,
    "hand-off": _hand_off,
    "subflow-handoff": _subflow,
}


def renamed_ports(properties: dict[str, Any], folded: dict[str, Any]) -> dict[str, str]:
    """Ports that links must follow: those of Percent Allocation, from numbers to names."""
    rows = folded.get("allocations")
    numbers = properties.get("allocations")
    if folded.get("activityName") != "percent-allocation" or rows == numbers:
        return {}
    if not isinstance(rows, list) or not isinstance(numbers, list):
        return {}
    return {
        str(number): row["desc"]
        for number, row in zip(numbers, rows, strict=False)
        if isinstance(row, dict)
    }


def _from_json(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None

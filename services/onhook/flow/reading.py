"""Reading a document, a response or another text, into variables by JSONPath. Pure.

What is missing, and what cannot be read, empties its variable and says so in the trace.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import Struct

from onhook import jsonpath
from onhook.flow.errors import VariableError
from onhook.flow.model import Variable
from onhook.flow.properties import REQUIRED, TEMPLATE, UNDECLARED, VALUE, Properties, Scope
from onhook.flow.response import ResponseError, read_as
from onhook.flow.subflow import bare
from onhook.flow.variables import assigned_value
from onhook.jsonpath import JsonPathError, Path

KINDS = ("JSON", "XML", "TOML", "YAML")
NO_PATH = "OH1023"
_LONGEST_NOTE = 400


class Reading(Struct, frozen=True):
    """A variable, and where its value stands in the document."""

    variable: Variable
    path: Path


def read_rows(properties: Properties, scope: Scope) -> tuple[str, tuple[Reading, ...]]:
    """What the document is, and its rows of {outputVariable, jsonPathExp}."""
    kind = properties.text("contentType").upper() or "JSON"
    if kind not in KINDS:
        properties.report(
            VALUE, f'contentType "{kind[:40]}" cannot be read', f"use one of {', '.join(KINDS)}"
        )
    readings = []
    for row in properties.rows("outputVariableArray"):
        found = _read_row(properties, scope, row.get("outputVariable"), row.get("jsonPathExp"))
        if found is not None:
            readings.append(found)
    return kind, tuple(readings)


def _read_row(properties: Properties, scope: Scope, name: Any, path: Any) -> Reading | None:
    """None for a row that is empty, or half empty, as exports have them."""
    has_name = isinstance(name, str) and bool(name.strip())
    has_path = isinstance(path, str) and bool(path.strip())
    if not has_name and not has_path:
        return None
    if not has_name:
        properties.report(
            REQUIRED, "outputVariableArray has a path without outputVariable", "name the variable"
        )
        return None
    variable = scope.variables.get(bare(name))
    if variable is None:
        properties.report(
            UNDECLARED,
            f'it sets "{bare(name)}", which is not declared',
            "declare the variable or correct the name",
        )
        return None
    if not has_path:
        properties.warn(
            NO_PATH,
            f'no jsonPathExp says what "{variable.name}" is set to; it keeps its value',
            "give it a path, $ for the whole document",
        )
        return None
    try:
        return Reading(variable, jsonpath.compile(path.strip()))
    except JsonPathError as problem:
        properties.report(TEMPLATE, f"jsonPathExp: {problem}", "correct the path")
        return None


def read_document(
    kind: str, document: Any, readings: Collection[Reading]
) -> tuple[dict[str, Any], str | None]:
    """The variables' values, and a note where one is emptied. `document`: text, or data already."""
    try:
        data = read_as(kind, document) if isinstance(document, str) else document
    except ResponseError as problem:
        empty = {row.variable.name: assigned_value(row.variable, None) for row in readings}
        return empty, f"{', '.join(empty)} emptied: {problem}"[:_LONGEST_NOTE]
    values: dict[str, Any] = {}
    notes: list[str] = []
    for row in readings:
        name = row.variable.name
        try:
            values[name] = assigned_value(row.variable, row.path.read(data))
        except (JsonPathError, VariableError) as problem:
            values[name] = assigned_value(row.variable, None)
            notes.append(f"{name} emptied: {problem}")
    return values, "; ".join(notes)[:_LONGEST_NOTE] or None

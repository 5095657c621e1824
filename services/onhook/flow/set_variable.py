"""The Set Variable activity: up to ten variables set in order, each seeing those before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from onhook.flow import expression
from onhook.flow.activity import Activity, Assigned, Moment, Outcome
from onhook.flow.errors import VariableError
from onhook.flow.expression import Reference, Template
from onhook.flow.model import Variable
from onhook.flow.properties import REQUIRED, TEMPLATE, UNDECLARED, Properties, Scope
from onhook.flow.subflow import bare
from onhook.flow.variables import assigned_value

MOST_ASSIGNMENTS = 10
LIMIT = "OH1020"


class Assignment(Struct, frozen=True):
    variable: Variable
    value: Template


class SetVariable(Activity, frozen=True, kw_only=True):
    assignments: tuple[Assignment, ...]

    @property
    def plain_port(self) -> str:
        return "out"

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(reference for row in self.assignments for reference in row.value.references)

    @property
    def assigned(self) -> tuple[Assigned, ...]:
        return tuple(Assigned(row.variable.name, row.value.references) for row in self.assignments)

    def perform(self, moment: Moment) -> Outcome:
        variables: dict[str, Any] = {}
        inputs: dict[str, Any] = {}
        context: Mapping[str, Any] = moment.context
        for row in self.assignments:
            value = expression.value_of(row.value, context, moment.now)
            inputs[row.variable.name] = value
            variables[row.variable.name] = assigned_value(row.variable, value)
            context = {**context, **variables}
        return Outcome(variables=variables, inputs=inputs)


def compile_set_variable(properties: Properties, scope: Scope) -> SetVariable | None:
    rows = properties.rows("setVariablesArray") or [properties.node.properties]
    if len(rows) > MOST_ASSIGNMENTS:
        properties.warn(
            LIMIT,
            f"{len(rows)} assignments; the hosted product takes {MOST_ASSIGNMENTS}",
            "split the node in two",
        )
    found = [_read(properties, scope, row) for row in rows]
    if properties.is_broken:
        return None
    node = properties.node
    return SetVariable(
        node_id=node.id,
        name=node.name,
        kind=node.activity,
        assignments=tuple(row for row in found if row is not None),
    )


def _read(properties: Properties, scope: Scope, row: dict[str, Any]) -> Assignment | None:
    name = row.get("srcVariable") or row.get("variable")
    if not isinstance(name, str) or not name.strip():
        properties.report(
            REQUIRED, "srcVariable of set-variable is not set", "name the variable to set"
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
    source = _source(row)
    try:
        return Assignment(variable, expression.compiled(source))
    except expression.PebbleError as problem:
        properties.report(TEMPLATE, f"{variable.name}: {problem}", "correct the expression")
        return None


def _source(row: Mapping[str, Any]) -> str:
    """A literal or an expression; the name of another variable where it is set to one."""
    is_literal = str(row.get("setTo") or "set-to-literal") == "set-to-literal"
    names = ("literal", "expr") if is_literal else ("expr", "variable", "value", "literal")
    for name in names:
        value = row.get(name)
        if value is None or value == "" or (name == "variable" and "srcVariable" not in row):
            continue
        text = value if isinstance(value, str) else expression.as_text(value)
        return text if is_literal else expression.named(text)
    return ""


__all__ = ["Assignment", "SetVariable", "VariableError", "compile_set_variable"]

"""The Subflow activity: which flow to call, what it is given, what comes back.

It asks; the driver says which version the name and label mean, and the engine enters it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from onhook.flow import expression
from onhook.flow.activity import Activity, Assigned, Moment
from onhook.flow.expression import Reference, Template
from onhook.flow.properties import REQUIRED, VALUE, Properties

LATEST = "Latest"


class Given(Struct, frozen=True):
    """A value for the called flow's variable `target`."""

    target: str
    value: Template


class Returned(Struct, frozen=True):
    """The called flow's variable `source` becomes the caller's `variable`."""

    variable: str
    source: str


class CallNode(Activity, frozen=True, kw_only=True):
    """A node that goes into another flow, by its name or id and a label."""

    flow: str
    label: str
    inputs: tuple[Given, ...] = ()

    @property
    def returns(self) -> bool:
        """Whether the run comes back here."""
        return False

    @property
    def is_computed(self) -> bool:
        """Whether an expression says which flow it is."""
        return False

    @property
    def read_back(self) -> tuple[str, ...]:
        """The other flow's variables that come back."""
        return ()

    def called(self, moment: Moment) -> tuple[str, str]:  # noqa: ARG002
        """Flow and label. Raises RunError, PebbleError."""
        return self.flow, self.label

    @property
    def inputs_by_target(self) -> dict[str, tuple[Reference, ...]]:
        """What each of the other flow's variables is given is made of."""
        return {row.target: row.value.references for row in self.inputs}

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(reference for row in self.inputs for reference in row.value.references)

    def given(self, moment: Moment) -> dict[str, Any]:
        """What the other flow's variables are given by name. Raises PebbleError."""
        return {
            row.target: expression.value_of(row.value, moment.context, moment.now)
            for row in self.inputs
        }


class Subflow(CallNode, frozen=True, kw_only=True):
    returned: tuple[Returned, ...] = ()

    @property
    def returns(self) -> bool:
        return True

    @property
    def read_back(self) -> tuple[str, ...]:
        return tuple(row.source for row in self.returned)

    @property
    def assigned(self) -> tuple[Assigned, ...]:
        """Anything that goes in may come out again."""
        return tuple(Assigned(row.variable, self.references) for row in self.returned)


def compile_subflow(properties: Properties) -> Subflow | None:
    version = properties.value("subflowVersion")
    named: dict[str, Any] = version if isinstance(version, dict) else {}
    flow = _first_text(named.get("id"), named.get("name")) or properties.text(
        "subflowId", "subflowName"
    )
    label = _first_text(named.get("tag"), named.get("label")) or properties.text(
        "subflowVersionLabel", "subflowLabel"
    )
    if not flow:
        properties.report(
            REQUIRED,
            "subflowVersion of subflow-handoff names no subflow",
            "set subflowVersion to {id, tag}",
        )
    inputs = read_inputs(properties, "subflowInputVariables")
    returned = _read_returned(properties)
    if properties.is_broken:
        return None
    node = properties.node
    return Subflow(
        node_id=node.id,
        name=node.name,
        kind=node.activity,
        flow=flow,
        label=label or LATEST,
        inputs=inputs,
        returned=returned,
    )


def read_inputs(properties: Properties, name: str, rows: Any = None) -> tuple[Given, ...]:
    """Rows `{src, target}`: a variable, an output or an expression, and who is given it."""
    found = []
    for row in properties.rows(name) if rows is None else _maps(rows):
        source, target = row.get("src"), row.get("target")
        if not _is_name(target) or not isinstance(source, str) or not source.strip():
            properties.report(VALUE, f"{name} has a row without src or target", "complete the row")
            continue
        template = properties.template(f"{name}.{target}", expression.named(source.strip()))
        if template is not None:
            found.append(Given(bare(str(target)), template))
    return tuple(found)


def _maps(rows: Any) -> list[dict[str, Any]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _read_returned(properties: Properties) -> tuple[Returned, ...]:
    found = []
    for row in properties.rows("subflowOutputVariables"):
        variable, source = row.get("outputVariable"), row.get("target")
        if not _is_name(variable) or not _is_name(source):
            properties.report(
                VALUE,
                "subflowOutputVariables has a row without outputVariable or target",
                "complete the row",
            )
            continue
        found.append(Returned(bare(str(variable)), bare(str(source))))
    return tuple(found)


def bare(name: str) -> str:
    """A variable's name, also where it is written in braces."""
    return name.strip().removeprefix("{{").removesuffix("}}").strip()


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _first_text(*values: Any) -> str:
    return next((value for value in values if isinstance(value, str) and value), "")

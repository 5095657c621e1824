"""The GoTo activity: the run goes on in another flow, or in that of an entry point, for good.

It asks; the driver says which version is meant, and the engine maps variables of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onhook.flow import expression
from onhook.flow.activity import Moment
from onhook.flow.errors import RunError
from onhook.flow.expression import Reference, Template
from onhook.flow.properties import REQUIRED, Properties, Scope
from onhook.flow.subflow import LATEST, CallNode, read_inputs


class GoTo(CallNode, frozen=True, kw_only=True):
    """`flow` and `label` are those of the entry point where it names one."""

    target: Template | None = None
    """Where an expression names it, at run time."""
    entry_points: Mapping[str, tuple[str, str]] = {}

    @property
    def references(self) -> tuple[Reference, ...]:
        own = () if self.target is None else self.target.references
        return (*own, *(each for row in self.inputs for each in row.value.references))

    @property
    def is_computed(self) -> bool:
        return self.target is not None

    def called(self, moment: Moment) -> tuple[str, str]:
        if self.target is None:
            return self.flow, self.label
        named = expression.text_of(self.target, moment.context, moment.now).strip()
        if not named:
            raise RunError(self.name, f"{self.target.source} names no flow or entry point")
        return self.entry_points.get(named, (named, self.label))


def compile_go_to(properties: Properties, scope: Scope) -> GoTo | None:
    value = properties.value("handOffFlow", "flowId", "entryPointId", "flowName")
    named: dict[str, Any] = value if isinstance(value, dict) else {"handOffTo": value}
    target = _first(named, "handOffTo", "id", "handOffToName", "name")
    if not target:
        properties.report(
            REQUIRED,
            "handOffFlow of hand-off names no flow or entry point",
            "set handOffFlow to the id or name of one",
        )
        return None
    points = scope.surroundings.entry_points
    label = (
        _first(named, "flowTagName", "tag", "flowTagId")
        or properties.text("flowVersionLabel")
        or LATEST
    )
    template = properties.template("handOffFlow", target) if expression.has_tags(target) else None
    shown = _first(named, "handOffToName", "name")
    known = target if target in points or shown not in points else shown
    flow, label = points.get(known, (target, label))
    inputs = read_inputs(properties, "mappedVariableArray", named.get("mappedVariableArray"))
    if properties.is_broken:
        return None
    node = properties.node
    return GoTo(
        node_id=node.id,
        name=node.name,
        kind=node.activity,
        flow=flow,
        label=label,
        target=template,
        entry_points=points if template is not None else {},
        inputs=inputs,
    )


def _first(named: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = named.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""

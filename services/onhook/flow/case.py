"""The Case activity: an expression's text, compared with up to twenty values, a port for each."""

from __future__ import annotations

from typing import Any

from onhook.flow import expression
from onhook.flow.activity import ERROR_PORT, Activity, Moment, Outcome
from onhook.flow.expression import Reference, Template
from onhook.flow.properties import REQUIRED, VALUE, Properties
from onhook.flow.set_variable import LIMIT

DEFAULT = "default"
MOST_CASES = 20
LINE_BREAK = "OH1011"


class Case(Activity, frozen=True, kw_only=True):
    expression: Template
    cases: tuple[tuple[str, Template], ...]
    """(port, the value that leaves by it), in order."""

    @property
    def ports(self) -> frozenset[str]:
        return frozenset({DEFAULT, ERROR_PORT, *(port for port, _ in self.cases)})

    @property
    def references(self) -> tuple[Reference, ...]:
        values = (reference for _, value in self.cases for reference in value.references)
        return (*self.expression.references, *values)

    def perform(self, moment: Moment) -> Outcome:
        text = expression.text_of(self.expression, moment.context, moment.now)
        inputs: dict[str, Any] = {"expression": self.expression.source, "value": text}
        for port, value in self.cases:
            if expression.text_of(value, moment.context, moment.now) == text:
                return Outcome(port=port, inputs=inputs)
        return Outcome(port=DEFAULT, inputs=inputs)


def compile_case(properties: Properties) -> Case | None:
    source = properties.required("expression")
    template = properties.template("expression", source) if source else None
    if "\n" in source.strip() or "\r" in source.strip():
        properties.warn(
            LINE_BREAK,
            "the expression holds a line break, which fails at run time on the hosted product",
            "write it on one line",
        )
    cases = _read_cases(properties)
    if template is None or properties.is_broken:
        return None
    node = properties.node
    return Case(
        node_id=node.id, name=node.name, kind=node.activity, expression=template, cases=cases
    )


def _read_cases(properties: Properties) -> tuple[tuple[str, Template], ...]:
    values = properties.texts("menuLinks_input", "menuLinks:input")
    ports = properties.texts("menuLinks") or tuple(str(number) for number in range(len(values)))
    if not values:
        properties.report(
            REQUIRED,
            "menuLinks_input of case-statement holds no value to compare with",
            "give it the values, and menuLinks a port for each",
        )
    if len(values) != len(ports):
        properties.report(
            VALUE,
            f"menuLinks has {len(ports)} ports for the {len(values)} values of menuLinks_input",
            "give each value one port",
        )
    if len(values) > MOST_CASES:
        properties.warn(
            LIMIT,
            f"{len(values)} cases; the hosted product takes {MOST_CASES}",
            "split the node in two",
        )
    for twice in sorted({value for value in values if values.count(value) > 1}):
        properties.warn(
            VALUE, f'the value "{twice}" stands there twice; the first is taken', "remove one"
        )
    pairs = (
        (port, properties.template("menuLinks_input", value))
        for port, value in zip(ports, values, strict=False)
    )
    return tuple((port, template) for port, template in pairs if template is not None)

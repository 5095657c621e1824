"""The Condition activity: one expression, and the port `true` or `false`."""

from __future__ import annotations

from onhook.flow import expression
from onhook.flow.activity import ERROR_PORT, Activity, Moment, Outcome
from onhook.flow.expression import Reference, Template
from onhook.flow.properties import Properties

NO_EXPRESSION = "OH1010"


class Condition(Activity, frozen=True, kw_only=True):
    expression: Template

    @property
    def ports(self) -> frozenset[str]:
        return frozenset({"true", "false", ERROR_PORT})

    @property
    def references(self) -> tuple[Reference, ...]:
        return self.expression.references

    def perform(self, moment: Moment) -> Outcome:
        value = expression.value_of(self.expression, moment.context, moment.now)
        is_true = expression.is_true(value)
        return Outcome(
            port="true" if is_true else "false",
            inputs={"expression": self.expression.source, "value": value},
        )


def compile_condition(properties: Properties) -> Condition | None:
    source = properties.required("expression")
    template = properties.template("expression", source) if source else None
    if template is None:
        return None
    if not expression.is_whole(template):
        properties.report(
            NO_EXPRESSION,
            "the condition is not one expression in braces, so it compares nothing",
            "write the whole of it inside one pair of braces, such as {{ a == b and c > 3 }}",
        )
        return None
    node = properties.node
    return Condition(node_id=node.id, name=node.name, kind=node.activity, expression=template)

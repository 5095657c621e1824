"""The Parse activity: a text that is kept in a variable or an output, read by JSONPath."""

from __future__ import annotations

from onhook.flow import expression
from onhook.flow.activity import Activity, Assigned, Moment, Outcome
from onhook.flow.expression import Reference, Template
from onhook.flow.properties import Properties, Scope
from onhook.flow.reading import Reading, read_document, read_rows


class Parse(Activity, frozen=True, kw_only=True):
    input: Template
    content: str
    """What the text is: JSON, XML, TOML or YAML."""
    readings: tuple[Reading, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        return self.input.references

    @property
    def assigned(self) -> tuple[Assigned, ...]:
        return tuple(Assigned(row.variable.name, self.input.references) for row in self.readings)

    def perform(self, moment: Moment) -> Outcome:
        document = expression.value_of(self.input, moment.context, moment.now)
        variables, note = read_document(
            self.content, "" if document is None else document, self.readings
        )
        return Outcome(variables=variables, inputs={"inputVariable": document}, note=note)


def compile_parse(properties: Properties, scope: Scope) -> Parse | None:
    source = properties.required("inputVariable")
    template = properties.template("inputVariable", expression.named(source))
    content, readings = read_rows(properties, scope)
    if template is None or not source or properties.is_broken:
        return None
    node = properties.node
    return Parse(
        node_id=node.id,
        name=node.name,
        kind=node.activity,
        input=template,
        content=content,
        readings=readings,
    )

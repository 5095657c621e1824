"""The body of an HTTP Request, out of the properties that hold it: a text, or what the product
keeps apart for GraphQL and forms.

Which content types there are, and how values are escaped in them, is bodies.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from onhook.flow import expression
from onhook.flow.address import Pairs, references_of
from onhook.flow.bodies import (
    FORM,
    JSON,
    MULTIPART,
    Body,
    UnknownContentType,
    compile_body,
)
from onhook.flow.errors import quoted
from onhook.flow.expression import PebbleError, Reference
from onhook.flow.form_body import encoded, multipart
from onhook.flow.note import Note, may_hold_quote
from onhook.flow.properties import REQUIRED, TEMPLATE, VALUE, Properties, Scope
from onhook.pebble import position
from onhook.settings.contact_centre import VariableType

HOSTED_BREAKS = "OH1022"
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_WITHOUT_QUOTES = frozenset(
    {VariableType.INTEGER, VariableType.DECIMAL, VariableType.BOOLEAN, VariableType.DATETIME}
)
_TEXTS = frozenset({VariableType.STRING, VariableType.DATETIME})
_FORMS = {"form url encoded": FORM, "form data": MULTIPART}


class QueryBody(Struct, frozen=True):
    """GraphQL with variables: a query, and a JSON object beside it."""

    query: Body
    variables: Body

    @property
    def content_type(self) -> str | None:
        return JSON

    @property
    def references(self) -> tuple[Reference, ...]:
        return (*self.query.references, *self.variables.references)

    @property
    def notes(self) -> tuple[Note, ...]:
        return (*self.query.notes, *self.variables.notes)

    def type_with(self, boundary: str) -> str | None:  # noqa: ARG002 (as every body)
        return JSON

    def render(
        self, context: Mapping[str, Any], *, now: datetime | None = None, boundary: str = ""
    ) -> bytes:
        query = self.query.render(context, now=now, boundary=boundary)
        variables = self.variables.render(context, now=now, boundary=boundary)
        return b'%s,"variables":%s}' % (query.rstrip()[:-1], variables)


class FieldsBody(Struct, frozen=True):
    """A form whose fields stand one by one."""

    fields: Pairs
    content_type: str | None

    @property
    def references(self) -> tuple[Reference, ...]:
        return references_of(self.fields)

    @property
    def notes(self) -> tuple[Note, ...]:
        return ()

    def type_with(self, boundary: str) -> str | None:
        is_parts = self.content_type == MULTIPART
        return f"{MULTIPART}; boundary={boundary}" if is_parts else self.content_type

    def render(
        self, context: Mapping[str, Any], *, now: datetime | None = None, boundary: str = ""
    ) -> bytes:
        pairs = [
            (
                name if isinstance(name, str) else expression.text_of(name, context, now),
                expression.text_of(value, context, now),
            )
            for name, value in self.fields
        ]
        if self.content_type == FORM:
            return encoded(pairs)
        try:
            return multipart(pairs, boundary)
        except ValueError as problem:
            raise PebbleError(str(problem), 1, 1) from None


def read_body(properties: Properties, method: str, scope: Scope) -> Body | None:
    """None where nothing is sent, or with a finding where nothing could be."""
    kind = properties.text("httpContentType") or "None"
    name = kind.strip().lower()
    source = properties.text("httpRequestBody")
    if name == "none":
        if source.strip():
            properties.report(
                REQUIRED, "a body needs a content type", "set httpContentType to Application/JSON"
            )
        return None
    if name == "graphql" and isinstance(graphql := properties.value("httpRequestBodyGQL"), dict):
        return _read_graphql(properties, graphql, scope)
    fields = properties.value("httpRequestBodyFormData") if name in _FORMS else None
    if fields is not None:
        return _read_fields(properties, fields, _FORMS[name])
    if name == "file" and not source and properties.value("httpRequestBodyFiles") is not None:
        properties.report(
            "OH1001",
            "its files lie in the hosted product, and cannot be sent from here",
            "put what is to be sent into httpRequestBody",
        )
        return None
    if not source.strip() and method in _WITHOUT_BODY:
        return None
    body = _compile(properties, "httpRequestBody", kind, source, scope)
    if body is not None and source:
        _tell_notes(properties, body, source)
    return body


def _compile(
    properties: Properties, place: str, kind: str, source: str, scope: Scope
) -> Body | None:
    template = properties.template(place, source)
    if template is None:
        return None

    def may_hold(reference: Reference) -> bool:
        variable = scope.variables.get(reference.path[0])
        if variable is not None and variable.type in _WITHOUT_QUOTES:
            return False
        return may_hold_quote(reference)

    def is_text(reference: Reference) -> bool:
        variable = scope.variables.get(reference.path[0])
        is_whole = len(reference.path) == 1
        return is_whole and variable is not None and variable.type in _TEXTS

    try:
        return compile_body(kind, template, scope.holds_json, may_hold, is_text)
    except UnknownContentType as problem:
        properties.report(VALUE, str(problem), "correct httpContentType")
    except PebbleError as problem:
        what = "JSON" if kind.strip().lower() == "application/json" else kind
        properties.report(TEMPLATE, f"{place}: {problem}", f"make it {what}")
    return None


def _tell_notes(properties: Properties, body: Body, source: str) -> None:
    """All but what the hosted product would break, which is said once for the whole flow."""
    for note in body.notes:
        if note.hosted is not None:
            continue
        line, column = position(source, note.offset)
        say = properties.tell if note.is_advice else properties.warn
        place = f"httpRequestBody: line {line}, column {column}"
        say(HOSTED_BREAKS, f"{place}: {note.message}", note.remedy)


def _read_graphql(properties: Properties, given: Mapping[str, Any], scope: Scope) -> Body | None:
    source, variables = given.get("query"), given.get("variables")
    if not isinstance(source, str) or not source.strip():
        properties.report(
            REQUIRED, "httpRequestBodyGQL of http-request-v2 has no query", "give it one"
        )
        return None
    query = _compile(properties, "httpRequestBodyGQL.query", "GraphQL", source, scope)
    if variables is None or variables in ("", {}):
        return query
    text = variables if isinstance(variables, str) else msgspec.json.encode(variables).decode()
    place = "httpRequestBodyGQL.variables"
    beside = _compile(properties, place, "Application/JSON", text, scope)
    return None if query is None or beside is None else QueryBody(query, beside)


def _read_fields(properties: Properties, given: Any, content_type: str) -> Body | None:
    """A map of names to texts, or rows of {key, value}."""
    if isinstance(given, dict):
        rows = list(given.items())
    elif isinstance(given, list) and all(isinstance(row, dict) for row in given):
        rows = [(row.get("key", row.get("name")), row.get("value")) for row in given]
    else:
        rows = [(None, None)]
    fields: list[tuple[str | expression.Template, expression.Template]] = []
    for name, value in rows:
        if not isinstance(name, str) or not name:
            properties.report(
                VALUE,
                f"httpRequestBodyFormData: {quoted(given)} is no list of {{key, value}}",
                "give each field a name",
            )
            return None
        text = value if isinstance(value, str) else expression.as_text(value)
        named = properties.template("httpRequestBodyFormData", name)
        template = properties.template(f"httpRequestBodyFormData.{name}", text)
        if named is not None and template is not None:
            fields.append((named if expression.has_tags(name) else name, template))
    return FieldsBody(tuple(fields), content_type)

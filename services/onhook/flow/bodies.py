"""A request's body, of every content type that an HTTP Request offers.

| `httpContentType` | sent as | the text is |
|---|---|---|
| None | nothing | not looked at |
| Application/JSON | `application/json` | JSON |
| Form URL Encoded | `application/x-www-form-urlencoded` | `a={{x}}&b={{y}}`, or a JSON object |
| Form Data | `multipart/form-data` | the same, or a pair on each line |
| XML, TOML, YAML | `application/xml`, `application/toml`, `application/yaml` | that |
| GraphQL | `application/json` | a query, sent as `{"query": ...}`, or that object itself |
| File | `application/octet-stream` | taken as it is |
| Other | what the node's own headers say | taken as it is |

The product's pages name the types and show JSON alone: how it sends the others, and whether it
escapes in them, they leave open. Ours escapes each value for its place. Pure; it must not know nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn, Protocol

import msgspec
from msgspec import Struct

from onhook.flow import form_body
from onhook.flow.final_filter import IsFinal, drops_escapes, without_final
from onhook.flow.form_body import FormWriter, PartsWriter
from onhook.flow.json_body import JsonBody, compile_json_body
from onhook.flow.note import ESCAPED_ONCE, IsText, MayHoldQuote, Note, may_hold_quote
from onhook.flow.placed_text import Writer, check_straight, written
from onhook.flow.quoted_body import GraphqlWriter, TomlWriter
from onhook.flow.xml_body import XmlWriter
from onhook.flow.yaml_body import YamlWriter
from onhook.pebble import PebbleError, Reference, Template, Text
from onhook.pebble.nodes import Flush, Macro, Set

HoldsJson = Callable[[Reference], bool]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


class Body(Protocol):
    """A compiled body."""

    @property
    def content_type(self) -> str | None:
        """None where the node's own headers say it. Parts name their boundary: `type_with`."""
        ...

    @property
    def references(self) -> tuple[Reference, ...]: ...

    @property
    def notes(self) -> tuple[Note, ...]: ...

    def type_with(self, boundary: str) -> str | None:
        """The Content-Type of a body that is rendered with this boundary."""
        ...

    def render(
        self, context: Mapping[str, Any], *, now: datetime | None = None, boundary: str = ""
    ) -> bytes:
        """`boundary`: of a body of parts; any token that no value holds. Raises PebbleError."""
        ...


class _Body(Struct, frozen=True):
    template: Template
    content_type: str | None
    notes: tuple[Note, ...] = ()

    @property
    def references(self) -> tuple[Reference, ...]:
        return self.template.references

    def type_with(self, boundary: str) -> str | None:
        is_parts = self.content_type == MULTIPART
        return f"{MULTIPART}; boundary={boundary}" if is_parts else self.content_type


class NoBody(_Body, frozen=True):
    """Nothing is sent."""

    @property
    def references(self) -> tuple[Reference, ...]:
        return ()

    def render(
        self,
        context: Mapping[str, Any],  # noqa: ARG002  (as every body)
        *,
        now: datetime | None = None,  # noqa: ARG002
        boundary: str = "",  # noqa: ARG002
    ) -> bytes:
        return b""


class PlainBody(_Body, frozen=True):
    """The text as it is."""

    def render(
        self,
        context: Mapping[str, Any],
        *,
        now: datetime | None = None,
        boundary: str = "",  # noqa: ARG002  (as every body)
    ) -> bytes:
        return self.template.render(context, now=now).encode()


class JsonTyped(_Body, frozen=True, kw_only=True):
    """JSON, or what a JSON object stands for."""

    json: JsonBody

    def render(
        self, context: Mapping[str, Any], *, now: datetime | None = None, boundary: str = ""
    ) -> bytes:
        content = self.json.render(context, now=now)
        if self.content_type == JSON:
            return content
        try:
            pairs = form_body.pairs_of_object(content)
            return _form(pairs, self.content_type, boundary)
        except ValueError as problem:
            _fail(str(problem))


class WrittenBody(_Body, frozen=True, kw_only=True):
    """A text in whose places each value is escaped."""

    new_writer: Callable[[str], Writer]

    def render(
        self, context: Mapping[str, Any], *, now: datetime | None = None, boundary: str = ""
    ) -> bytes:
        text = written(self.template, self.new_writer, context, now)
        if self.content_type == JSON:
            return msgspec.json.encode({"query": text})
        if self.content_type not in (FORM, MULTIPART):
            return text.encode("utf-8", "replace")
        if self.content_type == FORM:
            return text.encode("ascii")
        try:
            return _form(form_body.pairs_of(text), self.content_type, boundary)
        except ValueError as problem:
            _fail(str(problem))


class _Format(Struct, frozen=True):
    content_type: str
    new_writer: Callable[[str], Writer]
    is_final: IsFinal
    or_json: bool = False
    """Whether a text that begins as a JSON object is one."""


_FORM_ESCAPES = drops_escapes("url_param")


def _encodes(name: str, strategy: str) -> bool:
    return name == "urlencode" or _FORM_ESCAPES(name, strategy)


_FORMATS = {
    "form url encoded": _Format(FORM, FormWriter, _encodes, or_json=True),
    "form data": _Format(MULTIPART, PartsWriter, _encodes, or_json=True),
    "xml": _Format("application/xml", XmlWriter, drops_escapes("html", "html_attr")),
    "toml": _Format("application/toml", TomlWriter, drops_escapes("json")),
    "yaml": _Format("application/yaml", YamlWriter, drops_escapes("json")),
    "graphql": _Format(JSON, GraphqlWriter, drops_escapes("json"), or_json=True),
}
CONTENT_TYPES = (
    "None",
    "Application/JSON",
    "Form URL Encoded",
    "XML",
    "TOML",
    "YAML",
    "File",
    "Form Data",
    "GraphQL",
    "Other",
)
"""As Flow Designer spells them; any case is taken."""


class UnknownContentType(Exception):
    """There is no such content type."""


def compile_body(
    kind: str,
    template: Template,
    holds_json: HoldsJson = lambda _reference: False,
    quotable: MayHoldQuote = may_hold_quote,
    is_text: IsText = lambda _reference: False,
) -> Body:
    """The body for `httpContentType`. Raises UnknownContentType; PebbleError where no value could
    make the text what it must be.
    """
    name = kind.strip().lower() or "none"
    if name == "none":
        return NoBody(template, None)
    if name == "application/json":
        json = compile_json_body(template, holds_json, quotable, is_text)
        return JsonTyped(template, JSON, json.notes, json=json)
    if name == "file":
        return PlainBody(template, "application/octet-stream")
    if name == "other":
        return PlainBody(template, None)
    found = _FORMATS.get(name)
    if found is None:
        known = ", ".join(CONTENT_TYPES)
        raise UnknownContentType(f'content type "{kind[:80]}" is unknown; use one of {known}')
    if found.or_json and _begins_object(template):
        try:
            json = compile_json_body(template, holds_json, lambda _reference: False)
        except PebbleError:
            if found.content_type != JSON:  # a query of GraphQL may begin with a brace too
                raise
        else:
            return JsonTyped(template, found.content_type, json.notes, json=json)
    return _compile_written(template, found)


def _compile_written(template: Template, found: _Format) -> WrittenBody:
    stripped, doubled = without_final(template, found.is_final)
    check_straight(stripped, found.new_writer(template.source))
    notes = tuple(ESCAPED_ONCE.at(offset) for offset in doubled)
    return WrittenBody(stripped, found.content_type, notes, new_writer=found.new_writer)


def _begins_object(template: Template) -> bool:
    printing = (node for node in template.body if not isinstance(node, Set | Macro | Flush))
    first = next(printing, None)
    return isinstance(first, Text) and first.text.lstrip().startswith("{")


def _form(pairs: form_body.Pairs, content_type: str | None, boundary: str) -> bytes:
    if content_type == MULTIPART:
        return form_body.multipart(pairs, boundary)
    return form_body.encoded(pairs)


def _fail(message: str) -> NoReturn:
    raise PebbleError(message, 1, 1) from None

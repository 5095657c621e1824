"""The HTTP Request activity: its properties read, checked and compiled, and its rendering.

Pure. What this version cannot send is a finding, named with what to do instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from onhook.flow.errors import Finding, RunError, error, quoted
from onhook.flow.json_body import JsonBody, compile_json_body
from onhook.flow.model import Node
from onhook.flow.url import UrlError, UrlTemplate, compile_url
from onhook.pebble import PebbleError, Reference, Template, compile_template

ACTIVITIES = frozenset({"http-request", "http-request-v2"})
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
JSON_BODY = "application/json"
NO_BODY = "none"

DELIVER_TIMEOUT_S = 15.0
CONTINUE_TIMEOUT_S = 2.0

_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)
_EXPRESSION = re.compile(r"\{[{%#]")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect"}
    | {"proxy-connection", "te", "trailer", "upgrade"}
)
"""What the client writes itself, and refuses from anybody else."""
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_LARGEST_NUMBER = 10**9
_REQUIRED = "FC1015"
_UNSUPPORTED = "OH1001"
_TEMPLATE = "OH1002"
_VALUE = "OH1003"


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A compiled HTTP Request node."""

    node_id: str
    name: str
    method: str
    url: UrlTemplate
    headers: tuple[tuple[str, Template], ...]
    body: JsonBody | None
    timeout_s: float | None
    retry_attempts: int
    on_failure: str | None
    """`deliver` or `continue` where the file says so, else None."""

    @property
    def references(self) -> tuple[Reference, ...]:
        """Everything that its address, headers and body read."""
        values = (*self.url.query, *self.headers)
        return (
            *(part[1] for part in self.url.parts if not isinstance(part, str)),
            *(reference for _name, value in values for reference in value.references),
            *(() if self.body is None else self.body.references),
        )

    def render_url(self, context: Mapping[str, Any]) -> str:
        """Raises RunError."""
        try:
            return self.url.render(context)
        except UrlError as problem:
            names = ", ".join(str(reference) for reference in self.url.origin_references)
            hint = f"; set {names}" if names else "; correct the node"
            raise RunError(self.name, f"{problem}{hint}") from None

    def render_headers(self, context: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """Raises RunError when a value holds control characters."""
        rendered = [(name, template.render(context).strip()) for name, template in self.headers]
        for name, value in rendered:
            if _CONTROL.search(value):
                raise RunError(self.name, f'header "{name}" holds control characters')
        if self.body is not None and not any(
            name.lower() == "content-type" for name, _ in rendered
        ):
            rendered.insert(0, ("Content-Type", "application/json"))
        return tuple(rendered)

    def render_body(self, context: Mapping[str, Any]) -> bytes:
        return b"" if self.body is None else self.body.render(context)


class _Reader:
    """Reads one node's properties, collecting findings."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.findings: list[Finding] = []

    def report(self, code: str, message: str, remedy: str) -> None:
        self.findings.append(error(code, message, remedy, self.node.name))

    def text(self, name: str) -> str:
        value = self.node.properties.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.report(_VALUE, f"{name} must be text", "put it in quotes")
            return ""
        return value

    def template(self, name: str, source: str) -> Template | None:
        try:
            return compile_template(source)
        except PebbleError as problem:
            self.report(_TEMPLATE, f"{name}: {problem}", "write it as a plain reference")
            return None

    def templates(self, name: str) -> tuple[tuple[str, Template], ...]:
        value = self.node.properties.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            self.report(_VALUE, f"{name} must map names to texts", "correct it")
            return ()
        for key in value:
            if _EXPRESSION.search(key):
                self.report(
                    _UNSUPPORTED,
                    f'{name}: the name "{key[:80]}" holds an expression, which this version cannot '
                    "evaluate",
                    "write the name out",
                )
                return ()
        pairs = ((key, self.template(f"{name}.{key}", text)) for key, text in value.items())
        return tuple((key, template) for key, template in pairs if template is not None)

    def number(self, name: str) -> int | None:
        """A number or numeric text, as the product writes both; None when unset."""
        value = self.node.properties.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
            value = int(value)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if is_number and 0 <= value <= _LARGEST_NUMBER:
            return int(value)
        self.report(
            _VALUE,
            f"{name} must be a whole number up to {_LARGEST_NUMBER}, not {quoted(value)}",
            "correct it",
        )
        return None


def compile_http_request(
    node: Node, holds_json: Callable[[Reference], bool]
) -> tuple[HttpRequest | None, list[Finding]]:
    """The node compiled, or None with the findings that say why not."""
    reader = _Reader(node)
    _refuse_unsupported(reader)
    method = reader.text("httpRequestMethod").upper() or "POST"
    if method not in METHODS:
        reader.report(_VALUE, f'method "{method}" is unknown', f"use {', '.join(sorted(METHODS))}")
    url = _read_url(reader)
    body = _read_body(reader, method, holds_json)
    headers = _read_headers(reader)
    timeout_ms = reader.number("httpResponseTimeout")
    retry_attempts = reader.number("retryAttempts")
    on_failure = reader.text("onFailure").lower() or None
    if on_failure not in (None, "deliver", "continue"):
        reader.report(_VALUE, f'onFailure is "{on_failure}"', "use deliver or continue")
    if url is None or reader.findings:
        return None, reader.findings
    return HttpRequest(
        node_id=node.id,
        name=node.name,
        method=method,
        url=url,
        headers=headers,
        body=body,
        timeout_s=None if not timeout_ms else timeout_ms / 1000,
        retry_attempts=1 if retry_attempts is None else min(retry_attempts, 10),
        on_failure=on_failure,
    ), []


def _refuse_unsupported(reader: _Reader) -> None:
    properties = reader.node.properties
    if properties.get("authenticated") is not False:
        reader.report(
            _UNSUPPORTED,
            "authenticated endpoints cannot be used by this version",
            "set authenticated to false and httpRequestUrl to the whole address",
        )
    if properties.get("outputVariableArray"):
        reader.report(
            _UNSUPPORTED,
            "output variables by JSONPath cannot be used by this version",
            "remove outputVariableArray",
        )


def _read_url(reader: _Reader) -> UrlTemplate | None:
    source = reader.text("httpRequestUrl")
    if not source.strip():
        reader.report(_REQUIRED, "url is empty", "set httpRequestUrl or remove the node")
        return None
    query = reader.templates("httpQueryParameters")
    template = reader.template("httpRequestUrl", source.strip())
    if template is None:
        return None
    try:
        return compile_url(template, query)
    except UrlError as problem:
        reader.report(_VALUE, str(problem), "correct httpRequestUrl")
        return None


def _read_headers(reader: _Reader) -> tuple[tuple[str, Template], ...]:
    headers = reader.templates("httpRequestHeaders")
    for name, template in headers:
        if not _TOKEN.fullmatch(name):
            reader.report(_VALUE, f'header name "{name[:80]}" is no header name', "correct it")
        elif name.lower() in _OURS:
            reader.report(_VALUE, f'header "{name}" is set by the worker itself', "remove it")
        elif _CONTROL.search(template.render({}).strip()):
            reader.report(_VALUE, f'header "{name}" holds control characters', "remove them")
    return headers


def _read_body(
    reader: _Reader, method: str, holds_json: Callable[[Reference], bool]
) -> JsonBody | None:
    kind = reader.text("httpContentType").lower() or NO_BODY
    source = reader.text("httpRequestBody")
    if kind == NO_BODY:
        if source.strip():
            reader.report(
                _REQUIRED, "a body needs a content type", "set httpContentType to Application/JSON"
            )
        return None
    if kind != JSON_BODY:
        reader.report(
            _UNSUPPORTED,
            f'content type "{reader.text("httpContentType")}" cannot be sent by this version',
            "use Application/JSON or None",
        )
        return None
    if not source.strip() and method in _WITHOUT_BODY:
        return None
    template = reader.template("httpRequestBody", source)
    if template is None:
        return None
    try:
        return compile_json_body(template, holds_json)
    except PebbleError as problem:
        reader.report(_TEMPLATE, f"httpRequestBody: {problem}", "make it JSON")
        return None

"""The HTTP Request activity: its properties read, checked and compiled, and its rendering.

Pure. Sending it, retrying it and signing it are the worker's; where it goes is address.py's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onhook.flow import expression
from onhook.flow.activity import Activity
from onhook.flow.address import (
    Address,
    Connected,
    Pairs,
    Whole,
    compile_address,
    compile_connected,
    pairs_of,
    references_of,
)
from onhook.flow.errors import RunError, quoted
from onhook.flow.expression import Reference, Template
from onhook.flow.json_body import JsonBody, compile_json_body
from onhook.flow.properties import REQUIRED, TEMPLATE, VALUE, Properties, Scope
from onhook.flow.url import UrlError
from onhook.pebble import PebbleError

ACTIVITIES = frozenset({"http-request", "http-request-v2"})
OUTPUTS = ("httpStatusCode", "httpResponseBody", "httpResponseHeaders")
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
JSON_BODY = "application/json"
NO_BODY = "none"

DELIVER_TIMEOUT_S = 15.0
CONTINUE_TIMEOUT_S = 2.0

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect"}
    | {"proxy-connection", "te", "trailer", "upgrade"}
)
"""What the client writes itself, and refuses from anybody else."""
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_UNSUPPORTED = "OH1001"


class HttpRequest(Activity, frozen=True, kw_only=True):
    """A compiled HTTP Request node."""

    method: str
    address: Address
    headers: Pairs
    body: JsonBody | None
    timeout_s: float | None
    retry_attempts: int
    on_failure: str | None
    """`deliver` or `continue` where the file says so, else None."""

    @property
    def outputs(self) -> tuple[str, ...]:
        return OUTPUTS

    @property
    def references(self) -> tuple[Reference, ...]:
        """Everything that its address, headers and body read."""
        return (
            *self.address.references,
            *references_of(self.headers),
            *(() if self.body is None else self.body.references),
        )

    @property
    def steering(self) -> tuple[Reference, ...]:
        names = (name for name, _ in self.headers if not isinstance(name, str))
        return (*self.address.steering, *(each for name in names for each in name.references))

    def connector(self, context: Mapping[str, Any], *, now: datetime | None = None) -> str | None:
        """The connector whose credentials it needs; None without one. Raises RunError."""
        address = self.address
        return address.name(context, now) if isinstance(address, Connected) else None

    def render_url(self, context: Mapping[str, Any], *, now: datetime | None = None) -> str:
        """Raises RunError."""
        try:
            return self.address.render(context, now)
        except UrlError as problem:
            names = ", ".join(str(reference) for reference in self.address.steering)
            hint = f"; set {names}" if names else "; correct the node"
            raise RunError(self.name, f"{problem}{hint}") from None
        except PebbleError as problem:
            raise RunError(self.name, f"httpRequestUrl: {problem}") from None

    def render_headers(
        self, context: Mapping[str, Any], *, now: datetime | None = None
    ) -> tuple[tuple[str, str], ...]:
        """Raises RunError where a name is none, or a value holds control characters."""
        rendered = [
            (
                name if isinstance(name, str) else self._header_name(name, context, now),
                self._rendered("a header's value", value, context, now),
            )
            for name, value in self.headers
        ]
        for name, value in rendered:
            if _CONTROL.search(value):
                raise RunError(self.name, f'header "{name}" holds control characters')
        if self.body is not None and not any(
            name.lower() == "content-type" for name, _ in rendered
        ):
            rendered.insert(0, ("Content-Type", "application/json"))
        return tuple(rendered)

    def _header_name(
        self, template: Template, context: Mapping[str, Any], now: datetime | None
    ) -> str:
        name = self._rendered("a header's name", template, context, now)
        fault = _name_fault(name)
        if fault is not None:
            raise RunError(self.name, fault)
        return name

    def _rendered(
        self, what: str, template: Template, context: Mapping[str, Any], now: datetime | None
    ) -> str:
        try:
            return expression.text_of(template, context, now).strip()
        except PebbleError as problem:
            raise RunError(self.name, f"{what}: {problem}") from None

    def read(self, outputs: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:  # noqa: ARG002
        """The variables that its response sets, and what there is to say of them."""
        return {}, None

    def render_body(self, context: Mapping[str, Any], *, now: datetime | None = None) -> bytes:  # noqa: ARG002
        return b"" if self.body is None else self.body.render(context)


def compile_http_request(properties: Properties, scope: Scope) -> HttpRequest | None:
    """The node compiled, or None with the findings that say why not."""
    method = properties.text("httpRequestMethod").upper() or "POST"
    if method not in METHODS:
        known = ", ".join(sorted(METHODS))
        properties.report(VALUE, f'method "{method}" is unknown', f"use {known}")
    if properties.value("outputVariableArray"):
        properties.report(
            _UNSUPPORTED,
            "output variables by JSONPath cannot be used by this version",
            "remove outputVariableArray",
        )
    address = _read_address(properties, scope)
    body = _read_body(properties, method, scope)
    headers = _read_headers(properties)
    timeout_ms = properties.number("httpResponseTimeout")
    retry_attempts = properties.number("retryAttempts")
    on_failure = properties.text("onFailure").lower() or None
    if on_failure not in (None, "deliver", "continue"):
        properties.report(VALUE, f'onFailure is "{on_failure}"', "use deliver or continue")
    if address is None or properties.is_broken:
        return None
    node = properties.node
    return HttpRequest(
        node_id=node.id,
        name=node.name,
        kind=node.activity,
        method=method,
        address=address,
        headers=headers,
        body=body,
        timeout_s=None if not timeout_ms else timeout_ms / 1000,
        retry_attempts=1 if retry_attempts is None else min(retry_attempts, 10),
        on_failure=on_failure,
    )


def _read_address(properties: Properties, scope: Scope) -> Address | None:
    query = pairs_of(properties, "httpQueryParameters")
    if properties.value("authenticated") is not False:
        return compile_connected(properties, scope, query)
    source = properties.text("httpRequestUrl").strip()
    if not source:
        properties.report(REQUIRED, "url is empty", "set httpRequestUrl or remove the node")
        return None
    url = compile_address(properties, "httpRequestUrl", source, query)
    return None if url is None else Whole(url)


def _read_headers(properties: Properties) -> Pairs:
    headers = pairs_of(properties, "httpRequestHeaders")
    for name, template in headers:
        fault = _name_fault(name) if isinstance(name, str) else None
        if fault is not None:
            properties.report(VALUE, fault, "correct or remove it")
        elif not template.references and _CONTROL.search(template.source.strip()):
            properties.report(VALUE, f'header "{name}" holds control characters', "remove them")
    return headers


def _name_fault(name: str) -> str | None:
    """What is wrong with a header's name."""
    if not _TOKEN.fullmatch(name):
        return f"header name {quoted(name)} is no header name"
    if name.lower() in _OURS:
        return f'header "{name}" is set by the worker itself'
    return None


def _read_body(properties: Properties, method: str, scope: Scope) -> JsonBody | None:
    kind = properties.text("httpContentType").lower() or NO_BODY
    source = properties.text("httpRequestBody")
    if kind == NO_BODY:
        if source.strip():
            properties.report(
                REQUIRED, "a body needs a content type", "set httpContentType to Application/JSON"
            )
        return None
    if kind != JSON_BODY:
        properties.report(
            _UNSUPPORTED,
            f'content type "{properties.text("httpContentType")}" cannot be sent by this version',
            "use Application/JSON or None",
        )
        return None
    if not source.strip() and method in _WITHOUT_BODY:
        return None
    template = properties.template("httpRequestBody", source)
    if template is None:
        return None
    try:
        return compile_json_body(template, scope.holds_json)
    except PebbleError as problem:
        properties.report(TEMPLATE, f"httpRequestBody: {problem}", "make it JSON")
        return None

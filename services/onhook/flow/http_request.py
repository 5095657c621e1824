"""The HTTP Request activity: its properties read, checked and compiled, and its rendering.

Pure. Sending it, retrying it and signing it are the worker's; where it goes is address.py's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from onhook.flow import expression
from onhook.flow.activity import Activity, Assigned
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
from onhook.flow.bodies import Body
from onhook.flow.errors import RunError, quoted
from onhook.flow.expression import Reference, Template
from onhook.flow.header_value import check_header, header_value
from onhook.flow.properties import REQUIRED, TEMPLATE, VALUE, Properties, Scope
from onhook.flow.reading import Reading, read_document, read_rows
from onhook.flow.request_body import read_body
from onhook.flow.url import UrlError
from onhook.pebble import PebbleError

ACTIVITIES = frozenset({"http-request", "http-request-v2"})
OUTPUTS = ("httpStatusCode", "httpResponseBody", "httpResponseHeaders")
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
WEBHOOK_URL = "WebhookUrl"
"""The variable that ONHOOK_WEBHOOK_URL sets, in whatever flow."""
DELIVER_TIMEOUT_S = 15.0
CONTINUE_TIMEOUT_S = 2.0

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect"}
    | {"proxy-connection", "te", "trailer", "upgrade"}
)
"""What the client writes itself, and refuses from anybody else."""


class HttpRequest(Activity, frozen=True, kw_only=True):
    """A compiled HTTP Request node."""

    method: str
    address: Address
    headers: Pairs
    body: Body | None
    timeout_s: float | None
    retry_attempts: int
    on_failure: str | None
    """`deliver` or `continue` where the file says so, else None."""
    response_kind: str = "JSON"
    readings: tuple[Reading, ...] = ()
    """The variables that its response sets."""

    @property
    def outputs(self) -> tuple[str, ...]:
        return OUTPUTS

    @property
    def assigned(self) -> tuple[Assigned, ...]:
        """What comes back is the endpoint's, and made of nothing of the flow's."""
        return tuple(Assigned(row.variable.name, ()) for row in self.readings)

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
        if not isinstance(address, Connected):
            return None
        try:
            return address.name(context, now)
        except PebbleError as problem:
            raise RunError(self.name, f"connectorId: {problem}") from None

    def render_url(self, context: Mapping[str, Any], *, now: datetime | None = None) -> str:
        """Raises RunError."""
        try:
            return self.address.render(context, now)
        except UrlError as problem:
            raise RunError(self.name, f"{problem}; {_how_to_set(self.address.steering)}") from None
        except PebbleError as problem:
            raise RunError(self.name, f"httpRequestUrl: {problem}") from None

    def render_headers(
        self, context: Mapping[str, Any], *, now: datetime | None = None, boundary: str = ""
    ) -> tuple[tuple[str, str], ...]:
        """Raises RunError where a name is none, or a value holds control characters.

        `boundary`: of a body of parts, the same as for render_body.
        """
        rendered = [
            (
                name if isinstance(name, str) else self._header_name(name, context, now),
                self._header(name, value, context, now),
            )
            for name, value in self.headers
        ]
        if self.body is not None and not any(
            name.lower() == "content-type" for name, _ in rendered
        ):
            kind = self.body.type_with(boundary or self.boundary)
            if kind is not None:
                rendered.insert(0, ("Content-Type", kind))
        return tuple(rendered)

    @property
    def boundary(self) -> str:
        """Of a body of parts, where none is given: one that no value is likely to hold."""
        return f"onhook-{sha256(self.node_id.encode()).hexdigest()[:24]}"

    def _header(
        self,
        name: str | Template,
        value: Template,
        context: Mapping[str, Any],
        now: datetime | None,
    ) -> str:
        try:
            return header_value(value, context, now=now)
        except PebbleError as problem:
            named = name if isinstance(name, str) else name.source
            raise RunError(self.name, f'header "{named}": {problem.message}') from None

    def _header_name(
        self, template: Template, context: Mapping[str, Any], now: datetime | None
    ) -> str:
        try:
            name = expression.text_of(template, context, now).strip()
        except PebbleError as problem:
            raise RunError(self.name, f"header {template.source}: {problem}") from None
        fault = _name_fault(name)
        if fault is not None:
            raise RunError(self.name, fault)
        return name

    def render_body(
        self, context: Mapping[str, Any], *, now: datetime | None = None, boundary: str = ""
    ) -> bytes:
        """Raises RunError."""
        if self.body is None:
            return b""
        try:
            return self.body.render(context, now=now, boundary=boundary or self.boundary)
        except PebbleError as problem:
            raise RunError(self.name, f"httpRequestBody: {problem}") from None

    def read(self, outputs: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
        """The variables that its response sets, and what there is to say of them."""
        if not self.readings:
            return {}, None
        text = outputs.get("httpResponseBody")
        return read_document(self.response_kind, text, self.readings)


def _how_to_set(steering: tuple[Reference, ...]) -> str:
    """What to do about an address that is none, by the variables that decide where it leads."""
    if not steering:
        return "correct the node"
    names = ", ".join(dict.fromkeys(str(reference) for reference in steering))
    variable = steering[0].path[0]
    ways = [f"onhook override set FLOW {variable} VALUE", f"--set {variable}=VALUE in flow run"]
    if variable == WEBHOOK_URL:
        ways.insert(0, "ONHOOK_WEBHOOK_URL")
    return f"set {names}: {', '.join(ways[:-1])} or {ways[-1]}"


def compile_http_request(properties: Properties, scope: Scope) -> HttpRequest | None:
    """The node compiled, or None with the findings that say why not."""
    method = properties.text("httpRequestMethod").upper() or "POST"
    if method not in METHODS:
        known = ", ".join(sorted(METHODS))
        properties.report(VALUE, f'method "{method}" is unknown', f"use {known}")
    address = _read_address(properties, scope)
    body = read_body(properties, method, scope)
    headers = _read_headers(properties)
    timeout_ms = properties.number("httpResponseTimeout", "milliseconds")
    retry_attempts = properties.number("retryAttempts")
    on_failure = properties.text("onFailure").lower() or None
    if on_failure not in (None, "deliver", "continue"):
        properties.report(VALUE, f'onFailure is "{on_failure}"', "use deliver or continue")
    response_kind, readings = read_rows(properties, scope)
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
        response_kind=response_kind,
        readings=readings,
    )


def _read_address(properties: Properties, scope: Scope) -> Address | None:
    query = pairs_of(properties, "httpQueryParameters")
    if properties.switch("authenticated", default=True):
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
            continue
        try:
            check_header(template)
        except PebbleError as problem:
            properties.report(
                TEMPLATE, f"httpRequestHeaders.{name}: {problem}", "remove the control characters"
            )
    return headers


def _name_fault(name: str) -> str | None:
    """What is wrong with a header's name."""
    if not _TOKEN.fullmatch(name):
        return f"header name {quoted(name)} is no header name"
    if name.lower() in _OURS:
        return f'header "{name}" is set by the worker itself'
    return None

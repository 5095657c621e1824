"""Where a request goes: a whole URL, or a connector's base URL joined with a path.

Reading and rendering of addresses; credentials of connectors are the worker's. A joined address
keeps the connector's origin, whatever its path is made of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from onhook.flow import expression
from onhook.flow.errors import UNFIT_CONNECTOR, UNKNOWN_PLACE, quoted
from onhook.flow.expression import Reference, Template
from onhook.flow.properties import REQUIRED, VALUE, Properties, Scope
from onhook.flow.url import UrlError, UrlTemplate, compile_url
from onhook.pebble import PebbleError

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_JOINED = "__address__"
_ANY_BASE = "https://connector.invalid"
_PORTS = {"http": 80, "https": 443}

Pairs = tuple[tuple[str | Template, Template], ...]


class Whole(Struct, frozen=True):
    """An address of the flow's own."""

    url: UrlTemplate

    @property
    def references(self) -> tuple[Reference, ...]:
        return self.url.references

    @property
    def steering(self) -> tuple[Reference, ...]:
        return self.url.origin_references

    def render(self, context: Mapping[str, Any], now: datetime | None) -> str:
        """Raises UrlError, PebbleError."""
        return self.url.render(context, now=now)


class Connected(Struct, frozen=True, kw_only=True):
    """A connector, by id or name or an expression for them, and a path behind its base URL."""

    connector: Template
    bases: Mapping[str, str]
    """Base URLs of the connectors there are."""
    path: Template
    urls: Mapping[str, UrlTemplate]
    """The joined address for each connector, unless the path is one expression."""
    unfit: frozenset[str]
    """Connectors whose base URL makes no address with this path."""
    query: Pairs
    whole: UrlTemplate
    """Takes an address that was joined, and adds the query."""

    @property
    def references(self) -> tuple[Reference, ...]:
        return (
            *self.connector.references,
            *self.path.references,
            *references_of(self.query),
        )

    @property
    def steering(self) -> tuple[Reference, ...]:
        return self.connector.references

    def name(self, context: Mapping[str, Any], now: datetime | None) -> str:
        """The connector's id or name. Raises PebbleError."""
        return expression.text_of(self.connector, context, now).strip()

    def render(self, context: Mapping[str, Any], now: datetime | None) -> str:
        """Raises UrlError, PebbleError."""
        name = self.name(context, now)
        base = self.bases.get(name)
        if base is None:
            raise UrlError(f"no connector is called {quoted(name)}")
        if name in self.unfit:
            raise UrlError(f"the path does not fit the base URL of connector {quoted(name)}")
        joined = self.urls.get(name)
        if joined is not None:
            url = joined.render(context, now=now)
        else:
            path = expression.text_of(self.path, context, now).strip()
            address = path if _ABSOLUTE.match(path) else _join(base, path)
            url = self.whole.render({**context, _JOINED: address}, now=now)
        if origin_of(url) != origin_of(base):
            raise UrlError(f"url {quoted(url)} leaves the origin of connector {quoted(name)}")
        return url


Address = Whole | Connected


def compile_address(
    properties: Properties, name: str, source: str, query: Pairs
) -> UrlTemplate | None:
    """A whole URL. None with a finding where it cannot become one."""
    template = properties.template(name, source) if source else None
    if template is None:
        return None
    try:
        return compile_url(template, query)
    except UrlError as problem:
        properties.report(VALUE, str(problem), f"correct {name}")
        return None


def compile_connected(properties: Properties, scope: Scope, query: Pairs) -> Connected | None:
    """The address of an authenticated request. None with a finding where it cannot become one."""
    bases = scope.surroundings.connectors
    named = properties.text("connectorId", "connectorId_name", "connectorId:name").strip()
    shown = properties.text("connectorId_name", "connectorId:name").strip()
    if named not in bases and shown in bases:
        named = shown  # an export's id is the tenant's
    if not named:
        properties.report(
            REQUIRED,
            "connectorId is not set, and authenticated is on",
            "set connectorId, or set authenticated to false and httpRequestUrl to the whole address",
        )
        return None
    connector = properties.template("connectorId", named)
    source = properties.text("httpRequestPath", "httpRequestUrl").strip()
    path = properties.template("httpRequestPath", source)
    if connector is None or path is None:
        return None
    if not connector.references and connector.source not in bases:
        properties.warn(
            UNKNOWN_PLACE,
            f"no connector is called {quoted(connector.source)} here; the request fails until "
            "there is one",
            "add it to ONHOOK_CONNECTORS",
        )
    reachable = bases if connector.references else _only(bases, connector.source)
    urls: dict[str, UrlTemplate] = {}
    if not expression.is_whole(path):
        sample = source if _ABSOLUTE.match(source) else _join(_ANY_BASE, source)
        if compile_address(properties, "httpRequestPath", sample, query) is None:
            return None
        urls = _fitting(properties, reachable, source, query)
    return Connected(
        connector=connector,
        bases=reachable,
        path=path,
        urls=urls,
        unfit=frozenset(() if expression.is_whole(path) else reachable.keys() - urls.keys()),
        query=query,
        whole=compile_url(expression.compiled(f"{{{{{_JOINED}}}}}"), query),
    )


def _fitting(
    properties: Properties, bases: Mapping[str, str], source: str, query: Pairs
) -> dict[str, UrlTemplate]:
    """The joined addresses. What does not fit is the connectors' fault: the path has been read."""
    found: dict[str, UrlTemplate] = {}
    for name, base in bases.items():
        url = _joined(base, source, query)
        if url is not None:
            found[name] = url
        else:
            properties.find_outside(
                UNFIT_CONNECTOR,
                f"httpRequestPath {quoted(source)} leaves the origin of connector {quoted(name)}, "
                "or makes no address with its base URL",
                "write the path alone, or correct the connector in ONHOOK_CONNECTORS",
            )
    return found


def _joined(base: str, source: str, query: Pairs) -> UrlTemplate | None:
    if _ABSOLUTE.match(source):
        address = source
        if origin_of(source.partition("{")[0]) != origin_of(base):
            return None
    else:
        address = _join(base, source)
    try:
        return compile_url(expression.compiled(address), query)
    except (UrlError, PebbleError):
        return None


def _join(base: str, path: str) -> str:
    return f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base


def _only(bases: Mapping[str, str], name: str) -> dict[str, str]:
    return {name: bases[name]} if name in bases else {}


def origin_of(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port; None where it is no address."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return None
    scheme = split.scheme.lower()
    return scheme, split.hostname, port or _PORTS.get(scheme)


def pairs_of(properties: Properties, name: str) -> Pairs:
    """A map of names to templates; a name with an expression in it is one, too."""
    pairs: list[tuple[str | Template, Template]] = []
    for key, text in properties.map_of_texts(name).items():
        named = properties.template(name, key) if expression.has_tags(key) else key
        template = properties.template(f"{name}.{key}", text)
        if named is not None and template is not None:
            pairs.append((named, template))
    return tuple(pairs)


def references_of(pairs: Pairs) -> tuple[Reference, ...]:
    """Of names and values."""
    return tuple(
        reference
        for pair in pairs
        for part in pair
        if not isinstance(part, str)
        for reference in part.references
    )

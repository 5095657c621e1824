"""A request's address as a template: each value is percent-encoded for the place it stands in.

A URL that is one expression is taken whole, and so is an expression at its very start. No value
further on can change the host. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from onhook.flow.errors import quoted
from onhook.pebble import Reference, Template, Text
from onhook.pebble.template import as_text

_HOST_CHARS = re.compile(r"[A-Za-z0-9.\-_:\[\]]*", re.ASCII)
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f-\xa0\ud800-\udfff]")
_SCHEMES = ("http://", "https://")
_VALUE = "\0"
"""Stands for an expression in the text before another."""
_ORIGIN = re.compile(r"[^:/?#]*:/?/?[^/?#]*")
_WHOLE_ORIGIN = re.compile(rf"{_VALUE}(?::?//|:/?$)?[^/?#]*")
"""After an expression at the start, which may be a scheme alone, or with its colon."""


class UrlError(Exception):
    """The rendered address cannot be used."""


class Place(Enum):
    WHOLE = "whole"
    """At the start: the value brings the scheme, and mostly the host."""
    HOST = "host"
    PATH = "path"
    QUERY = "query"


class UrlTemplate(Struct, frozen=True):
    parts: tuple[str | tuple[Place, Reference], ...]
    query: tuple[tuple[str, Template], ...] = ()

    @property
    def origin_references(self) -> tuple[Reference, ...]:
        """The references that decide scheme or host."""
        return tuple(
            part[1]
            for part in self.parts
            if not isinstance(part, str) and part[0] in (Place.WHOLE, Place.HOST)
        )

    def render(self, context: Mapping[str, Any]) -> str:
        """The address. Raises UrlError, without quoting more than 200 bytes of it."""
        url = ""
        own_until: int | None = None
        for part in self.parts:
            if isinstance(part, str):
                url += part
                continue
            if own_until is None and part[0] in (Place.PATH, Place.QUERY):
                own_until = len(url)
            url += _encode(part[0], part[1], context)
        _check(url, own_until)
        if self.query:
            pairs = [(name, template.render(context)) for name, template in self.query]
            url, hash_mark, fragment = url.partition("#")
            url += ("&" if "?" in url else "?") + urlencode(pairs, quote_via=quote)
            url += hash_mark + fragment
        return url


def compile_url(template: Template, query: tuple[tuple[str, Template], ...] = ()) -> UrlTemplate:
    """Find each expression's place. Raises UrlError where no value could make it an address."""
    if not template.references:
        _check(template.source, None)
    elif isinstance(first := template.parts[0], Text) and not _may_begin(first.text.lower()):
        raise UrlError(f"url {quoted(template.source)} is no http:// or https:// address")
    parts: list[str | tuple[Place, Reference]] = []
    before = ""
    for part in template.parts:
        if isinstance(part, Text):
            before += part.text
            parts.append(part.text)
        else:
            parts.append((_place(before), part))
            before += _VALUE
    return UrlTemplate(tuple(parts), query)


def _may_begin(text: str) -> bool:
    return any(text.startswith(scheme) or scheme.startswith(text) for scheme in _SCHEMES)


def _place(before: str) -> Place:
    if not before:
        return Place.WHOLE
    origin = _WHOLE_ORIGIN.match(before) or _ORIGIN.match(before)
    behind = before[origin.end() :] if origin else ""
    if not behind:
        return Place.HOST
    return Place.QUERY if "?" in behind else Place.PATH


def _encode(place: Place, reference: Reference, context: Mapping[str, Any]) -> str:
    text = as_text(reference.value(context))
    if place is Place.WHOLE:
        return text.strip()
    if place is Place.HOST:
        if not _HOST_CHARS.fullmatch(text):
            raise UrlError(f"{reference} stands in the host, and {quoted(text)} cannot")
        return text
    return quote(text, safe="")


def _check(url: str, own_until: int | None) -> None:
    """`own_until`: where the first value begins that may not be part of the origin."""
    if not url:
        raise UrlError("url is empty")
    if _UNSENDABLE.search(url):
        raise UrlError(f"url {quoted(url)} holds blanks or control characters")
    try:
        split = urlsplit(url)
        _ = split.port
    except ValueError as error:
        raise UrlError(f"url {quoted(url)} is no address: {error}") from None
    if split.scheme.lower() not in ("http", "https") or not split.hostname:
        raise UrlError(f"url {quoted(url)} is no http:// or https:// address")
    if split.username is not None or split.password is not None:
        raise UrlError("url holds a user or password; use an authenticated endpoint")
    if own_until is not None and own_until < len(split.scheme) + len("://") + len(split.netloc):
        raise UrlError(f"url {quoted(url)} has a value of its path or query in its host")

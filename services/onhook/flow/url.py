"""A request's address as a template: each value is percent-encoded for the place it stands in.

A URL that is one expression is taken whole, and so is an expression at its very start. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from onhook.pebble import Reference, Template, Text
from onhook.pebble.template import as_text

_HOST_CHARS = re.compile(r"[A-Za-z0-9.\-_:\[\]]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class UrlError(Exception):
    """The rendered address cannot be used."""


class Place(Enum):
    WHOLE = "whole"
    """At the start: the value brings scheme and host."""
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
        """The address. Raises UrlError, without quoting more than 200 characters of it."""
        url = "".join(
            part if isinstance(part, str) else _encode(part[0], part[1], context)
            for part in self.parts
        ).strip()
        _check(url)
        if self.query:
            pairs = [(name, template.render(context)) for name, template in self.query]
            url, hash_mark, fragment = url.partition("#")
            url += ("&" if "?" in url else "?") + urlencode(pairs, quote_via=quote)
            url += hash_mark + fragment
        return url


def compile_url(template: Template, query: tuple[tuple[str, Template], ...] = ()) -> UrlTemplate:
    parts: list[str | tuple[Place, Reference]] = []
    before = ""
    for part in template.parts:
        if isinstance(part, Text):
            before += part.text
            parts.append(part.text)
        else:
            parts.append((_place(before), part))
            before += "x" if before else "https://x"
    return UrlTemplate(tuple(parts), query)


def _place(before: str) -> Place:
    if not before.strip():
        return Place.WHOLE
    if "?" in before:
        return Place.QUERY
    _scheme, separator, rest = before.partition("://")
    return Place.PATH if separator and "/" in rest else Place.HOST


def _encode(place: Place, reference: Reference, context: Mapping[str, Any]) -> str:
    text = as_text(reference.value(context))
    if place is Place.WHOLE:
        return text.strip()
    if place is Place.HOST:
        if not _HOST_CHARS.fullmatch(text):
            raise UrlError(f"{reference} stands in the host, and {text[:80]!r} cannot")
        return text
    return quote(text, safe="")


def _check(url: str) -> None:
    shown = url[:200]
    if not url:
        raise UrlError("url is empty")
    if _CONTROL.search(url):
        raise UrlError(f"url {shown!r} holds blanks or control characters")
    try:
        split = urlsplit(url)
        _ = split.port
    except ValueError as error:
        raise UrlError(f"url {shown!r} is no address: {error}") from None
    if split.scheme.lower() not in ("http", "https") or not split.hostname:
        raise UrlError(f"url {shown!r} is no http:// or https:// address")
    if split.username is not None or split.password is not None:
        raise UrlError("url holds a user or password; use an authenticated endpoint")

"""A request's address as a template: each value is percent-encoded for the place it stands in.

A URL that is one expression is taken whole, and so is an expression at its very start. No value
further on can change the host. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from onhook.flow.errors import quoted
from onhook.flow.final_filter import drops_escapes, without_final
from onhook.flow.json_literal import NoLiteral, as_text
from onhook.flow.url_place import VALUE, Place, behind_origin, place_behind, steering
from onhook.pebble import Reference, Template, Text
from onhook.pebble.nodes import Flush, Macro, Print, Set
from onhook.pebble.plain import plain_path

_HOST_CHARS = re.compile(r"[A-Za-z0-9.\-_:\[\]]*", re.ASCII)
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f-\xa0\ud800-\udfff]")
_SCHEMES = ("http://", "https://")
_MOST_CHARS = 1_048_576
_DROPS_ESCAPES = drops_escapes("url_param")


class UrlError(Exception):
    """The rendered address cannot be used."""


class UrlTemplate(Struct, frozen=True):
    """A compiled address, with the query parameters that are added behind it."""

    template: Template
    query: tuple[tuple[str | Template, Template], ...]
    origin_references: tuple[Reference, ...]
    """The references that may decide scheme or host."""
    references: tuple[Reference, ...]
    """Everything that is read, the query's names and values included."""

    def render(self, context: Mapping[str, Any], *, now: datetime | None = None) -> str:
        """The address. Raises UrlError, without quoting more than 200 bytes of it; PebbleError."""
        output = _Output()
        self.template.render_to(context, output, now=now)
        url = "".join(output.pieces)
        _check(url, output.origin_end)
        if self.query:
            pairs = [
                (_name(name, context, now), _text(value, context, now))
                for name, value in self.query
            ]
            url, hash_mark, fragment = url.partition("#")
            url += ("&" if "?" in url else "?") + urlencode(
                pairs, quote_via=quote, errors="replace"
            )
            url += hash_mark + fragment
        return url


def compile_url(
    template: Template, query: tuple[tuple[str | Template, Template], ...] = ()
) -> UrlTemplate:
    """Raises UrlError where no value could make it an address.

    A name of the query that is a template is rendered, one that is a text stands as it is.
    """
    printing = [node for node in template.body if not isinstance(node, Set | Macro | Flush)]
    if all(isinstance(node, Text) for node in printing):
        _check("".join(node.text for node in printing if isinstance(node, Text)), None)
    elif isinstance(first := printing[0], Text) and not _may_begin(first.text.lower()):
        raise UrlError(f"url {quoted(template.source)} is no http:// or https:// address")
    parts = [part for pair in query for part in pair if isinstance(part, Template)]
    return UrlTemplate(
        template=_encoded_once(template),
        query=tuple(
            (name if isinstance(name, str) else _encoded_once(name), _encoded_once(value))
            for name, value in query
        ),
        origin_references=steering(template),
        references=tuple(each for part in (template, *parts) for each in part.references),
    )


def _encoded_once(template: Template) -> Template:
    """Without a final `| urlencode`: what stands in an address is encoded anyway."""
    stripped, _ = without_final(
        template, lambda name, strategy: name == "urlencode" or _DROPS_ESCAPES(name, strategy)
    )
    return stripped


def _may_begin(text: str) -> bool:
    return any(text.startswith(scheme) or scheme.startswith(text) for scheme in _SCHEMES)


class _Output:
    """A pebble Output that encodes each value for its place."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.origin_end: int | None = None
        """Where scheme and host must have ended: what follows may be anybody's."""
        self._before = ""
        self._length = 0

    def text(self, node: Text) -> None:
        self._add(node.text)
        if self.origin_end is None:
            self._before += node.text
            if behind := behind_origin(self._before):
                self.origin_end = self._length - len(behind)

    def value(self, value: Any, node: Print) -> None:
        try:
            text = as_text(value)
        except NoLiteral as problem:
            raise UrlError(f"{_named(node)}: {problem}") from None
        if self.origin_end is not None:
            self._add(quote(text, safe="", errors="replace"))
            return
        if place_behind(self._before) is Place.HOST:
            if not _HOST_CHARS.fullmatch(text):
                raise UrlError(f"{_named(node)} stands in the host, and {quoted(text)} cannot")
        else:
            text = text.strip()
        self._before += VALUE
        self._add(text)

    def _add(self, piece: str) -> None:
        self.pieces.append(piece)
        self._length += len(piece)
        if self._length > _MOST_CHARS:
            raise UrlError(f"url is longer than {_MOST_CHARS} characters")


def _named(node: Print) -> str:
    path = plain_path(node.expression)
    return "an expression" if path is None else "{{" + ".".join(path) + "}}"


class _Texts:
    """A pebble Output that joins: a map or list is its JSON."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def text(self, node: Text) -> None:
        self.pieces.append(node.text)

    def value(self, value: Any, node: Print) -> None:
        try:
            self.pieces.append(as_text(value))
        except NoLiteral as problem:
            raise UrlError(f"{_named(node)}: {problem}") from None


def _name(name: str | Template, context: Mapping[str, Any], now: datetime | None) -> str:
    return name if isinstance(name, str) else _text(name, context, now)


def _text(template: Template, context: Mapping[str, Any], now: datetime | None) -> str:
    output = _Texts()
    template.render_to(context, output, now=now)
    return "".join(output.pieces)


def _check(url: str, origin_end: int | None) -> None:
    """`origin_end`: where at the latest scheme and host must end."""
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
    if origin_end is not None and origin_end < len(split.scheme) + len("://") + len(split.netloc):
        raise UrlError(f"url {quoted(url)} has a value of its path or query in its host")

"""Taking values out of texts and data, in every form that the places of a flow give them. Pure.

As it is, in JSON, XML, a URL or form, quoted in an error, in base64; and its beginning, where a text
was cut. Which values those are is decided elsewhere.
"""

from __future__ import annotations

import functools
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from onhook.flow.expression import as_text

MASKED = "***"
SHORTEST = 4
"""A shorter value is masked only where it is the whole text: `1` stands in too many places."""
SHORTEST_BEGINNING = 8
_LONG = 200
"""Longer forms are looked for one by one: a pattern of them takes long to make."""
_CUT = ('"', "'", "...", "…", "`")
"""What stands behind a text that was cut to be quoted."""
_SHORTEST_BASE64 = 8
_XML_QUOTES = {'"': "&quot;", "'": "&apos;"}


class Mask:
    """`text` and `data` give back what they are given, with MASKED for each secure value."""

    __slots__ = ("_forms", "_hides_all", "_long", "_pattern", "_whole")

    def __init__(
        self, values: Iterable[str], whole: Iterable[str] = (), *, hides_all: bool = False
    ) -> None:
        """`whole`: values that are masked only where nothing stands around them.

        `hides_all`: every text is masked, for where the values are not all known.
        """
        given = tuple(values)
        forms: set[str] = set()
        for value in given:
            if len(value) >= SHORTEST:
                forms.update(_forms(value))
        self._set(frozenset(value for value in (*given, *whole) if value), forms, hides_all)

    def _set(self, whole: frozenset[str], forms: Collection[str], hides_all: bool) -> None:
        self._whole = whole
        self._hides_all = hides_all
        self._forms = tuple(sorted(forms, key=len, reverse=True))
        self._long = tuple(form for form in self._forms if len(form) > _LONG)
        short = self._forms[len(self._long) :]
        self._pattern = re.compile("|".join(map(re.escape, short))) if short else None

    def __bool__(self) -> bool:
        return self._hides_all or bool(self._whole)

    def __or__(self, other: Mask) -> Mask:
        """The values of both."""
        if not (self and other):
            return self or other
        both = Mask(())
        forms = {*self._forms, *other._forms}
        both._set(self._whole | other._whole, forms, self._hides_all or other._hides_all)
        return both

    def text(self, text: str) -> str:
        if not self._whole and not self._hides_all:
            return text
        if self._hides_all or text in self._whole:
            return MASKED if text else text
        for form in self._long:
            text = text.replace(form, MASKED)
        if self._pattern is not None:
            text = self._pattern.sub(MASKED, text)
        return self._without_beginnings(text)

    def cut(self, text: str, longest: int) -> str:
        """The first `longest` characters, masked: a value that stands across the end is, whole."""
        if not self:
            return text[:longest]
        if len(text) <= longest or self._hides_all or text in self._whole:
            return self.text(text)[:longest]
        end = longest
        for form in self._forms:
            first = max(0, end - len(form) + 1)
            at = text.find(form, first, end + len(form) - 1)
            while at >= 0:  # further to the front, as long as one does
                end = min(end, at)
                first = max(0, end - len(form) + 1)
                at = text.find(form, first, end + len(form) - 1)
        masked = self.text(text[:end])
        return masked if end == longest else masked + MASKED

    def data(self, value: Any) -> Any:
        """JSON values; also the names in maps."""
        if not self:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self._name(str(key)): self.data(member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(member) for member in value]
        if value is None:
            return None
        return MASKED if self._hides_all or as_text(value) in self._whole else value

    def _name(self, name: str) -> str:
        """Where everything is hidden, names stay: they are the flow's."""
        return name if self._hides_all else self.text(name)

    def _without_beginnings(self, text: str) -> str:
        """A message quotes the first so many characters: of a longer value, its beginning."""
        for form in self._forms:
            if len(form) <= SHORTEST_BEGINNING:
                break
            at = text.find(form[:SHORTEST_BEGINNING])
            while at >= 0:
                end = at + _alike(text, at, form)
                if end == len(text) or text.startswith(_CUT, end):
                    text = text[:at] + MASKED + text[end:]
                    end = at + len(MASKED)
                at = text.find(form[:SHORTEST_BEGINNING], end)
        return text


def _alike(text: str, at: int, form: str) -> int:
    """How many characters from `at` on are those of the form."""
    length = SHORTEST_BEGINNING
    most = min(len(form), len(text) - at)
    while length < most and text[at + length] == form[length]:
        length += 1
    return length


NOTHING = Mask(())
EVERYTHING = Mask((), hides_all=True)


@functools.lru_cache(maxsize=4_096)
def _short_forms(value: str) -> frozenset[str]:
    return frozenset(_all_forms(value))


def _forms(value: str) -> Collection[str]:
    """How a value is written in the places that it can reach."""
    return _short_forms(value) if len(value) <= _LONG else frozenset(_all_forms(value))


def _all_forms(value: str) -> Iterator[str]:
    in_json = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    safe = ("", "/", "/:")
    in_url = (*(quote(value, safe=each, errors="replace") for each in safe),)
    in_form = quote_plus(value, errors="replace")
    in_xml = (escape(value), escape(value, _XML_QUOTES))
    in_error = repr(f'"{value}')[2:-1]  # beside a double quote, single ones are escaped
    yield from (value, *in_json, *in_url, in_form, *in_xml, in_error, in_error.replace("\\'", "'"))
    yield from (each.lower() for each in (*in_url, in_form) if "%" in each)
    yield from _in_base64(value.encode("utf-8", "surrogatepass"))


def _in_base64(value: bytes) -> Iterator[str]:
    """At each of the three places where it can begin in what is encoded with it."""
    yield from (b64encode(value).decode(), urlsafe_b64encode(value).decode())
    if len(value) < _SHORTEST_BASE64:
        return
    for before in range(3):
        padded = b"\0" * before + value
        first = -(-before * 8 // 6)
        last = len(padded) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(padded).decode()[first:last]

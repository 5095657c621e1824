"""Keeping secure values out of what is told: traces, logs, pages. Pure.

A value is found in every form that a flow's places give it: as it is, in JSON, XML, a URL or form,
and in base64. What an expression made of it (a part, a hash) is not the value, and stays.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import msgspec

from onhook.contracts.run import Progress
from onhook.flow.compiled import Flow
from onhook.flow.expression import as_text
from onhook.flow.model import Variable
from onhook.flow.performing import Lookup, performed
from onhook.settings.contact_centre import VariableType

MASKED = "***"
SHORTEST = 4
"""A shorter value is masked only where it is the whole text: `1` stands in too many places."""
_SHORTEST_BASE64 = 8
_XML_QUOTES = {'"': "&quot;", "'": "&apos;"}


class Mask:
    """`text` and `data` give back what they are given, with MASKED for each secure value."""

    __slots__ = ("_pattern", "_whole")

    def __init__(self, values: Collection[str], whole: Collection[str] = ()) -> None:
        """`whole`: values that are masked only where nothing stands around them."""
        self._whole = frozenset(value for value in (*values, *whole) if value)
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __bool__(self) -> bool:
        return bool(self._whole)

    def text(self, text: str) -> str:
        if text in self._whole:
            return MASKED
        return text if self._pattern is None else self._pattern.sub(MASKED, text)

    def data(self, value: Any) -> Any:
        """JSON values; also the names in maps."""
        if not self._whole:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(member) for member in value]
        if value is None:
            return None
        return MASKED if as_text(value) in self._whole else value


NOTHING_SECURE = Mask(())


def holds_secure(flow: Flow) -> bool:
    return any(variable.is_secure for variable in flow.variables)


def mask_of(flow: Flow, progress: Progress, overrides: Mapping[str, Any]) -> Mask:
    """Of the flow that is performed now, without those that wait for it."""
    if not holds_secure(flow):
        return NOTHING_SECURE
    return _mask([*_secure_values(flow, progress.variables, overrides)])


def mask_in(flow: Flow, lookup: Lookup, progress: Progress, overrides: Mapping[str, Any]) -> Mask:
    """Of a whole run: the flow that is performed now and those that wait for it.

    `flow` is the run's own, `overrides` those of the flow that is performed now.
    """
    current = performed(flow, lookup, progress)
    found = [*_secure_values(current, progress.variables, overrides)]
    for caller in progress.callers:
        is_own = caller.flow_id is None or caller.version is None
        waiting = flow if is_own else lookup(str(caller.flow_id), int(caller.version or 0))
        found += _secure_values(waiting, caller.variables, {})
    return _mask(found) if found else NOTHING_SECURE


def _secure_values(
    flow: Flow, variables: Mapping[str, Any], overrides: Mapping[str, Any]
) -> Iterator[tuple[Variable, Any]]:
    """What each secure variable holds now, may have held at first, and is configured to."""
    for variable in flow.variables:
        if variable.is_secure:
            for value in (
                variables.get(variable.name),
                overrides.get(variable.name),
                variable.value,
            ):
                if value is not None and value != "":
                    yield variable, value


def _mask(found: list[tuple[Variable, Any]]) -> Mask:
    values: set[str] = set()
    whole: set[str] = set()
    for variable, value in found:
        kept = whole if variable.type is VariableType.BOOLEAN else values
        kept.update(_texts(value))
        if variable.type is VariableType.JSON and isinstance(value, str):
            kept.update(_leaves(value))
    return Mask(values, whole)


def _texts(value: Any) -> Iterator[str]:
    """A value's text; of a map or list its JSON and every text and number in it."""
    if isinstance(value, Mapping):
        yield msgspec.json.encode(value).decode()
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list | tuple):
        yield msgspec.json.encode(value).decode()
        for member in value:
            yield from _texts(member)
    elif value is not None and not isinstance(value, bool):
        yield as_text(value)


def _leaves(text: str) -> Iterator[str]:
    try:
        yield from _texts(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return


def _forms(value: str) -> Iterator[str]:
    """How a value is written in the places that it can reach."""
    in_json = (json.dumps(value)[1:-1], msgspec.json.encode(value).decode()[1:-1])
    safe = ("", "/", "/:")
    in_url = (*(quote(value, safe=each, errors="replace") for each in safe),)
    in_form = quote_plus(value, errors="replace")
    in_xml = (escape(value), escape(value, _XML_QUOTES))
    yield from (value, *in_json, *in_url, in_form, *in_xml)
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

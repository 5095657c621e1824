"""Filters that take a text: letters, cuts, encodings."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from onhook.java import char as java_char
from onhook.java.number import Int
from onhook.pebble.errors import Fault
from onhook.pebble.filters.definition import (
    Apply,
    FilterDefinition,
    number_argument,
    text_argument,
    text_input,
)
from onhook.pebble.state import State
from onhook.pebble.text_pattern import split
from onhook.pebble.values import kind

_BREAK = re.compile(r"\r\n?|\n")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_ELLIPSIS = "..."


def _abbreviate(value: Any, arguments: Mapping[str, Any], _state: State) -> Any:
    text = text_input(value, "abbreviate")
    given = arguments.get("length")
    if isinstance(given, bool | Int) or not isinstance(given, int):
        raise Fault(f'length of the filter "abbreviate" must be a number, not {kind(given)}')
    width = number_argument(arguments, "length", "abbreviate") or 0
    if width < 0:
        raise Fault('length of the filter "abbreviate" must not be negative')
    length = java_char.length(text)
    if length < width or length <= len(_ELLIPSIS):
        return text
    if width <= len(_ELLIPSIS):
        return java_char.substring(text, 0, width)
    return java_char.substring(text, 0, width - len(_ELLIPSIS)) + _ELLIPSIS


def _base64decode(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    encoded = text_input(value, "base64decode").encode("utf-8", "replace")
    digits = encoded.rstrip(b"=")
    padding = len(encoded) - len(digits)
    is_padded = padding == 0 or len(encoded) % 4 == 0
    if not _BASE64.fullmatch(encoded) or len(digits) % 4 == 1 or not is_padded:
        raise Fault("the text is not encoded in Base64")
    try:
        decoded = base64.b64decode(digits + b"=" * (-len(digits) % 4))
    except binascii.Error:
        raise Fault("the text is not encoded in Base64") from None
    return state.bounded(decoded.decode("utf-8", "replace"))


def _base64encode(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    return state.bounded(base64.b64encode(_bytes(state.text(value))).decode())


def _capitalize(value: Any, _arguments: Mapping[str, Any], _state: State) -> Any:
    text = text_input(value, "capitalize")
    rest = java_char.left_trimmed(text)
    return text[: len(text) - len(rest)] + java_char.title(rest[:1]) + rest[1:]


def _lower(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    return state.bounded(java_char.lower(state.text(value)))


def _nl2br(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    return state.bounded(_BREAK.sub("<br />", text_input(value, "nl2br")))


def _replace(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    pairs = arguments.get("replace_pairs")
    if not isinstance(pairs, Mapping):
        raise Fault('the filter "replace" takes one map, such as {"old": "new"}')
    text = state.text(value)
    for old, new in pairs.items():
        if old is None or new is None:
            raise Fault('null in the map of the filter "replace"')
        text = replaced(text, state.text(old), state.text(new), state)
    return text


def replaced(text: str, old: str, new: str, state: State) -> str:
    """Every `old` of the text by `new`; the length is bounded before it is built."""
    state.charge(1 + (len(text) >> 6))
    found = text.count(old)
    if not found:
        return text
    if len(text) + found * (len(new) - len(old)) > state.limits.output_chars:
        state.bounded(" " * (state.limits.output_chars + 1))
    return state.bounded(text.replace(old, new))


def _sha256(value: Any, _arguments: Mapping[str, Any], _state: State) -> Any:
    return hashlib.sha256(_bytes(text_input(value, "sha256"))).hexdigest()


def _split(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    delimiter = text_argument(arguments, "delimiter", "split")
    limit = number_argument(arguments, "limit", "split")
    if delimiter is None:
        raise Fault('the filter "split" needs a delimiter')
    return split(text_input(value, "split"), delimiter, limit or 0, state)


def _title(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    text = state.bounded(text_input(value, "title"))
    titled: list[str] = []
    is_first = True
    for char in text:
        if java_char.is_whitespace(char):
            is_first = True
        elif is_first:
            is_first = False
            titled.append(java_char.title(char))
            continue
        titled.append(char)
    return "".join(titled)


def _trim(value: Any, _arguments: Mapping[str, Any], _state: State) -> Any:
    return java_char.trimmed(text_input(value, "trim"))


def _upper(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    return state.bounded(java_char.upper(state.text(value)))


def _urlencode(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    encoded = quote_plus(_bytes(text_input(value, "urlencode")), safe="*")
    return state.bounded(encoded.replace("~", "%7E"))


def _bytes(text: str) -> bytes:
    return java_char.whole(text).encode()


def _unless_null(apply: Apply) -> Apply:
    def apply_unless_null(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
        return None if value is None else apply(value, arguments, state)

    return apply_unless_null


TEXT_FILTERS = {
    name: FilterDefinition(_unless_null(apply), parameters)
    for name, apply, parameters in (
        ("abbreviate", _abbreviate, ("length",)),
        ("base64decode", _base64decode, None),
        ("base64encode", _base64encode, None),
        ("capitalize", _capitalize, None),
        ("lower", _lower, None),
        ("nl2br", _nl2br, None),
        ("replace", _replace, ("replace_pairs",)),
        ("sha256", _sha256, None),
        ("split", _split, ("delimiter", "limit")),
        ("title", _title, None),
        ("trim", _trim, None),
        ("upper", _upper, None),
        ("urlencode", _urlencode, None),
    )
}

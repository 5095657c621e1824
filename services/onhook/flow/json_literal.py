"""A value as JSON writes it: as a literal, inside a string, as a key.

Pure. It must not know templates or bodies; where a value stands is decided by who calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from onhook import pebble
from onhook.java.char import whole

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=pebble.as_text)
_LARGEST_DEPTH = 400


class NoLiteral(Exception):
    """The value cannot be written as JSON; the message says why."""


def literal(value: Any) -> str:
    """The value as a JSON literal: null, a number with all its digits, JSON of a map or list.

    Infinity and NaN are null, as JavaScript writes them; half a surrogate pair is a question mark,
    as Java writes it. Raises NoLiteral.
    """
    if value is None:
        return "null"
    try:
        return _ENCODER.encode(value).decode()
    except (TypeError, UnicodeEncodeError):  # a map's odd keys, half a character
        return _ENCODER.encode(_plain(value, 0)).decode()
    except RecursionError:
        raise NoLiteral("the value is nested too deeply to be written as JSON") from None
    except (ValueError, OverflowError):
        raise NoLiteral("the value holds a number with too many digits") from None


def in_string(value: Any) -> str:
    """The value's text escaped for a JSON string; a map or list is its JSON. Raises NoLiteral."""
    text = value if type(value) is str else as_text(value)
    if "\\" not in text and '"' not in text and text.isprintable():
        return text
    return literal(text)[1:-1]


def key(value: Any) -> str:
    """The value's text as a JSON string, quotes included. Raises NoLiteral."""
    return literal(as_text(value))


def json_or_literal(value: Any) -> str:
    """JSON as it is (a response's body), anything else as a literal. Raises NoLiteral."""
    if isinstance(value, str):
        try:
            return msgspec.json.format(value, indent=-1) if value.strip() else "null"
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            return literal(value)
    return literal(value)


def as_text(value: Any) -> str:
    """The value as a template prints it, but a map or list as JSON. Raises NoLiteral."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list | tuple):
        return literal(value)
    try:
        return pebble.as_text(value)
    except ValueError:
        raise NoLiteral("the value holds a number with too many digits") from None


def _plain(value: Any, depth: int) -> Any:
    """The same value with texts for keys, and whole characters."""
    if depth > _LARGEST_DEPTH:
        raise NoLiteral("the value is nested too deeply to be written as JSON")
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, Mapping):
        return {whole(as_text(name)): _plain(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member, depth + 1) for member in value]
    return value

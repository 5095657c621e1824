"""Text as both stores can hold it: what is no character is replaced, and the same on both.

Python's text may hold lone surrogates (half a character, from a broken escape or header); neither
store takes them. Pure functions; they must not know a table.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_LONE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def well_formed(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD."""
    return text if text.isascii() else _LONE.sub(_REPLACEMENT, text)


def well_formed_row(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row's values, its texts well-formed; as good as free while all are ASCII."""
    for value in values:
        if type(value) is str and not value.isascii() and _LONE.search(value):
            return tuple(well_formed(each) if type(each) is str else each for each in values)
    return values


def encoded(value: Any) -> bytes:
    """Anything as JSON, with well-formed texts."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(msgspec.to_builtins(value)))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {_mended(key): _mended(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(each) for each in value]
    return value

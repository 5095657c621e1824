"""Plain data as Java sees it: toString, hashCode, the name of a type, lengths in UTF-16.

This module must not know who asks.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from onhook.pebble.java_number import double_to_string

_MAX_DEPTH = 100
_INT = 0xFFFFFFFF
_TOO_DEEP = "the value is nested too deeply to be printed"


def to_text(value: Any, depth: int = 0) -> str:
    """`value` as its toString prints it: `[a, b]`, `{k=v}`, `null`. ValueError: nested too deep."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_to_string(value)
    if depth > _MAX_DEPTH:
        raise ValueError(_TOO_DEEP)
    if isinstance(value, Mapping):
        members = (
            f"{to_text(key, depth + 1)}={to_text(member, depth + 1)}"
            for key, member in value.items()
        )
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(to_text(member, depth + 1) for member in value) + "]"
    return str(value)


def kind(value: Any) -> str:
    """What a user calls the type of `value`: "a text", "a number", ..."""
    if isinstance(value, str):
        return "a text"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float | Decimal):
        return "a decimal number"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    return "this value"


def hash_code(value: Any, depth: int = 0) -> int:
    """`value.hashCode()` as an unsigned number of 32 bits. ValueError: nested too deep."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1231 if value else 1237
    if isinstance(value, int):
        return _fold(value & 0xFFFFFFFFFFFFFFFF)
    if isinstance(value, float):
        return _fold(int.from_bytes(struct.pack(">d", value), "big"))
    if isinstance(value, Decimal):
        return _decimal_hash(value)
    if depth > _MAX_DEPTH:
        raise ValueError(_TOO_DEEP)
    if isinstance(value, Mapping):
        members = (
            hash_code(key, depth + 1) ^ hash_code(member, depth + 1)
            for key, member in value.items()
        )
        return sum(members) & _INT
    if isinstance(value, list | tuple):
        code = 1
        for member in value:
            code = (31 * code + hash_code(member, depth + 1)) & _INT
        return code
    code = 0
    units = str(value).encode("utf-16-be", "surrogatepass")
    for position in range(0, len(units), 2):
        code = (31 * code + (units[position] << 8) + units[position + 1]) & _INT
    return code


def _fold(bits: int) -> int:
    return (bits ^ bits >> 32) & _INT


def _decimal_hash(value: Decimal) -> int:
    parts = value.as_tuple()
    scale = -parts.exponent if isinstance(parts.exponent, int) else 0
    magnitude = int("".join(map(str, parts.digits)) or "0")
    code = 0
    for shift in range(max(magnitude.bit_length() - 1, 0) // 32 * 32, -1, -32):
        code = (31 * code + (magnitude >> shift & _INT)) & _INT
    return (31 * (-code if parts.sign else code) + scale) & _INT


def utf16_length(text: str) -> int:
    """The length that Java counts: two for a character beyond the basic plane."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_prefix(text: str, units: int) -> str:
    """The first `units` of what Java counts; half a character is left out."""
    if text.isascii():
        return text[:units]
    kept = text.encode("utf-16-le", "surrogatepass")[: units * 2]
    return kept.decode("utf-16-le", "ignore")

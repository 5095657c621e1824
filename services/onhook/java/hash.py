"""hashCode as Java computes it: for `%h`, and for the order of its hash maps.

It must not know who asks.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from onhook.java.number import Int

DEEPEST = 100
"""Lists and maps within one another."""

_INT = 0xFFFFFFFF
_LONG = 0xFFFFFFFFFFFFFFFF
_LONG_BITS = 64


def hash_code(value: Any, depth: int = 0) -> int:
    """`value.hashCode()` as an unsigned number of 32 bits. Raises ValueError for data too deep."""
    if value is None or isinstance(value, bool):
        return {None: 0, True: 1231, False: 1237}[value]
    if isinstance(value, int):
        return value & _INT if isinstance(value, Int) else _whole_hash(value)
    if isinstance(value, float):
        return _folded(int.from_bytes(struct.pack(">d", value), "big"))
    if isinstance(value, Decimal):
        return _decimal_hash(value)
    if isinstance(value, Mapping | list | tuple):
        if depth > DEEPEST:
            raise ValueError(f"the data is nested more than {DEEPEST} levels deep")
        return _collection_hash(value, depth + 1)
    return _text_hash(str(value) if isinstance(value, str) else "")


def _collection_hash(value: Any, depth: int) -> int:
    if isinstance(value, Mapping):
        return sum(hash_code(k, depth) ^ hash_code(v, depth) for k, v in value.items()) & _INT
    code = 1
    for member in value:
        code = (31 * code + hash_code(member, depth)) & _INT
    return code


def _text_hash(text: str) -> int:
    code = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for position in range(0, len(units), 2):
        code = (31 * code + (units[position] << 8) + units[position + 1]) & _INT
    return code


def _folded(bits: int) -> int:
    return (bits ^ bits >> 32) & _INT


def _whole_hash(value: int) -> int:
    if -(1 << _LONG_BITS - 1) <= value < 1 << _LONG_BITS - 1:
        return _folded(value & _LONG)
    return _big_hash(value)


def _big_hash(value: int) -> int:
    """BigInteger.hashCode."""
    magnitude, code = abs(value), 0
    for shift in range(max(magnitude.bit_length() - 1, 0) // 32 * 32, -1, -32):
        code = (31 * code + (magnitude >> shift & _INT)) & _INT
    return -code & _INT if value < 0 else code


def _decimal_hash(value: Decimal) -> int:
    """BigDecimal.hashCode."""
    parts = value.as_tuple()
    scale = -parts.exponent if isinstance(parts.exponent, int) else 0
    unscaled = int("".join(map(str, parts.digits)) or "0")
    return (31 * _big_hash(-unscaled if parts.sign else unscaled) + scale) & _INT

"""What other systems' messages may hold: read without ever failing.

May live here: turning foreign property and header values into ours, and keeping the AMQP decoder
from giving up on them. It must not know queues or connections.
"""

from __future__ import annotations

import struct
from datetime import datetime
from decimal import Decimal
from typing import Any

from pamqp import decode
from pamqp.common import FieldTable

from onhook.bus.limits import is_brokers_own
from onhook.bus.port import HeaderValue

_UNREADABLE = (ValueError, OverflowError, OSError, KeyError, IndexError, RecursionError)
"""What the decoder raises for a timestamp of the year 50000, or text that is not UTF-8."""


def tolerate_foreign_messages() -> None:
    """Make the AMQP decoder skip what it cannot read.

    Without this, one message with a timestamp in nanoseconds ends the connection before we can
    see it, comes again, ends the next one, and so on: nobody could even dead-letter it.
    """
    decode.METHODS["table"] = decode.TABLE_MAPPING[b"F"] = _table
    decode.METHODS["timestamp"] = decode.TABLE_MAPPING[b"T"] = _timestamp
    decode.METHODS["shortstr"] = _short_text


def _table(value: bytes) -> tuple[int, FieldTable]:
    """A header table, or an empty one where it cannot be read."""
    try:
        return decode.field_table(value)
    except _UNREADABLE:
        (length,) = struct.unpack_from(">I", value)
        return 4 + int(length), {}


def _timestamp(value: bytes) -> tuple[int, Any]:
    try:
        return decode.timestamp(value)
    except _UNREADABLE:
        return 8, None


def _short_text(value: bytes) -> tuple[int, str]:
    try:
        return decode.short_str(value)
    except UnicodeDecodeError:
        length = value[0]
        return 1 + length, value[1 : 1 + length].decode(errors="replace")


def plain_headers(table: FieldTable | None) -> dict[str, HeaderValue]:
    """A message's headers as ours: tables and lists are left out, and what is the broker's own."""
    headers: dict[str, HeaderValue] = {}
    for name, value in (table or {}).items():
        if is_brokers_own(name):
            continue
        if value is None or isinstance(value, str | int):
            headers[name] = value
        elif isinstance(value, bytes | bytearray):
            headers[name] = value.decode(errors="replace")
        elif isinstance(value, datetime):
            headers[name] = value.isoformat()
        elif isinstance(value, float | Decimal):
            headers[name] = str(value)
    return headers


def delivery_count(table: FieldTable | None) -> int:
    """How often the broker handed the message out before; 0 where it does not say."""
    count = (table or {}).get("x-delivery-count")
    return count if isinstance(count, int) and count > 0 else 0

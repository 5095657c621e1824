"""What other systems' messages may hold: read without ever failing.

May live here: turning foreign property and header values into ours, and keeping the AMQP decoder
from giving up on them. It must not know queues or connections.
"""

from __future__ import annotations

import math
import struct
from datetime import datetime
from decimal import Decimal
from typing import Any

from pamqp import decode
from pamqp.commands import Basic
from pamqp.common import FieldTable

from onhook.bus.limits import is_brokers_own
from onhook.bus.port import HeaderValue

_UNREADABLE = (ValueError, OverflowError, OSError, KeyError, IndexError, RecursionError)
"""What the decoder raises for a timestamp of the year 50000, or text that is not UTF-8."""

_PROPERTIES = {
    "app_id": "app_id",
    "content_encoding": "content_encoding",
    "content_type": "content_type",
    "correlation_id": "correlation_id",
    "delivery_mode": "delivery_mode",
    "expiration": "expiration",
    "message_id": "message_id",
    "priority": "priority",
    "reply_to": "reply_to",
    "timestamp": "timestamp",
    "type": "message_type",
    "user_id": "user_id",
}
"""AMQP's names of a message's properties, and the library's."""
_DEEPEST = 32


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


def plain_properties(properties: Basic.Properties) -> dict[str, Any]:
    """A message's AMQP properties by name, as JSON values; those that are not set are left out."""
    return {
        name: _plain(getattr(properties, attribute), 0)
        for name, attribute in _PROPERTIES.items()
        if getattr(properties, attribute) not in (None, "")
    }


def whole_headers(table: FieldTable | None) -> dict[str, Any]:
    """A message's headers as JSON values, tables and lists among them."""
    return {name: _plain(value, 0) for name, value in (table or {}).items()}


def _plain(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {str(name): _plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, depth + 1) for part in value]
    return _plain_leaf(value)


def _plain_leaf(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="replace")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def delivery_count(table: FieldTable | None) -> int:
    """How often the broker handed the message out before; 0 where it does not say."""
    count = (table or {}).get("x-delivery-count")
    return count if isinstance(count, int) and count > 0 else 0

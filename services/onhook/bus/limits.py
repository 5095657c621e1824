"""What no bus takes, found before anything is sent: the two adapters refuse the same things.

Pure checks of a message against AMQP 0-9-1's sizes; it must not know any adapter.
A header block beyond the broker's frame size does not fail the publish, it closes the whole
connection, and every message that was out on it comes again.
"""

from __future__ import annotations

from onhook.bus.port import HeaderValue, Message, NeverAccepted, Unroutable
from onhook.contracts.topology import TOPOLOGY, UNPROCESSABLE

SHORT_STRING_BYTES = 255
HEADER_NAME_BYTES = 128
HEADERS_BYTES = 64 * 1024
"""Half of RabbitMQ's default frame."""
BODY_BYTES = 16 * 1024 * 1024
"""RabbitMQ 4's default `max_message_size`; a larger body closes the channel."""
LEAST_INTEGER, MOST_INTEGER = -(2**63), 2**63 - 1

_BROKERS_OWN = ("x-first-death-", "x-last-death-")
_BROKERS_OWN_EXACTLY = frozenset({"x-death", "x-delivery-count", "x-acquired-count"})


def is_brokers_own(header: str) -> bool:
    """Whether the broker keeps its books in this header.

    Up to 3.13 RabbitMQ believes an `x-death` that a client sent, and drops the message silently
    when it seems to go round in a circle.
    """
    return header in _BROKERS_OWN_EXACTLY or header.startswith(_BROKERS_OWN)


def own_headers(message: Message) -> dict[str, HeaderValue]:
    """The message's headers without those that are the broker's business."""
    return {
        name: value for name, value in message.headers.items() if not is_brokers_own(name.lower())
    }


def check(exchange: str, routing_key: str, message: Message) -> None:
    """Raise Unroutable or NeverAccepted for what cannot be sent at all."""
    if exchange and exchange not in TOPOLOGY.exchanges:
        raise Unroutable(f'no exchange "{exchange}"; ours: {", ".join(TOPOLOGY.exchanges)}')
    # What an older broker delivered it takes back, whatever its size.
    if len(message.body) > BODY_BYTES and routing_key != UNPROCESSABLE:
        raise NeverAccepted(
            f"message {message.message_id}: body is {len(message.body)} bytes, "
            f"the bus takes {BODY_BYTES}"
        )
    _check_short("routing key", routing_key)
    _check_short("message_id", message.message_id)
    if not message.message_id:
        raise NeverAccepted("message_id is empty; give each publish a new one")
    for what, text in (("type", message.type), ("content type", message.content_type)):
        if text is not None:
            _check_short(what, text)
    if message.headers:
        _check_headers(message)


def _check_short(what: str, text: str) -> None:
    if len(text) > SHORT_STRING_BYTES // 4 and len(text.encode()) > SHORT_STRING_BYTES:
        raise NeverAccepted(f'{what} "{text[:40]}..." is longer than {SHORT_STRING_BYTES} bytes')


def _check_headers(message: Message) -> None:
    size = 0
    for name, value in message.headers.items():
        name_bytes = len(name.encode())
        if not 0 < name_bytes <= HEADER_NAME_BYTES:
            raise NeverAccepted(
                f'header name "{name[:40]}" has {name_bytes} bytes; 1 to {HEADER_NAME_BYTES} fit'
            )
        if isinstance(value, int) and not LEAST_INTEGER <= value <= MOST_INTEGER:
            raise NeverAccepted(f'header "{name}": {value} does not fit 64 bits; send it as text')
        size += name_bytes + (len(value.encode()) if isinstance(value, str) else 9)
    if size > HEADERS_BYTES:
        raise NeverAccepted(
            f"message {message.message_id}: headers are {size} bytes, the bus takes {HEADERS_BYTES}"
        )

"""A message that is set aside: its reason in headers, small enough for any broker. Pure.

RabbitMQ closes the whole connection over a header frame larger than frame_max; so all headers
hold at most 4 kB together and quote at most 200 bytes of input each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from onhook.bus.port import HeaderValue, Message
from onhook.contracts.event import timestamp
from onhook.journal.port import DeadLetter

LONGEST_QUOTE_BYTES = 200
LONGEST_REASON_BYTES = 1_000
LONGEST_TOTAL_BYTES = 4_096
EXCERPT_BYTES = 200
LONGEST_NAME_BYTES = 128
OURS = "onhook-"
_WHOLE = frozenset({"onhook-reason", "onhook-source-context"})
"""Headers that stand there whole, or not at all."""


class Unprocessable(Exception):
    """The message cannot be read or run. `fault` is one of a few fixed words."""

    def __init__(self, fault: str, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


def internal_error(error: Exception) -> Unprocessable:
    """For a fault of ours: the message is kept, to be replayed once that is mended."""
    return Unprocessable("internal error", f"{type(error).__name__}: {cut(str(error))}")


class About(Struct, frozen=True, kw_only=True):
    """What is known of the message that is set aside."""

    fault: str
    reason: str
    run_id: str | None = None
    event_type: str | None = None
    interaction_id: str | None = None
    flow_name: str | None = None
    node: str | None = None
    attempts: int | None = None
    status: int | None = None
    queue: str | None = None
    routing_key: str | None = None
    original_id: str | None = None
    """The message id that its publisher gave it."""
    original_headers: Mapping[str, HeaderValue] = {}
    source: str | None = None
    """The name of the source that could not make an event of it; a replay asks it again."""
    source_context: str | None = None
    """What its templates read besides the bytes, as JSON; of bounded size."""


def dead_message(
    body: bytes, message_id: str, about: About, at: datetime, content_type: str | None
) -> Message:
    """The message as it goes into its dead-letter queue."""
    return Message(
        body=body,
        message_id=message_id,
        content_type=None if content_type is None else cut(content_type),
        headers=headers_for(about, at),
    )


def headers_for(about: About, at: datetime) -> dict[str, HeaderValue]:
    """Reason and facts, bounded: LONGEST_TOTAL_BYTES together, names included."""
    named: Mapping[str, str | int | None] = {
        "onhook-fault": about.fault,
        "onhook-reason": cut(about.reason, LONGEST_REASON_BYTES),
        "onhook-at": timestamp(at),
        "onhook-run-id": about.run_id,
        "onhook-event-type": about.event_type,
        "onhook-interaction-id": about.interaction_id,
        "onhook-flow": about.flow_name,
        "onhook-node": about.node,
        "onhook-attempts": about.attempts,
        "onhook-status": about.status,
        "onhook-queue": about.queue,
        "onhook-routing-key": about.routing_key,
        "onhook-message-id": about.original_id,
        "onhook-source": about.source,
        "onhook-source-context": about.source_context,
    }
    headers: dict[str, HeaderValue] = {}
    left = LONGEST_TOTAL_BYTES
    for name, value in (*named.items(), *_publishers(about.original_headers)):
        if value is None:
            continue
        is_whole = isinstance(value, int) or name in _WHOLE
        kept = value if is_whole else cut(str(value))
        size = len(name.encode()) + len(str(kept).encode()) + 8
        if size <= left:
            left -= size
            headers[name] = kept
    return headers


def _publishers(headers: Mapping[str, HeaderValue]) -> Iterator[tuple[str, HeaderValue]]:
    """The publisher's own headers, as far as they fit; ours are not taken from it."""
    for name, value in headers.items():
        if not name.lower().startswith(OURS) and len(name.encode()) <= LONGEST_NAME_BYTES:
            yield name, value


def index_entry(body: bytes, message_id: str, queue: str, about: About, at: datetime) -> DeadLetter:
    """The journal's entry for it."""
    return DeadLetter(
        message_id=message_id,
        queue=queue,
        fault=about.fault,
        reason=cut(about.reason, LONGEST_REASON_BYTES),
        run_id=about.run_id,
        event_type=None if about.event_type is None else cut(about.event_type),
        interaction_id=None if about.interaction_id is None else cut(about.interaction_id),
        flow_name=about.flow_name,
        routing_key=None if about.routing_key is None else cut(about.routing_key),
        original_id=None if about.original_id is None else cut(about.original_id),
        size_bytes=len(body),
        excerpt=body[:EXCERPT_BYTES].decode("utf-8", "replace"),
        at=at,
    )


def cut(text: str, longest_bytes: int = LONGEST_QUOTE_BYTES) -> str:
    """`text` in at most so many bytes of UTF-8, without a broken character; `...` where cut."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= longest_bytes:
        return encoded.decode()
    return encoded[: longest_bytes - 3].decode("utf-8", "ignore") + "..."

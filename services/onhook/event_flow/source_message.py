"""A message of another system as templates see it, and as it is kept where it became no event.

Pure. What the templates are is source_template.py's; where messages come from is source_feed.py's.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from onhook.bus.port import Delivery, ForeignDelivery, HeaderValue

SOURCE_HEADER = "onhook-source"
CONTEXT_HEADER = "onhook-source-context"
LONGEST_CONTEXT_BYTES = 2_000
"""Of what is kept beside a dead letter's bytes: properties, headers and key together."""
CONTEXT_NAMES = ("body", "text", "headers", "properties", "routing_key", "exchange", "queue")
PROPERTY_NAMES = (
    *("app_id", "content_encoding", "content_type", "correlation_id", "delivery_mode"),
    *("expiration", "message_id", "priority", "reply_to", "timestamp", "type", "user_id"),
)
_MARK = b"\xef\xbb\xbf"


class Around(Struct, frozen=True, kw_only=True):
    """What a message carries besides its body."""

    properties: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    routing_key: str = ""
    exchange: str = ""
    queue: str = ""


class SourceMessage(Struct, frozen=True, kw_only=True):
    content: bytes
    around: Around

    def context(self) -> tuple[dict[str, Any], str | None]:
        """The templates' context, and why `body`, or `text` too, is null."""
        body, text, why = _read(self.content, self.around.properties.get("content_encoding"))
        context = {name: getattr(self.around, name) for name in Around.__struct_fields__}
        return {"body": body, "text": text, **context}, why

    def kept(self) -> str | None:
        """What its dead letter keeps of it besides its bytes; None where that is too much."""
        kept = msgspec.json.encode(self.around)
        return kept.decode() if len(kept) <= LONGEST_CONTEXT_BYTES else None


def received(delivery: ForeignDelivery) -> SourceMessage:
    return SourceMessage(
        content=delivery.body,
        around=Around(
            properties=delivery.properties,
            headers=delivery.whole_headers,
            routing_key=delivery.routing_key,
            exchange=delivery.exchange,
            queue=delivery.queue,
        ),
    )


def named_source(delivery: Delivery) -> str | None:
    """The source that a replayed dead letter came from; None for any other message.

    Only what was put straight into a queue counts: a publisher's header means nothing.
    """
    name = delivery.headers.get(SOURCE_HEADER)
    return name if isinstance(name, str) and not delivery.exchange else None


def source_headers(delivery: Delivery) -> dict[str, HeaderValue]:
    """Headers of a dead letter by which its source reads it again; none for any other message."""
    headers = delivery.headers
    if headers.get(SOURCE_HEADER) is None:
        return {}
    return {name: headers[name] for name in (SOURCE_HEADER, CONTEXT_HEADER) if name in headers}


def replayed(delivery: Delivery) -> SourceMessage:
    """A dead letter that is tried again, as it came first, as far as that was kept."""
    kept = delivery.headers.get(CONTEXT_HEADER)
    try:
        around = msgspec.json.decode(str(kept or "{}"), type=Around)
    except msgspec.MsgspecError:
        around = Around()
    return SourceMessage(content=delivery.body, around=around)


def _read(content: bytes, encoding: Any) -> tuple[Any, str | None, str | None]:
    """The body as JSON and as text, and why it is no JSON."""
    if encoding not in (None, "", "identity", "utf-8", "UTF-8", "utf8"):
        return None, None, f"its content_encoding is {str(encoding)[:40]}, which is not undone"
    content = content.removeprefix(_MARK)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None, None, "its body is no UTF-8"
    try:
        return msgspec.json.decode(content), text, None
    except msgspec.DecodeError as error:
        return None, text, f"its body is no JSON ({error})"
    except RecursionError:
        return None, text, "its body is nested too deeply"

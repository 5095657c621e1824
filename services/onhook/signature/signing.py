"""What a signature is made over, and the headers that carry it.

The bytes are `{id}.{timestamp}.{body}`; the header lists one signature for each key, so that a
receiver that holds the old or the new secret finds its own (Standard Webhooks, "Signature scheme").
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime

from onhook.signature.key import SigningKey

WEBHOOK_ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"


def signed_content(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{webhook_id}.{timestamp}.".encode() + body


def sign(keys: Sequence[SigningKey], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: `v1,...` or `v1a,...` for each key, separated by blanks.

    `timestamp` is in whole seconds since 1970. Raises ValueError for an id that a signature
    cannot be made over.
    """
    if not webhook_id or "." in webhook_id:
        raise ValueError("a webhook-id must have at least one character, and no full stop")
    content = signed_content(webhook_id, str(timestamp), body)
    return " ".join(f"{key.scheme},{base64.b64encode(key.sign(content)).decode()}" for key in keys)


class Signer:
    """Signs with several keys at once."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def headers(
        self, webhook_id: str, now: datetime, body: bytes
    ) -> tuple[tuple[str, str], tuple[str, str]]:
        """`webhook-timestamp` and `webhook-signature` of one attempt, made at `now`."""
        timestamp = int(now.timestamp())
        signature = sign(self._keys, webhook_id, timestamp, body)
        return (TIMESTAMP, str(timestamp)), (SIGNATURE, signature)

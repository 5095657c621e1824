"""What a token is: an address that captures, how it answers, how long it lives.

Plain data. Checking what a client sends is `token_fields.py`'s, storing it `token_table.py`'s,
showing it `token_json.py`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

UUID_PATTERN = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


class TokenSettings(Struct, frozen=True, kw_only=True):
    """What a client chooses for a token. `timeout` and `expiry` are seconds."""

    default_status: int = 200
    default_content: str = ""
    default_content_type: str = "text/html"
    timeout: int = 0
    expiry: int | None = None
    request_limit: int | None = None
    cors: bool = False
    description: str | None = None


class Token(Struct, frozen=True, kw_only=True):
    """`number` is its key in the store."""

    number: int
    uuid: str
    created_us: int
    updated_us: int
    expires_us: int | None
    ip: str
    user_agent: str | None
    settings: TokenSettings

    def has_expired(self, now_us: int) -> bool:
        return self.expires_us is not None and self.expires_us <= now_us


def shown_time(at_us: int) -> str:
    """`2025-07-04 14:31:21`, in UTC."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")

"""Keys as ONHOOK_RUN_KEY has them: 32 bytes in base64, several separated by blanks.

Reading alone; what they encrypt is not known here. Errors say which key, and never show it.
"""

from __future__ import annotations

import base64
import binascii

KEY_BYTES = 32
HOW_TO_MAKE = "make one with: openssl rand -base64 32"


def read_keys(text: str) -> tuple[bytes, ...]:
    """Raises ValueError."""
    return tuple(_read(part, number) for number, part in enumerate(text.split(), start=1))


def run_keys(text: str) -> str:
    """The setting's text, checked. Raises ValueError."""
    read_keys(text)
    return text


def _read(text: str, number: int) -> bytes:
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"has a key that is no base64, number {number}; {HOW_TO_MAKE}") from None
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"has a key of {len(key)} bytes instead of {KEY_BYTES}, number {number}; {HOW_TO_MAKE}"
        )
    return key

"""Text on its way to PostgreSQL and back: what SQLite holds, this holds too.

PostgreSQL's text has no NUL. It stands there as two characters, and U+0001, which introduces them,
does as well; the order of texts stays as it was. Pure functions.
"""

from __future__ import annotations

from onhook.journal.stored_text import well_formed


def escaped(text: str) -> str:
    """As it is stored."""
    if "\x00" in text or "\x01" in text:
        text = text.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")
    return text if text.isascii() else well_formed(text)


def encode(text: str) -> bytes:
    """A value for the driver."""
    return escaped(text).encode()


def decode(stored: bytes) -> str:
    text = stored.decode()
    if "\x01" not in text:
        return text
    return text.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01")

"""java.lang.Character and String: which characters are blank, and lengths in UTF-16 units.

Functions over texts; it must not know where one comes from. A text may hold halves of a character beyond
U+FFFF after it was cut in the middle of one, as in Java; `whole` puts an end to that.
"""

from __future__ import annotations

import re
import unicodedata

_BLANK = frozenset("\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f")
_NO_BREAK = frozenset("\xa0\u2007\u202f")
_SEPARATORS = ("Zs", "Zl", "Zp")
_HIGHEST_UNIT = "\uffff"
_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_HALF = re.compile("[\ud800-\udfff]")
_CONTROLS_AND_BLANK = "".join(map(chr, range(0x21)))


class Char(str):
    """Character, which is no text to Java."""

    __slots__ = ()


def is_whitespace(char: str) -> bool:
    """Character.isWhitespace"""
    if char.isascii():
        return char == " " or char in _BLANK
    return unicodedata.category(char) in _SEPARATORS and char not in _NO_BREAK


def is_digit(char: str) -> bool:
    """Character.isDigit of one UTF-16 unit."""
    return char.isdecimal() and char <= _HIGHEST_UNIT


def left_trimmed(text: str) -> str:
    begin = 0
    while begin < len(text) and is_whitespace(text[begin]):
        begin += 1
    return text[begin:]


def right_trimmed(text: str) -> str:
    end = len(text)
    while end and is_whitespace(text[end - 1]):
        end -= 1
    return text[:end]


def has_wide(text: str) -> bool:
    """Whether a character takes two UTF-16 units, so that positions differ from Python's."""
    return not text.isascii() and _BEYOND.search(text) is not None


def length(text: str) -> int:
    """String.length: UTF-16 units."""
    return len(text) if text.isascii() else len(text) + len(_BEYOND.findall(text))


def units(text: str) -> str:
    """The text with each wide character as its two halves, so that positions are Java's."""
    if not has_wide(text):
        return text
    encoded = text.encode("utf-16-le", "surrogatepass")
    return "".join(
        chr(int.from_bytes(encoded[at : at + 2], "little")) for at in range(0, len(encoded), 2)
    )


def joined(text: str) -> str:
    """Halves that stand side by side become their character again; lone ones stay."""
    if text.isascii() or _HALF.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def order(text: str) -> bytes:
    """A key that sorts as String.compareTo does."""
    return text.encode("utf-16-be", "surrogatepass")


def substring(text: str, begin: int, end: int) -> str:
    """String.substring, in UTF-16 units; the caller has checked the bounds."""
    if not has_wide(text):
        return text[begin:end]
    return joined(units(text)[begin:end])


def whole(text: str) -> str:
    """The text as Java writes it out: a lone half becomes a question mark."""
    if text.isascii() or _HALF.search(text) is None:
        return text
    return _HALF.sub("?", joined(text))


def upper(text: str) -> str:
    """String.toUpperCase, in English."""
    return text.upper()


def lower(text: str) -> str:
    """String.toLowerCase, in English."""
    return text.lower()


def title(char: str) -> str:
    """Character.toTitleCase, which never makes two characters of one."""
    titled = char.title()
    return titled if len(titled) == 1 and ord(char) < 0x10000 else char


def trimmed(text: str) -> str:
    """String.trim: without the control characters and spaces around it."""
    return text.strip(_CONTROLS_AND_BLANK)

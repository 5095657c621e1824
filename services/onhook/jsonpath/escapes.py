"""Backslashes in the names and texts of a path, as Jayway's Utils.unescape takes them.

It must not know where a text begins and ends.
"""

from __future__ import annotations

import re

from onhook.java.char import joined
from onhook.jsonpath.errors import PathError

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b"}
_HEX = re.compile(r"[+-]?[0-9a-fA-F]+")


def unescaped(text: str) -> str:
    r"""The text without its backslashes: `\n`, `\u0041`, or the character itself.

    Raises PathError on a `\u` without a number.
    """
    if "\\" not in text:
        return text
    found: list[str] = []
    index = 0
    while index < len(text):
        char = text[index]
        index += 1
        if char == "\\" and index < len(text):
            char = text[index]
            index += 1
            if char == "u":
                code = text[index : index + 4]
                index += 4
                char = _unit(code) if len(code) == 4 else ""
            else:
                char = _ESCAPES.get(char, char)
        found.append(char)
    return joined("".join(found))


def _unit(code: str) -> str:
    if not _HEX.fullmatch(code):
        raise PathError(f'"\\u{code}" is no character; write four hexadecimal digits')
    return chr(int(code, 16) & 0xFFFF)

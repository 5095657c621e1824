"""JSON as it may stand inside a path: quotes of either kind, or none, and commas to spare.

It follows json-smart's permissive mode, Jayway's default reader. It must not know paths.
"""

from __future__ import annotations

import re
from typing import Any

from onhook.jsonpath.errors import PathError

_BLANKS = " \r\n\t"
_DEEPEST = 40
_END = ""
_IN_LIST, _IN_VALUE, _IN_KEY, _NOWHERE = ",]", ",}", ":", ""
_WORDS: dict[str, Any] = {"null": None, "true": True, "false": False, "NaN": float("nan")}
_INTEGER = re.compile(r"-?[0-9]+")
_FLOAT = re.compile(r"-?[0-9]*\.?[0-9]*([eE][+-]?[0-9]+)?")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "b": "\b"}
_LONGEST_NUMBER = 1_000


def read_json(text: str) -> Any:
    """What stands first in `text`; what follows is left alone. Raises PathError."""
    return _Reader(text).value(_NOWHERE, 0)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def _here(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else _END

    def _wrong(self) -> PathError:
        found = f'"{self._here}"' if self._here else "the end"
        return PathError(f"the JSON in it is wrong: {found} was not expected")

    def _skip_blanks(self) -> None:
        while self._here and self._here in _BLANKS:
            self._at += 1

    def value(self, stops: str, depth: int) -> Any:
        if depth > _DEEPEST:
            raise PathError(f"the JSON in it is nested more than {_DEEPEST} levels deep")
        self._skip_blanks()
        match self._here:
            case "" | ":" | "}" | "]":
                raise self._wrong()
            case "{":
                return self._object(depth + 1)
            case "[":
                return self._list(depth + 1)
            case "'" | '"':
                return self._quoted()
            case _:
                return self._bare(stops)

    def _list(self, depth: int) -> list[Any]:
        self._at += 1
        found: list[Any] = []
        while True:
            self._skip_blanks()
            match self._here:
                case "]":
                    self._at += 1
                    return found
                case ",":
                    self._at += 1
                case "" | ":" | "}":
                    raise self._wrong()
                case _:
                    found.append(self.value(_IN_LIST, depth))

    def _object(self, depth: int) -> dict[str, Any]:
        self._at += 1
        found: dict[str, Any] = {}
        while True:
            self._skip_blanks()
            match self._here:
                case "}":
                    self._at += 1
                    return found
                case ",":
                    self._at += 1
                case "" | ":" | "]" | "[" | "{":
                    raise self._wrong()
                case _:
                    self._member(found, depth)

    def _member(self, found: dict[str, Any], depth: int) -> None:
        key = self._quoted() if self._here in "'\"" else self._until(_IN_KEY)
        self._skip_blanks()
        if self._here != ":":
            raise self._wrong()
        self._at += 1
        found[key] = self.value(_IN_VALUE, depth)
        self._skip_blanks()
        if not self._here or self._here not in ",}":
            raise self._wrong()

    def _quoted(self) -> str:
        quote = self._here
        self._at += 1
        found: list[str] = []
        while self._here != quote:
            if not self._here:
                raise self._wrong()
            if self._here == "\\":
                self._at += 1
                found.append(self._escape())
            else:
                found.append(self._here)
                self._at += 1
        self._at += 1
        return "".join(found)

    def _escape(self) -> str:
        char = self._here
        self._at += 1
        if char in ("u", "x"):
            width = 4 if char == "u" else 2
            digits = self._text[self._at : self._at + width]
            if not re.fullmatch(r"[0-9a-fA-F]+", digits) or len(digits) < width:
                raise self._wrong()
            self._at += width
            return chr(int(digits, 16))
        return _ESCAPES.get(char, char)

    def _bare(self, stops: str) -> Any:
        word = self._until(stops)
        if word in _WORDS:
            return _WORDS[word]
        if len(word) <= _LONGEST_NUMBER:
            if _INTEGER.fullmatch(word):
                return int(word)
            if any(map(str.isdigit, word)) and _FLOAT.fullmatch(word):
                return _number(word)
        return word

    def _until(self, stops: str) -> str:
        start = self._at
        while self._here and self._here not in stops:
            self._at += 1
        return self._text[start : self._at].strip(_BLANKS)


def _number(word: str) -> Any:
    try:
        return float(word)
    except ValueError:
        return word

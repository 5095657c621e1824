"""A response, or another text, as plain data: what JSONPath then looks into.

It must not know where the text came from or what is looked for. What each notation needs of its
own stands in `response_xml` and `response_yaml`; here are JSON, TOML and the bounds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any

import msgspec

from onhook.flow.response_error import DEEPEST, ResponseError, place
from onhook.flow.response_xml import read_xml
from onhook.flow.response_yaml import read_yaml_text

__all__ = ["LONGEST", "ResponseError", "read_as"]

LONGEST = 262_144
"""Characters: as much as a response may have to be kept."""

_BYTE = re.compile(r" \(byte (\d+)\)$")
_AT = re.compile(r"\(at line (\d+), column (\d+)\)$")
_MALFORMED = "JSON is malformed: "


def read_as(kind: str, text: str) -> Any:
    """The data in `text`, which is `JSON`, `XML`, `TOML` or `YAML`.

    Dates become ISO texts, whole numbers keep their digits. Raises ResponseError, which says what
    is wrong, and the line and column where that is known.
    """
    read = _READERS.get(kind.upper())
    if read is None:
        raise ResponseError(f"it cannot be read as {kind}; {', '.join(_READERS)} can be read")
    if len(text) > LONGEST:
        raise ResponseError(f"it has {len(text)} characters; {LONGEST} are the most")
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise ResponseError(f"it is empty, which is no {kind.upper()}")
    try:
        data = read(text)
    except (RecursionError, MemoryError):
        raise _too_deep() from None
    if _is_deeper_than(data, DEEPEST):
        raise _too_deep()
    return data


def _too_deep() -> ResponseError:
    return ResponseError(f"it is nested more than {DEEPEST} levels deep")


def _is_deeper_than(data: Any, levels: int) -> bool:
    """Level by level, so that no depth is too much for looking."""
    level = [data]
    for _ in range(levels):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _read_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError:
        raise ResponseError("it is no JSON we can keep: a number in it is too large") from None
    except msgspec.DecodeError as problem:
        said = str(problem)
        found = _BYTE.search(said)
        if found is None:
            raise ResponseError("it is no JSON: it ends too early") from None
        reason = said[: found.start()].removeprefix(_MALFORMED)
        # Only for what stands behind the end does the library point behind the character.
        offset = int(found[1]) - reason.startswith("trailing characters")
        where = len(text.encode()[:offset].decode("utf-8", "ignore"))
        raise ResponseError(
            f"it is no JSON: {reason}{place(*_line_and_column(text, where))}"
        ) from None
    except UnicodeEncodeError as problem:
        where_text = place(*_line_and_column(text, problem.start))
        raise ResponseError(f"it is no JSON: half a character stands{where_text}") from None


def _line_and_column(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def _read_toml(text: str) -> Any:
    """Times and dates become what JSON writes for them; infinite numbers become null."""
    try:
        return msgspec.json.decode(msgspec.json.encode(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as problem:
        found = _AT.search(str(problem))
        where = place(int(found[1]), int(found[2])) if found else ": it ends too early"
        raise ResponseError(f"it is no TOML{where}") from None
    except (ValueError, TypeError, OverflowError):
        raise ResponseError(
            "it is no TOML we can keep: a number, date or character in it cannot be written as JSON"
        ) from None


_READERS: dict[str, Callable[[str], Any]] = {
    "JSON": _read_json,
    "XML": read_xml,
    "TOML": _read_toml,
    "YAML": read_yaml_text,
}

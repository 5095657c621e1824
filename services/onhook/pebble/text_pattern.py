"""What String does by a regular expression: split, replaceAll, matches, within a rendering's bounds.

It must not know filters or methods, nor how an expression is read.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any

from onhook.java import char as java_char
from onhook.java.regex import OutOfTime, compile_pattern
from onhook.java.regex_class import PatternError
from onhook.pebble.errors import Fault, LimitExceeded
from onhook.pebble.limits import PATTERN_SECONDS
from onhook.pebble.printing import too_long
from onhook.pebble.state import State
from onhook.pebble.values import Array

_META = re.compile(r"[.$|()\[{^?*+\\]")
_ESCAPED = re.compile(r"\\([^a-zA-Z0-9])")
_PATTERN_CHARS = 1_000
_REFERENCE = re.compile(r"\\(.)|\$(?:\{([a-zA-Z][a-zA-Z0-9]*)\}|([0-9]))|\$", re.DOTALL)


def _compiled(pattern: str) -> Any:
    if len(pattern) > _PATTERN_CHARS:
        raise Fault(f"the pattern is longer than {_PATTERN_CHARS} characters")
    try:
        return compile_pattern(pattern, has_clusters=True)
    except PatternError as error:
        raise Fault(f'the pattern "{pattern[:60]}" is no regular expression: {error}') from None


def split(text: str, pattern: str, limit: int, state: State) -> Array:
    """String.split: at most `limit` pieces when it is positive; trailing empty ones go at 0."""
    state.charge(1 + (len(text) >> 4))
    if (literal := _literal(pattern)) is None:
        pieces = _split_by_expression(text, pattern, limit, state)
    elif literal:
        pieces = text.split(literal, limit - 1 if limit > 0 else -1)
    else:
        pieces = _split_everywhere(java_char.units(text), limit)
    if limit == 0 and len(pieces) > 1:
        while pieces and not pieces[-1]:
            pieces.pop()
    state.check_size(len(pieces))
    return Array(pieces)


def _literal(pattern: str) -> str | None:
    """The text that the pattern stands for, if it has no other meaning."""
    if _META.search(pattern) is None:
        return pattern
    return pattern[1] if _ESCAPED.fullmatch(pattern) else None


def _split_everywhere(text: str, limit: int) -> list[str]:
    """Between all characters, but not before the first."""
    if not text or limit == 1:
        return [text]
    if 0 < limit <= len(text):
        return [*text[: limit - 1], text[limit - 1 :]]
    return [*text, ""]


def _split_by_expression(text: str, pattern: str, limit: int, state: State) -> list[str]:
    pieces: list[str] = []
    index = 0
    with _Timed(pattern, state) as (compiled, seconds):
        for found in compiled.finditer(text, timeout=seconds):
            if 0 < limit <= len(pieces) + 1:
                break
            if found.end() == 0:
                continue
            pieces.append(text[index : found.start()])
            index = found.end()
            if len(pieces) > state.limits.range_size:
                state.check_size(len(pieces))
    return [*pieces, text[index:]]


class _Timed:
    """`with` gives the compiled pattern and the seconds left for it, and counts what is used."""

    __slots__ = ("_pattern", "_time")

    def __init__(self, pattern: str, state: State) -> None:
        self._pattern = pattern
        self._time = state.pattern_time

    def __enter__(self) -> tuple[Any, float]:
        seconds = self._time.__enter__()
        return _compiled(self._pattern), seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        try:
            self._time.__exit__(kind, error, trace)
        except OutOfTime:
            raise LimitExceeded(
                f"regular expressions take longer than {PATTERN_SECONDS:g} second, "
                f'the last being "{self._pattern[:60]}"'
            ) from None


def matches(pattern: str, text: str, state: State) -> bool:
    """String.matches: whether the whole text is of that form."""
    state.charge(1 + (len(text) >> 4))
    found: Any = None
    with _Timed(pattern, state) as (compiled, seconds):
        found = compiled.fullmatch(text, timeout=seconds)
    return found is not None


def replaced(pattern: str, text: str, replacement: str, count: int, state: State) -> str:
    """String.replaceAll, or replaceFirst for a `count` of 1; `$1` and `${name}` are groups."""
    state.charge(1 + (len(text) >> 4))
    parts: list[str] = []
    index = size = 0
    with _Timed(pattern, state) as (compiled, seconds):
        for found in compiled.finditer(text, timeout=seconds):
            new = _expanded(replacement, found)
            parts += (text[index : found.start()], new)
            size += len(new)
            if size > state.limits.output_chars:
                raise too_long(state.limits.output_chars)
            index = found.end()
            if count:
                break
    return state.bounded("".join(parts) + text[index:])


def _expanded(replacement: str, found: Any) -> str:
    def group(reference: re.Match[str]) -> str:
        if reference[1] is not None:
            return reference[1]
        if reference[2] is None and reference[3] is None:
            raise Fault("a $ in a replacement needs the number of a group")
        try:
            return found[reference[2] or int(reference[3])] or ""
        except IndexError:
            raise Fault(f'there is no group "{reference[0]}" in the pattern') from None

    return _REFERENCE.sub(group, replacement)

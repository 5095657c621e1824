"""The format specifiers of java.util.Formatter, `%-10.2f` and the like, read and checked.

It must not know the values that they print.
"""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

MAX_WIDTH = 10_000
"""Wider or more precise specifiers are refused: one of them could fill the memory."""

_SPECIFIER = re.compile(
    r"%(?:(?P<index>[0-9]+)\$)?(?P<flags>[-#+ 0,(<]*)(?P<width>[0-9]+)?"
    r"(?:\.(?P<precision>[0-9]+))?(?P<conversion>[tT][a-zA-Z%]|[a-zA-Z%])"
)
_CONVERSIONS = frozenset("bBhHsScCdoxXeEfgGaAn%")
_REFUSED_FLAGS = {
    "b": "#+ 0,(",
    "h": "#+ 0,(",
    "s": "+ 0,(",
    "c": "#+ 0,(",
    "d": "#",
    "o": ",",
    "x": ",",
    "e": ",",
    "f": "",
    "g": "#",
    "a": "(,",
    "%": "#+ 0,(<",
    "n": "-#+ 0,(<",
}
_WITHOUT_PRECISION = frozenset("cdox%n")


class Specifier(Struct, frozen=True):
    """One `%...`. `index` counts arguments from 1; None is the next, -1 the previous one."""

    text: str
    conversion: str
    is_upper: bool
    flags: frozenset[str]
    index: int | None
    width: int | None
    precision: int | None

    def without_zeros(self) -> Specifier:
        """The same without the flag that fills up with zeros."""
        return replace(self, flags=self.flags - {"0"})

    def error(self, what: str) -> ValueError:
        return ValueError(f'"{self.text}": {what}')


def pieces_of(pattern: str) -> list[str | Specifier]:
    """Literal texts and specifiers, in order. Raises ValueError for a malformed specifier."""
    pieces: list[str | Specifier] = []
    position = 0
    while (start := pattern.find("%", position)) >= 0:
        if start > position:
            pieces.append(pattern[position:start])
        found = _SPECIFIER.match(pattern, start)
        if found is None:
            raise ValueError(f'"{pattern[start : start + 10]}" is no format specifier')
        pieces.append(_specifier(found))
        position = found.end()
    if position < len(pattern):
        pieces.append(pattern[position:])
    return pieces


def _specifier(found: re.Match[str]) -> Specifier:
    text, conversion, flags = found[0], found["conversion"], found["flags"]
    if conversion[0] in "tT" and len(conversion) > 1:
        raise ValueError(f'"{text}": dates are not formatted here; the date filter does that')
    if conversion not in _CONVERSIONS:
        raise ValueError(f'"{text}" is no format specifier')
    if len(set(flags)) != len(flags):
        raise ValueError(f'"{text}": a flag stands in it twice')
    index = _bounded(text, found["index"])
    if index == 0:
        raise ValueError(f'"{text}": arguments count from 1')
    specifier = Specifier(
        text=text,
        conversion=conversion.lower(),
        is_upper=conversion.isupper(),
        flags=frozenset(flags),
        index=-1 if "<" in flags else index,
        width=_bounded(text, found["width"]),
        precision=_bounded(text, found["precision"]),
    )
    _check(specifier)
    return specifier


def _bounded(text: str, digits: str | None) -> int | None:
    if digits is None:
        return None
    if len(digits.lstrip("0")) > len(str(MAX_WIDTH)) or int(digits) > MAX_WIDTH:
        raise ValueError(f'"{text}": numbers in it go up to {MAX_WIDTH}')
    return int(digits)


def _check(specifier: Specifier) -> None:
    flags, conversion = specifier.flags, specifier.conversion
    refused = sorted(flags.intersection(_REFUSED_FLAGS[conversion]))
    if refused:
        raise specifier.error(f'flag "{refused[0]}" does not go with %{conversion}')
    if specifier.precision is not None and conversion in _WITHOUT_PRECISION:
        raise specifier.error(f"%{conversion} takes no precision")
    if conversion == "n" and specifier.width is not None:
        raise specifier.error("%n takes no width")
    if specifier.width is None and flags & {"-", "0"}:
        raise specifier.error('flags "-" and "0" need a width')
    if {"-", "0"} <= flags or {"+", " "} <= flags:
        raise specifier.error("its flags contradict one another")

"""java.util.regex.Pattern by way of the `regex` package, and the time that matching may take.

A pattern that tries for ever is stopped: who matches does so within a PatternTime. It must not
know what is matched, nor why.
"""

from __future__ import annotations

import time
from functools import lru_cache
from types import TracebackType

import regex

from onhook.java.regex_class import PatternError
from onhook.java.regex_syntax import translated

_LEAST_SECONDS = 0.001


@lru_cache(maxsize=256)
def compile_pattern(
    source: str, flags: str = "", *, has_clusters: bool = False
) -> regex.Pattern[str]:
    r"""Pattern.compile, with the letters of `regex_class.FLAGS` for flags.

    `has_clusters`: `\X` is known, as it is since Java 9. Raises PatternError.
    """
    text, is_wide = translated(source, flags, has_clusters=has_clusters)
    try:
        return regex.compile(text, regex.V1 | (regex.UNICODE if is_wide else regex.ASCII))
    except (regex.error, ValueError, OverflowError, RecursionError, MemoryError, KeyError):
        raise PatternError("it cannot be understood", 0) from None


class OutOfTime(Exception):
    """regular expressions took too long"""


class PatternTime:
    """Seconds that all regular expressions of one piece of work may take together.

    `with` gives what is left, for `timeout` of the matches within, and counts what they used.
    Raises OutOfTime when all is used up, by one match or by many.
    """

    __slots__ = ("_began", "_left")

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._began = 0.0

    def __enter__(self) -> float:
        self._began = time.perf_counter()
        return max(self._left, _LEAST_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self._left -= time.perf_counter() - self._began
        if kind is TimeoutError:
            self._left = 0.0
        if self._left <= 0 and (kind is None or kind is TimeoutError):
            raise OutOfTime from None

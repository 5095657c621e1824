"""The bounds of one path and of one reading of it, and the purse that pays for the work.

It must not know what the steps are: whoever visits a value or compares two pays here.
"""

from __future__ import annotations

from onhook.java.regex import PatternTime
from onhook.jsonpath.errors import TooMuchWork

LONGEST_PATH = 4_096
"""Characters."""
MOST_STEPS_IN_PATH = 120
"""Keys, indexes, filters, ... of a path and of all paths inside it: each may cost stack frames."""
DEEPEST_NESTING = 24
"""Parentheses, negations, filters and arguments inside one another."""
MOST_WORK = 500_000
"""Values visited or compared in one reading: about half a second."""
REGEX_SECONDS = 0.25
"""For all regular expressions of one reading together."""
CHARACTERS_A_STEP = 256
"""Text that is searched or compared costs one step for so many characters."""
BITS_A_STEP = 1_024


class Purse:
    """The work that one reading may still do."""

    __slots__ = ("_pattern_time", "left")

    def __init__(self) -> None:
        self.left = MOST_WORK
        self._pattern_time: PatternTime | None = None

    def pay(self, steps: int = 1) -> None:
        """Raises TooMuchWork."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork(
                f"the document is too large for this path (more than {MOST_WORK} values were "
                "looked at); make the path more exact"
            )

    def pay_for_text(self, text: str) -> None:
        self.pay(1 + len(text) // CHARACTERS_A_STEP)

    def pay_for_number(self, number: object) -> None:
        """Making decimal digits of a whole number costs the square of its length."""
        if isinstance(number, int) and number.bit_length() > BITS_A_STEP:
            self.pay((number.bit_length() // BITS_A_STEP) ** 2)

    @property
    def pattern_time(self) -> PatternTime:
        """What regular expressions may still take; made for the few that have any."""
        if self._pattern_time is None:
            self._pattern_time = PatternTime(REGEX_SECONDS)
        return self._pattern_time


def slow_regex() -> TooMuchWork:
    return TooMuchWork(f"regular expressions took more than {REGEX_SECONDS:g} s; make them simpler")

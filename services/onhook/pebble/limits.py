"""Bounds on the work of one compilation and one rendering.

Numbers only. Whoever works through data counts against them; passing one is a PebbleError that
names the bound.
"""

from __future__ import annotations

from msgspec import Struct

SOURCE_CHARS = 1_048_576
"""A longer template source is refused."""
NESTING = 100
"""Tags within tags and parentheses within parentheses, in a template's source."""
OPERATORS = 1_000
"""Operators, filters and accesses that follow one another in one expression."""
MACRO_DEPTH = 40
"""Macros that call macros."""
DATA_DEPTH = 100
"""Lists and maps within one another, in data that is printed or compared."""
PATTERN_SECONDS = 1.0
"""All regular expressions of one rendering together may work this long."""


class Limits(Struct, frozen=True):
    """What one rendering may use."""

    steps: int = 1_000_000
    """Evaluated expressions, loop rounds, and elements and characters worked through (a character
    counts 1/16)."""
    output_chars: int = 4_194_304
    """Characters of the output, and of any text on the way to it."""
    range_size: int = 100_000
    """Elements of a range, and of any list or map that the template builds."""

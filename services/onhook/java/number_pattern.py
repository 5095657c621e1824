"""A pattern of java.text.DecimalFormat, read into what printing a number needs.

Follows the JDK where its documentation is silent, also in what it makes of odd patterns. This
module must not know numbers.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

MAX_INTEGER_DIGITS = 309
MAX_FRACTION_DIGITS = 340
"""DecimalFormat's own bounds for a double."""

MAX_PATTERN = 1_000
"""Characters of a pattern."""

_MAX_GROUP = 127
_NUMBER = frozenset("#0,.")
_FACTORS = {"%": 100, "‰": 1000}


class NumberPattern(Struct, frozen=True):
    """`positive` and `negative` are (prefix, suffix); digits are counted.

    `exponent` counts the least digits of the exponent, 0 is plain notation; `group` the digits
    between commas, 0 is none.
    """

    positive: tuple[str, str]
    negative: tuple[str, str]
    factor: int
    min_integer: int
    max_integer: int
    min_fraction: int
    max_fraction: int
    group: int
    keeps_point: bool
    exponent: int


@lru_cache(maxsize=512)
def number_pattern(pattern: str) -> NumberPattern:
    """Read `pattern`. ValueError says what is wrong with it."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a number pattern has at most {MAX_PATTERN} characters")
    if not pattern:
        return NumberPattern(
            positive=("", ""),
            negative=("-", ""),
            factor=1,
            min_integer=0,
            max_integer=MAX_INTEGER_DIGITS,
            min_fraction=0,
            max_fraction=MAX_FRACTION_DIGITS,
            group=3,
            keeps_point=False,
            exponent=0,
        )
    first = _Subpattern(pattern, is_first=True)
    rest = first.read(0)
    # Without a second subpattern the JDK reads the first one again, by the second's rules.
    second = _Subpattern(pattern, is_first=False)
    if rest < len(pattern):
        second.read(rest)
        is_own = (second.prefix, second.suffix) != (first.prefix, first.suffix)
    else:
        is_own = False
    positive = "".join(first.prefix), "".join(first.suffix)
    negative = "".join(second.prefix), "".join(second.suffix)
    return first.form(positive, negative if is_own else ("-" + positive[0], positive[1]))


class _Subpattern:
    """One side of the `;` while it is being read."""

    def __init__(self, pattern: str, *, is_first: bool) -> None:
        self._pattern = pattern
        self._is_first = is_first
        self.prefix: list[str] = []
        self.suffix: list[str] = []
        self._affix = self.prefix
        self._factor = 1
        self._left = self._zeros = self._right = 0
        self._point: int | None = None
        self._group: int | None = None
        self._exponent = 0

    def read(self, start: int) -> int:
        """Read from `start`; returns where the second subpattern starts."""
        pattern, position = self._pattern, start
        in_number = False
        while position < len(pattern):
            character = pattern[position]
            if character in _NUMBER:
                in_number = True
                self._digit(character)
                position += 1
            elif in_number and character == "E":
                in_number = not self._is_first
                position = self._exponent_end(position + 1)
            elif character == ";":
                if not self._is_first or (not in_number and self._affix is self.prefix):
                    raise self._error('";" must be quoted here')
                return position + 1
            else:
                if in_number:
                    in_number, self._affix = False, self.suffix
                position = self._literal(position)
        return 0

    def _literal(self, position: int) -> int:
        character = self._pattern[position]
        if character == "'":
            return self._quoted(position + 1)
        if character in _FACTORS:
            if self._factor != 1:
                raise self._error("only one percent or per mille sign can stand in it")
            self._factor = _FACTORS[character]
        if character == "¤":
            is_code = self._pattern[position + 1 : position + 2] == "¤"
            self._affix.append("USD" if is_code else "$")
            return position + (2 if is_code else 1)
        self._affix.append(character)
        return position + 1

    def _quoted(self, position: int) -> int:
        if self._pattern[position : position + 1] == "'":
            self._affix.append("'")
            return position + 1
        while (end := self._pattern.find("'", position)) >= 0:
            self._affix.append(self._pattern[position:end])
            if self._pattern[end + 1 : end + 2] != "'":
                return end + 1
            self._affix.append("'")
            position = end + 2
        raise self._error("a quote is not closed")

    def _exponent_end(self, position: int) -> int:
        if not self._is_first:
            return position
        if self._exponent:
            raise self._error("only one exponent can stand in it")
        end = position
        while self._pattern[end : end + 1] == "0":
            end += 1
        if end == position or not self._left + self._zeros:
            raise self._error('an exponent is written E0, behind a "0" or "#"')
        self._exponent = end - position
        self._affix = self.suffix
        return end

    def _digit(self, character: str) -> None:
        if not self._is_first:
            return
        if character == ",":
            self._group = 0
            return
        if character == ".":
            if self._point is not None:
                raise self._error("only one decimal point can stand in it")
            self._point = self._left + self._zeros + self._right
            return
        if character == "0":
            if self._right:
                raise self._error('"0" cannot stand behind "0#"')
            self._zeros += 1
        elif self._zeros:
            self._right += 1
        else:
            self._left += 1
        if self._group is not None and self._point is None:
            self._group += 1

    def form(self, positive: tuple[str, str], negative: tuple[str, str]) -> NumberPattern:
        left, zeros, right, point = self._left, self._zeros, self._right, self._point
        if not zeros and left and point is not None:
            # "##.##" means "#0.##", and ".##" means ".0#".
            right, left, zeros = left - max(point, 1), max(point, 1) - 1, 1
        total = left + zeros + right
        is_malformed = right > 0 if point is None else not left <= point <= left + zeros
        if is_malformed or self._group == 0:
            raise self._error("its digits are out of order")
        split = total if point is None else point
        min_integer = split - left
        return NumberPattern(
            positive=positive,
            negative=negative,
            factor=self._factor,
            min_integer=min(min_integer, MAX_INTEGER_DIGITS),
            max_integer=min(left + min_integer if self._exponent else MAX_INTEGER_DIGITS, 309),
            min_fraction=min(left + zeros - split, MAX_FRACTION_DIGITS),
            max_fraction=min(total - split, MAX_FRACTION_DIGITS),
            group=self._group if self._group and self._group <= _MAX_GROUP else 0,
            keeps_point=point in {0, total},
            exponent=self._exponent,
        )

    def _error(self, what: str) -> ValueError:
        return ValueError(f'number pattern "{self._pattern}": {what}')

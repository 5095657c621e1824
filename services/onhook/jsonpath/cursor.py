"""A place in the text of a path, and the ways of looking ahead from it.

It must not know the grammar. It counts as Jayway's CharacterIndex does, its oddities included,
because which paths compile depends on them: only blanks are skipped, and what stands behind the
end of a part can still be seen.
"""

from __future__ import annotations

from onhook.jsonpath.errors import Inapplicable, PathError

BLANK = " "
QUOTES = "'\""


class Cursor:
    """`text` from `position` up to `last`, both counted from 0 and both included.

    `column_of_first` is the column that the text's first character has in the whole path.
    """

    __slots__ = ("column_of_first", "last", "position", "text")

    def __init__(self, text: str, column_of_first: int) -> None:
        self.text = text
        self.position = 0
        self.last = len(text) - 1
        self.column_of_first = column_of_first

    def column(self, index: int | None = None) -> int:
        at = self.position if index is None else index
        return max(1, self.column_of_first + min(max(at, 0), len(self.text)))

    def invalid(self, text: str, index: int | None = None) -> Inapplicable:
        return Inapplicable(text, self.column(index))

    @property
    def length(self) -> int:
        return self.last + 1

    def has(self, index: int) -> bool:
        return 0 <= index <= self.last

    @property
    def is_inside(self) -> bool:
        return 0 <= self.position <= self.last

    @property
    def is_at_end(self) -> bool:
        return self.position >= self.last

    def at(self, index: int) -> str:
        """Raises PathError behind the text."""
        if not 0 <= index < len(self.text):
            raise PathError("the path ends too early", self.column(index))
        return self.text[index]

    @property
    def here(self) -> str:
        return self.at(self.position)

    def is_next(self, char: str) -> bool:
        return self.has(self.position + 1) and self.text[self.position + 1] == char

    def skip_blanks(self) -> None:
        while self.is_inside and self.position < self.last and self.here == BLANK:
            self.position += 1

    def trim(self) -> None:
        self.skip_blanks()
        while self.is_inside and self.position < self.last and self.at(self.last) == BLANK:
            self.last -= 1

    def after_blanks(self, index: int) -> int:
        """The index of the first character behind `index` that is no blank; maybe outside."""
        index += 1
        while self.has(index) and self.text[index] == BLANK:
            index += 1
        return index

    def significant_after(self, index: int) -> str:
        """The first character behind `index` that is no blank; a blank at the end."""
        found = self.after_blanks(index)
        return self.text[found] if self.has(found) else BLANK

    def find_significant(self, index: int, char: str) -> int:
        """Where `char` stands when it is the next that is no blank, else -1."""
        found = self.after_blanks(index)
        return found if self.at(found) == char else -1

    def find(self, index: int, char: str) -> int:
        found = self.text.find(char, index, self.last + 1)
        return found if index >= 0 else -1

    def find_unescaped(self, index: int, char: str) -> int:
        """The next `char` behind `index` that no backslash hides, else -1."""
        is_escaped = False
        for found in range(index + 1, self.last + 1):
            if is_escaped:
                is_escaped = False
            elif self.text[found] == "\\":
                is_escaped = True
            elif self.text[found] == char:
                return found
        return -1

    def find_closing(self, index: int, pair: str, *, skips_regex: bool) -> int:
        """Where the bracket at `index` closes, quotes (and regular expressions) left out."""
        opening, closing = pair[0], pair[1]
        if self.at(index) != opening:
            raise self.invalid(f'expected "{opening}"', index)
        depth = 1
        index += 1
        while self.has(index):
            if self.at(index) in QUOTES:
                index = self._behind(index, self.at(index), "a quote is not closed")
            if skips_regex and self.at(index) == "/":
                index = self._behind(index, "/", "a regular expression is not closed")
            if self.at(index) == opening:
                depth += 1
            if self.at(index) == closing:
                depth -= 1
                if depth == 0:
                    return index
            index += 1
        return -1

    def _behind(self, index: int, char: str, complaint: str) -> int:
        found = self.find_unescaped(index, char)
        if found == -1:
            raise self.invalid(complaint, index)
        return found + 1

    def significant_before(self, index: int) -> int:
        """The index of the last character before `index` that is no blank, else -1."""
        index -= 1
        while self.has(index) and self.text[index] == BLANK:
            index -= 1
        return index if self.has(index) else -1

    def accept(self, word: str) -> bool:
        """Steps over `word`, and blanks before it, when it stands next."""
        self.skip_blanks()
        if not self.has(self.position + len(word) - 1):
            return False
        if not self.text.startswith(word, self.position):
            return False
        self.position += len(word)
        return True

r"""The characters and classes within Java's regular expressions, for the `regex` package.

`\d`, `\x41`, `\p{Lu}`, `[a-z&&[^x]]`: what stands for one character. Groups and repetitions are
`regex_syntax`'s. It must not know what is matched against.
"""

from __future__ import annotations

import re

FLAGS = "dixmsuU"
"""UNIX_LINES, CASE_INSENSITIVE, COMMENTS, MULTILINE, DOTALL, UNICODE_CASE, and
UNICODE_CHARACTER_CLASS, as they are written within a pattern."""

BREAKS = r"\n\r\x85\u2028\u2029"
"""What ends a line."""
DEEPEST = 30
"""Groups, and classes, within one another."""

_WORDS = {"d": "0-9", "w": "a-zA-Z0-9_", "s": r"\ \t\n\x0b\f\r"}
"""Without flag `U` these are of ASCII alone."""
_SPACES = {
    "h": r"\ \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000",
    "v": r"\n\x0b\f\r\x85\u2028\u2029",
}
_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "Graph": r"\x21-\x7e",
    "Print": r"\x20-\x7e",
    "Blank": r"\ \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r"\ \t\n\x0b\f\r",
}
_JAVA_NAMES = {
    "javaLowerCase": "Lowercase",
    "javaUpperCase": "Uppercase",
    "javaWhitespace": "White_Space",
    "javaMirrored": "Bidi_Mirrored",
}
_CONTROLS = {"t": 9, "n": 10, "r": 13, "f": 12, "a": 7, "e": 27}
_PROPERTY = re.compile(r"\{([A-Za-z0-9_=]{1,40})\}|([A-Z])")
_HEX = re.compile(r"x([0-9a-fA-F]{2})|x\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})")
_OCTAL = re.compile(r"0([0-3]?[0-7]{1,2})")
_BLANK = re.compile(rf"[ \t\n\x0b\f\r]+|#[^{BREAKS}]*")


class PatternError(ValueError):
    """The text is no regular expression of Java, or one that is not supported.

    `at` counts characters of the text, from 0, to about where that shows.
    """

    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.at = at


class ClassReader:
    """`at` moves through the pattern once; `flags` are those of each open group, innermost last."""

    def __init__(self, pattern: str, flags: frozenset[str]) -> None:
        self._pattern = pattern
        self._at = 0
        self._flags = [flags]
        self._is_wide = not flags.isdisjoint("uU")
        """Whether the pattern looks beyond ASCII."""

    def _wrong(self, why: str) -> PatternError:
        return PatternError(why, self._at)

    @property
    def _here(self) -> str:
        """The next character; empty behind the last."""
        return self._pattern[self._at : self._at + 1]

    def _has(self, flag: str) -> bool:
        return flag in self._flags[-1]

    def _skips_blank(self) -> bool:
        found = _BLANK.match(self._pattern, self._at) if self._has("x") else None
        if found is not None:
            self._at = found.end()
        return found is not None

    def _quotation(self) -> str:
        r"""The text from \Q, whose backslash has been taken, to \E or the end."""
        begin, end = self._at + 1, self._pattern.find("\\E", self._at)
        self._at = end + 2 if end >= 0 else len(self._pattern)
        return self._pattern[begin : end if end >= 0 else None]

    def _escaped(self) -> str | int:
        """A class, or a character's code, behind a backslash, which has been taken."""
        char = self._here
        self._at += 1
        small = char.lower()
        if small in _WORDS and self._has("U"):
            return f"\\{char}"
        if ranges := _WORDS.get(small) or _SPACES.get(small):
            return f"[{'^' if char.isupper() else ''}{ranges}]"
        if small == "p":
            return self._property(is_negated=char == "P")
        return self._code(char)

    def _code(self, char: str) -> int:
        if char in _CONTROLS:
            return _CONTROLS[char]
        at = self._at - 1
        if found := _HEX.match(self._pattern, at) or _OCTAL.match(self._pattern, at):
            self._at = found.end()
            digits = next(group for group in found.groups() if group)
            code = int(digits, 8 if found.re is _OCTAL else 16)
            if code > 0x10FFFF:
                raise self._wrong(f"there is no character {digits}")
            return code
        if char == "c" and self._here:
            self._at += 1
            return ord(self._pattern[self._at - 1]) ^ 64
        if not char or (char.isascii() and char.isalnum()):
            raise self._wrong(f"\\{char} is no escape")
        return ord(char)

    def _property(self, *, is_negated: bool) -> str:
        found = _PROPERTY.match(self._pattern, self._at)
        if found is None:
            raise self._wrong(r"\p needs the name of a property in { }")
        self._at = found.end()
        name = found[1] or found[2]
        if name in _POSIX:
            return f"[{'^' if is_negated else ''}{_POSIX[name]}]"
        self._is_wide = True
        name = _JAVA_NAMES.get(name, name)
        if "=" not in name:
            name = name.removeprefix("Is").removeprefix("java")
        return rf"\{'P' if is_negated else 'p'}{{{name}}}"

    def _char_class(self, depth: int) -> str:
        """A class with its unions and intersections, which the other dialect has as well."""
        if depth > DEEPEST:
            raise self._wrong(f"its classes are nested more than {DEEPEST} levels deep")
        parts = ["["]
        self._at += 1
        if self._here == "^":
            parts.append("^")
            self._at += 1
        is_first = True
        while True:
            char = self._here
            if not char:
                raise self._wrong("[ is never closed")
            if char == "]" and not is_first:
                self._at += 1
                return "".join(parts) + "]"
            if char == "[":
                parts.append(self._char_class(depth + 1))
            elif self._pattern.startswith("&&", self._at):
                parts.append("&&")
                self._at += 2
            elif not self._skips_blank():
                parts.append(self._range())
            is_first = False

    def _range(self) -> str:
        first = self._member()
        if isinstance(first, str):
            return first
        behind = self._pattern[self._at + 1 : self._at + 2]
        # Java refuses a range down to a hyphen, such as "|--"; here it is three characters.
        is_down = behind == "-" and first > ord("-")
        if self._here != "-" or behind in ("", "]", "[") or is_down:
            return _in_class(first)
        self._at += 1
        last = self._member()
        if isinstance(last, str):
            raise self._wrong("a range ends in a class")
        return f"{_in_class(first)}-{_in_class(last)}"

    def _member(self) -> str | int:
        """A character's code; or what is several of them."""
        char = self._here
        self._at += 1
        if char != "\\":
            return ord(char)
        if self._here == "Q":
            return "".join(_in_class(ord(quoted)) for quoted in self._quotation())
        return self._escaped()


def _in_class(code: int) -> str:
    if chr(code).isalnum():
        return re.escape(chr(code))
    return f"\\x{code:02x}" if code < 256 else f"\\U{code:08x}"

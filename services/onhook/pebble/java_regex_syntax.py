"""Translating Java's regular expressions for the `regex` package, which differs in a few places.

Whatever Java does not have is refused, so that nothing of the other dialect (fuzzy matches,
recursion, named lists) can be reached. It must not know what is matched against.
"""

from __future__ import annotations

import re

_BREAKS = r"\n\r\x85\u2028\u2029"
_CLASSES = {
    "d": "0-9",
    "w": "a-zA-Z0-9_",
    "s": r"\ \t\n\x0b\f\r",
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
_ANCHORS = {"b": r"\b", "B": r"\B", "A": r"\A", "G": r"\G", "z": r"\Z", "R": r"\R", "X": r"\X"}
_CONTROLS = {"t": r"\t", "n": r"\n", "r": r"\r", "f": r"\f", "a": r"\x07", "e": r"\x1b"}
_LINE_END = rf"(?=(?:\r\n|[{_BREAKS}])?\Z)"
_EACH_LINE_END = rf"(?=\r\n|[{_BREAKS}]|\Z)"
_EACH_LINE_BEGIN = r"(?:\A|(?<=[\n\x85\u2028\u2029])|(?<=\r)(?!\n))(?!\Z)"
_GROUP = re.compile(r"\(\?(?::|=|!|<=|<!|>|<[a-zA-Z][a-zA-Z0-9]*>)")
_FLAGS = re.compile(r"\(\?([idmsux]*)(?:-([idmsux]+))?([:)])")
_REPEAT = re.compile(r"(?:[*+?]|\{([0-9]{1,4})(?:,([0-9]{0,4}))?\})[+?]?")
_PROPERTY = re.compile(r"\{([A-Za-z0-9_=]{1,40})\}|([A-Z])")
_BACKREFERENCE = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)>")
_HEX = re.compile(r"x([0-9a-fA-F]{2})|x\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})")
_OCTAL = re.compile(r"0([0-3]?[0-7]{1,2})")
_MOST_REPEATS = 1000
_MOST_SIZE = 5000


class PatternError(ValueError):
    """The text is no regular expression of Java, or one that is not supported."""


def translated(pattern: str) -> str:
    """The same expression in the other dialect. Raises PatternError."""
    return _Translator(pattern).whole()


class _Translator:
    """`at` moves through the pattern once."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._out: list[str] = []
        self._flags: list[frozenset[str]] = [frozenset()]
        self._can_repeat = False
        self._sizes = [0]
        """What the pattern, and each group that is open, comes to with its repetitions."""
        self._last_size = 0

    def whole(self) -> str:
        while self._at < len(self._pattern):
            self._next()
        if len(self._flags) > 1:
            raise PatternError("a group is never closed")
        return "".join(self._out)

    def _next(self) -> None:
        char = self._pattern[self._at]
        if "x" in self._flags[-1] and (char.isspace() or char == "#"):
            self._comment(char)
        elif repeat := _REPEAT.match(self._pattern, self._at):
            self._repeat(repeat)
        elif char == "{":
            raise PatternError("{ needs a number and something to repeat")
        elif char == "\\":
            self._escape()
        elif char == "[":
            self._put(self._char_class())
        elif char == "(":
            self._open()
        elif char == ")":
            self._close()
        else:
            self._plain(char)

    def _put(self, text: str, length: int = 0, *, can_repeat: bool = True) -> None:
        self._out.append(text)
        self._at += length
        self._can_repeat = can_repeat
        if can_repeat:
            self._grow(1)

    def _grow(self, size: int) -> None:
        self._last_size = size
        self._sizes[-1] += size
        if self._sizes[-1] > _MOST_SIZE:
            raise PatternError("it repeats too much")

    def _comment(self, char: str) -> None:
        end = self._pattern.find("\n", self._at) if char == "#" else self._at
        self._at = end + 1 if end >= 0 else len(self._pattern)

    def _repeat(self, found: re.Match[str]) -> None:
        if not self._can_repeat:
            raise PatternError(f"{found[0][0]} has nothing to repeat")
        counts = [int(count) for count in found.groups() if count]
        if counts and (max(counts) > _MOST_REPEATS or counts != sorted(counts)):
            raise PatternError(f"{found[0]} is no count up to {_MOST_REPEATS}")
        self._grow(self._last_size * max(counts, default=1))
        self._put(found[0], len(found[0]), can_repeat=False)

    def _plain(self, char: str) -> None:
        flags = self._flags[-1]
        if char == ".":
            self._put(r"[\s\S]" if "s" in flags else f"[^{_BREAKS}]", 1)
        elif char == "^":
            self._put(_EACH_LINE_BEGIN if "m" in flags else r"\A", 1)
        elif char == "$":
            self._put(_EACH_LINE_END if "m" in flags else _LINE_END, 1)
        elif char == "|":
            self._put("|", 1, can_repeat=False)
        else:
            self._put(re.escape(char), 1)

    def _open(self) -> None:
        if self._pattern.startswith("(?", self._at):
            if flags := _FLAGS.match(self._pattern, self._at):
                self._set_flags(flags)
                return
            group = _GROUP.match(self._pattern, self._at)
            if group is None:
                raise PatternError("this kind of group is not supported")
            self._put(group[0], len(group[0]), can_repeat=False)
        else:
            self._put("(", 1, can_repeat=False)
        self._flags.append(self._flags[-1])
        self._sizes.append(0)

    def _close(self) -> None:
        if len(self._flags) == 1:
            raise PatternError(") closes nothing")
        self._flags.pop()
        size = self._sizes.pop()
        self._put(")", 1)
        self._grow(size)
        self._last_size = size + 1

    def _set_flags(self, found: re.Match[str]) -> None:
        on, off = found[1], found[2] or ""
        flags = (self._flags[-1] | set(on)) - set(off)
        is_group = found[3] == ":"
        case = ("i" if "i" in on else "") + ("-i" if "i" in off else "")
        if is_group:
            self._flags.append(flags)
            self._sizes.append(0)
            text = f"(?{case}:"
        else:
            self._flags[-1] = flags
            text = f"(?{case})" if case else ""
        self._put(text, len(found[0]), can_repeat=False)

    def _escape(self) -> None:
        self._at += 1
        char = self._pattern[self._at : self._at + 1]
        if char == "Q":
            end = self._pattern.find("\\E", self._at)
            end = len(self._pattern) if end < 0 else end
            for quoted in self._pattern[self._at + 1 : end]:
                self._put(re.escape(quoted))
            self._at = end + 2
        elif char == "k":
            found = _BACKREFERENCE.match(self._pattern, self._at + 1)
            if found is None:
                raise PatternError(r"\k needs the name of a group in < >")
            self._put(f"(?P={found[1]})", 1 + len(found[0]))
        elif char in "123456789" and char:
            self._put(f"(?:\\{char})", 1)
        elif char in _ANCHORS and char:
            self._put(_ANCHORS[char], 1)
        elif char == "Z":
            self._put(_LINE_END, 1)
        else:
            self._put(self._escaped_char(in_class=False))

    def _escaped_char(self, *, in_class: bool) -> str:
        """A class or a character behind a backslash, which has been taken."""
        char = self._pattern[self._at : self._at + 1]
        self._at += 1
        if char.lower() in _CLASSES and char:
            negated = "^" if char.isupper() else ""
            return f"[{negated}{_CLASSES[char.lower()]}]"
        if char in ("p", "P"):
            return self._property(is_negated=char == "P")
        return _literal(chr(self._code(char)), in_class=in_class)

    def _code(self, char: str) -> int:
        if char in _CONTROLS and char:
            return ord(_CONTROLS[char].encode().decode("unicode_escape"))
        at = self._at - 1
        if found := _HEX.match(self._pattern, at) or _OCTAL.match(self._pattern, at):
            self._at = found.end()
            digits = next(group for group in found.groups() if group)
            code = int(digits, 8 if found.re is _OCTAL else 16)
            if code > 0x10FFFF:
                raise PatternError(f"there is no character {digits}")
            return code
        if char == "c" and self._at < len(self._pattern):
            self._at += 1
            return ord(self._pattern[self._at - 1]) ^ 64
        if not char or (char.isascii() and char.isalnum()):
            raise PatternError(f"\\{char} is no escape")
        return ord(char)

    def _property(self, *, is_negated: bool) -> str:
        found = _PROPERTY.match(self._pattern, self._at)
        if found is None:
            raise PatternError(r"\p needs the name of a property in { }")
        self._at = found.end()
        name = found[1] or found[2]
        if name in _POSIX:
            return f"[{'^' if is_negated else ''}{_POSIX[name]}]"
        name = name.removeprefix("Is").removeprefix("java")
        return rf"\{'P' if is_negated else 'p'}{{{name}}}"

    def _char_class(self) -> str:
        """A class with its unions and intersections, which the other dialect has as well."""
        parts = ["["]
        self._at += 1
        if self._pattern.startswith("^", self._at):
            parts.append("^")
            self._at += 1
        is_first = True
        while True:
            char = self._pattern[self._at : self._at + 1]
            if not char:
                raise PatternError("[ is never closed")
            if char == "]" and not is_first:
                self._at += 1
                return "".join(parts) + "]"
            if char == "[":
                parts.append(self._char_class())
            elif self._pattern.startswith("&&", self._at):
                parts.append("&&")
                self._at += 2
            else:
                parts.append(self._range())
            is_first = False

    def _range(self) -> str:
        first = self._class_char()
        if (
            first.startswith("[")
            or not self._pattern.startswith("-", self._at)
            or self._pattern[self._at + 1 : self._at + 2] in ("", "]", "[")
        ):
            return first
        self._at += 1
        last = self._class_char()
        if last.startswith("["):
            raise PatternError("a range ends in a class")
        return f"{first}-{last}"

    def _class_char(self) -> str:
        char = self._pattern[self._at : self._at + 1]
        self._at += 1
        if char == "\\":
            if self._pattern.startswith("Q", self._at):
                raise PatternError(r"\Q within [ ] is not supported")
            return self._escaped_char(in_class=True)
        return _literal(char, in_class=True)


def _literal(char: str, *, in_class: bool) -> str:
    if in_class and not char.isalnum():
        return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\U{ord(char):08x}"
    return re.escape(char)

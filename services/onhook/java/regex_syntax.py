"""Translating Java's regular expressions for the `regex` package, which differs in a few places.

Whatever Java does not have is refused, so that nothing of the other dialect (fuzzy matches,
recursion, named lists) can be reached. It must not know what is matched against.
"""

from __future__ import annotations

import re

from onhook.java.regex_class import BREAKS, DEEPEST, FLAGS, ClassReader

_ANCHORS = {
    "b": r"\b",
    "B": r"\B",
    "A": r"\A",
    "G": r"\G",
    "z": r"\Z",
    "R": r"(?>\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
}
_IN_BREAK = r"(?<=\r)(?=\n)"
_END = rf"(?:(?!{_IN_BREAK})(?=(?:\r\n|[{BREAKS}])?\Z))"
_UNIX_END = r"(?=\n?\Z)"
_EACH_LINE_END = rf"(?:(?!{_IN_BREAK})(?=\r\n|[{BREAKS}]|\Z))"
_EACH_UNIX_LINE_END = r"(?=\n|\Z)"
_EACH_LINE_BEGIN = r"(?:(?:\A|(?<=[\n\x85\u2028\u2029])|(?<=\r)(?!\n))(?!\Z))"
_EACH_UNIX_LINE_BEGIN = r"(?:(?:\A|(?<=\n))(?!\Z))"
_GROUP = re.compile(r"\(\?(?::|=|!|<=|<!|>|<[a-zA-Z][a-zA-Z0-9]*>)")
_INLINE_FLAGS = re.compile(rf"\(\?([{FLAGS}]*)(?:-([{FLAGS}]+))?([:)])")
_REPEAT = re.compile(r"(?:[*+?]|\{([0-9]{1,4})(?:,([0-9]{0,4}))?\})[+?]?")
_BACKREFERENCE = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)>")
_MOST_REPEATS = 1000
_MOST_SIZE = 5000


def translated(pattern: str, flags: str, *, has_clusters: bool) -> tuple[str, bool]:
    """The same expression in the other dialect, and whether it looks beyond ASCII.

    Raises PatternError.
    """
    return _Translator(pattern, frozenset(flags), has_clusters=has_clusters).whole()


class _Translator(ClassReader):
    def __init__(self, pattern: str, flags: frozenset[str], *, has_clusters: bool) -> None:
        super().__init__(pattern, flags)
        self._has_clusters = has_clusters
        # Full case folding would let one letter match two, which Java never does.
        self._out: list[str] = ["(?i-f)" if "i" in flags else "(?-f)"]
        self._can_repeat = False
        self._sizes = [0]
        """What the pattern, and each group that is open, comes to with its repetitions."""
        self._last_size = 0

    def whole(self) -> tuple[str, bool]:
        while self._at < len(self._pattern):
            self._next()
        if len(self._flags) > 1:
            raise self._wrong("a group is never closed")
        return "".join(self._out), self._is_wide

    def _next(self) -> None:
        char = self._here
        if self._skips_blank():
            return
        if repeat := _REPEAT.match(self._pattern, self._at):
            self._repeat(repeat)
        elif char == "{":
            raise self._wrong("{ needs a number and something to repeat")
        elif char == "\\":
            self._escape()
        elif char == "[":
            self._put(self._char_class(1))
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
            raise self._wrong("it repeats too much")

    def _repeat(self, found: re.Match[str]) -> None:
        if not self._can_repeat:
            raise self._wrong(f"{found[0][0]} has nothing to repeat")
        counts = [int(count) for count in found.groups() if count]
        if counts and (max(counts) > _MOST_REPEATS or counts != sorted(counts)):
            raise self._wrong(f"{found[0]} is no count up to {_MOST_REPEATS}")
        self._grow(self._last_size * max(counts, default=1))
        self._put(found[0], len(found[0]), can_repeat=False)

    def _plain(self, char: str) -> None:
        is_unix = self._has("d")
        if char == "." and self._has("s"):
            self._put(r"[\s\S]", 1)
        elif char == ".":
            self._put(r"[^\n]" if is_unix else f"[^{BREAKS}]", 1)
        elif char == "^" and self._has("m"):
            self._put(_EACH_UNIX_LINE_BEGIN if is_unix else _EACH_LINE_BEGIN, 1)
        elif char == "^":
            self._put(r"\A", 1)
        elif char == "$" and self._has("m"):
            self._put(_EACH_UNIX_LINE_END if is_unix else _EACH_LINE_END, 1)
        elif char == "$":
            self._put(_UNIX_END if is_unix else _END, 1)
        elif char == "|":
            self._put("|", 1, can_repeat=False)
        else:
            self._put(re.escape(char), 1)

    def _open(self) -> None:
        if self._pattern.startswith("(?", self._at):
            if flags := _INLINE_FLAGS.match(self._pattern, self._at):
                self._set_flags(flags)
                return
            group = _GROUP.match(self._pattern, self._at)
            if group is None:
                raise self._wrong("this kind of group is not supported")
            self._enter(group[0], len(group[0]), self._flags[-1])
        else:
            self._enter("(", 1, self._flags[-1])

    def _enter(self, text: str, length: int, flags: frozenset[str]) -> None:
        self._put(text, length, can_repeat=False)
        self._flags.append(flags)
        self._sizes.append(0)
        if len(self._flags) > DEEPEST:
            raise self._wrong(f"its groups are nested more than {DEEPEST} levels deep")

    def _close(self) -> None:
        if len(self._flags) == 1:
            raise self._wrong(") closes nothing")
        self._flags.pop()
        size = self._sizes.pop()
        self._put(")", 1)
        self._grow(size)
        self._last_size = size + 1

    def _set_flags(self, found: re.Match[str]) -> None:
        on, off = found[1], found[2] or ""
        flags = (self._flags[-1] | set(on)) - set(off)
        self._is_wide = self._is_wide or not flags.isdisjoint("uU")
        case = ("i" if "i" in on else "") + ("-i" if "i" in off else "")
        if found[3] == ":":
            self._enter(f"(?{case}:", len(found[0]), flags)
        else:
            self._flags[-1] = flags
            self._put(f"(?{case})" if case else "", len(found[0]), can_repeat=False)

    def _escape(self) -> None:
        self._at += 1
        char = self._here
        if char == "Q":
            for quoted in self._quotation():
                self._put(re.escape(quoted))
        elif char == "k":
            found = _BACKREFERENCE.match(self._pattern, self._at + 1)
            if found is None:
                raise self._wrong(r"\k needs the name of a group in < >")
            self._put(f"(?P={found[1]})", 1 + len(found[0]))
        elif char in "123456789" and char:
            self._put(f"(?:\\{char})", 1)
        elif char in _ANCHORS:
            self._put(_ANCHORS[char], 1)
        elif char == "X" and self._has_clusters:
            self._is_wide = True
            self._put(r"\X", 1)
        elif char == "Z":
            self._put(_UNIX_END if self._has("d") else _END, 1)
        else:
            escaped = self._escaped()
            self._put(escaped if isinstance(escaped, str) else re.escape(chr(escaped)))

"""A regular expression as Java writes it becomes one of the package `regex`.

What Java refuses is refused, and what only `regex` understands (fuzzy matching, recursion, named
lists) never reaches it. It must not know paths.

Not carried: clusters (`\\X`) and class names that only Java knows are refused.
"""

from __future__ import annotations

import re

import regex

from onhook.jsonpath.errors import PathError

FLAGS = "dixmsuU"
"""Java's, as they stand behind the closing slash."""
_DEEPEST = 20
_MOST_REPEATS = 1_000
_LINE_ENDS = r"\n\r\u0085\u2028\u2029"
_CONTROLS = {"t": r"\t", "n": r"\n", "r": r"\r", "f": r"\f", "a": r"\a", "e": r"\x1b"}
_CLASSES = {"d": "0-9", "w": "a-zA-Z0-9_", "s": r"\x20\t\n\x0b\f\r"}
"""Without flag `U` these are of ASCII alone."""
_BOUNDARIES = {"b": r"\b", "B": r"\B", "A": r"\A", "z": r"\Z", "Z": r"(?=\n?\Z)", "G": r"\G"}
_SPACES = {
    "h": r"\x20\t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000",
    "v": r"\n\x0b\f\r\x85\u2028\u2029",
}
_GROUP = re.compile(r"\?(?::|>|=|!|<=|<!|<[a-zA-Z][a-zA-Z0-9]*>|[idmsux]*(?:-[idmsux]+)?[:)])")
_REPEAT = re.compile(r"\{(\d+)(,?)(\d*)\}[?+]?")
_PROPERTY = re.compile(r"\{(\^?)([A-Za-z0-9_=]+)\}|([A-Z])")
_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-\~",
    "Graph": r"!-\~",
    "Print": r"\ -\~",
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


def read_pattern(source: str, flags: str, column: int) -> regex.Pattern[str]:
    """Raises PathError; `column` is where the source begins."""
    text = _Translation(source, flags, column).text()
    # ASCII letters alone are of either case, unless asked for more; properties need Unicode.
    is_wide = set(flags) & set("uU") or re.search(r"\\[pP]", source)
    chosen = regex.V1 | (regex.UNICODE if is_wide else regex.ASCII)
    for flag, value in (("i", regex.IGNORECASE), ("x", regex.VERBOSE), ("m", regex.MULTILINE)):
        chosen |= value if flag in flags else 0
    try:
        # Full case folding would let one letter match two, which Java never does.
        return regex.compile(f"(?-f){text}" if "i" in flags else text, chosen | _dot(flags))
    except (regex.error, ValueError, OverflowError, RecursionError, MemoryError, KeyError):
        raise PathError("the regular expression is wrong", column) from None


def _dot(flags: str) -> int:
    return regex.DOTALL if "s" in flags else 0


class _Translation:
    def __init__(self, source: str, flags: str, column: int) -> None:
        self._source = source
        self._flags = flags
        self._column = column
        self._at = 0
        self._groups = 0
        self._repeats = 1
        self._can_repeat = False

    def _wrong(self, text: str) -> PathError:
        return PathError(f"the regular expression is wrong: {text}", self._column + self._at)

    @property
    def _here(self) -> str:
        return self._source[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._here
        if not char:
            raise self._wrong("it ends too early")
        self._at += 1
        return char

    def text(self) -> str:
        found: list[str] = []
        while self._here:
            found.append(self._piece(self._take()))
        if self._groups:
            raise self._wrong('")" is missing')
        return "".join(found)

    def _piece(self, char: str) -> str:  # noqa: PLR0911  # one return a kind
        could_repeat, self._can_repeat = self._can_repeat, True
        match char:
            case "\\":
                return self._escape(is_in_class=False)
            case "[":
                return self._class(1)
            case "(":
                return self._open()
            case ")":
                self._groups -= 1
                if self._groups < 0:
                    raise self._wrong('")" closes nothing')
                return char
            case "|" | "^" | "$":
                self._can_repeat = char != "|"
                return char
            case "*" | "+" | "?" | "{":
                if not could_repeat:
                    raise self._wrong(f'"{char}" repeats nothing')
                self._can_repeat = False
                return self._repeat(char)
            case "." if "s" not in self._flags and "(?" not in self._source:
                return r"[^\n]" if "d" in self._flags else f"[^{_LINE_ENDS}]"
            case "]" | "}" | "~" | "&" | "-":
                return "\\" + char
            case _:
                return char

    def _open(self) -> str:
        self._groups += 1
        self._can_repeat = False
        if self._groups > _DEEPEST:
            raise self._wrong(f"its groups are nested more than {_DEEPEST} levels deep")
        if self._here != "?":
            return "("
        found = _GROUP.match(self._source, self._at)
        if found is None:
            raise self._wrong("this kind of group is not known")
        self._at = found.end()
        text = found.group()
        if text.endswith(")"):
            self._groups -= 1
        # Java's `d` and `u` are not flags of the other kind.
        return "(" + (text if "<" in text else text.replace("d", "").replace("u", ""))

    def _repeat(self, char: str) -> str:
        if char != "{":
            more = self._take() if self._here and self._here in "?+" else ""
            return char + more
        found = _REPEAT.match(self._source, self._at - 1)
        if found is None:
            raise self._wrong('"{" must be followed by a number; write \\{ for the character')
        low, high = int(found[1]), int(found[3] or found[1])
        self._repeats *= max(low, high, 1)
        if high < low or self._repeats > _MOST_REPEATS:
            raise self._wrong(f"it repeats more than {_MOST_REPEATS} times, or less than never")
        self._at = found.end()
        return found.group()

    def _escape(self, *, is_in_class: bool) -> str:  # noqa: PLR0911  # one return a kind
        char = self._take()
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char.lower() in _CLASSES:
            negation = "^" if char.isupper() else ""
            is_wide = "U" in self._flags
            return f"\\{char}" if is_wide else f"[{negation}{_CLASSES[char.lower()]}]"
        if char in "pP":
            return self._property(char)
        if char in "hHvV":
            negation = "^" if char.isupper() else ""
            return f"[{negation}{_SPACES[char.lower()]}]"
        if char in "xu0c":
            return self._code(char)
        if char == "Q":
            return self._quotation()
        if not is_in_class and (char in _BOUNDARIES or char in "Rk" or char in "123456789"):
            return self._reference(char)
        if char.isascii() and char.isalnum():
            raise self._wrong(f'"\\{char}" means nothing')
        return regex.escape(char, special_only=False, literal_spaces=False)

    def _reference(self, char: str) -> str:
        if char in _BOUNDARIES:
            return _BOUNDARIES[char]
        if char == "R":
            return r"(?>\r\n|[\n\x0b\f\r\x85\u2028\u2029])"
        if char == "k":
            found = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)>").match(self._source, self._at)
            if found is None:
                raise self._wrong("a name in <> must follow \\k")
            self._at = found.end()
            return f"(?P={found[1]})"
        return f"(?:\\{char})"

    def _quotation(self) -> str:
        end = self._source.find("\\E", self._at)
        text = self._source[self._at :] if end == -1 else self._source[self._at : end]
        self._at = len(self._source) if end == -1 else end + 2
        return regex.escape(text, special_only=False, literal_spaces=False)

    def _code(self, kind: str) -> str:
        if kind == "c":
            return f"\\x{ord(self._take()) ^ 64 & 0xFF:02x}"
        digits = {
            "x": r"[0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,6}\}",
            "u": r"[0-9a-fA-F]{4}",
            "0": r"[0-3]?[0-7]{1,2}",
        }[kind]
        found = re.compile(digits).match(self._source, self._at)
        code = int(found.group().strip("{}"), 8 if kind == "0" else 16) if found else -1
        if found is None or code > 0x10FFFF:
            raise self._wrong(f'digits of a character must follow "\\{kind}"')
        self._at = found.end()
        return f"\\U{code:08x}"

    def _property(self, kind: str) -> str:
        found = _PROPERTY.match(self._source, self._at)
        if found is None:
            raise self._wrong(f"a name in braces must follow \\{kind}")
        self._at = found.end()
        name = found[2] or found[3]
        negation = "^" if kind == "P" else ""
        if name in _POSIX:
            return f"[{negation}{_POSIX[name]}]"
        name = _JAVA_NAMES.get(name, name)
        if name.startswith("In"):
            return f"\\{kind}{{{name}}}"
        return (
            f"\\{kind}{{{name.removeprefix('Is')}}}" if "=" not in name else (f"\\{kind}{{{name}}}")
        )

    def _class(self, depth: int) -> str:
        """What stands in brackets; Java nests them and intersects with `&&`, as V1 does."""
        if depth > _DEEPEST:
            raise self._wrong(f"its classes are nested more than {_DEEPEST} levels deep")
        found = ["["]
        if self._here == "^":
            found.append(self._take())
        is_first = True
        while True:
            char = self._take()
            if char == "]" and not is_first:
                found.append(char)
                return "".join(found)
            is_first = False
            found.append(self._class_piece(char, depth))

    def _class_piece(self, char: str, depth: int) -> str:  # noqa: PLR0911  # one return a kind
        match char:
            case "\\":
                return self._escape(is_in_class=True)
            case "[":
                return self._class(depth + 1)
            case "&" if self._here == "&":
                self._at += 1
                return "&&"
            case "-" if self._here not in ("-", "]", "["):
                return char
            case "]" | "-" | "&" | "|" | "~" | ":" | "^" | "#":
                return "\\" + char
            case " ":
                return r"\ " if "x" not in self._flags else ""
            case _:
                return char

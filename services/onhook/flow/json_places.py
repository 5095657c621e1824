"""A JSON acceptor that is fed pieces: literal texts, and values whose text is not looked at.

It says whether what came so far can become JSON, what may follow, and for a value which place
it stands in. Pure tables and functions; it must not know templates, nodes or encodings.
"""

from __future__ import annotations

import re
from typing import Final

LARGEST_DEPTH: Final = 512
"""Containers inside one another in a body's own text; readers give up not far beyond it."""

# A mode is what is expected next, in words that an error can say. Those in `_TOKENS` stand
# inside a number or a literal.
VALUE = "a value"
FIRST_VALUE = 'a value or "]"'
KEY = "a key in double quotes"
FIRST_KEY = 'a key in double quotes or "}"'
COLON = '":" and a value'
AFTER = "the end of the value"
STRING = "the rest of a string"

State = tuple[str, str]
"""A mode, and the open containers from the outermost: `{`, `[`, and `"` for a key's string."""

START: Final[State] = (VALUE, "")

_MINUS, _ZERO, _WHOLE = "the digits of a number", "an end of 0", "an end of a number"
_POINT, _FRACTION = "digits behind the point", "an end of a fraction"
_E, _SIGN, _EXPONENT = "an exponent", "an exponent's digits", "an end of an exponent"
_ENDED = frozenset({_ZERO, _WHOLE, _FRACTION, _EXPONENT})
"""A number may end here: what cannot go on is read as what follows a value."""


def _each(characters: str, mode: str) -> dict[str, str]:
    return dict.fromkeys(characters, mode)


_EXPONENTS = _each("eE", _E)
_TOKENS: dict[str, dict[str, str]] = {
    _MINUS: {"0": _ZERO, **_each("123456789", _WHOLE)},
    _ZERO: {".": _POINT, **_EXPONENTS},
    _WHOLE: {".": _POINT, **_EXPONENTS, **_each("0123456789", _WHOLE)},
    _POINT: _each("0123456789", _FRACTION),
    _FRACTION: {**_EXPONENTS, **_each("0123456789", _FRACTION)},
    _E: {**_each("+-", _SIGN), **_each("0123456789", _EXPONENT)},
    _SIGN: _each("0123456789", _EXPONENT),
    _EXPONENT: _each("0123456789", _EXPONENT),
}
_VALUES: dict[str, str] = {'"': STRING, "-": _MINUS, **_TOKENS[_MINUS]}
for _word in ("true", "false", "null"):
    _VALUES[_word[0]] = f'the rest of "{_word}": {_word[1:]}'
    for _at in range(1, len(_word)):
        _following = f'the rest of "{_word}": {_word[_at + 1 :]}' if _word[_at + 1 :] else AFTER
        _TOKENS[f'the rest of "{_word}": {_word[_at:]}'] = {_word[_at]: _following}

_BLANKS = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]*')
# In one piece, and no half of a surrogate pair: strict readers refuse a lone one.
_ESCAPE = re.compile(
    r'\\(?:["\\/bfnrt]|u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}'
    r"|(?![dD][89a-fA-F])[0-9a-fA-F]{4}))"
)
_CLOSING = {"}": "{", "]": "["}
_MAY_CLOSE = frozenset({AFTER, FIRST_KEY, FIRST_VALUE})


class NoJson(Exception):
    """The text cannot go on like this. `at` counts characters of the text given."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


def after_text(text: str, state: State) -> State:
    """The state behind a literal text. Raises NoJson."""
    mode, stack = state
    at = 0
    while at < len(text):
        if mode == STRING:
            at, mode, stack = _in_string(text, at, stack)
        elif (table := _TOKENS.get(mode)) is not None:
            if following := table.get(text[at]):
                mode, at = following, at + 1
            elif mode in _ENDED:
                mode = AFTER
            else:
                raise NoJson(_unexpected(text, at, (mode, stack)), at)
        else:
            blanks = _BLANKS.match(text, at)
            at = blanks.end() if blanks else at
            if at < len(text):
                mode, stack = _structure(text, at, mode, stack)
                at += 1
    return mode, stack


def after_value(state: State) -> State:
    """The state behind a value that was written for its place. Raises NoJson, with `at` 0."""
    mode, stack = state
    if mode == STRING:
        return state
    if mode in (VALUE, FIRST_VALUE):
        return AFTER, stack
    if mode in (KEY, FIRST_KEY):
        return COLON, stack
    if mode in _TOKENS:
        raise NoJson("an expression stands directly behind a number or literal", 0)
    if mode == AFTER and not stack:
        raise NoJson("an expression stands behind the end of the body", 0)
    raise NoJson(f"an expression stands where {expected(state)} is expected", 0)


def check_end(state: State) -> None:
    """Raises NoJson, with `at` 0, unless the body may end here."""
    mode, stack = state
    if stack or not (mode == AFTER or mode in _ENDED):
        what = "a string is not closed" if mode == STRING else f"expected {expected(state)}"
        raise NoJson(f"the body ends too early: {what}", 0)


def expected(state: State) -> str:
    """What may follow, in words."""
    mode, stack = state
    if mode == AFTER or mode in _ENDED:
        return {"{": '"," or "}"', "[": '"," or "]"'}.get(stack[-1:], "the end of the body")
    return mode


def _in_string(text: str, at: int, stack: str) -> tuple[int, str, str]:
    plain = _PLAIN.match(text, at)
    at = plain.end() if plain else at
    if at == len(text):
        return at, STRING, stack
    character = text[at]
    if character == '"':
        return (at + 1, COLON, stack[:-1]) if stack.endswith('"') else (at + 1, AFTER, stack)
    if character == "\\":
        escape = _ESCAPE.match(text, at)
        if escape is None:
            raise NoJson(_bad_escape(text, at), at)
        return escape.end(), STRING, stack
    if character in "\r\n":
        raise NoJson("a line break stands inside a string; write \\n", at)
    raise NoJson(f"a string holds {shown(character)}; write it as an escape", at)


def _structure(text: str, at: int, mode: str, stack: str) -> State:
    """The state behind the one character at `at`, which opens, closes or joins."""
    character = text[at]
    following: State | None = None
    if mode in (VALUE, FIRST_VALUE) and character in "{[":
        if len(stack) >= LARGEST_DEPTH:
            raise NoJson(f"nested too deeply: more than {LARGEST_DEPTH} levels", at)
        following = (FIRST_KEY if character == "{" else FIRST_VALUE), stack + character
    elif mode in (VALUE, FIRST_VALUE) and (token := _VALUES.get(character)):
        following = token, stack
    elif mode in (KEY, FIRST_KEY) and character == '"':
        following = STRING, stack + character
    elif mode == COLON and character == ":":
        following = VALUE, stack
    elif mode == AFTER and character == "," and stack:
        following = (KEY if stack[-1] == "{" else VALUE), stack
    elif mode in _MAY_CLOSE and stack[-1:] == _CLOSING.get(character):
        following = AFTER, stack[:-1]
    if following is None:
        raise NoJson(_unexpected(text, at, (mode, stack)), at)
    return following


def _unexpected(text: str, at: int, state: State) -> str:
    for word in ("NaN", "Infinity", "True", "False", "None", "undefined"):
        if text.startswith(word, at):
            return f"{word} is no JSON value"
    hint = "; write \"...\" instead of '...'" if text[at] == "'" else ""
    return f"found {shown(text[at])} where {expected(state)} is expected{hint}"


def _bad_escape(text: str, at: int) -> str:
    if at + 1 == len(text):
        return "an expression or tag cannot follow a backslash: an escape stands in one piece"
    return (
        f"{text[at : at + 2]!r} begins no JSON escape; use \\\\ for a backslash, and \\u with four "
        "hexadecimal digits in one piece, a surrogate only in its pair"
    ).replace("'\\\\", "'\\", 1)


def shown(character: str) -> str:
    """One character, for an error."""
    if character == '"':
        return "'\"'"
    if character.isprintable() and character.isascii():
        return f'"{character}"'
    name = {"\n": "a line break", "\r": "a line break", "\ufeff": "a byte order mark"}
    if character in name:
        return name[character]
    code = f"U+{ord(character):04X}"
    return f"{character} ({code})" if character.isprintable() else code

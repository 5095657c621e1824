"""Slips, mostly out of other languages, and how the template language says it: words for messages.

It decides nothing: what is an error, and where, is for the lexer, the parsers and the filters.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from onhook.pebble.token import Kind, Token

_ALIKE = 0.6
_TAGS = ("if", "for", "set", "macro", "filter", "block", "autoescape", "parallel", "cache", "flush")
_ENDS = ("elseif", "else", *(f"end{tag}" for tag in _TAGS), "endverbatim")
_ALONE = frozenset({"else", "flush", *(f"end{tag}" for tag in _TAGS)})

_MEANT = {
    "count": "length",
    "size": "length",
    "strip": "trim",
    "substr": "slice",
    "substring": "slice",
    "round": "numberformat",
    "e": "escape",
    "elif": "elseif",
    "elsif": "elseif",
    "foreach": "for",
    "let": "set",
    "var": "set",
}
"""What other languages call it, where the names are not alike."""


def nearest(name: str, known: Collection[str]) -> str:
    """`; did you mean upper?`, or nothing."""
    meant = _MEANT.get(name)
    if meant in known:
        return f"; did you mean {meant}?"
    folded = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), folded, 1, _ALIKE)
    return f"; did you mean {folded[near[0]]}?" if near else ""


def of_name(kind: str, name: str, known: Mapping[str, Collection[str]]) -> str:
    """What to do about a filter, test or function that does not exist. `known` is by kind."""
    if kind != "filter" and name in known["filter"]:
        return f"; {name} is a filter: {{{{ value | {name} }}}}"
    if kind != "function" and name in known["function"]:
        return f"; {name} is a function: {{{{ {name}() }}}}"
    if kind != "test" and name in known["test"]:
        return f"; {name} is a test: {{{{ value is {name} }}}}"
    return nearest(name, known[kind])


def of_tag(name: str, following: Token) -> str:
    """What to do about a tag that does not exist."""
    if following.is_(Kind.PUNCTUATION, "="):
        return f"; a value is set by {{% set {name} = ... %}}"
    if following.is_(Kind.OPERATOR, "|") or following.is_(Kind.PUNCTUATION, ".", "("):
        return f"; a value is printed by {{{{ {name} ... }}}}"
    return nearest(name, (*_TAGS, *_ENDS))


def of_tokens(before: Sequence[Token], found: Token) -> str:
    """What to do about `found`, which cannot stand behind `before`."""
    if not before:
        return ""
    last = before[-1]
    if found.is_(Kind.PUNCTUATION, "="):
        return _of_equals(last)
    pair = (last.value, found.value)
    if found.kind is last.kind and pair in _PAIRS:
        return _PAIRS[pair]
    return _of_word(before, found) or _unquoted(last, found)


_PAIRS = {
    ("|", "|"): '; "||" is written or',
    ("<", ">"): '; "<>" is written !=',
    ("?", "?"): '; a value instead of nothing is written {{ value | default("...") }}',
}


def _of_word(before: Sequence[Token], found: Token) -> str:
    """A statement in the braces of a value, and `if` where it does not begin one."""
    opening, first = _opening(before)
    if opening is Kind.EXECUTE_START and first.value == "else" and _is_if(found):
        return "; write {% elseif ... %}"
    is_first = opening is Kind.PRINT_START and first is before[-1] and first.kind is Kind.NAME
    if is_first and first.value in (*_TAGS, *_ENDS):
        more = "" if first.value in _ALONE else " ..."
        return f"; a statement is written {{% {first.value}{more} %}}"
    return "; a choice is written {{ condition ? value : otherwise }}" if _is_if(found) else ""


def _is_if(token: Token) -> bool:
    return token.is_(Kind.NAME, "if")


def _of_equals(last: Token) -> str:
    if last.is_(Kind.OPERATOR, "!="):
        return '; "!==" is written !='
    if last.is_(Kind.OPERATOR, "=="):
        return '; "===" is written =='
    return "; equality is written ==, and a value is set by {% set name = ... %}"


def _opening(before: Sequence[Token]) -> tuple[Kind, Token]:
    """What the expression or tag was opened by, and its first token."""
    at = len(before) - 1
    while at > 0 and before[at].kind not in (Kind.PRINT_START, Kind.EXECUTE_START):
        at -= 1
    return before[at].kind, before[min(at + 1, len(before) - 1)]


def _unquoted(last: Token, found: Token) -> str:
    """Two words side by side: a text without quotes, or an operator left out."""
    if last.kind in _WORDS and found.kind in _WORDS:
        return "; a text stands in quotes, and an operator between two values"
    return ""


_WORDS = (Kind.NAME, Kind.LONG, Kind.NUMBER, Kind.STRING)
_CHARACTERS = {
    "&": '"&&" is written and',
    "!": '"!" is written not',
    "$": "a name stands without a $",
    "@": "a name stands without an @",
    ";": "nothing ends with a semicolon; leave it out",
    "`": "a text stands in straight quotes, \" or '",
    "^": "there is no such operator",
    **dict.fromkeys("“”„«»‘’‚′″", "a text stands in straight quotes, \" or '"),
    **dict.fromkeys("–—−", "minus is written -"),
    "≤": "it is written <=",
    "≥": "it is written >=",
    "≠": "it is written !=",
    "×": "it is written *",
    "÷": "it is written /",
}


def of_character(char: str) -> str:
    """What to do about a character that no token begins with."""
    hint = _CHARACTERS.get(char)
    return f"; {hint}" if hint else ""

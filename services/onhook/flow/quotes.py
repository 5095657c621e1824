"""Values inside double quotes, and bare beside other text, as TOML, YAML and GraphQL have them.

What the three share: the escapes of JSON's strings, and that an escape or a run of quotes must
stand in one piece. It must not know where in a document a value stands.
"""

from __future__ import annotations

import re
from typing import Any, Final

from onhook.flow.json_literal import as_text, literal
from onhook.java.char import whole

# Line breaks, marks and controls that readers of these formats fold, drop or refuse.
_NOT_AS_THEY_ARE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_ESCAPED = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_TORN_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7}|x[0-9a-fA-F]?)?\Z")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BEFORE_BARE = frozenset(" \t\r\n,=:[({")
_BEHIND_BARE = frozenset(" \t\r\n,=:])}#.")

TORN: Final = "an escape stands in one piece: no expression or tag can follow a backslash"
GLUED: Final = (
    "a text stands directly behind an expression; put a blank between them (a line break right behind "
    "}} is dropped: write a blank before it)"
)
IN_ONE_PIECE: Final = "quotes stand in one piece: put a blank between these"


def escaped(value: Any) -> str:
    """The value's text for a place between double quotes. Raises NoLiteral."""
    return _escape_rest(literal(whole(as_text(value)))[1:-1])


def bare(value: Any) -> str:
    """The value as a literal that stands alone. Raises NoLiteral."""
    return _escape_rest(literal(value))


def commented(value: Any) -> str:
    """The value's text for a comment: on one line. Raises NoLiteral."""
    return _CONTROL.sub(" ", whole(as_text(value)))


def has_control(text: str) -> bool:
    """Whether single quotes cannot hold `text`, having no escapes."""
    return _CONTROL.search(text) is not None


def end_of_escaped(text: str, at: int) -> int:
    """Where the double quote stands that ends a string with escapes, or the length of `text`."""
    found = _ESCAPED.match(text, at)
    return found.end() if found and not text.startswith("\\", found.end()) else len(text)


def is_torn(text: str) -> bool:
    """Whether a string's text ends within an escape."""
    backslashes = len(text) - len(text.rstrip("\\"))
    if backslashes:
        return backslashes % 2 == 1
    found = _TORN_ESCAPE.search(text)
    return found is not None and (found.start() - len(text[: found.start()].rstrip("\\"))) % 2 == 0


def may_stand_behind(before: str) -> bool:
    """Whether a bare value can follow the character `before`; empty at the start."""
    return not before or before in _BEFORE_BARE


def may_follow(behind: str) -> bool:
    """Whether the character `behind` can follow a bare value."""
    return behind in _BEHIND_BARE


def _escape_rest(text: str) -> str:
    return _NOT_AS_THEY_ARE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

"""What Java's toString gives for plain data: a list as JSON, an object as `{a=1, b=x}`.

It must not know paths. Lists print as json-smart's lists do, which escape `/` as well.
"""

from __future__ import annotations

import re
from typing import Any

from onhook.java.number import number_text
from onhook.jsonpath.limits import Purse

_TO_ESCAPE = re.compile(r'["\\/\x00-\x1f\x7f-\x9f\u2000-\u20ff]')
_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}


def printed(value: Any, purse: Purse) -> str:
    """Raises RecursionError on very deep values, TooMuchWork on very large ones."""
    purse.pay()
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        members = (f"{key}={printed(item, purse)}" for key, item in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(value) + "]"
    return _json(value, purse)


def _json(value: Any, purse: Purse) -> str:
    purse.pay()
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            purse.pay_for_number(value)
            return number_text(value)
        case list() | tuple():
            return "[" + ",".join(_json(item, purse) for item in value) + "]"
        case dict():
            members = (f"{_json(key, purse)}:{_json(item, purse)}" for key, item in value.items())
            return "{" + ",".join(members) + "}"
        case _:
            purse.pay_for_text(value)
            return '"' + _TO_ESCAPE.sub(_escape, value) + '"'


def _escape(found: re.Match[str]) -> str:
    char = found.group()
    return _ESCAPES.get(char) or f"\\u{ord(char):04X}"

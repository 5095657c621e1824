"""The filters escape and raw: a text made safe for HTML, JavaScript, CSS, URLs and JSON.

The rules are those of the unbescape library, which Pebble uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from onhook.java import char as java_char
from onhook.pebble.errors import Fault
from onhook.pebble.filters.definition import FilterDefinition, text_argument
from onhook.pebble.state import State
from onhook.pebble.values import Safe

_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_JSON_SPECIAL = re.compile(r'[\x00-\x1f"&\\\x7f-\U0010ffff]|(?<=<)/')
_JS_SPECIAL = re.compile(r"""[\x00-\x1f"&'\\\x7f-\U0010ffff]|(?<=<)/""")
_CSS_SPECIAL = re.compile(r"\A(?:[0-9_]|-(?=[-0-9]))|[^A-Za-z0-9_-]")
_SHORT = {"\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r", '"': '"', "\\": "\\", "/": "/"}
_JS_SHORT = {**_SHORT, "'": "'", "\0": "0"}
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_URL_SAFE = "!$'()*,;:@/?-._~"


def _html(text: str) -> str:
    return text.translate(_HTML)


def _json(text: str) -> str:
    def escaped(found: re.Match[str]) -> str:
        char = found[0]
        return f"\\{_SHORT[char]}" if char in _SHORT else _unicode(char)

    return _JSON_SPECIAL.sub(escaped, text)


def _js(text: str) -> str:
    def escaped(found: re.Match[str]) -> str:
        char = found[0]
        if char in _JS_SHORT:
            return f"\\{_JS_SHORT[char]}"
        return f"\\x{ord(char):02X}" if char <= "\xff" else _unicode(char)

    return _JS_SPECIAL.sub(escaped, text)


def _css(text: str) -> str:
    def escaped(found: re.Match[str]) -> str:
        char = found[0]
        if " " <= char <= "~" and char != ":" and not char.isdigit():
            return f"\\{char}"
        following = text[found.end() : found.end() + 1]
        return f"\\{ord(char):X}" + (" " if following in _HEX_DIGITS and following else "")

    return _CSS_SPECIAL.sub(escaped, text)


def _url_param(text: str) -> str:
    return quote(java_char.whole(text), safe=_URL_SAFE)


def _unicode(char: str) -> str:
    return "".join(f"\\u{ord(unit):04X}" for unit in java_char.units(char))


STRATEGIES: dict[str, Callable[[str], str]] = {
    "html": _html,
    "js": _js,
    "css": _css,
    "url_param": _url_param,
    "json": _json,
}


def _escape(value: Any, arguments: Mapping[str, Any], state: State) -> Any:
    if value is None or type(value) is Safe:
        return value
    name = text_argument(arguments, "strategy", "escape") or "html"
    strategy = STRATEGIES.get(name)
    if strategy is None:
        known = ", ".join(STRATEGIES)
        raise Fault(f'the filter "escape" has no strategy "{name}"; it has {known}')
    return Safe(state.bounded(strategy(state.text(value))))


def _raw(value: Any, _arguments: Mapping[str, Any], state: State) -> Any:
    return None if value is None else Safe(state.text(value))


ESCAPING_FILTERS = {
    "escape": FilterDefinition(_escape, ("strategy",), keeps_escaping=True),
    "raw": FilterDefinition(_raw),
}

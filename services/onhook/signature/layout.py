"""The same JSON, laid out as other programs would write it.

For telling a receiver that it checks a body that it has read and written again. Nothing of
signatures is known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import product

from msgspec import Struct

LARGEST_BYTES = 32 * 1024
DEEPEST = 32
"""Levels. What is larger or deeper is not laid out anew: that is some 200 times its size."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
_INDENTS = (None, "", "  ", "    ", "\t", " ", "   ")
_COMMAS = ((",", ":"), (", ", ": "), (",", ": "))


class Members(Struct, frozen=True):
    """An object; names and scalars are tokens, as they stand."""

    pairs: tuple[tuple[str, Node], ...]


class Items(Struct, frozen=True):
    """A list."""

    nodes: tuple[Node, ...]


Node = str | Members | Items


class _TooDeep(ValueError):
    """Nested more than DEEPEST levels."""


def other_layouts(body: bytes) -> Iterator[bytes]:
    """Bodies that say the same: line ends first, then, of JSON, spacing, escapes and order."""
    seen = {body}
    for made in _all_layouts(body):
        if made not in seen:
            seen.add(made)
            yield made


def _all_layouts(body: bytes) -> Iterator[bytes]:
    bare = body.removeprefix(b"\xef\xbb\xbf")
    unix = bare.replace(b"\r\n", b"\n")
    for lines in (bare, unix, unix.replace(b"\n", b"\r\n")):
        stripped = lines.strip()
        yield from (lines, stripped, stripped + b"\n", stripped + b"\r\n")
    if len(body) > LARGEST_BYTES:
        return
    try:
        text = bare.decode()
        json.loads(text)
        node = _read(iter(_TOKEN.findall(text)))
    except (ValueError, RecursionError):
        return
    for spell, is_sorted in product(_SPELLINGS, (False, True)):
        spelled = _spelled(node, spell, is_sorted=is_sorted)
        for indent in _INDENTS:
            for comma, colon in _COMMAS if indent is None else ((",", ": "),):
                written = _written(spelled, indent, comma, colon).encode("utf-8", "surrogatepass")
                yield from (written, written + b"\n")


def _read(tokens: Iterator[str], depth: int = 0) -> Node:
    """Of tokens that are known to be JSON. Raises _TooDeep."""
    node = _node(next(tokens), tokens, depth)
    assert node is not None
    return node


def _node(first: str, tokens: Iterator[str], depth: int) -> Node | None:
    """None where a list or an object ends."""
    if depth > DEEPEST:
        raise _TooDeep
    match first:
        case "}" | "]":
            return None
        case "{":
            pairs = []
            while (name := _past_comma(tokens)) != "}":
                next(tokens)  # the colon
                pairs.append((name, _read(tokens, depth + 1)))
            return Members(tuple(pairs))
        case "[":
            nodes = []
            while (node := _node(_past_comma(tokens), tokens, depth + 1)) is not None:
                nodes.append(node)
            return Items(tuple(nodes))
        case _:
            return first


def _past_comma(tokens: Iterator[str]) -> str:
    found = next(tokens)
    return next(tokens) if found == "," else found


def _spelled(node: Node, spell: Callable[[str], str], *, is_sorted: bool) -> Node:
    if isinstance(node, str):
        return spell(node)
    if isinstance(node, Items):
        return Items(tuple(_spelled(each, spell, is_sorted=is_sorted) for each in node.nodes))
    pairs = [(spell(name), _spelled(each, spell, is_sorted=is_sorted)) for name, each in node.pairs]
    return Members(tuple(sorted(pairs, key=lambda pair: pair[0]) if is_sorted else pairs))


def _as_it_is(token: str) -> str:
    return token


def _in_ascii(token: str) -> str:
    return json.dumps(json.loads(token)) if token.startswith('"') else token


def _in_unicode(token: str) -> str:
    return json.dumps(json.loads(token), ensure_ascii=False) if token.startswith('"') else token


def _as_php(token: str) -> str:
    return _in_ascii(token).replace("/", "\\/")


_SPELLINGS = (_as_it_is, _in_unicode, _in_ascii, _as_php)


def _written(node: Node, indent: str | None, comma: str, colon: str, line: str = "\n") -> str:
    if isinstance(node, str):
        return node
    inner = line + (indent or "")
    if isinstance(node, Items):
        start, end = "[]"
        parts = [_written(each, indent, comma, colon, inner) for each in node.nodes]
    else:
        start, end = "{}"
        parts = [
            f"{name}{colon}{_written(each, indent, comma, colon, inner)}"
            for name, each in node.pairs
        ]
    if indent is None or not parts:
        return start + comma.join(parts) + end
    return start + inner + (comma + inner).join(parts) + line + end

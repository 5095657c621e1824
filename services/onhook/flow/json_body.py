"""A JSON body with a template in it: each value is written for the place where it stands.

In a string its text is escaped, bare it becomes a literal (missing: `null`), as a key a string. The
output is followed as JSON while it is printed, so that no value can break it or add a key. Pure; it
must not know nodes of a flow or requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from onhook.flow.final_filter import drops_escapes, without_final
from onhook.flow.json_check import walk
from onhook.flow.json_literal import NoLiteral, in_string, json_or_literal, key, literal
from onhook.flow.json_notes import notes_of
from onhook.flow.json_places import (
    FIRST_KEY,
    KEY,
    START,
    STRING,
    NoJson,
    State,
    after_text,
    after_value,
    check_end,
)
from onhook.flow.note import IsText, MayHoldQuote, Note, may_hold_quote
from onhook.flow.placed_text import is_straight
from onhook.flow.prints import paths_of_prints
from onhook.java.char import whole
from onhook.pebble import Limits, PebbleError, Reference, Template, Text, position
from onhook.pebble.nodes import Print

Write = Callable[[Any], str]
PlainPart = str | tuple[Write, tuple[str, ...]]
"""A text, or a dotted name and how its value is written."""
_MOST_CHARS = Limits().output_chars
_MOST_MOVES = 4096
_WRITERS: dict[str, Write] = {STRING: in_string, KEY: key, FIRST_KEY: key}


class JsonBody(Struct, frozen=True):
    """A compiled body."""

    template: Template
    """Without the filters that would escape a second time."""
    references: tuple[Reference, ...]
    notes: tuple[Note, ...]
    bare: dict[int, Write]
    """How an expression writes a bare value, by its offset: `literal` unless it holds JSON."""
    moves: dict[tuple[int, State], State]
    """The state behind the text at an offset; grows while bodies are rendered."""
    writes: dict[int, Write] | None
    """Of a template that always prints the same texts: how each expression is written."""
    plain: tuple[PlainPart, ...] | None
    """Of a template of texts and dotted names alone: what it is made of."""

    def render(self, context: Mapping[str, Any], *, now: datetime | None = None) -> bytes:
        """The body, which is JSON whatever the values are. UTF-8.

        Raises PebbleError where the template fails, or where what it prints is no JSON.
        """
        try:
            text = None if self.plain is None else _plain_text(self.plain, context)
        except NoLiteral:
            text = None  # the long way says where
        if text is None:
            output = _Followed(self) if self.writes is None else _Straight(self, self.writes)
            self.template.render_to(context, output, now=now)
            text = output.finish()
        try:
            return text.encode()
        except UnicodeEncodeError:
            return whole(text).encode()


def compile_json_body(
    template: Template,
    holds_json: Callable[[Reference], bool] = lambda _reference: False,
    quotable: MayHoldQuote = may_hold_quote,
    is_text: IsText = lambda _reference: False,
) -> JsonBody:
    """Find each expression's place. Raises PebbleError where the text cannot become JSON.

    `holds_json` says which references are texts that hold JSON; `quotable`, which may hold a
    double quote, `is_text`, which are texts: for notes of what the hosted product would break.
    """
    stripped, doubled = without_final(template, drops_escapes("json"))
    found = walk(stripped.body, template.source)
    paths = paths_of_prints(stripped.body)
    bare: dict[int, Write] = {
        offset: json_or_literal
        for offset, path in paths.items()
        if path is not None and holds_json(Reference(path, offset))
    }
    writes = plain = None
    if is_straight(stripped.body):
        writes = {
            node.offset: _writer(found.places[node.offset][0][0], bare.get(node.offset, literal))
            for node in stripped.body
            if isinstance(node, Print)
        }
        plain = _plain_parts(stripped, paths, writes)
    return JsonBody(
        template=stripped,
        references=template.references,
        notes=notes_of(template, found, doubled, quotable, is_text),
        bare=bare,
        moves={},
        writes=writes,
        plain=plain,
    )


def _writer(mode: str, bare: Write) -> Write:
    return _WRITERS.get(mode, bare)


def _plain_parts(
    template: Template, paths: dict[int, tuple[str, ...] | None], writes: dict[int, Write]
) -> tuple[PlainPart, ...] | None:
    parts: list[PlainPart] = []
    for node in template.body:
        if isinstance(node, Text):
            parts.append(node.text)
        elif isinstance(node, Print) and (path := paths[node.offset]):
            parts.append((writes[node.offset], path))
        else:
            return None
    return tuple(parts)


def _plain_text(parts: tuple[PlainPart, ...], context: Mapping[str, Any]) -> str | None:
    """The body; None where the template must be asked: a name of what is no map, or a bound."""
    pieces: list[str] = []
    add = pieces.append
    for part in parts:
        if isinstance(part, str):
            add(part)
            continue
        write, path = part
        value: Any = context
        for name in path:
            if value.__class__ is not dict and value is not context:
                if value is None:
                    break
                return None
            value = value.get(name)
        add(write(value))
    text = "".join(pieces)
    return text if len(text) <= _MOST_CHARS else None


class _Straight:
    """An Output for a template whose texts never vary: every place is known."""

    def __init__(self, body: JsonBody, writes: dict[int, Write]) -> None:
        self._body = body
        self._writes = writes
        self._pieces: list[str] = []

    def text(self, node: Text) -> None:
        self._pieces.append(node.text)

    def value(self, value: Any, node: Print) -> None:
        try:
            self._pieces.append(self._writes[node.offset](value))
        except NoLiteral as problem:
            raise _placed(self._body, str(problem), node.offset) from None

    def finish(self) -> str:
        return "".join(self._pieces)


class _Followed:
    """An Output that follows what is printed as JSON."""

    def __init__(self, body: JsonBody) -> None:
        self._body = body
        self._moves = body.moves
        self._bare = body.bare
        self._state = START
        self._pieces: list[str] = []

    def text(self, node: Text) -> None:
        move = node.offset, self._state
        following = self._moves.get(move)
        if following is None:
            try:
                following = after_text(node.text, self._state)
            except NoJson as problem:
                raise self._no_json(problem, node.offset) from None
            if len(self._moves) < _MOST_MOVES:
                self._moves[move] = following
        self._state = following
        self._pieces.append(node.text)

    def value(self, value: Any, node: Print) -> None:
        mode = self._state[0]
        try:
            self._state = after_value(self._state)
            write = _writer(mode, self._bare.get(node.offset, literal))
            self._pieces.append(write(value))
        except NoJson as problem:
            raise self._no_json(problem, node.offset) from None
        except NoLiteral as problem:
            raise _placed(self._body, str(problem), node.offset) from None

    def finish(self) -> str:
        try:
            check_end(self._state)
        except NoJson as problem:
            raise self._no_json(problem, len(self._body.template.source)) from None
        return "".join(self._pieces)

    def _no_json(self, problem: NoJson, offset: int) -> PebbleError:
        message = f"the body is no JSON with these values: {problem.message}"
        return _placed(self._body, message, offset + problem.at)


def _placed(body: JsonBody, message: str, offset: int) -> PebbleError:
    return PebbleError(message, *position(body.template.source, offset))

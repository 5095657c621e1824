"""What a template has printed so far, with the place in its source of each piece.

For the writers of the text formats (XML, TOML, YAML, GraphQL, forms): they decide how a value is
written, this says where an error stands. It must not know any format.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn, Protocol

from onhook.pebble import PebbleError, Template, position
from onhook.pebble.nodes import Flush, Macro, Node, Print, Set, Text


class Writer(Protocol):
    """Receives a template's output (it is a pebble Output) and makes bytes of it."""

    def text(self, node: Text) -> None: ...

    def value(self, value: Any, node: Print) -> None: ...

    def finish(self) -> str:
        """The whole. Raises PebbleError where it is not what it must be."""
        ...


class PlacedText:
    """Pieces in the order of the output; `source` is the template's."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._origins: list[tuple[int, bool]] = []
        self._length = 0

    def add(self, piece: str, offset: int, *, literal: bool) -> None:
        """`literal`: the piece stands like this in the source, at `offset`."""
        self._pieces.append(piece)
        self._starts.append(self._length)
        self._origins.append((offset, literal))
        self._length += len(piece)

    def lost_line_break(self, offset: int) -> bool:
        """Whether the template language dropped a line break before what stands at `offset`."""
        return self._source[:offset].endswith(("}}\n", "}}\r\n", "}}\r"))

    def joined(self) -> str:
        return "".join(self._pieces)

    def fail(self, message: str, offset: int) -> NoReturn:
        """Raises PebbleError for the place `offset` of the source."""
        raise PebbleError(message, *position(self._source, min(offset, len(self._source))))

    def fail_at(self, message: str, at: int) -> NoReturn:
        """Raises PebbleError for what was printed as the output's character `at`."""
        number = bisect_right(self._starts, at) - 1
        if number < 0 or at >= self._length:
            self.fail(message, len(self._source))
        offset, literal = self._origins[number]
        self.fail(message, offset + (at - self._starts[number]) * literal)

    def fail_at_line(self, message: str, line: int, column: int) -> NoReturn:
        """As `fail_at`, for a place that a parser names: both from 1."""
        lines = self.joined().split("\n")[: line - 1]
        self.fail_at(message, sum(len(each) + 1 for each in lines) + column - 1)


def is_straight(body: tuple[Node, ...]) -> bool:
    """Whether every rendering prints the same texts, with the same expressions between them."""
    return all(isinstance(node, Text | Print | Set | Macro | Flush) for node in body)


def check_straight(template: Template, writer: Writer, stand_in: str = "x") -> None:
    """Write a straight template with a stand-in for each value. Raises PebbleError."""
    if not is_straight(template.body):
        return
    for node in template.body:
        if isinstance(node, Text):
            writer.text(node)
        elif isinstance(node, Print):
            writer.value(stand_in, node)
    writer.finish()


def written(
    template: Template,
    new_writer: Callable[[str], Writer],
    context: Mapping[str, Any],
    now: datetime | None,
) -> str:
    """The template rendered through a writer of its own. Raises PebbleError."""
    writer = new_writer(template.source)
    template.render_to(context, writer, now=now)
    return writer.finish()

"""Looking through a YAML text before it is read: what makes a small text large, or cannot be plain.

Aliases of aliases, depth, a second document, braces that YAML takes for a map. It must not know what
is in the text, nor make values of it.
"""

from __future__ import annotations

import yaml

DEEPEST = 200
"""Levels; libyaml takes the whole process down over some ten thousand."""
MOST_VALUES = 200_000
"""With every alias counted as what it stands for; a text of a megabyte without any has fewer."""
CHARACTERS_A_VALUE = 16
"""A long text counts as several values."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Refused(Exception):
    """What the text has that is not read. `line` and `column` count from 1; None where unknown."""

    def __init__(self, what: str, event: yaml.Event) -> None:
        mark = event.start_mark
        self.what = what
        self.line = None if mark is None else mark.line + 1
        self.column = None if mark is None else mark.column + 1
        where = "" if mark is None else f" at line {self.line}, column {self.column}"
        super().__init__(what + where)


def survey(content: bytes, *, most_values: int = MOST_VALUES) -> None:
    """Raises Refused, or PyYAML's own error for what is no YAML."""
    _Survey(most_values).look_through(content)


class _Survey:
    """Counts the values of the document, and of each part that has an anchor."""

    def __init__(self, most_values: int) -> None:
        self._most_values = most_values
        self._sizes: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = [(None, 0)]
        self._documents = 0

    def look_through(self, content: bytes) -> None:
        before: yaml.Event | None = None
        for event in yaml.parse(content, Loader=_Loader):
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise Refused("a second document is not read", event)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._sizes:
                    raise Refused(
                        "an alias of nothing, or of what holds it (it holds itself)", event
                    )
                self._add(self._sizes[event.anchor], event)
            elif isinstance(event, yaml.ScalarEvent):
                size = 1 + len(event.value) // CHARACTERS_A_VALUE
                self._add(size, event)
                self._name(event.anchor, size)
            elif isinstance(event, yaml.CollectionStartEvent):
                if _are_two_braces(before, event):
                    raise Refused("a text that begins with {{ must stand in quotes", event)
                self._enter(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, size = self._open.pop()
                self._name(anchor, size)
                self._add(size, event)
            before = event

    def _enter(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) > DEEPEST:
            raise Refused(f"nested more than {DEEPEST} levels deep", event)
        if event.anchor:
            self._sizes.pop(event.anchor, None)
        self._open.append((event.anchor, 1))

    def _name(self, anchor: str | None, size: int) -> None:
        if anchor:
            self._sizes[anchor] = size

    def _add(self, size: int, event: yaml.Event) -> None:
        anchor, before = self._open[-1]
        if before + size > self._most_values:
            raise Refused(
                f"more than {self._most_values} values, with its aliases written out", event
            )
        self._open[-1] = (anchor, before + size)


def _are_two_braces(before: yaml.Event | None, event: yaml.Event) -> bool:
    """`{{Name}}` without quotes is a map whose key is a map."""
    return (
        isinstance(before, yaml.MappingStartEvent)
        and isinstance(event, yaml.MappingStartEvent)
        and bool(before.flow_style and event.flow_style)
    )

"""YAML as plain data, from someone we do not know.

The settings' reader makes the data; before it, the text is looked through for what makes a small
text large: aliases of aliases, and depth. It must not know what is in the text.
"""

from __future__ import annotations

from typing import Any

import yaml

from onhook.flow.response_error import DEEPEST, ResponseError, place
from onhook.settings.plain_yaml import NotPlain, read_yaml

MOST_VALUES = 200_000
"""With every alias counted as what it stands for; a text of full length without any has fewer."""
CHARACTERS_A_VALUE = 16
"""A long text counts as several values."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml_text(text: str) -> Any:
    """Raises ResponseError, with line and column where they are known."""
    try:
        content = text.encode()
        _Survey().look_through(content)
        return read_yaml(content)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = place(mark.line + 1, mark.column + 1) if mark else ""
        raise ResponseError(f"it is no YAML: {problem.problem or 'wrong'}{where}") from None
    except yaml.YAMLError:
        raise ResponseError("it is no YAML: a character in it is not allowed") from None
    except NotPlain:
        raise ResponseError(
            "it is no YAML we can keep: a date, number, key or tag in it cannot be written as JSON"
        ) from None
    except UnicodeEncodeError:
        raise ResponseError("it is no YAML: half a character stands in it") from None


class _Survey:
    """Counts the values of the document, and of each part that has an anchor."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = [(None, 0)]
        self._documents = 0

    def look_through(self, content: bytes) -> None:
        for event in yaml.parse(content, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise _refused("a second document,", event)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._sizes:
                    raise _refused("an alias of nothing, or of what it stands in,", event)
                self._add(self._sizes[event.anchor], event)
            elif isinstance(event, yaml.ScalarEvent):
                size = 1 + len(event.value) // CHARACTERS_A_VALUE
                self._add(size, event)
                self._name(event.anchor, size)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._enter(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, size = self._open.pop()
                self._name(anchor, size)
                self._add(size, event)

    def _enter(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) > DEEPEST:
            raise ResponseError(f"it is nested more than {DEEPEST} levels deep")
        if event.anchor:
            self._sizes.pop(event.anchor, None)
        self._open.append((event.anchor, 1))

    def _name(self, anchor: str | None, size: int) -> None:
        if anchor:
            self._sizes[anchor] = size

    def _add(self, size: int, event: yaml.Event) -> None:
        anchor, before = self._open[-1]
        if before + size > MOST_VALUES:
            raise _refused(f"more than {MOST_VALUES} values, with its aliases written out,", event)
        self._open[-1] = (anchor, before + size)


def _refused(what: str, event: yaml.Event) -> ResponseError:
    mark = event.start_mark
    where = "" if mark is None else place(mark.line + 1, mark.column + 1)
    return ResponseError(f"it has {what} which is not read{where}")

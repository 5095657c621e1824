"""What one rendering carries along: variables, the output, what may still be used.

It must not know how the language computes; it counts, and it knows where names are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from onhook.java.regex import PatternTime
from onhook.pebble.errors import Fault, LimitExceeded
from onhook.pebble.limits import DATA_DEPTH, MACRO_DEPTH, PATTERN_SECONDS, Limits
from onhook.pebble.nodes import Print, Text
from onhook.pebble.printing import parts_of, text_of, too_long
from onhook.pebble.values import GLOBALS, too_deep

_NOTHING: Mapping[str, Any] = {}
_LOCALE = "en_US"


class Output(Protocol):
    """Takes a template's output piece by piece."""

    def text(self, node: Text) -> None:
        """Literal text of the template."""

    def value(self, value: Any, node: Print) -> None:
        """What an expression of the template printed, as plain data; null is None."""


class TextOutput:
    """Collects the output as text."""

    __slots__ = ("_left", "_limit", "_parts")

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._limit = limit
        self._left = limit

    def text(self, node: Text) -> None:
        self.put(node.text)

    def value(self, value: Any, _node: Print) -> None:
        if value is not None:
            self.put(value if type(value) is str else text_of(value, self._limit))

    def put(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise too_long(self._limit)
        self._parts.append(text)

    def __str__(self) -> str:
        return "".join(self._parts)


class State:
    """One rendering. `frames` are the scopes that tags have opened, the innermost last."""

    __slots__ = (
        "_pattern_time",
        "_started",
        "carried",
        "changes",
        "context",
        "depth",
        "frames",
        "is_in_macro",
        "limits",
        "output",
        "owned",
        "steps",
    )

    def __init__(
        self,
        context: Mapping[str, Any],
        output: Output,
        limits: Limits,
        now: datetime | None,
        *,
        owns_data: bool,
    ) -> None:
        self.context = context
        self.frames: list[dict[str, Any]] = [{}]
        self.output = output
        self.limits = limits
        self.steps = limits.steps
        self._pattern_time: PatternTime | None = None
        self.carried: list[Any] = []
        """Values on their way along a chain of operators, the innermost chain's last."""
        self.depth = 0
        self.is_in_macro = False
        self.changes: dict[int, int] = {}
        """How often a list was changed while it may be iterated, by its identity."""
        self.owned: dict[int, Any] | None = {} if owns_data else None
        """Copies of the context's lists, for a template that changes lists as Java does."""
        self._started = now

    @property
    def now(self) -> datetime:
        """The time of the rendering in UTC, to the millisecond, the same for all of it."""
        if self._started is None:
            self._started = datetime.now(UTC)
        at = self._started
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    @property
    def pattern_time(self) -> PatternTime:
        """What regular expressions may still take; made for the few that have any."""
        if self._pattern_time is None:
            self._pattern_time = PatternTime(PATTERN_SECONDS)
        return self._pattern_time

    def charge(self, steps: int) -> None:
        """Count work. Raises Fault when all that was allowed is used up."""
        self.steps -= steps
        if self.steps < 0:
            raise LimitExceeded(f"the template takes more than {self.limits.steps} steps (steps)")

    def bounded(self, text: str) -> str:
        """A text that was computed; its length is counted and bounded."""
        if len(text) > 256:
            if len(text) > self.limits.output_chars:
                raise too_long(self.limits.output_chars)
            self.charge(len(text) >> 4)
        return text

    def text(self, value: Any) -> str:
        """toString of what is not null."""
        if type(value) is str:
            return value
        if not isinstance(value, list | tuple | Mapping):
            return self.bounded(text_of(value, self.limits.output_chars))
        parts = parts_of(value, self.limits.output_chars)
        self.charge(len(parts))
        return self.bounded("".join(parts))

    def check_size(self, elements: int, new: int | None = None) -> None:
        """Bound the elements of a list or map that is built, and count them, or the new ones."""
        if elements > self.limits.range_size:
            raise LimitExceeded(
                f"a list or map has more than {self.limits.range_size} elements (range_size)"
            )
        self.charge(elements if new is None else new)

    def lookup(self, name: str) -> Any:
        """The variable `name` as seen from here; None without one."""
        for frame in reversed(self.frames):
            if name in frame:
                return frame[name]
        return self.root(name)

    def root(self, name: str) -> Any:
        """The variable `name` of the context, or one that every template has."""
        if self.is_in_macro:
            return None
        value = self.context.get(name)
        if value is None:
            if name in self.context:
                return None
            if name == "_context":
                return GLOBALS
            return _LOCALE if name == "locale" else None
        if self.owned is not None and not isinstance(value, str | int | float):
            return self._own(value)
        return value

    def assign(self, name: str, value: Any) -> None:
        """Give a variable that is visible from here, or else a new one, a value."""
        for frame in reversed(self.frames):
            if name in frame:
                frame[name] = value
                return
        outermost = self.is_in_macro or name in self.context
        self.frames[0 if outermost else -1][name] = value

    def _own(self, value: Any) -> Any:
        assert self.owned is not None
        known = self.owned.get(id(value))
        if known is None:
            known = self.owned[id(value)] = self._copy(value, 0)
        return known

    def _copy(self, value: Any, depth: int) -> Any:
        if depth > DATA_DEPTH:
            raise too_deep()
        if isinstance(value, list | tuple):
            self.charge(len(value))
            return [self._copy(item, depth + 1) for item in value]
        if isinstance(value, Mapping):
            self.charge(len(value))
            return {key: self._copy(item, depth + 1) for key, item in value.items()}
        return value

    def note_change(self, data: list[Any]) -> None:
        self.changes[id(data)] = self.changes.get(id(data), 0) + 1

    def captured(self, run: Callable[[State], None]) -> str:
        """What `run` prints, as a text."""
        outer, inner = self.output, TextOutput(self.limits.output_chars)
        self.output = inner
        run(self)
        self.output = outer
        return self.bounded(str(inner))

    def in_macro(self, frames: list[dict[str, Any]], run: Callable[[State], None]) -> str:
        """What `run` prints while it sees the variables of `frames` alone."""
        outer = self.frames, self.context, self.is_in_macro
        self.enter()
        self.frames, self.context, self.is_in_macro = frames, _NOTHING, True
        text = self.captured(run)
        self.frames, self.context, self.is_in_macro = outer
        self.depth -= 1
        return text

    def enter(self) -> None:
        """Count a macro or block within another, until `depth` is lowered again."""
        self.depth += 1
        if self.depth > MACRO_DEPTH:
            raise Fault(f"macros or blocks call one another more than {MACRO_DEPTH} deep")

"""A compiled template: its tree, what it refers to, and rendering it over plain data.

Here faults get their place in the source. This module must not know what a flow is, nor where its
output goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from onhook.java.char import whole
from onhook.pebble.analysis import Reference, facts_of
from onhook.pebble.errors import Fault, LimitExceeded, PebbleError, placed, position
from onhook.pebble.limits import Limits
from onhook.pebble.nodes import Expression, Node, Print, Text
from onhook.pebble.parser import parse
from onhook.pebble.plain import PlainPart, plain_parts, plain_text
from onhook.pebble.printing import plain_data, too_long
from onhook.pebble.problem import problem_of
from onhook.pebble.rendering import Renderer, Run
from onhook.pebble.state import Output, State, TextOutput

_LIMITS = Limits()
_TOO_DEEP = "the template or its data is nested too deeply"


def compile_source(source: str) -> Template:
    """The template of `source`. Raises PebbleError with the place of what is wrong."""
    try:
        return Template(source, parse(source))
    except Fault as fault:
        raise placed(fault, source) from None
    except RecursionError:
        raise PebbleError(_TOO_DEEP, 1, 1) from None


class Template:
    """What `compile` gives. Rendering changes nothing in it, nor in the context."""

    __slots__ = (
        "_changes_lists",
        "_evaluate",
        "_plain",
        "_run",
        "body",
        "problems",
        "references",
        "source",
    )

    def __init__(self, source: str, body: tuple[Node, ...]) -> None:
        facts = facts_of(body)
        self.source = source
        self.body = body
        self.references: tuple[Reference, ...] = facts.references
        """Every path that is read from the context, in source order; macros read none."""
        self.problems: tuple[PebbleError, ...] = tuple(
            PebbleError(message, *position(source, use.offset))
            for use in facts.uses
            if (message := problem_of(use, facts))
        )
        """Names that do not exist and arguments that do not fit: Pebble fails only where they are used."""
        self._changes_lists = facts.changes_lists
        self._plain: tuple[PlainPart, ...] | None = plain_parts(body)
        renderer = Renderer(facts)
        self._run: Run = renderer.body(body)
        expression = self.expression
        self._evaluate = None if expression is None else renderer.expressions.compile(expression)

    @property
    def expression(self) -> Expression | None:
        """The expression, if the template is one print with at most blanks around it."""
        prints = [node for node in self.body if not isinstance(node, Text) or node.text.strip()]
        only = prints[0] if len(prints) == 1 else None
        return only.expression if isinstance(only, Print) else None

    def render(
        self, context: Mapping[str, Any], *, now: datetime | None = None, limits: Limits = _LIMITS
    ) -> str:
        """The text. Raises PebbleError. `now` is what now() gives, the current time if None."""
        if self._plain is not None:
            text = plain_text(self._plain, context, limits)
            if text is not None:
                return whole(text)
        output = TextOutput(limits.output_chars)
        self._work(self._run, self._state(context, output, now, limits))
        return whole(str(output))

    def value(
        self, context: Mapping[str, Any], *, now: datetime | None = None, limits: Limits = _LIMITS
    ) -> Any:
        """The expression's value as plain data, or the text if there is more than one expression."""
        if self._evaluate is None:
            return self.render(context, now=now, limits=limits)
        output = TextOutput(limits.output_chars)
        evaluate, state = self._evaluate, self._state(context, output, now, limits)
        return self._work(lambda state: plain_data(evaluate(state), state.charge), state)

    def render_to(
        self,
        context: Mapping[str, Any],
        output: Output,
        *,
        now: datetime | None = None,
        limits: Limits = _LIMITS,
    ) -> None:
        """Render piece by piece: literal text as nodes, what expressions print as plain data."""
        self._work(self._run, self._state(context, _Relay(output, limits), now, limits))

    def _state(
        self, context: Mapping[str, Any], output: Output, now: datetime | None, limits: Limits
    ) -> State:
        return State(context, output, limits, now, owns_data=self._changes_lists)

    def _work(self, work: Callable[[State], Any], state: State) -> Any:
        try:
            return work(state)
        except Fault as fault:
            raise placed(fault, self.source) from None
        except RecursionError:
            raise PebbleError(_TOO_DEEP, 1, 1) from None


class _Relay:
    """Hands on the output as plain data, and bounds it."""

    __slots__ = ("_left", "_limits", "_output", "_steps")

    def __init__(self, output: Output, limits: Limits) -> None:
        self._output = output
        self._limits = limits
        self._left = limits.output_chars
        self._steps = limits.steps

    def text(self, node: Text) -> None:
        self._count(len(node.text))
        self._output.text(node)

    def value(self, value: Any, node: Print) -> None:
        plain = plain_data(value, self._charge)
        if isinstance(plain, str):
            self._count(len(plain))
        self._output.value(plain, node)

    def _charge(self, elements: int) -> None:
        self._steps -= elements
        if self._steps < 0:
            raise LimitExceeded(f"the output takes more than {self._limits.steps} steps (steps)")

    def _count(self, chars: int) -> None:
        self._left -= chars
        if self._left < 0:
            raise too_long(self._limits.output_chars)

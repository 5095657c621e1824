"""Compiling the nodes of a template into functions that write to the state's output.

It must not know how expressions compute, nor what becomes of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from onhook.pebble.analysis import Facts
from onhook.pebble.arguments import Evaluate, bound, failing
from onhook.pebble.autoescaping import escape_step, escaped
from onhook.pebble.errors import Fault, LimitExceeded
from onhook.pebble.evaluation import ExpressionCompiler
from onhook.pebble.nodes import (
    Autoescape,
    Block,
    Call,
    Expression,
    Filter,
    FilterBlock,
    Flush,
    For,
    Group,
    If,
    Literal,
    Macro,
    Node,
    Print,
    Set,
    Text,
)
from onhook.pebble.operators import truth
from onhook.pebble.state import State
from onhook.pebble.values import Entry, Loop, Safe, kind

Run = Callable[[State], None]


class Renderer:
    """Compiles one template; `facts` tells its macros, blocks and local names."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._macros: dict[str, Run] = {}
        self._blocks: dict[str, Run] = {}
        self.expressions = ExpressionCompiler(facts.local_names, self._special)
        for macro, strategy in facts.macros.values():
            self._macros[macro.name] = self.body(macro.body, strategy)
        for block, strategy in facts.blocks.values():
            self._blocks[block.name] = self.body(block.body, strategy)

    def body(self, nodes: tuple[Node, ...], strategy: str | None = None) -> Run:
        """A function that writes what the nodes print. `strategy`: how prints are escaped."""
        before = self.expressions.steps
        runs = [run for node in nodes if (run := self._COMPILERS[type(node)](self, node, strategy))]
        cost = 1 + len(runs) + self.expressions.steps - before

        def run_body(state: State) -> None:
            state.steps -= cost
            if state.steps < 0:
                state.charge(0)
            for run in runs:
                run(state)

        return run_body

    def _text(self, node: Text, _strategy: str | None) -> Run:
        return lambda state: state.output.text(node)

    def _print(self, node: Print, strategy: str | None) -> Run:
        expression = escaped(node.expression, strategy)
        value, offset = self.expressions.compile(expression), node.offset

        def run(state: State) -> None:
            printed = value(state)
            try:
                state.output.value(printed, node)
            except Fault as fault:
                raise fault.at(offset) from None

        return run

    def _if(self, node: If, strategy: str | None) -> Run:
        branches = [
            (
                self.expressions.compile(branch.condition),
                branch.condition.offset,
                self.body(branch.body, strategy),
            )
            for branch in node.branches
        ]
        otherwise = self.body(node.otherwise, strategy)

        def run(state: State) -> None:
            for condition, offset, body in branches:
                value = condition(state)
                try:
                    is_true = value if value.__class__ is bool else truth(value)
                except Fault as fault:
                    raise fault.at(offset) from None
                if is_true:
                    body(state)
                    return
            otherwise(state)

        return run

    def _for(self, node: For, strategy: str | None) -> Run:
        iterable, offset, name = self.expressions.compile(node.iterable), node.offset, node.name
        body, otherwise = self.body(node.body, strategy), self.body(node.otherwise, strategy)

        def run(state: State) -> None:
            source = iterable(state)
            if source is None:
                return
            items = _elements(source, offset)
            loop = Loop(len(items))
            if not loop.length:
                otherwise(state)
                return
            frame: dict[str, Any] = {}
            state.frames.append(frame)
            changes = state.changes.get(id(source), 0)
            index = 0
            while index != len(items):
                if state.changes and state.changes.get(id(source), 0) != changes:
                    raise Fault("the list is changed while it is iterated", offset)
                loop.index = index
                frame["loop"] = loop
                frame[name] = items[index]
                try:
                    body(state)
                except LimitExceeded as fault:
                    raise fault.at(offset) from None
                index += 1
            state.frames.pop()

        return run

    def _set(self, node: Set, _strategy: str | None) -> Run:
        name, value = node.name, self.expressions.compile(node.value)
        return lambda state: state.assign(name, value(state))

    def _macro(self, _node: Macro, _strategy: str | None) -> None:
        """A macro prints only where it is called."""

    def _flush(self, _node: Flush, _strategy: str | None) -> None:
        """The output leaves at once when the template ends."""

    def _filter_block(self, node: FilterBlock, strategy: str | None) -> Run:
        body, offset = self.body(node.body, strategy), node.offset
        value: Evaluate = _capturing(body)
        expression: Expression = Literal("", offset)
        for step in node.filters:
            value = self.expressions.filtered(step, value)
            expression = Filter(expression, step.name, step.arguments, step.offset)
        if strategy is not None:
            value = self.expressions.filtered(escape_step(strategy, offset), value)
        printed = Print(expression, offset)
        return lambda state: state.output.value(value(state), printed)

    def _block(self, node: Block, _strategy: str | None) -> Run:
        name, offset, blocks = node.name, node.offset, self._blocks

        def run(state: State) -> None:
            try:
                state.enter()
                blocks[name](state)
            except Fault as fault:
                raise fault.at(offset) from None
            state.depth -= 1

        return run

    def _autoescape(self, node: Autoescape, _strategy: str | None) -> Run:
        return self.body(node.body, (node.strategy or "html") if node.active else None)

    def _group(self, node: Group, strategy: str | None) -> Run:
        body, offset = self.body(node.body, strategy), node.offset
        if node.key is None:
            return body
        key = self.expressions.compile(node.key)

        def run(state: State) -> None:
            name = key(state)
            if name is not None and type(name) is not str:
                raise Fault(f"the name of a cache must be a text, not {kind(name)}", offset)
            body(state)

        return run

    def _special(self, call: Call, compiler: ExpressionCompiler) -> Evaluate | None:
        """A call of a block or macro of this template."""
        if call.name == "parent":
            return failing("parent() needs a template that this one extends", call.offset)
        if call.name == "block":
            return self._block_call(call, compiler)
        if call.name not in self._facts.macros:
            return None
        return self._macro_call(call, compiler)

    def _block_call(self, call: Call, compiler: ExpressionCompiler) -> Evaluate:
        named, blocks, offset = (
            compiler.compile(call.arguments.positional[0]),
            self._blocks,
            call.offset,
        )

        def evaluate(state: State) -> Any:
            name = named(state)
            if name is not None and type(name) is not str:
                raise Fault(f"the name of a block must be a text, not {kind(name)}", offset)
            run = blocks.get(name or "")
            if run is None:
                return ""
            try:
                state.enter()
                text = state.captured(run)
            except Fault as fault:
                raise fault.at(offset) from None
            state.depth -= 1
            return text

        return evaluate

    def _macro_call(self, call: Call, compiler: ExpressionCompiler) -> Evaluate:
        macro, macros, offset = self._facts.macros[call.name][0], self._macros, call.offset
        names = tuple(parameter.name for parameter in macro.parameters)
        arguments = bound(compiler.compile, call, names)
        defaults = [
            (
                parameter.name,
                None if parameter.default is None else compiler.compile(parameter.default),
            )
            for parameter in macro.parameters
        ]

        def evaluate(state: State) -> Any:
            given = dict(arguments(state))
            frame: dict[str, Any] = {}

            def run(state: State) -> None:
                for name, default in defaults:
                    frame[name] = None if default is None else default(state)
                state.frames.append(given)
                macros[call.name](state)

            try:
                return Safe(state.in_macro([frame], run))
            except Fault as fault:
                raise fault.at(offset) from None

        return evaluate

    _COMPILERS: ClassVar[dict[type, Callable[[Renderer, Any, str | None], Run | None]]] = {
        Text: _text,
        Print: _print,
        If: _if,
        For: _for,
        Set: _set,
        Macro: _macro,
        FilterBlock: _filter_block,
        Block: _block,
        Autoescape: _autoescape,
        Group: _group,
        Flush: _flush,
    }


def _capturing(body: Run) -> Evaluate:
    return lambda state: state.captured(body)


def _elements(source: Any, offset: int) -> Any:
    """What a for goes through."""
    if isinstance(source, list | tuple):
        return source
    if isinstance(source, Mapping):
        return [Entry(key, value) for key, value in source.items()]
    raise Fault(f"only a list or a map can be iterated, not {kind(source)}", offset)

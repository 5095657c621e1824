"""Tokens become a plan, which reads documents.

It puts steps together from the last token to the first, and knows what a token's neighbours mean
for it. It must not know text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from onhook.jsonpath import steps
from onhook.jsonpath.calls import call_function
from onhook.jsonpath.errors import PathError, PathMissing
from onhook.jsonpath.limits import Purse
from onhook.jsonpath.run import Predicate, Run, Step
from onhook.jsonpath.tokens import (
    Filter,
    Function,
    Indexes,
    PathTree,
    Property,
    Scan,
    Slice,
    Token,
    Wildcard,
    is_definite,
)
from onhook.jsonpath.values import IsPath

CompileFilter: TypeAlias = Callable[[Filter], Predicate]


class Plan:
    """A path that is ready to be read, again and again."""

    __slots__ = ("_start", "is_definite", "is_root")

    def __init__(self, tree: PathTree, start: Step) -> None:
        self.is_definite = tree.is_definite
        self.is_root = tree.is_root
        self._start = start

    def read(
        self, model: Any, root: Any, purse: Purse, is_path: IsPath, *, wants_all: bool = False
    ) -> Any:
        """Raises PathMissing and PathError."""
        if root is None:
            raise PathError("the document is null, in which no path leads anywhere")
        run = Run(root, purse, is_path, wants_all=wants_all)
        self._start(model, run)
        if not self.is_definite:
            return run.results
        if not run.results:
            raise PathMissing
        return run.results[-1]


class Planner:
    """Makes plans; `compile_filter` makes what is in a filter's brackets a yes or no."""

    def __init__(self, compile_filter: CompileFilter) -> None:
        self.compile_filter = compile_filter

    def plan(self, tree: PathTree) -> Plan:
        return Plan(tree, _Builder(tree, self).build())

    def plan_of_children(self, tree: PathTree) -> Plan:
        """What stands below the path, for `length($.path)`. As in Jayway, a path that leads to
        one value goes on doing so: it then leads to the last child."""
        below = PathTree(tree.is_root, (*tree.tokens, Wildcard()))
        return Plan(tree, _Builder(below, self, last=len(tree.tokens) - 1).build())


class _Builder:
    """`last` is the index of the token that counts as the last one when a scan looks back."""

    def __init__(self, tree: PathTree, planner: Planner, *, last: int | None = None) -> None:
        self._tokens = tree.tokens
        self._planner = planner
        self._is_detached = tree.is_detached
        self._last = len(tree.tokens) - 1 if last is None else last
        self._steps: list[Step] = []
        self._accepts: dict[int, Predicate] = {}

    def build(self) -> Step:
        """From the end to the start: each step knows the ones behind it."""
        self._steps = [steps.collect] * (len(self._tokens) + 1)
        for index in range(len(self._tokens) - 1, -1, -1):
            self._steps[index] = self._step(index, self._tokens[index])
        return self._steps[0]

    def _is_leaf(self, index: int) -> bool:
        return index == len(self._tokens) - 1

    def _is_upstream_definite(self, index: int) -> bool:
        return not self._is_detached and all(
            is_definite(token, is_leaf=False) for token in self._tokens[:index]
        )

    def _step(self, index: int, token: Token) -> Step:  # noqa: PLR0911  # one return a kind
        following = self._steps[index + 1]
        misses = self._is_upstream_definite(index)
        match token:
            case Property(names) if len(names) == 1:
                ends = misses and not self._is_leaf(index)
                passes = self._passes(index)
                return steps.take_name(names[0], following, passes, misses=misses, ends=ends)
            case Property(names) if self._is_leaf(index):
                return steps.take_merged(names, misses=misses)
            case Property(names):
                return steps.take_each(names, following, misses=misses)
            case Indexes(indexes):
                return steps.take_indexes(indexes, following, misses=misses)
            case Slice():
                return steps.take_slice(token, following, misses=misses)
            case Wildcard():
                return steps.take_all(following, self._passes(index))
            case Scan():
                return self._scan(index)
            case Filter():
                accepts = self._accepts[index] = self._planner.compile_filter(token)
                return steps.take_filtered(accepts, following, misses=misses)
            case Function():
                return call_function(
                    token, None if self._is_leaf(index) else following, self._planner
                )

    def _passes(self, index: int) -> steps.Passes:
        return steps.lets_pass(self._tokens, self._last) if self._is_leaf(index) else None

    def _scan(self, index: int) -> Step:
        if self._is_leaf(index):
            return steps.scan_to_nothing
        step, matches = self._steps[index + 1], self._scan_matches(index + 1)
        if self._is_leaf(index + 1):
            return steps.walk(matches, step, None, marks=False)
        behind = self._steps[index + 2]
        return steps.walk(matches, step, behind, marks=self._is_leaf(index + 2))

    def _scan_matches(self, index: int) -> Predicate:
        token = self._tokens[index]
        match token:
            case Property(names):
                is_asked_for_all = is_definite(token, is_leaf=self._is_leaf(index))
                return steps.is_object_with(names if is_asked_for_all else ())
            case Indexes() | Slice():
                return lambda model, _: isinstance(model, list)
            case Wildcard():
                return lambda *_: True
            case Filter():
                return self._accepts[index]
            case _:
                return lambda *_: False

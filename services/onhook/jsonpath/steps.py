"""What each kind of token does with the value that the path has come to.

From Jayway's token classes. Each function makes a closure that calls the next one, depth first,
so that a fault in one branch can be passed over where Jayway passes over it. `misses` says that a
value of the wrong kind ends the path, because all before leads to one value. It must not know
text, functions or conditions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from onhook.jsonpath.errors import Inapplicable, OutOfRange, PathError, PathMissing
from onhook.jsonpath.run import Predicate, Run, Step
from onhook.jsonpath.tokens import Indexes, Slice, Token

Passes: TypeAlias = Callable[[Run], bool] | None
"""Asked before a member becomes a result, where a scan may have come through a list."""


def collect(model: Any, run: Run) -> None:
    run.purse.pay()
    run.results.append(model)


def scan_to_nothing(*_: Any) -> None:
    raise PathError('nothing stands behind ".." to look for')


def lets_pass(tokens: tuple[Token, ...], last: int) -> Callable[[Run], bool]:
    """Whether the last token may take a member that a scan reached through a list.

    Jayway lets it pass once it has been through any list only where the token before it is that
    very position: `$..[0].id`. So `$..*.id` finds nothing after the first list on its way.
    """
    before = tokens[last - 1] if last > 0 else None
    index = before.indexes[0] if isinstance(before, Indexes) and len(before.indexes) == 1 else None
    return lambda run: run.arrived_at == index


def is_object_with(names: tuple[str, ...]) -> Predicate:
    def matches(model: Any, _: Run) -> bool:
        return isinstance(model, dict) and all(name in model for name in names)

    return matches


def take_name(name: str, following: Step, passes: Passes, *, misses: bool, ends: bool) -> Step:
    """The member `name`. `ends`: an object without that member is a miss as well."""

    def step(model: Any, run: Run) -> None:
        run.purse.pay()
        if not isinstance(model, dict):
            if misses:
                raise PathMissing
        elif name in model:
            if passes is None or run.arrived_at == -1 or passes(run):
                following(model[name], run)
        elif ends or run.wants_all:
            raise PathMissing

    return step


def take_merged(names: tuple[str, ...], *, misses: bool) -> Step:
    def step(model: Any, run: Run) -> None:
        run.purse.pay(len(names))
        if isinstance(model, dict):
            found = {name: model[name] for name in names if name in model}
            if run.wants_all and not all(name in model for name in names):
                raise PathMissing
            run.results.append(found)
        elif misses:
            raise PathMissing

    return step


def take_each(names: tuple[str, ...], following: Step, *, misses: bool) -> Step:
    def step(model: Any, run: Run) -> None:
        run.purse.pay(len(names))
        if not isinstance(model, dict):
            if misses:
                raise PathMissing
            return
        for name in names:
            if name in model:
                following(model[name], run)
            elif run.wants_all:
                raise PathMissing

    return step


def _take(model: list[Any], index: int, following: Step, run: Run) -> None:
    """The item at `index`, if there is one; positions that fail behind it are passed over."""
    run.purse.pay()
    if not -len(model) <= index < len(model):
        return
    try:
        following(model[index], run)
    except OutOfRange:
        return


def take_indexes(indexes: tuple[int, ...], following: Step, *, misses: bool) -> Step:
    def step(model: Any, run: Run) -> None:
        if isinstance(model, list):
            for index in indexes:
                _take(model, index, following, run)
        elif misses:
            raise PathMissing

    return step


def take_slice(token: Slice, following: Step, *, misses: bool) -> Step:
    def step(model: Any, run: Run) -> None:
        if isinstance(model, list):
            for index in slice_range(token, len(model)):
                _take(model, index, following, run)
        elif misses:
            raise PathMissing

    return step


def slice_range(token: Slice, length: int) -> range:
    """Java's three kinds of slices; between two ends, negative positions count on through 0."""
    start, stop = token.start, token.stop
    if stop is None:
        assert start is not None, "a slice has at least one end"
        return range(max(0, length + start if start < 0 else start), length)
    if start is None:
        return range(min(length, length + stop if stop < 0 else stop))
    return range(max(start, -length), min(length, stop)) if length else range(0)


def take_all(following: Step, passes: Passes) -> Step:
    def step(model: Any, run: Run) -> None:
        if isinstance(model, dict):
            for value in model.values():
                run.purse.pay()
                if passes is None or run.arrived_at == -1 or passes(run):
                    following(value, run)
        elif isinstance(model, list):
            for index in range(len(model)):
                try:
                    _take(model, index, following, run)
                except PathMissing:
                    if run.wants_all:
                        raise

    return step


def walk(matches: Predicate, step: Step, behind: Step | None, *, marks: bool) -> Step:
    """Every object and list, from the outside in. Of a list that matches, the items go straight
    to the step `behind` the one that is looked for."""

    def walk(model: Any, run: Run) -> None:
        still_to_see = [model]
        while still_to_see:
            value = still_to_see.pop()
            run.purse.pay()
            if isinstance(value, dict):
                if matches(value, run):
                    step(value, run)
                still_to_see.extend(reversed(value.values()))
            elif isinstance(value, list):
                if matches(value, run):
                    if behind is None:
                        step(value, run)
                    else:
                        _pass_items(value, behind, run, marks=marks)
                still_to_see.extend(reversed(value))

    return walk


def _pass_items(items: list[Any], behind: Step, run: Run, *, marks: bool) -> None:
    for index, item in enumerate(items):
        run.purse.pay()
        if marks:
            run.arrived_at = index
        behind(item, run)


def take_filtered(accepts: Predicate, following: Step, *, misses: bool) -> Step:
    def step(model: Any, run: Run) -> None:
        if isinstance(model, dict):
            if accepts(model, run):
                following(model, run)
        elif isinstance(model, list):
            for index, item in enumerate(model):
                if accepts(item, run):
                    _take(model, index, following, run)
        elif misses:
            raise Inapplicable("a filter wants a list or an object, and here is neither")

    return step

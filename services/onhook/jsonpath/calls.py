"""A function in a path: its arguments are read, it is called, its result goes on.

It must not know what the functions do, except that a length looks at its argument itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from onhook.jsonpath.errors import Inapplicable, PathError
from onhook.jsonpath.functions import FUNCTIONS, LENGTHS
from onhook.jsonpath.json_literal import read_json
from onhook.jsonpath.limits import Purse
from onhook.jsonpath.run import Run, Step
from onhook.jsonpath.tokens import Function, JsonArgument, PathArgument, PathTree
from onhook.jsonpath.values import IsPath

Argument: TypeAlias = Callable[[Run], Callable[[], Any]]
Count: TypeAlias = Callable[[Any, Run], int | None]


class Readable(Protocol):
    def read(self, model: Any, root: Any, purse: Purse, is_path: IsPath) -> Any: ...


class Plans(Protocol):
    """Makes paths ready to be read."""

    def plan(self, tree: PathTree) -> Readable: ...

    def plan_of_children(self, tree: PathTree) -> Readable: ...


def call_function(token: Function, following: Step | None, plans: Plans) -> Step:
    """A name that is not known is found out when the path gets there, as in Jayway."""
    name = token.name
    known = FUNCTIONS.get(name)
    arguments = tuple(_argument(argument, plans) for argument in token.arguments)
    count = _count_below(token, plans)

    def step(model: Any, run: Run) -> None:
        run.purse.pay()
        if known is None:
            raise Inapplicable(f"there is no function {name}(); known are {', '.join(FUNCTIONS)}")
        try:
            values = tuple(argument(run) for argument in arguments)
            counted = None if count is None else count(model, run)
            result = known(model, values, run.purse) if counted is None else counted
        except PathError as error:
            raise type(error)(_named(name, error.text)) from None
        run.results.append(result)
        if following is not None:
            following(result, run)

    return step


def _named(name: str, text: str) -> str:
    return text if "()" in text else f"{name}(): {text}"


def _argument(argument: JsonArgument | PathArgument, plans: Plans) -> Argument:
    """Paths are read at once, JSON when the function asks for it."""
    if isinstance(argument, JsonArgument):
        text = argument.text
        return lambda _: lambda: read_json(text)
    plan = plans.plan(argument.tree)

    def read(run: Run) -> Callable[[], Any]:
        value = plan.read(run.root, run.root, run.purse, run.is_path)
        return lambda: value

    return read


def _count_below(token: Function, plans: Plans) -> Count | None:
    """`length($.path)` counts below the path, seen from where it is called."""
    if token.name not in LENGTHS or not token.arguments:
        return None
    argument = token.arguments[0]
    if isinstance(argument, JsonArgument):
        return _refuse_json
    tree = argument.tree
    is_whole = tree.is_function or not tree.tokens
    plan = plans.plan(tree) if is_whole else plans.plan_of_children(tree)

    def count(model: Any, run: Run) -> int | None:
        found = plan.read(model, model, run.purse, run.is_path)
        return len(found) if isinstance(found, list) else None

    return count


def _refuse_json(*_: Any) -> int | None:
    raise PathError("it wants a path as its argument")

"""The condition of a filter becomes a yes or no about one item.

It must not know text. As in Jayway, what makes no sense for an item (a path that points nowhere,
an operand of the wrong kind) leaves the item out; what cannot be calculated ends the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from onhook.jsonpath.errors import Inapplicable, PathMissing
from onhook.jsonpath.evaluation import Plan, Planner
from onhook.jsonpath.operators import OPERATORS, Bench
from onhook.jsonpath.run import Predicate, Run
from onhook.jsonpath.tokens import (
    Both,
    Condition,
    Either,
    Existence,
    Filter,
    Literal,
    Negation,
    Operand,
    PathTree,
    Relation,
)
from onhook.jsonpath.values import UNDEFINED, found_value

Value: TypeAlias = Callable[[Any, Run], Any]


def compile_plan(tree: PathTree) -> Plan:
    return _PLANNER.plan(tree)


def compile_filter(token: Filter) -> Predicate:
    holds = _compile(token.condition)

    def accepts(item: Any, run: Run) -> bool:
        run.purse.pay()
        try:
            return holds(item, run)
        except (PathMissing, Inapplicable):
            return False

    return accepts


def _compile(condition: Condition) -> Predicate:
    match condition:
        case Relation():
            return _relation(condition)
        case Existence():
            return _existence(condition)
        case Negation(part):
            inner = _compile(part)
            return lambda item, run: not inner(item, run)
        case Both(parts):
            every = [_compile(part) for part in parts]
            return lambda item, run: all(holds(item, run) for holds in every)
        case Either(parts):
            some = [_compile(part) for part in parts]
            return lambda item, run: any(holds(item, run) for holds in some)


def _relation(condition: Relation) -> Predicate:
    left, right = _operand(condition.left), _operand(condition.right)
    compare = OPERATORS[condition.operator]

    def holds(item: Any, run: Run) -> bool:
        return compare(left(item, run), right(item, run), Bench(run.purse, run.is_path))

    return holds


def _operand(operand: Operand) -> Value:
    if isinstance(operand, Literal):
        value = operand.value
        return lambda *_: value
    plan = compile_plan(operand.tree)
    return _cached(plan) if plan.is_root else _from_item(plan)


def _from_item(plan: Plan) -> Value:
    def value(item: Any, run: Run) -> Any:
        try:
            return found_value(plan.read(item, run.root, run.purse, run.is_path))
        except PathMissing:
            return UNDEFINED

    return value


def _cached(plan: Plan) -> Value:
    """A path from the document's root is read once for all items."""

    def value(_: Any, run: Run) -> Any:
        if id(plan) not in run.cache:
            try:
                found = found_value(plan.read(run.root, run.root, run.purse, run.is_path))
            except PathMissing:
                found = UNDEFINED
            run.cache[id(plan)] = found
        return run.cache[id(plan)]

    return value


def _existence(condition: Existence) -> Predicate:
    """The path is looked for in the item, even when it begins with `$`."""
    plan = compile_plan(condition.path.tree)
    is_wanted = condition.path.is_wanted

    def holds(item: Any, run: Run) -> bool:
        try:
            plan.read(item, run.root, run.purse, run.is_path, wants_all=True)
        except PathMissing:
            return not is_wanted
        return is_wanted

    return holds


_PLANNER = Planner(compile_filter)

"""The syntax tree of a template: what the parser makes and everything else reads.

Data only: nothing here evaluates. `offset` counts characters of the source from 0.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct


class Literal(Struct, frozen=True):
    """A text, int, float, bool or None that stands in the source."""

    value: str | int | float | bool | None
    offset: int


class Name(Struct, frozen=True):
    """A variable."""

    name: str
    offset: int


class Attribute(Struct, frozen=True):
    """`target.name`"""

    target: Expression
    name: str
    offset: int


class Subscript(Struct, frozen=True):
    """`target[key]`"""

    target: Expression
    key: Expression
    offset: int


class MethodCall(Struct, frozen=True):
    """`target.name(arguments)`"""

    target: Expression
    name: str
    arguments: tuple[Expression, ...]
    offset: int


class Arguments(Struct, frozen=True):
    """Arguments of a function, macro, filter or test."""

    positional: tuple[Expression, ...] = ()
    named: tuple[tuple[str, Expression], ...] = ()


NO_ARGUMENTS = Arguments()


class Call(Struct, frozen=True):
    """`name(arguments)`: a function or a macro."""

    name: str
    arguments: Arguments
    offset: int


class Filter(Struct, frozen=True):
    """`target | name(arguments)`; `offset` is the name's."""

    target: Expression
    name: str
    arguments: Arguments
    offset: int


class Test(Struct, frozen=True):
    """`target is name` or `target is not name`; `offset` is the name's."""

    target: Expression
    name: str
    arguments: Arguments
    negated: bool
    offset: int


class Unary(Struct, frozen=True):
    """`operator` is `not`, `-` or `+`."""

    operator: str
    operand: Expression
    offset: int


class Binary(Struct, frozen=True):
    """`left operator right`; `equals` is `==` here. `offset` is the operator's."""

    operator: str
    left: Expression
    right: Expression
    offset: int


class Conditional(Struct, frozen=True):
    """`condition ? then : otherwise`"""

    condition: Expression
    then: Expression
    otherwise: Expression
    offset: int


class ListLiteral(Struct, frozen=True):
    """`[a, b]`"""

    items: tuple[Expression, ...]
    offset: int


class MapLiteral(Struct, frozen=True):
    """`{"key": value}`"""

    entries: tuple[tuple[Expression, Expression], ...]
    offset: int


Expression: TypeAlias = (
    Literal
    | Name
    | Attribute
    | Subscript
    | MethodCall
    | Call
    | Filter
    | Test
    | Unary
    | Binary
    | Conditional
    | ListLiteral
    | MapLiteral
)


class Text(Struct, frozen=True):
    """Literal text, whitespace control applied; `offset` is that of its first character."""

    text: str
    offset: int


class Print(Struct, frozen=True):
    """`{{ expression }}`; `offset` is that of the braces."""

    expression: Expression
    offset: int

    @property
    def final_filter(self) -> FinalFilter | None:
        """The filter that is applied last, such as `escape` with ("json",); None without one."""
        outermost = self.expression
        if not isinstance(outermost, Filter):
            return None
        given = outermost.arguments
        return FinalFilter(
            outermost.name,
            tuple(_constant(argument) for argument in given.positional),
            {name: _constant(argument) for name, argument in given.named},
        )


class FinalFilter(Struct, frozen=True):
    """A filter's name and its constant arguments; an argument that is computed is None."""

    name: str
    positional: tuple[Any, ...] = ()
    named: dict[str, Any] = {}


def _constant(expression: Expression) -> Any:
    return expression.value if isinstance(expression, Literal) else None


class Branch(Struct, frozen=True):
    """`{% if condition %}` or `{% elseif condition %}` and what it guards."""

    condition: Expression
    body: tuple[Node, ...]
    offset: int


class If(Struct, frozen=True):
    """The first branch whose condition holds is taken, `otherwise` if none does."""

    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...]
    offset: int


class For(Struct, frozen=True):
    """`{% for name in iterable %}`; `otherwise` when there is no element."""

    name: str
    iterable: Expression
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]
    offset: int


class Set(Struct, frozen=True):
    """`{% set name = value %}`"""

    name: str
    value: Expression
    offset: int


class Parameter(Struct, frozen=True):
    """A macro's parameter; without a default it is null."""

    name: str
    default: Expression | None


class Macro(Struct, frozen=True):
    """`{% macro name(parameters) %}`; prints nothing where it stands."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Node, ...]
    offset: int


class FilterStep(Struct, frozen=True):
    """One of the filters of a filter block."""

    name: str
    arguments: Arguments
    offset: int


class FilterBlock(Struct, frozen=True):
    """`{% filter upper | trim %}`: the body's text goes through the filters."""

    filters: tuple[FilterStep, ...]
    body: tuple[Node, ...]
    offset: int


class Block(Struct, frozen=True):
    """`{% block name %}`: prints its body, which `block("name")` can print again."""

    name: str
    body: tuple[Node, ...]
    offset: int


class Autoescape(Struct, frozen=True):
    """`{% autoescape "strategy" %}`; strategy None is html."""

    active: bool
    strategy: str | None
    body: tuple[Node, ...]
    offset: int


class Group(Struct, frozen=True):
    """`{% parallel %}` or `{% cache key %}`: prints its body."""

    tag: str
    key: Expression | None
    body: tuple[Node, ...]
    offset: int


class Flush(Struct, frozen=True):
    """`{% flush %}`: prints nothing."""

    offset: int


Node: TypeAlias = (
    Text | Print | If | For | Set | Macro | FilterBlock | Block | Autoescape | Group | Flush
)

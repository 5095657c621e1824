"""What `{% autoescape %}` does to the expressions that are printed within it.

It rewrites the tree; it must not know how escaping works.
"""

from __future__ import annotations

from onhook.pebble.nodes import (
    Arguments,
    Binary,
    Call,
    Conditional,
    Expression,
    Filter,
    FilterStep,
    Literal,
)


def escaped(expression: Expression, strategy: str | None) -> Expression:
    """The expression with a final `escape`, or without if it is safe or `strategy` is None."""
    if strategy is None:
        return expression
    if not isinstance(expression, Conditional):
        return _wrapped(expression, strategy)
    return Conditional(
        expression.condition,
        _wrapped(expression.then, strategy),
        _wrapped(expression.otherwise, strategy),
        expression.offset,
    )


def escape_step(strategy: str, offset: int) -> FilterStep:
    named = (("strategy", Literal(strategy, offset)),)
    return FilterStep("escape", Arguments(named=named), offset)


def _wrapped(expression: Expression, strategy: str) -> Expression:
    if _is_safe(expression):
        return expression
    step = escape_step(strategy, expression.offset)
    return Filter(expression, step.name, step.arguments, step.offset)


def _is_safe(expression: Expression) -> bool:
    """Texts in the template's source, and what a block printed."""
    if isinstance(expression, Call):
        return expression.name in ("block", "parent")
    if isinstance(expression, Binary):
        return (
            expression.operator == "~" and _is_text(expression.left) and _is_text(expression.right)
        )
    return _is_text(expression)


def _is_text(expression: Expression) -> bool:
    return isinstance(expression, Literal) and isinstance(expression.value, str)

"""Parsing expressions by operator precedence, as Pebble does.

It must not know tags, nor what an operator, filter or function computes.
"""

from __future__ import annotations

from onhook.pebble.errors import Fault
from onhook.pebble.limits import OPERATORS
from onhook.pebble.nodes import (
    NO_ARGUMENTS,
    Arguments,
    Attribute,
    Binary,
    Call,
    Conditional,
    Expression,
    Filter,
    FilterStep,
    ListLiteral,
    Literal,
    MapLiteral,
    MethodCall,
    Name,
    Parameter,
    Subscript,
    Test,
    Unary,
)
from onhook.pebble.token import Kind, Token
from onhook.pebble.token_stream import TokenStream

_PRECEDENCE = {
    "or": 10,
    "and": 15,
    "is": 20,
    "is not": 20,
    "contains": 20,
    "==": 30,
    "equals": 30,
    "!=": 30,
    ">": 30,
    "<": 30,
    ">=": 30,
    "<=": 30,
    "+": 40,
    "-": 40,
    "*": 60,
    "/": 60,
    "%": 60,
    "|": 100,
    "~": 110,
    "..": 120,
}
"""A higher number binds tighter; all binary operators associate to the left."""
_UNARY = ("not", "+", "-")
_UNARY_PRECEDENCE = 500
_CONSTANTS: dict[str, bool | None] = {
    "true": True,
    "TRUE": True,
    "false": False,
    "FALSE": False,
    "null": None,
    "NULL": None,
    "none": None,
    "NONE": None,
}
_RESERVED = ("true", "false", "null", "none")
_LONGEST = 2**63 - 1


def parse_expression(stream: TokenStream, minimum: int = 0) -> Expression:
    """The expression at the stream, of operators that bind at least as tightly as `minimum`."""
    stream.enter()
    expression = _operators(stream, _operand(stream), minimum)
    if minimum == 0 and (question := stream.accept(Kind.PUNCTUATION, "?")):
        then = parse_expression(stream)
        stream.expect(Kind.PUNCTUATION, ":")
        otherwise = parse_expression(stream)
        expression = Conditional(expression, then, otherwise, question.offset)
    stream.leave()
    return expression


def parse_new_name(stream: TokenStream) -> Token:
    """A name that a tag or argument gives to a value."""
    if stream.current.is_(Kind.NAME, *_RESERVED):
        stream.fail(f"{stream.current} is a value, not a name")
    return stream.expect(Kind.NAME)


def parse_filter_step(stream: TokenStream) -> FilterStep:
    """A filter's name and arguments."""
    name = stream.expect(Kind.NAME)
    return FilterStep(name.value, _optional_arguments(stream), name.offset)


def parse_parameters(stream: TokenStream) -> tuple[Parameter, ...]:
    """The parameters of a macro with their defaults, in parentheses."""
    stream.expect(Kind.PUNCTUATION, "(")
    parameters: list[Parameter] = []
    while not stream.accept(Kind.PUNCTUATION, ")"):
        if parameters:
            stream.expect(Kind.PUNCTUATION, ",")
        name = parse_new_name(stream).value
        given = stream.accept(Kind.PUNCTUATION, "=")
        parameters.append(Parameter(name, parse_expression(stream) if given else None))
    return tuple(parameters)


def _operators(stream: TokenStream, expression: Expression, minimum: int) -> Expression:
    count = 0
    while (token := stream.current).kind is Kind.OPERATOR:
        precedence = _PRECEDENCE.get(token.value)
        if precedence is None or precedence < minimum:
            break
        count += 1
        if count > OPERATORS:
            stream.fail(f"more than {OPERATORS} operators in one expression")
        stream.advance()
        if token.value == "|":
            step = parse_filter_step(stream)
            expression = Filter(expression, step.name, step.arguments, step.offset)
        elif token.value in ("is", "is not"):
            name = stream.expect(Kind.NAME)
            given = _optional_arguments(stream)
            negated = token.value == "is not"
            expression = Test(expression, name.value, given, negated, name.offset)
        else:
            right = parse_expression(stream, precedence + 1)
            symbol = "==" if token.value == "equals" else token.value
            expression = Binary(symbol, expression, right, token.offset)
    return expression


def _operand(stream: TokenStream) -> Expression:
    token = stream.current
    if token.is_(Kind.OPERATOR, *_UNARY):
        stream.advance()
        return Unary(token.value, parse_expression(stream, _UNARY_PRECEDENCE), token.offset)
    if stream.accept(Kind.PUNCTUATION, "("):
        inner = parse_expression(stream)
        stream.expect(Kind.PUNCTUATION, ")")
        return _postfix(stream, inner)
    if token.is_(Kind.PUNCTUATION, "["):
        return _list(stream)
    if token.is_(Kind.PUNCTUATION, "{"):
        return _map(stream)
    return _postfix(stream, _simple(stream))


def _simple(stream: TokenStream) -> Expression:
    token = stream.current
    if token.kind is Kind.NAME:
        stream.advance()
        if token.value in _CONSTANTS:
            return Literal(_CONSTANTS[token.value], token.offset)
        if stream.current.is_(Kind.PUNCTUATION, "("):
            return _call(stream, token)
        return Name(token.value, token.offset)
    if token.kind in (Kind.LONG, Kind.NUMBER):
        stream.advance()
        return Literal(_number(token), token.offset)
    if token.kind not in (Kind.STRING, Kind.INTERPOLATION_START):
        stream.fail(f"expected a value, found {token}{stream.hint()}")
    return _string(stream)


def _number(token: Token) -> int | float:
    if "." in token.value:
        return float(token.value)
    if len(token.value) > 25 or int(token.value) > _LONGEST:
        raise Fault(f"the number is greater than {_LONGEST}", token.offset)
    return int(token.value)


def _call(stream: TokenStream, name: Token) -> Expression:
    arguments = parse_arguments(stream)
    if name.value == "block" and not arguments.positional:
        raise Fault("block() needs the name of a block", name.offset)
    return Call(name.value, arguments, name.offset)


def _string(stream: TokenStream) -> Expression:
    """Texts and interpolations by turns."""
    parts: list[Expression] = []
    was_text = False
    while True:
        token = stream.current
        if token.kind is Kind.STRING and not was_text:
            stream.advance()
            parts.append(Literal(token.value, token.offset))
            was_text = True
        elif stream.accept(Kind.INTERPOLATION_START, "#{"):
            parts.append(parse_expression(stream))
            stream.expect(Kind.INTERPOLATION_END)
            was_text = False
        else:
            break
        if len(parts) > OPERATORS:
            stream.fail(f"more than {OPERATORS} interpolations in one text")
    joined, *others = parts
    for part in others:
        joined = Binary("~", joined, part, part.offset)
    return joined


def _postfix(stream: TokenStream, expression: Expression) -> Expression:
    """Accesses and method calls behind a value."""
    count = 0
    while True:
        count += 1
        if count > OPERATORS:
            stream.fail(f"more than {OPERATORS} accesses in one expression")
        token = stream.current
        if stream.accept(Kind.PUNCTUATION, "."):
            name = stream.expect(Kind.NAME)
            if not stream.current.is_(Kind.PUNCTUATION, "("):
                expression = Attribute(expression, name.value, name.offset)
                continue
            given = parse_arguments(stream)
            if given.named:
                raise Fault("a method takes no named arguments", name.offset)
            expression = MethodCall(expression, name.value, given.positional, name.offset)
        elif stream.accept(Kind.PUNCTUATION, "["):
            key = parse_expression(stream)
            stream.expect(Kind.PUNCTUATION, "]")
            expression = Subscript(expression, key, token.offset)
        elif token.is_(Kind.PUNCTUATION, "("):
            stream.fail("only a name can be called")
        else:
            return expression


def _optional_arguments(stream: TokenStream) -> Arguments:
    if stream.current.is_(Kind.PUNCTUATION, "("):
        return parse_arguments(stream)
    return NO_ARGUMENTS


def parse_arguments(stream: TokenStream) -> Arguments:
    """Positional, then named arguments, in parentheses."""
    stream.expect(Kind.PUNCTUATION, "(")
    positional: list[Expression] = []
    named: list[tuple[str, Expression]] = []
    while not stream.accept(Kind.PUNCTUATION, ")"):
        if positional or named:
            stream.expect(Kind.PUNCTUATION, ",")
        if stream.following.is_(Kind.PUNCTUATION, "="):
            name = parse_new_name(stream).value
            stream.expect(Kind.PUNCTUATION, "=")
            named.append((name, parse_expression(stream)))
        elif named:
            stream.fail("positional arguments stand before named ones")
        else:
            positional.append(parse_expression(stream))
    return Arguments(tuple(positional), tuple(named))


def _list(stream: TokenStream) -> Expression:
    bracket = stream.expect(Kind.PUNCTUATION, "[")
    items: list[Expression] = []
    while not stream.accept(Kind.PUNCTUATION, "]"):
        if items:
            stream.expect(Kind.PUNCTUATION, ",")
        items.append(parse_expression(stream))
    return ListLiteral(tuple(items), bracket.offset)


def _map(stream: TokenStream) -> Expression:
    brace = stream.expect(Kind.PUNCTUATION, "{")
    entries: list[tuple[Expression, Expression]] = []
    while not stream.accept(Kind.PUNCTUATION, "}"):
        if entries:
            stream.expect(Kind.PUNCTUATION, ",")
        key = parse_expression(stream)
        stream.expect(Kind.PUNCTUATION, ":")
        entries.append((key, parse_expression(stream)))
    return MapLiteral(tuple(entries), brace.offset)

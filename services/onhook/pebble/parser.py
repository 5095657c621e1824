"""Parsing tags and text into the tree of a template.

It knows each tag's form; it must not know what a tag does, nor how expressions are built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NoReturn

from onhook.pebble import slips
from onhook.pebble.errors import Fault
from onhook.pebble.expression_parser import (
    parse_expression,
    parse_filter_step,
    parse_new_name,
    parse_parameters,
)
from onhook.pebble.lexer import tokenize
from onhook.pebble.limits import SOURCE_CHARS
from onhook.pebble.nodes import (
    Autoescape,
    Block,
    Branch,
    FilterBlock,
    Flush,
    For,
    Group,
    If,
    Macro,
    Node,
    Print,
    Set,
    Text,
)
from onhook.pebble.token import Kind, Token
from onhook.pebble.token_stream import TokenStream

_OTHER_TEMPLATES = ("include", "import", "from", "extends", "embed")


def parse(source: str) -> tuple[Node, ...]:
    """The nodes of a template. Raises Fault with the offset of what is wrong."""
    if len(source) > SOURCE_CHARS:
        raise Fault(f"the template is longer than {SOURCE_CHARS} characters", 0)
    return _Parser(source).template()


class _Parser:
    def __init__(self, source: str) -> None:
        self._stream = TokenStream(tokenize(source))
        self._macros: set[str] = set()

    def template(self) -> tuple[Node, ...]:
        body = self._body()
        assert self._stream.current.kind is Kind.END
        return body

    def _body(self, *ends: str, of: Token | None = None) -> tuple[Node, ...]:
        """Nodes up to a tag of `ends`, which becomes the current token."""
        stream = self._stream
        nodes: list[Node] = []
        stream.enter()
        while stream.current.kind is not Kind.END:
            token = stream.advance()
            if token.kind is Kind.TEXT:
                nodes.append(Text(token.value, token.offset))
            elif token.kind is Kind.PRINT_START:
                expression = parse_expression(stream)
                stream.expect(Kind.PRINT_END)
                nodes.append(Print(expression, token.offset))
            else:
                if stream.current.kind is not Kind.NAME:
                    stream.fail(f"expected the name of a tag, found {stream.current}")
                if stream.current.value in ends:
                    stream.leave()
                    return tuple(nodes)
                nodes.append(self._tag(token.offset))
        if of is not None:
            expected = " or ".join(f"{{% {end} %}}" for end in ends)
            raise Fault(f'the tag "{of.value}" is never closed; end it with {expected}', of.offset)
        return tuple(nodes)

    def _tag(self, offset: int) -> Node:
        tag = self._stream.advance()
        if tag.value in _OTHER_TEMPLATES:
            raise Fault(
                f'the tag "{tag.value}" needs another template; here is only this one', tag.offset
            )
        parse_tag = self._TAGS.get(tag.value)
        if parse_tag is None:
            _unknown_tag(tag, self._stream.current)
        return parse_tag(self, tag, offset)

    def _end(self) -> None:
        """Take the closing tag and its delimiter."""
        self._stream.advance()
        self._stream.expect(Kind.EXECUTE_END)

    def _if(self, tag: Token, offset: int) -> Node:
        branches = [self._branch(tag, offset)]
        otherwise: tuple[Node, ...] = ()
        while True:
            token = self._stream.advance()
            if token.value == "elseif":
                branches.append(self._branch(tag, token.offset))
                continue
            self._stream.expect(Kind.EXECUTE_END)
            if token.value == "endif":
                return If(tuple(branches), otherwise, offset)
            otherwise = self._body("endif", of=tag)

    def _branch(self, tag: Token, offset: int) -> Branch:
        condition = parse_expression(self._stream)
        self._stream.expect(Kind.EXECUTE_END)
        return Branch(condition, self._body("elseif", "else", "endif", of=tag), offset)

    def _for(self, tag: Token, offset: int) -> Node:
        name = parse_new_name(self._stream).value
        self._stream.expect(Kind.NAME, "in")
        iterable = parse_expression(self._stream)
        self._stream.expect(Kind.EXECUTE_END)
        body = self._body("else", "endfor", of=tag)
        otherwise: tuple[Node, ...] = ()
        if self._stream.current.value == "else":
            self._end()
            otherwise = self._body("endfor", of=tag)
        self._end()
        return For(name, iterable, body, otherwise, offset)

    def _set(self, _tag: Token, offset: int) -> Node:
        name = parse_new_name(self._stream).value
        self._stream.expect(Kind.PUNCTUATION, "=")
        value = parse_expression(self._stream)
        self._stream.expect(Kind.EXECUTE_END)
        return Set(name, value, offset)

    def _macro(self, tag: Token, offset: int) -> Node:
        name = self._stream.expect(Kind.NAME)
        if name.value in self._macros:
            raise Fault(f'there are two macros named "{name.value}"', name.offset)
        self._macros.add(name.value)
        parameters = parse_parameters(self._stream)
        self._stream.expect(Kind.EXECUTE_END)
        body = self._body("endmacro", of=tag)
        self._end()
        return Macro(name.value, parameters, body, offset)

    def _filter(self, tag: Token, offset: int) -> Node:
        steps = [parse_filter_step(self._stream)]
        while self._stream.accept(Kind.OPERATOR, "|"):
            steps.append(parse_filter_step(self._stream))
        self._stream.expect(Kind.EXECUTE_END)
        body = self._body("endfilter", of=tag)
        self._end()
        return FilterBlock(tuple(steps), body, offset)

    def _block(self, tag: Token, offset: int) -> Node:
        stream = self._stream
        name = stream.advance()
        if name.kind not in (Kind.NAME, Kind.STRING):
            raise Fault(f"expected the block's name, found {name}", name.offset)
        stream.expect(Kind.EXECUTE_END)
        body = self._body("endblock", of=tag)
        stream.advance()
        if stream.current.kind in (Kind.NAME, Kind.STRING) and stream.current.value == name.value:
            stream.advance()
        stream.expect(Kind.EXECUTE_END)
        return Block(name.value, body, offset)

    def _autoescape(self, tag: Token, offset: int) -> Node:
        stream = self._stream
        active = stream.advance().value.lower() == "true" if _is_name(stream.current) else True
        strategy = stream.advance().value if stream.current.kind is Kind.STRING else None
        stream.expect(Kind.EXECUTE_END)
        body = self._body("endautoescape", of=tag)
        self._end()
        return Autoescape(active, strategy, body, offset)

    def _group(self, tag: Token, offset: int) -> Node:
        key = parse_expression(self._stream) if tag.value == "cache" else None
        self._stream.expect(Kind.EXECUTE_END)
        body = self._body(f"end{tag.value}", of=tag)
        self._end()
        return Group(tag.value, key, body, offset)

    def _flush(self, _tag: Token, offset: int) -> Node:
        self._stream.expect(Kind.EXECUTE_END)
        return Flush(offset)

    _TAGS: ClassVar[dict[str, Callable[[_Parser, Token, int], Node]]] = {
        "if": _if,
        "for": _for,
        "set": _set,
        "macro": _macro,
        "filter": _filter,
        "block": _block,
        "autoescape": _autoescape,
        "parallel": _group,
        "cache": _group,
        "flush": _flush,
    }


def _is_name(token: Token) -> bool:
    return token.kind is Kind.NAME


def _unknown_tag(tag: Token, following: Token) -> NoReturn:
    if tag.value.startswith("end") or tag.value in ("else", "elseif"):
        raise Fault(f'the tag "{tag.value}" closes nothing that is open', tag.offset)
    hint = slips.of_tag(tag.value, following)
    raise Fault(f'there is no tag "{tag.value}"{hint}', tag.offset)

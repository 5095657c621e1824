"""Reading tokens one after another, and the bounds on how deep the source may nest.

It must not know which tokens make an expression or a tag.
"""

from __future__ import annotations

from typing import NoReturn

from onhook.pebble import slips
from onhook.pebble.errors import Fault
from onhook.pebble.limits import NESTING
from onhook.pebble.token import Kind, Token


class TokenStream:
    """`current` is the token to be read next."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def current(self) -> Token:
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        """The token behind the current one."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Take the current token."""
        token = self.current
        if token.kind is Kind.END:
            self.fail("the template ends too early")
        self._at += 1
        return token

    def accept(self, kind: Kind, *values: str) -> Token | None:
        """Take the current token if it is one of those."""
        return self.advance() if self.current.is_(kind, *values) else None

    def expect(self, kind: Kind, value: str | None = None) -> Token:
        """Take the current token, which must be that one."""
        token = self.current
        if token.kind is not kind or (value is not None and token.value != value):
            expected = kind.value if value is None else f'"{value}"'
            self.fail(f"expected {expected}, found {token}{self.hint()}")
        return self.advance()

    def hint(self) -> str:
        """What to do about the current token where it cannot stand; nothing where that is open."""
        return slips.of_tokens(self._tokens[: self._at], self.current)

    def enter(self) -> None:
        """Count a level of nesting, until `leave`. Raises Fault when there are too many."""
        self._depth += 1
        if self._depth > NESTING:
            self.fail(f"nested more than {NESTING} levels deep")

    def leave(self) -> None:
        self._depth -= 1

    def fail(self, message: str) -> NoReturn:
        raise Fault(message, self.current.offset)

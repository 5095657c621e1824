"""Reading a node's properties, as the product writes them, with a finding for each fault.

Texts, numbers, maps and rows live here; what an activity makes of them does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from onhook.flow import expression
from onhook.flow.errors import Finding, error, info, quoted, warning
from onhook.flow.expression import Reference, Template
from onhook.flow.model import Node, Variable
from onhook.flow.surroundings import Surroundings
from onhook.pebble import PebbleError

REQUIRED = "FC1015"
TEMPLATE = "OH1002"
VALUE = "OH1003"
UNDECLARED = "FC1038"
LARGEST_NUMBER = 10**9

_DIGITS = re.compile(r"([0-9]{1,10})(\.0+)?", re.ASCII)


class Scope(Struct, frozen=True, kw_only=True):
    """What an activity is compiled with, besides its own properties."""

    variables: Mapping[str, Variable]
    surroundings: Surroundings
    response_nodes: frozenset[str] = frozenset()
    """Names of nodes whose httpResponseBody is a text that holds JSON."""

    def holds_json(self, reference: Reference) -> bool:
        path = reference.path
        return path[1:] == ("httpResponseBody",) and path[0] in self.response_nodes


class Properties:
    """One node's properties; every fault becomes a finding."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.findings: list[Finding] = []
        self.is_broken = False
        """Whether an error was found: the node cannot be compiled."""

    def report(self, code: str, message: str, remedy: str) -> None:
        self.findings.append(error(code, message, remedy, self.node.name))
        self.is_broken = True

    def find_outside(self, code: str, message: str, remedy: str) -> None:
        """An error of what surrounds the flow, of errors.OF_SURROUNDINGS: the node is not broken."""
        self.findings.append(error(code, message, remedy, self.node.name))

    def warn(self, code: str, message: str, remedy: str) -> None:
        self.findings.append(warning(code, message, remedy, self.node.name))

    def tell(self, code: str, message: str, remedy: str) -> None:
        self.findings.append(info(code, message, remedy, self.node.name))

    def value(self, *names: str) -> Any:
        """The first of `names` that is set; null and an empty text are unset."""
        for name in names:
            value = self.node.properties.get(name)
            if value is not None and value != "":
                return value
        return None

    def text(self, *names: str) -> str:
        """A text; "" where none of `names` is set."""
        value = self.value(*names)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.report(VALUE, f"{names[0]} must be text", "put it in quotes")
            return ""
        return value

    def required(self, *names: str) -> str:
        """A text that must be there."""
        value = self.value(*names)
        if value is None or (isinstance(value, str) and not value.strip()):
            kind = self.node.activity
            self.report(
                REQUIRED, f"{names[0]} of {kind} is not set", f"set {names[0]} or remove the node"
            )
            return ""
        return self.text(*names)

    def template(self, name: str, source: str) -> Template | None:
        """`source` compiled; `name` says what it is in a finding."""
        try:
            return expression.compiled(source)
        except PebbleError as problem:
            self.report(TEMPLATE, f"{name}: {problem}", "correct the expression")
            return None

    def switch(self, name: str, *, default: bool) -> bool:
        """Yes or no, also as a text; `default` where it is unset."""
        value = self.value(name)
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.report(VALUE, f"{name} must be true or false, not {quoted(value)}", "correct it")
        return default

    def map_of_texts(self, name: str) -> dict[str, str]:
        """A map of names to texts, numbers and booleans, which become texts.

        Exports write an empty one as an empty list.
        """
        value = self.value(name)
        if value is None or value == []:
            return {}
        if isinstance(value, dict):
            texts = {str(key): _as_text(member) for key, member in value.items()}
            if all(text is not None for text in texts.values()):
                return {key: text or "" for key, text in texts.items()}
        self.report(VALUE, f"{name} must map names to texts", "correct it")
        return {}

    def rows(self, name: str) -> list[dict[str, Any]]:
        """A list of maps."""
        value = self.value(name)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            return value
        self.report(VALUE, f"{name} must be a list of maps", "correct it")
        return []

    def texts(self, *names: str) -> tuple[str, ...]:
        """A list of texts or numbers."""
        value = self.value(*names)
        if value is None:
            return ()
        if isinstance(value, list):
            texts = [_as_text(member) for member in value]
            if all(text is not None for text in texts):
                return tuple(text or "" for text in texts)
        self.report(VALUE, f"{names[0]} must be a list of texts", "correct it")
        return ()

    def number(self, name: str, unit: str = "") -> int | None:
        """A number or numeric text, as the product writes both; None when unset.

        `unit`: what it counts, for a message, such as "milliseconds".
        """
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, str) and (written := _DIGITS.fullmatch(value.strip())):
            value = int(written[1])
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if is_number and 0 <= value <= LARGEST_NUMBER:
            return int(value)
        self.report(
            VALUE,
            f"{name} must be a whole number{f' of {unit}' if unit else ''} up to {LARGEST_NUMBER}, "
            f"not {quoted(value)}",
            f"correct it: a number alone, which counts {unit}" if unit else "correct it",
        )
        return None


def _as_text(value: Any) -> str | None:
    """A text, number or boolean as text; null is empty; None for anything else."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None

"""What validation should say of a body, beside what refuses it.

Data, and the one question it turns on: may a value hold a double quote? Nothing here looks at a
template.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from onhook.pebble import Reference

_MOST_LISTED = 10


class Hosted(Struct, frozen=True):
    """Expressions, as `{{name}}`, that the hosted product would make no JSON of."""

    expressions: tuple[str, ...]
    is_bare: bool
    """Whether they are texts without quotes; else a double quote in them would do it."""

    @property
    def message(self) -> str:
        listed = ", ".join(self.expressions[:_MOST_LISTED])
        more = len(self.expressions) - _MOST_LISTED
        named = f"{listed} and {more} more" if more > 0 else listed
        if self.is_bare:
            return (
                f"a text in {named}, without quotes, is no JSON on the hosted product; it is here"
            )
        return f"a double quote in {named} would break the body on the hosted product, not here"

    @property
    def remedy(self) -> str:
        name = self.expressions[0].strip("{}")
        if self.is_bare:
            return f'write "{{{{{name}}}}}", in quotes'
        return f'to run there too, write {{{{{name} | escape("json")}}}}'


class Note(Struct, frozen=True):
    """`offset` counts characters of the body's source from 0."""

    message: str
    remedy: str
    offset: int
    is_advice: bool = False
    """Whether nothing is wrong: it only tells."""
    hosted: Hosted | None = None
    """What the hosted product would break on, where it is that."""

    def at(self, offset: int) -> Note:
        return replace(self, offset=offset)


ESCAPED_ONCE = Note(
    "the value is already escaped here; it is escaped once, and the final filter changes nothing",
    "keep it where the flow must also run on the hosted product",
    0,
    is_advice=True,
)


MayHoldQuote = Callable[[Reference], bool]
IsText = Callable[[Reference], bool]

_WITHOUT_QUOTES = frozenset(
    {"ani", "dnis", "interactionid", "entrypointid", "flowid", "flowversionlabel", "orgid"}
    | {"pstnregion", "callbacktype", "schedulesourceinteractionid", "agentid"}
    | {"agentsessionid", "queueid", "teamid", "tenantid", "inboundchannel"}
    | {"routingstrategyid", "direction", "participanttype", "dialnumber", "otherpartydn"}
    | {"epdn", "agentselectedani", "operationtype", "cparesult", "httpstatuscode", "index"}
    | {"length", "revindex", "first", "last", "global_language", "global_voicename"}
)
"""Outputs and loop values that are numbers, ids, addresses of a phone or words of a fixed list."""


def may_hold_quote(reference: Reference) -> bool:
    """Whether a double quote can stand in the value; unknown names may hold one."""
    return reference.path[-1].lower() not in _WITHOUT_QUOTES

"""What validation should say of a body, beside what refuses it.

Data, and the one question it turns on: may a value hold a double quote? Nothing here looks at a
template.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from onhook.pebble import Reference


class Note(Struct, frozen=True):
    """`offset` counts characters of the body's source from 0."""

    message: str
    remedy: str
    offset: int


MayHoldQuote = Callable[[Reference], bool]

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

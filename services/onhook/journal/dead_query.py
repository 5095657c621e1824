"""What is asked of the index of dead letters: a filter, a page, kinds of letters. Shapes and cursors.

It must not know SQL: dead_statement.py turns a query into some.
"""

from __future__ import annotations

import base64
from datetime import datetime

import msgspec
from msgspec import Struct

from onhook.journal.port import DeadLetter
from onhook.journal.query import MOST_AT_ONCE, QueryError

MOST_KINDS = 5_000
"""Read for one answer."""


class DeadQuery(Struct, frozen=True, kw_only=True):
    """Every field that is given narrows. `after` is the `next` of the page before."""

    queue: str | None = None
    fault: str | None = None
    flow_name: str | None = None
    event_type: str | None = None
    interaction_id: str | None = None
    run_id: str | None = None
    endpoint: str | None = None
    """scheme://host:port, as endpoint.py spells it, of the run's latest attempt."""
    reason: str | None = None
    """Text that the reason contains; case of ASCII letters does not count."""
    since: datetime | None = None
    """Of when it was set aside; included, and `until` not."""
    until: datetime | None = None
    is_oldest_first: bool = False
    after: str | None = None
    limit: int = 50


class DeadPage(Struct, frozen=True, kw_only=True):
    letters: list[DeadLetter]
    next: str | None = None
    """To ask for what follows; None: that is all."""


class DeadKind(Struct, frozen=True, kw_only=True):
    """Letters of one queue, fault, flow and reason."""

    count: int
    queue: str
    fault: str
    flow_name: str | None
    reason: str
    oldest_at: datetime
    newest_at: datetime
    message_id: str
    """Of one of them."""


class DeadPlace(Struct, frozen=True, array_like=True):
    """Where a page ended: the time in microseconds, and the message id."""

    at: int
    message_id: str


_decoder = msgspec.json.Decoder(DeadPlace)


def dead_cursor(place: DeadPlace) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def dead_place_of(query: DeadQuery) -> DeadPlace | None:
    """Where the page before ended. Raises QueryError for this and whatever cannot be meant."""
    if not 1 <= query.limit <= MOST_AT_ONCE:
        raise QueryError(f"limit: must be from 1 to {MOST_AT_ONCE}")
    for name in ("since", "until"):
        at = getattr(query, name)
        if at is not None and at.tzinfo is None:
            raise QueryError(f"{name}: has no time zone; add one, such as Z")
    if query.after is None:
        return None
    try:
        padded = query.after.encode() + b"=" * (-len(query.after) % 4)
        place = _decoder.decode(base64.urlsafe_b64decode(padded))
    except ValueError:
        raise QueryError("after: is no cursor; take `next` of the page before") from None
    if abs(place.at) >= 2**63:
        raise QueryError("after: is no cursor; take `next` of the page before")
    return place

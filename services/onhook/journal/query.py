"""What is asked of the journal, and a page of what was found. Shapes, and cursors as text.

It must not know SQL: find_statement.py turns a query into some.
"""

from __future__ import annotations

import base64
from datetime import datetime
from enum import Enum

import msgspec
from msgspec import Struct

from onhook.journal.port import Attempt, EventOutcome, EventRow, Run, RunState

MOST_AT_ONCE = 1_000


class QueryError(ValueError):
    """The query cannot be answered."""


class Subject(Enum):
    RUNS = "runs"
    """Runs, and events that started none."""
    ATTEMPTS = "attempts"


class Query(Struct, frozen=True, kw_only=True):
    """Every field that is given narrows. `after` is the `next` of the page before.

    Runs come newest first, by when they began; where an endpoint or status is asked for, by the
    latest such attempt, which comes along. Attempts come newest first. The time range, `since`
    included and `until` not, is of what the order goes by.
    """

    of: Subject = Subject.RUNS
    interaction_id: str | None = None
    flow_id: str | None = None
    endpoint: str | None = None
    """scheme://host:port, as endpoint.py spells it."""
    status: int | None = None
    """Of an attempt's answer; 0: there was none."""
    state: RunState | EventOutcome | None = None
    """Of the run now, or what became of an event. Not for attempts."""
    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None
    limit: int = 50

    @property
    def is_by_attempt(self) -> bool:
        """Whether it walks attempts, not runs and events."""
        return self.of is Subject.ATTEMPTS or self.endpoint is not None or self.status is not None


class Entry(Struct, frozen=True, kw_only=True):
    """One find: a run (without results and continuation), with an attempt of it or not, or an
    event that started none."""

    at: datetime
    run: Run | None = None
    attempt: Attempt | None = None
    event: EventRow | None = None


class Page(Struct, frozen=True, kw_only=True):
    entries: list[Entry]
    next: str | None = None
    """To ask for what follows; None: that is all."""


class Place(Struct, frozen=True, array_like=True):
    """Where a page ended: the time in microseconds, which kind, and the rest of its key."""

    at: int
    kind: str
    key: tuple[str | int, ...]


RUN, EVENT, ATTEMPT = "r", "e", "a"
_KEYS = {RUN: (str,), EVENT: (str, str), ATTEMPT: (str, str, int, int)}
_decoder = msgspec.json.Decoder(Place)


def cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_of(query: Query) -> Place | None:
    """Where the page before ended. Raises QueryError."""
    if query.after is None:
        return None
    try:
        padded = query.after.encode() + b"=" * (-len(query.after) % 4)
        place = _decoder.decode(base64.urlsafe_b64decode(padded))
    except ValueError:
        raise QueryError("after: is no cursor; take `next` of the page before") from None
    kinds = (ATTEMPT,) if query.is_by_attempt else (RUN, EVENT)
    shape = _KEYS.get(place.kind, ())
    fits = len(place.key) == len(shape) and all(map(isinstance, place.key, shape))
    if place.kind not in kinds or not fits or not all(map(_is_storable, (place.at, *place.key))):
        raise QueryError("after: is the cursor of another query; take `next` of the page before")
    return place


def _is_storable(part: str | int) -> bool:
    return isinstance(part, str) or abs(part) < 2**63


def check(query: Query) -> None:
    """Raises QueryError for what cannot be meant."""
    if not 1 <= query.limit <= MOST_AT_ONCE:
        raise QueryError(f"limit: must be from 1 to {MOST_AT_ONCE}")
    if query.of is Subject.ATTEMPTS and query.state is not None:
        raise QueryError("state: is a run's; ask for runs, or leave it out")
    if query.status is not None and not 0 <= query.status <= 999:
        raise QueryError("status: must be from 0 (no answer) to 999")
    for name in ("since", "until"):
        at = getattr(query, name)
        if at is not None and at.tzinfo is None:
            raise QueryError(f"{name}: has no time zone; add one, such as Z")

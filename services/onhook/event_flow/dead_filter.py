"""Which dead letters are meant: a filter as operators give it, and as the journal's query.

Shapes and translation; nothing is read here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from onhook.contracts.topology import UNDELIVERED, UNPROCESSABLE
from onhook.journal.dead_query import DeadQuery
from onhook.journal.endpoint import endpoint_of

QUEUES = {"undelivered": UNDELIVERED, "unprocessable": UNPROCESSABLE}

Limit = Annotated[int, Meta(ge=1, le=1000)]
Moment = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(min_length=1, max_length=2000)]


class DeadFilter(Struct, frozen=True, kw_only=True):
    """Every field that is given narrows. Times are of when a letter was set aside."""

    queue: Text | None = None
    """undelivered or unprocessable, or the queue's whole name."""
    flow: Text | None = None
    """Its name."""
    endpoint: Text | None = None
    """A URL: letters whose run was last sent to its scheme, host and port."""
    fault: Text | None = None
    reason: Text | None = None
    """Text that the reason contains."""
    event_type: Text | None = None
    interaction_id: Text | None = None
    run_id: Text | None = None
    since: Moment | None = None
    """Included; `until` is not."""
    until: Moment | None = None
    like: Text | None = None
    """Id of a letter: those alike to it."""

    @property
    def is_empty(self) -> bool:
        return all(getattr(self, name) is None for name in DeadFilter.__struct_fields__)


def query_of(
    given: DeadFilter, *, after: str | None = None, limit: int = 50, is_oldest_first: bool = False
) -> DeadQuery:
    """All but `like`."""
    endpoint = given.endpoint
    return DeadQuery(
        queue=None if given.queue is None else QUEUES.get(given.queue, given.queue),
        fault=given.fault,
        flow_name=given.flow,
        event_type=given.event_type,
        interaction_id=given.interaction_id,
        run_id=given.run_id,
        endpoint=None if endpoint is None else endpoint_of(endpoint) or endpoint,
        reason=given.reason,
        since=given.since,
        until=given.until,
        is_oldest_first=is_oldest_first,
        after=after,
        limit=limit,
    )

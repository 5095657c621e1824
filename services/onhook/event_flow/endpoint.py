"""An endpoint: where a node of a flow sends to, `scheme://host:port`, and its id.

Identity and shapes alone; what may be sent there now is in_flight.py's.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from msgspec import Struct

from onhook.egress.connector import origin_of

ID_CHARS = 12


class Endpoint(Struct, frozen=True, kw_only=True):
    """Flow, node and origin together (SEMANTICS 12); `flow_name` is for people."""

    flow_id: str
    flow_name: str
    node: str
    origin: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.flow_id, self.node, self.origin

    @property
    def id(self) -> str:
        """The same in every worker, short enough to type."""
        return endpoint_id(self.flow_id, self.node, self.origin)

    def __str__(self) -> str:
        return f"{self.origin} ({self.flow_name}, {self.node})"


class BreakerState(Struct, frozen=True, kw_only=True):
    """`state` is closed, open or half-open; the rest says since when and why it is not closed."""

    state: str
    since: datetime | None = None
    until: datetime | None = None
    """When it is probed."""
    after: str | None = None
    last_failure: str | None = None
    opened: int = 0
    """How often, since this worker began."""


class EndpointState(Struct, frozen=True, kw_only=True):
    """What a worker knows of an endpoint now. Counts are since it began."""

    id: str
    flow_id: str
    flow: str
    node: str
    origin: str
    in_flight: int
    in_flight_limit: int
    in_line: int
    """Requests that wait in memory for one of the others to end, or for the rate."""
    rate_per_s: float | None
    breaker: BreakerState
    paused_at: datetime | None
    pause_reason: str | None
    held_back: dict[str, int]
    """How often a run was sent to wait instead, by the reason: paused, breaker open, full, rate."""


@lru_cache(maxsize=4_096)
def endpoint_id(flow_id: str, node: str, origin: str) -> str:
    return sha256(f"{flow_id}\0{node}\0{origin}".encode()).hexdigest()[:ID_CHARS]


def origin_in(url: str) -> str:
    """`scheme://host:port` of a URL; nothing for what is no address."""
    ends = (at for mark in "/?#\\" if (at := url.find(mark, url.find("://") + 3)) >= 0)
    return _origin_of(url[: min(ends, default=len(url))])


@lru_cache(maxsize=4_096)
def _origin_of(head: str) -> str:
    return origin_of(head)

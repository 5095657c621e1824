"""What of a worker is read when its metrics are: queues, endpoints, the journal and its bounds.

What costs a round trip is asked at most once in LASTS_S, however often somebody looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from onhook.bus.port import Bus, BusError
from onhook.contracts.topology import UNDELIVERED, UNPROCESSABLE
from onhook.event_flow.endpoint import EndpointState
from onhook.event_flow.endpoints import Endpoints
from onhook.journal.dead_query import DeadQuery
from onhook.journal.port import Journal, JournalError
from onhook.web.metrics import Names, Registry

LASTS_S = 10.0
LONGEST_S = 3.0
"""That a look may take; what is not known then is not shown."""
BREAKER_STATES = {"closed": 0, "half-open": 1, "open": 2}
DEAD_QUEUES = (UNDELIVERED, UNPROCESSABLE)


def add_gauges(
    registry: Registry,
    bus: Bus,
    journal: Journal,
    endpoints: Endpoints,
    names_kept: int,
    clock: Callable[[], datetime],
) -> None:
    EndpointGauges(registry, endpoints, names_kept)
    QueueGauges(registry, bus)
    JournalGauges(registry, journal, clock)


class QueueGauges:
    """How much waits where."""

    def __init__(self, registry: Registry, bus: Bus) -> None:
        self._bus = bus
        self._looked_at = -LASTS_S
        self._messages = registry.gauge(
            "queue_messages",
            "Messages in a queue; on RabbitMQ without those that a worker has in hand",
            "queue",
        )
        registry.before_reading(self._refresh)

    async def _refresh(self) -> None:
        if monotonic() - self._looked_at < LASTS_S:
            return
        self._looked_at = monotonic()
        self._messages.clear()
        try:
            async with asyncio.timeout(LONGEST_S):
                depths = await self._bus.depths()
        except (BusError, TimeoutError):
            return
        for queue, count in depths.items():
            self._messages.set(count, (queue,))


class JournalGauges:
    """What is kept, how old the oldest dead letter is, and whether a bound is reached."""

    def __init__(self, registry: Registry, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._journal = journal
        self._clock = clock
        self._looked_at = -LASTS_S
        self._rows = registry.gauge("journal_rows", "Rows kept, at most a minute ago", "kind")
        self._limit = registry.gauge("journal_rows_limit", "Rows of a kind that may be kept")
        self._trimmed = registry.counter("journal_trimmed", "Rows that went, being old", "kind")
        self._is_over = registry.gauge(
            "journal_bound_reached", "1 while more is there than may be, as nothing of it may go"
        )
        self._oldest = registry.gauge(
            "dead_letter_oldest_age_seconds", "Age of the oldest dead letter of a queue", "queue"
        )
        self._dead = registry.gauge("dead_letters_kept", "Dead letters in a queue's index", "queue")
        registry.before_reading(self._refresh)

    async def _refresh(self) -> None:
        if monotonic() - self._looked_at < LASTS_S:
            return
        self._looked_at = monotonic()
        for gauge in (self._rows, self._limit, self._is_over, self._oldest, self._dead):
            gauge.clear()
        try:
            async with asyncio.timeout(LONGEST_S):
                await self._look()
        except (JournalError, TimeoutError):
            return

    async def _look(self) -> None:
        bounds = await self._journal.bounds()
        self._rows.set(bounds.runs, ("runs",))
        self._rows.set(bounds.events, ("events",))
        self._limit.set(bounds.max_rows)
        self._is_over.set(bounds.is_over)
        self._trimmed.set(("runs",), bounds.trimmed_runs)
        self._trimmed.set(("events",), bounds.trimmed_events)
        for queue in DEAD_QUEUES:
            query = DeadQuery(queue=queue, is_oldest_first=True, limit=1)
            page = await self._journal.find_dead(query)
            age_s = (self._clock() - page.letters[0].at).total_seconds() if page.letters else 0.0
            self._oldest.set(max(0.0, age_s), (queue,))
        counts = dict.fromkeys(DEAD_QUEUES, 0)
        for kind in await self._journal.dead_kinds(DeadQuery()):
            counts[kind.queue] = counts.get(kind.queue, 0) + kind.count
        for queue, count in counts.items():
            self._dead.set(count, (queue,))


class EndpointGauges:
    """Each origin with all its flows and nodes together: sums, and the worst breaker."""

    def __init__(self, registry: Registry, endpoints: Endpoints, names_kept: int) -> None:
        self._endpoints = endpoints
        self._names = Names(names_kept)
        self._in_flight = registry.gauge(
            "endpoint_in_flight", "Requests under way to an endpoint", "endpoint"
        )
        self._in_line = registry.gauge(
            "endpoint_in_line", "Requests that wait in memory for their turn", "endpoint"
        )
        self._breaker = registry.gauge(
            "breaker_state", "0 closed, 1 half-open, 2 open; the worst of the endpoint", "endpoint"
        )
        self._paused = registry.gauge(
            "endpoint_paused", "How many of its flows and nodes are paused", "endpoint"
        )
        self._held = registry.counter(
            "held_back", "Runs sent to wait instead of a request, by why", "endpoint", "why"
        )
        registry.before_reading(self._refresh)

    async def _refresh(self) -> None:
        for gauge in (self._in_flight, self._in_line, self._breaker, self._paused):
            gauge.clear()
        worst: dict[str, int] = {}
        held: dict[tuple[str, str], int] = {}
        for state in self._endpoints.snapshot():
            name = self._names(state.origin)
            self._in_flight.add(state.in_flight, (name,))
            self._in_line.add(state.in_line, (name,))
            self._paused.add(state.paused_at is not None, (name,))
            worst[name] = max(worst.get(name, 0), _breaker(state))
            for why, count in state.held_back.items():
                held[name, why] = held.get((name, why), 0) + count
        for name, breaker in worst.items():
            self._breaker.set(breaker, (name,))
        for key, count in held.items():
            self._held.set(key, count)


def _breaker(state: EndpointState) -> int:
    return BREAKER_STATES.get(state.breaker.state, 0)

"""The worker's metrics as it works: an observer of its notices. What is read at a look is gauges.py's.

Labels are bounded: event types are those that are known, flows and endpoints the first that come.
Called several times per event, so nothing here formats, logs or waits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import time

from msgspec import Struct

from onhook.bus.port import Delivery
from onhook.event_flow.delivery import SHADOW_FAULT
from onhook.event_flow.lane import Handler, Slots
from onhook.event_flow.notice import (
    AttemptMade,
    BreakerChanged,
    EventReceived,
    MessageSetAside,
    Notice,
)
from onhook.web.metrics import Count, Names, Registry, Spread

ATTEMPT_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0)
DELIVERY_BOUNDS_S = (
    0.01,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    15.0,
    60.0,
    600.0,
    3_600.0,
    36_000.0,
)
EVENT_TYPES_KEPT = 50
ROUTES_KEPT = 4_096
"""Pairs of flow and endpoint whose numbers are at hand."""


class _Route(Struct, kw_only=True):
    """The numbers of one flow at one endpoint, so that they need not be looked up one by one."""

    endpoint: str
    attempt_s: Spread
    delivery_s: Spread
    deliveries: Count
    retries: Count
    given_up: Count
    answers: dict[tuple[int | None, str | None], Count] = {}


class WorkerMetrics:
    """An Observer."""

    def __init__(self, names_kept: int) -> None:
        self.registry = registry = Registry()
        self._latest: tuple[str, float] | None = None
        self._types = Names(EVENT_TYPES_KEPT)
        self._flows = Names(names_kept)
        self._endpoints = Names(names_kept)
        self._events = registry.counter(
            "events",
            "Events consumed; outcome run, or filtered: it starts nothing",
            "type",
            "outcome",
        )
        self._attempts = registry.counter(
            "attempts",
            "HTTP requests; status is its class, fault why there was none",
            "endpoint",
            "status",
            "fault",
        )
        self._deliveries = registry.counter(
            "deliveries", "Requests that the endpoint accepted", "flow", "endpoint"
        )
        self._retries = registry.counter(
            "retries", "Attempts that failed and are made again", "flow", "endpoint"
        )
        self._given_up = registry.counter(
            "given_up", "Attempts that failed and were the last", "flow", "endpoint"
        )
        self._dead = registry.counter(
            "dead_letters", "Messages set aside, since the start", "queue", "fault"
        )
        self._opened = registry.counter("breaker_opened", "Breakers that opened", "endpoint")
        self._attempt_s = registry.histogram(
            "attempt_seconds", "How long an attempt took", "endpoint", bounds=ATTEMPT_BOUNDS_S
        )
        self._delivery_s = registry.histogram(
            "delivery_seconds",
            "From an event's own time to the acceptance of its request",
            "flow",
            bounds=DELIVERY_BOUNDS_S,
        )
        self._in_hand = registry.gauge(
            "lane_messages", "Messages in hand: under way, or waiting for less than a tier", "lane"
        )
        self._event_age = registry.gauge(
            "event_age_seconds",
            "How old the event that came last was; it grows while a worker is behind",
        )
        registry.before_reading(self._refresh)
        self._routes: dict[tuple[str, str], _Route] = {}
        self._tellers: dict[type, Callable[..., None]] = {
            EventReceived: self._event,
            AttemptMade: self._attempt,
            MessageSetAside: self._set_aside,
            BreakerChanged: self._breaker,
        }

    def __call__(self, notice: Notice) -> None:
        self._tellers[type(notice)](notice)

    def _event(self, notice: EventReceived) -> None:
        outcome = "run" if notice.is_handled else "filtered"
        self._events.of((self._types(notice.event_type), outcome)).total += 1
        if notice.event_time is not None:
            self._latest = notice.event_time, time()

    def _attempt(self, notice: AttemptMade) -> None:
        route = self._routes.get((notice.flow_name, notice.origin))
        if route is None:
            route = self._route(notice.flow_name, notice.origin)
        route.attempt_s.observe(notice.elapsed_ms / 1_000)
        answer = route.answers.get((notice.status, notice.fault))
        if answer is None:
            answer = self._answer(route, notice.status, notice.fault)
        answer.total += 1
        if notice.again_in_s is not None:
            route.retries.total += 1
        elif notice.gave_up is not None:
            route.given_up.total += 1
        elif notice.fault != SHADOW_FAULT:
            route.deliveries.total += 1
            age_s = _age_s(notice.event_time, time())
            if age_s is not None:
                route.delivery_s.observe(age_s)

    def _route(self, flow_name: str, origin: str) -> _Route:
        flow, endpoint = self._flows(flow_name), self._endpoints(origin)
        route = _Route(
            endpoint=endpoint,
            attempt_s=self._attempt_s.of((endpoint,)),
            delivery_s=self._delivery_s.of((flow,)),
            deliveries=self._deliveries.of((flow, endpoint)),
            retries=self._retries.of((flow, endpoint)),
            given_up=self._given_up.of((flow, endpoint)),
        )
        if len(self._routes) < ROUTES_KEPT:
            self._routes[flow_name, origin] = route
        return route

    def _answer(self, route: _Route, status: int | None, fault: str | None) -> Count:
        shown = "none" if status is None else f"{status // 100}xx"
        count = self._attempts.of((route.endpoint, shown, fault or ""))
        route.answers[status, fault] = count
        return count

    def _set_aside(self, notice: MessageSetAside) -> None:
        self._dead.add((notice.queue, notice.fault))

    def _breaker(self, notice: BreakerChanged) -> None:
        if notice.state == "open":
            self._opened.add((self._endpoints(notice.origin),))

    async def _refresh(self) -> None:
        if self._latest is not None:
            age_s = _age_s(*self._latest)
            if age_s is not None:
                self._event_age.set(age_s)

    def counting(self, handler: Handler) -> Handler:
        """The handler, with what it has in hand counted by lane."""
        in_hand = self._in_hand

        async def handle(delivery: Delivery, slots: Slots) -> None:
            lane = (delivery.queue,)
            in_hand.add(1, lane)
            try:
                await handler(delivery, slots)
            finally:
                in_hand.add(-1, lane)

        return handle


def _age_s(event_time: str | None, now: float) -> float | None:
    """Not below 0: the publisher's clock is another. None where the event has no time."""
    if event_time is None:
        return None
    try:
        return max(0.0, now - datetime.fromisoformat(event_time).timestamp())
    except (ValueError, OverflowError):
        return None

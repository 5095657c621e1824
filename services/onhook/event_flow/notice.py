"""What the worker tells whoever watches it, as it happens: `onhook up` prints these.

Facts only; how they are shown is the watcher's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from msgspec import Struct

from onhook.event_flow.tracing import Span
from onhook.journal.port import Attempt

log = structlog.get_logger()


class EventReceived(Struct, frozen=True, kw_only=True):
    event_type: str
    interaction_id: str | None
    is_handled: bool
    event_time: str | None = None
    """As the event says it."""


class AttemptMade(Struct, frozen=True, kw_only=True):
    """`again_in_s` is None when the attempt was the last; `gave_up` says why then, if it failed."""

    run_id: str
    interaction_id: str | None
    status: int | None
    fault: str | None
    detail: str | None
    elapsed_ms: float
    again_in_s: float | None
    gave_up: str | None
    response_headers: dict[str, str]
    flow_name: str = ""
    origin: str = ""
    """scheme://host:port of its endpoint."""
    event_time: str | None = None
    attempt: Attempt | None = None
    """As it is recorded."""
    span: Span | None = None


class MessageSetAside(Struct, frozen=True, kw_only=True):
    queue: str
    reason: str
    fault: str = ""


class BreakerChanged(Struct, frozen=True, kw_only=True):
    """`state` is closed, open or half-open; `after` says what opened it, `until` when it is probed."""

    origin: str
    flow_name: str
    node: str
    state: str
    after: str | None
    until: datetime | None


Notice = EventReceived | AttemptMade | MessageSetAside | BreakerChanged
Observer = Callable[[Notice], None]


def unfailing(observe: Observer) -> Observer:
    """A watcher that fails must not fail the work that it watches."""

    def tell(notice: Notice) -> None:
        try:
            observe(notice)
        except Exception:
            log.exception("watcher failed")

    return tell


def together(*observers: Observer) -> Observer:
    """One that tells each of them; none that fails keeps a notice from the others."""
    tellers = [unfailing(each) for each in observers if each is not ignore]

    def tell(notice: Notice) -> None:
        for each in tellers:
            each(notice)

    return tell


def ignore(_notice: Notice) -> None:
    """For a worker that nobody watches."""

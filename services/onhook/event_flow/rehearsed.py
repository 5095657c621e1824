"""What a rehearsal of a flow tells: its steps, the requests beneath them, how it ended.

Shapes and words only; performing is rehearsal.py's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from onhook.event_flow.masks import Masks
from onhook.event_flow.retry import SHORT_BUDGET, Kind, Policy, kind_of


class Exchange(Struct, frozen=True, kw_only=True):
    """One request and what came of it; secure values are masked."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    status: int | None
    response_headers: tuple[tuple[str, str], ...]
    response_body: str
    fault: str | None
    is_invalid: bool
    """The request itself cannot be sent, now or later."""
    elapsed_ms: float
    was_sent: bool
    """False: it was answered here and left for nowhere."""


class StepTaken(Struct, frozen=True, kw_only=True):
    """A node performed. `edge` is the port by which the run went on, None at an end."""

    number: int
    flow: str
    node: str
    name: str
    activity: str
    visit: int
    address: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    edge: str | None
    notes: tuple[str, ...]
    requests: tuple[Exchange, ...]
    started_at: datetime
    elapsed_ms: float


class Rehearsed(Struct, frozen=True, kw_only=True):
    """The whole run. `reason` says why it failed."""

    flow: str
    event_type: str
    event_id: str
    run_id: str
    is_finished: bool
    reason: str | None
    steps: tuple[StepTaken, ...]
    variables: dict[str, Any]
    elapsed_ms: float


def masked(step: StepTaken, mask: Masks) -> StepTaken:
    """What is told of a step, in the end, without what turned out to be secure."""
    return msgspec.structs.replace(
        step,
        inputs=mask.data(step.inputs),
        outputs=mask.data(step.outputs),
        notes=tuple(mask.text(note) for note in step.notes),
        requests=tuple(_masked_exchange(each, mask) for each in step.requests),
    )


def _masked_exchange(exchange: Exchange, mask: Masks) -> Exchange:
    return msgspec.structs.replace(
        exchange,
        url=mask.text(exchange.url),
        headers=mask.headers(exchange.headers),
        body=mask.text(exchange.body),
        response_headers=mask.headers(exchange.response_headers),
        response_body=mask.text(exchange.response_body),
        fault=exchange.fault and mask.text(exchange.fault),
    )


def would_follow(policy: Policy, status: int | None) -> str:
    """What the worker would do after a failed attempt, which nobody waits for here."""
    kind = kind_of(status)
    if kind is Kind.GONE:
        return "the worker would not try again"
    waits = [wait_s * policy.scale for wait_s in policy.schedule_s]
    if kind is Kind.REFUSED:
        waits = waits[: SHORT_BUDGET - 1]
    return f"the worker would try again after {', '.join(_duration(wait_s) for wait_s in waits)}"


def _duration(seconds: float) -> str:
    for unit_s, unit in ((3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= unit_s:
            return f"{seconds / unit_s:g} {unit}"
    return f"{seconds * 1_000:g} ms"

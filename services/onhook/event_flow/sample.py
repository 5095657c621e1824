"""Events for who tries a flow or a template: a sample, or one whose variables are chosen anew."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import msgspec

from onhook.contracts.event import (
    Event,
    canonical_name,
    decode_event,
    encode_event,
    new_event_id,
)
from onhook.contracts.sample import SAMPLE_EVENTS, sample_event
from onhook.flow.compiled import Flow

LAST = SAMPLE_EVENTS[-1]
"""The event that carries the outputs of all the others."""


def sampled(name: str) -> Event | None:
    """By any of an event's names, with ids of its own; None where there is no sample of it."""
    canonical = canonical_name(name)
    if canonical not in SAMPLE_EVENTS:
        return None
    published = sample_event(
        canonical, event_id=new_event_id(), interaction_id=new_event_id(), at=datetime.now(UTC)
    )
    return decode_event(encode_event(published))


def sampled_for(flow: Flow) -> Event | None:
    """For an event that the flow handles: AgentDisconnect before any other."""
    for name in ("AgentDisconnect", *SAMPLE_EVENTS):
        if name in flow.handlers:
            return sampled(name)
    return None


def without_variables(event: Event, names: Collection[str]) -> Event:
    """The event without its values for these variables, which were chosen otherwise."""
    variables = event.data.get("variables")
    if not variables or not names:
        return event
    kept = {name: value for name, value in variables.items() if name not in names}
    return msgspec.structs.replace(event, data={**event.data, "variables": kept})

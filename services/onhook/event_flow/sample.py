"""A sample event, for who tries a flow or a template without one of their own."""

from __future__ import annotations

from datetime import UTC, datetime

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

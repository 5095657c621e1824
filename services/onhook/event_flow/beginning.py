"""How a run begins: its first message, its first row in the journal; or that none does. Pure."""

from __future__ import annotations

from datetime import datetime

from onhook.contracts.event import Event
from onhook.contracts.run import RunMessage, run_id_of
from onhook.journal.port import EventOutcome, EventRow, Run


def first_message(event: Event, flow_id: str, flow_name: str, version: int) -> RunMessage:
    """The same event and flow give the same run, at step 0."""
    return RunMessage(
        run_id=run_id_of(event.source, event.id, flow_id),
        step=0,
        event=event,
        flow_id=flow_id,
        flow_name=flow_name,
        version=version,
    )


def first_row(message: RunMessage, now: datetime) -> Run:
    """The row for a run that has none yet; it fixes the version."""
    event = message.event
    return Run(
        run_id=message.run_id,
        source=event.source,
        event_id=event.id,
        event_type=event.type,
        interaction_id=event.interaction_id,
        flow_id=message.flow_id,
        flow_name=message.flow_name,
        version=message.version,
        created_at=now,
        updated_at=now,
    )


def filtered_row(event: Event, reason: str, now: datetime) -> EventRow:
    """For an event that starts no run."""
    return EventRow(
        source=event.source,
        event_id=event.id,
        event_type=event.type,
        interaction_id=event.interaction_id,
        outcome=EventOutcome.FILTERED,
        reason=reason,
        at=now,
    )

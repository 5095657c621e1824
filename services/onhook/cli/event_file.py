"""An event given to a command: a file, stdin, an event's name, or nothing, which is a sample."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from onhook.cli.failure import Failure
from onhook.cli.input_file import USAGE, read_plain, shown_name
from onhook.contracts.event import (
    Event,
    MalformedEvent,
    canonical_name,
    decode_event,
    encode_event,
    new_event_id,
)
from onhook.contracts.sample import SAMPLE_EVENTS, sample_event


def sample(name: str) -> Event:
    """A valid event of one of SAMPLE_EVENTS with ids of its own."""
    published = sample_event(
        name, event_id=new_event_id(), interaction_id=new_event_id(), at=datetime.now(UTC)
    )
    return decode_event(encode_event(published))


def named_sample(name: str) -> Event | None:
    """For any of an event's names; None where it is none that there is a sample of."""
    canonical = canonical_name(name)
    return sample(canonical) if canonical in SAMPLE_EVENTS else None


def read_event(name: str) -> Event:
    """From a file or stdin, JSON or YAML. Raises Failure."""
    plain = read_plain(name, wanted="a CloudEvent; `onhook event AgentDisconnect` prints one")
    return event_of(plain, shown_name(name))


def event_of(plain: Any, name: str) -> Event:
    """Raises Failure, naming the file."""
    try:
        return decode_event(msgspec.json.encode(plain))
    except MalformedEvent as error:
        raise Failure(
            f"{name}: {error}; `onhook event AgentDisconnect` prints one to begin with", USAGE
        ) from None

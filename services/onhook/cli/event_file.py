"""An event in a file or on stdin, for a command."""

from __future__ import annotations

from typing import Any

import msgspec

from onhook.cli.failure import Failure
from onhook.cli.input_file import USAGE, read_plain, shown_name
from onhook.contracts.event import Event, MalformedEvent, decode_event


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

"""`onhook event`: a valid sample event on stdout and nothing else, ready to publish."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from onhook.contracts.event import encode_event, new_event_id
from onhook.contracts.sample import sample_event


def execute(given: argparse.Namespace) -> int:
    event = sample_event(
        given.type,
        event_id=new_event_id(),
        interaction_id=new_event_id(),
        at=datetime.now(UTC),
    )
    sys.stdout.write(encode_event(event).decode() + "\n")
    return 0

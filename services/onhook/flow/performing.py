"""What one step sees of the world, and which flow it is in.

Values and look-ups; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from onhook.contracts.event import Event
from onhook.contracts.run import Progress
from onhook.flow.compiled import Flow

Lookup = Callable[[str, int], Flow]
"""A version of a flow, by the flow's id and the version's number. What it raises passes through."""


class World(Struct, frozen=True, kw_only=True):
    """What one step sees besides the run's progress. All plain values."""

    event: Event
    overrides: Mapping[str, Any]
    """Of the flow that is performed now, for its externalized variables."""
    now: datetime
    """The time of the message, or of the last result: data of the run, not the clock."""
    run_id: str


def performed(flow: Flow, lookup: Lookup, progress: Progress) -> Flow:
    """The flow whose node is performed now: the run's own, or one that was called."""
    if progress.flow_id is None or progress.version is None:
        return flow
    return lookup(progress.flow_id, progress.version)


def address_of(progress: Progress, node_id: str) -> str:
    """Where in the run a node stands: its id, behind `<calling node>#<visit>/` for each call.

    A `#` of an id is doubled, so that no id reads like a node of a flow that was called.
    """
    return progress.prefix + _escaped(node_id)


def prefix_behind(progress: Progress, node_id: str, visit: int) -> str:
    """What stands before the addresses of the flow that a node goes into at this visit."""
    return f"{address_of(progress, node_id)}#{visit}/"


def depth_of(prefix: str) -> int:
    """How many calls lead there."""
    return prefix.replace("##", "").count("#")


def _escaped(node_id: str) -> str:
    return node_id.replace("#", "##")

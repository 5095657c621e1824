"""What a flow is compiled against: other flows, entry points, schedules, connectors.

Given in by whoever compiles; nothing here reads a file or asks a service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from onhook.flow.model import FlowFile
from onhook.settings.business_hours import BusinessHours


class FlowAtHand(Struct, frozen=True, kw_only=True):
    """A flow that another may call: one that is published, or given with it."""

    file: FlowFile
    version: int | None = None


def no_flow(_flow: str, _label: str) -> FlowAtHand | None:
    return None


class Surroundings(Struct, frozen=True, kw_only=True):
    """Everything has a default: alone, a flow has no surroundings."""

    flows: Callable[[str, str], FlowAtHand | None] = no_flow
    """(name or id, label) -> the flow."""
    entry_points: Mapping[str, tuple[str, str]] = {}
    """Id or name of an entry point -> (flow, label)."""
    schedules: Mapping[str, BusinessHours] = {}
    """By id and by name."""
    connectors: Mapping[str, str] = {}
    """Id or name of a connector -> its base URL; headers and secrets are the worker's."""
    event_types: frozenset[str] | None = frozenset()
    """Types of events that sources make besides the contact centre's own; None: any."""
    can_seal: bool = True
    """False: secure values cannot wait on this bus."""


ALONE = Surroundings()

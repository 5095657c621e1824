"""Which flow an event names, and by which label or version: reading the event, nothing else. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from onhook.contracts.event import Event
from onhook.event_flow.dead_letter import cut
from onhook.event_flow.label import LATEST
from onhook.settings.contact_centre import EntryPoint

LARGEST_VERSION = 2**31 - 1
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)


class UnknownFlow(Exception):
    """The event names a flow or label that is not published."""


class NeverHandled(UnknownFlow):
    """As UnknownFlow, and no version of the flow ever handled such an event: nothing is missed."""


class Named(Struct, frozen=True):
    """The flow that an event names, by name or id, and the label of the version."""

    flow: str
    label: str


def named_flow(event: Event, entry_points: Mapping[str, EntryPoint]) -> Named | None:
    """What the event says itself, else its entry point; None where neither names a flow."""
    contact = event.data.get("NewPhoneContact")
    outputs = contact if isinstance(contact, dict) else {}
    flow = outputs.get("FlowId")
    if isinstance(flow, str) and flow:
        label = outputs.get("FlowVersionLabel")
        return Named(flow, label if isinstance(label, str) and label else LATEST)
    entry = outputs.get("EntryPointId")
    point = entry_points.get(entry) if isinstance(entry, str) else None
    return None if point is None else Named(point.flow, point.flow_label)


def pinned_version(event: Event) -> int | None:
    """The version that the call started with. Raises UnknownFlow where it is no number."""
    pinned = event.flowversion
    if pinned is None:
        return None
    if _NUMBER.fullmatch(str(pinned)) and 0 < int(pinned) <= LARGEST_VERSION:
        return int(pinned)
    raise UnknownFlow(
        f'flowversion "{cut(str(pinned), 40)}" is no version number; '
        "send the number of a published version, or leave it out"
    )

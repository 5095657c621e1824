"""What the worker's HTTP API takes and gives: shapes, and nothing of how they come about."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from onhook.event_flow.trace import Traced
from onhook.flow.errors import Finding
from onhook.flow.model import FlowFile
from onhook.journal.port import Attempt, DeadLetter, Run, RunState, ScreenPop

Limit = Annotated[int, Meta(ge=1, le=1000)]
Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class VersionQuery(Struct, frozen=True):
    """One of the two; without either the version behind Latest."""

    label: str | None = None
    version: Number | None = None


class PublishQuery(Struct, frozen=True):
    label: tuple[str, ...] = ()
    """Each may be given several times."""
    comment: Annotated[str, Meta(max_length=1000)] | None = None


class PrefixQuery(Struct, frozen=True):
    prefix: Annotated[str, Meta(min_length=4)]
    limit: Limit = 50


class VersionNumber(Struct, frozen=True, forbid_unknown_fields=True):
    version: Number


class OverrideValue(Struct, frozen=True, forbid_unknown_fields=True):
    value: Any


class FlowSummary(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    version: int
    labels: dict[str, int]
    comment: str | None
    published_at: datetime


class FlowDetail(Struct, frozen=True, kw_only=True):
    """A version of a flow. `file` is what publish accepts."""

    id: str
    name: str
    version: int
    labels: dict[str, int]
    comment: str | None
    published_at: datetime
    handlers: list[str]
    file: FlowFile


class VersionSummary(Struct, frozen=True, kw_only=True):
    version: int
    labels: list[str]
    comment: str | None
    content_hash: str
    published_at: datetime
    runs_under_way: int


class FlowPublished(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    version: int
    is_new: bool
    is_again: bool
    """The flow was unpublished before."""
    labels: dict[str, int]
    findings: list[Finding]
    affected: list[str]


class FlowValidated(Struct, frozen=True, kw_only=True):
    findings: list[Finding]


class LabelsChanged(Struct, frozen=True, kw_only=True):
    """A flow's labels as they are now, and who notices."""

    id: str
    name: str
    labels: dict[str, int]
    affected: list[str]


class RunSummary(Struct, frozen=True, kw_only=True):
    run_id: str
    interaction_id: str | None
    event_type: str
    event_id: str
    source: str
    flow_name: str
    flow_id: str
    version: int
    state: RunState
    step: int
    reason: str | None
    next_at: datetime | None
    created_at: datetime
    updated_at: datetime


class RunDetail(Struct, frozen=True, kw_only=True):
    """A run, all that it did. Each list is oldest first."""

    run: RunSummary
    attempts: list[Attempt]
    trace: list[Traced]
    trace_is_cut: bool
    """Steps, or parts of their values, were left out to keep the trace small."""
    screen_pops: list[ScreenPop]


class TriedNow(Struct, frozen=True):
    runs: int


class Replayed(Struct, frozen=True):
    run_id: str | None
    note: str | None = None
    """Why no run was started: the event is filtered, or cannot be read."""


class EventSummary(Struct, frozen=True, kw_only=True):
    event_type: str
    event_id: str
    outcome: str
    reason: str
    at: datetime


class InteractionHistory(Struct, frozen=True, kw_only=True):
    events: list[EventSummary]
    runs: list[RunDetail]
    dead_letters: list[DeadLetter]


def run_summary(run: Run) -> RunSummary:
    return RunSummary(**{name: getattr(run, name) for name in RunSummary.__struct_fields__})

"""What the worker's HTTP API takes and gives: shapes, and nothing of how they come about."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from onhook.event_flow.catalogue import LATEST
from onhook.flow.errors import Finding
from onhook.flow.model import FlowFile
from onhook.journal.port import Attempt, DeadLetter, Run, RunState

Limit = Annotated[int, Meta(ge=1, le=1000)]


class LabelQuery(Struct, frozen=True):
    label: str = LATEST


class PublishQuery(Struct, frozen=True):
    label: str | None = None
    comment: str | None = None


class RunsQuery(Struct, frozen=True):
    interaction_id: str | None = None
    state: RunState | None = None
    limit: Limit = 50


class LimitQuery(Struct, frozen=True):
    limit: Limit = 50


class PrefixQuery(Struct, frozen=True):
    prefix: Annotated[str, Meta(min_length=4)]
    limit: Limit = 50


class FlowSummary(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    version: int
    labels: dict[str, int]
    comment: str | None
    published_at: datetime


class FlowDetail(Struct, frozen=True, kw_only=True):
    """A flow's version behind a label. `file` is what publish accepts."""

    id: str
    name: str
    version: int
    labels: dict[str, int]
    comment: str | None
    published_at: datetime
    handlers: list[str]
    file: FlowFile


class FlowPublished(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    version: int
    is_new: bool
    labels: dict[str, int]
    findings: list[Finding]


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
    run: RunSummary
    attempts: list[Attempt]


class TriedNow(Struct, frozen=True):
    runs: int


class Replayed(Struct, frozen=True):
    run_id: str | None


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

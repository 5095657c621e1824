"""The journal as the worker sees it: what is recorded before a message is acknowledged.

Shapes and promises only. Every writing method returns once its rows are durable.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:  # they are made of the records below
    from onhook.journal.bounds import Bounds
    from onhook.journal.dead_query import DeadKind, DeadPage, DeadQuery
    from onhook.journal.query import Page, Query


class JournalError(Exception):
    """The journal cannot be read or written now."""


class RunState(Enum):
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"

    @property
    def is_over(self) -> bool:
        return self in (RunState.DONE, RunState.DEAD)


class Result(Struct, frozen=True):
    """How a node ended: its outputs, or why it failed."""

    outputs: dict[str, Any] | None = None
    failure: str | None = None
    at: datetime | None = None


class Run(Struct, frozen=True, kw_only=True):
    """A run's row. `step` is the highest that is published.

    `results`, keyed by `visit_key`, are of nodes that the message of that step may meet again.
    """

    run_id: str
    source: str
    event_id: str
    event_type: str
    interaction_id: str | None
    flow_id: str
    flow_name: str
    version: int
    state: RunState = RunState.RUNNING
    step: int = 0
    results: dict[str, Result] = field(default_factory=dict)
    sealed: bytes | None = None
    """The results of a run that holds secure values, encrypted; `results` is empty then."""
    continuation: bytes | None = None
    """The message that waits in a tier; Try now publishes it again."""
    next_at: datetime | None = None
    reason: str | None = None
    created_at: datetime
    updated_at: datetime


class Attempt(Struct, frozen=True, kw_only=True):
    """One HTTP request of a run. `number` counts all of the node's attempts from 1."""

    run_id: str
    node: str
    visit: int
    number: int
    webhook_id: str
    started_at: datetime
    elapsed_ms: float
    method: str
    url: str
    status: int | None = None
    fault: str | None = None
    detail: str | None = None
    response_headers: dict[str, str] = field(default_factory=dict)
    response_excerpt: str = ""
    next_at: datetime | None = None
    """When it is tried again; None when this was the last."""


class TraceRow(Struct, frozen=True, kw_only=True):
    """What one message of a run did: `entries` is a JSON list, one for each node performed."""

    run_id: str
    step: int
    entries: bytes
    is_cut: bool = False
    """Entries or parts of their values were left out, to keep the row small."""


class ScreenPop(Struct, frozen=True, kw_only=True):
    """A page that an agent's desktop was asked to show. `id` is the id of the event that asks."""

    id: str
    run_id: str
    address: str
    visit: int
    agent_id: str
    url: str
    label: str
    target: str
    published_at: datetime
    displayed_at: datetime | None = None
    """When a desktop first reported that it shows; None while nobody has."""


class EventOutcome(Enum):
    FILTERED = "filtered"
    DISABLED = "disabled"
    """An operator has switched off what it would have started."""
    BREAKER_OPEN = "breaker open"
    IGNORED = "ignored"
    """Its type is unknown, and such are left alone."""
    RUN = "run"


class EventRow(Struct, frozen=True, kw_only=True):
    """What became of an event that started no run."""

    source: str
    event_id: str
    event_type: str
    interaction_id: str | None
    outcome: EventOutcome
    reason: str
    at: datetime
    flow_id: str | None = None
    """The flow that it would have run, where it names one."""
    flow_name: str | None = None


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An entry of the dead-letter index. The message itself is in `queue`."""

    message_id: str
    queue: str
    fault: str
    reason: str
    run_id: str | None = None
    event_type: str | None = None
    interaction_id: str | None = None
    flow_name: str | None = None
    routing_key: str | None = None
    original_id: str | None = None
    """The message id that its publisher gave it."""
    size_bytes: int
    excerpt: str
    at: datetime


class Version(Struct, frozen=True, kw_only=True):
    """An immutable published version of a flow. `content` is the file as published."""

    flow_id: str
    name: str
    number: int
    content_hash: str
    content: bytes
    comment: str | None
    published_at: datetime


class Label(Struct, frozen=True, kw_only=True):
    flow_id: str
    label: str
    number: int


class StoredOverride(Struct, frozen=True, kw_only=True):
    """A variable's value as an operator set it: JSON, encrypted where the variable is secure."""

    flow_id: str
    variable: str
    value: bytes
    is_sealed: bool = False
    set_at: datetime


class EndpointRow(Struct, frozen=True, kw_only=True):
    """An endpoint that was sent to, and whether an operator has paused it. `id` is made of the
    flow's id, the node and the origin."""

    id: str
    flow_id: str
    flow_name: str
    node: str
    origin: str
    seen_at: datetime
    """When it was first sent to."""
    paused_at: datetime | None = None
    pause_reason: str | None = None


class RunRecord(Struct, frozen=True, kw_only=True):
    """A run with all that it did, each oldest first."""

    run: Run
    attempts: list[Attempt]
    traces: list[TraceRow]
    screen_pops: list[ScreenPop]


class History(Struct, frozen=True, kw_only=True):
    """Everything known of one interaction, oldest first."""

    events: list[EventRow]
    runs: list[RunRecord]
    dead_letters: list[DeadLetter]


class Journal(Protocol):
    """All methods raise JournalError when the store fails; nothing is then half recorded."""

    @property
    def trouble(self) -> str | None:
        """Why the last write failed, in one line; None while writes succeed."""
        ...

    async def open_run(self, run: Run) -> Run:
        """The run's row: the one that is there already, else `run`, which is recorded."""
        ...

    async def save(
        self,
        run: Run,
        *,
        attempt: Attempt | None = None,
        trace: TraceRow | None = None,
        pop: ScreenPop | None = None,
    ) -> None:
        """Record the run's row as it is now, with what led to it.

        A row whose step is higher already stays as it is. A trace replaces that of the same step;
        a screen pop that is known stays as it is. The same attempt again is not recorded twice:
        what was saved when a connection broke may be saved again.
        """
        ...

    async def note_event(self, event: EventRow) -> None: ...
    async def note_dead_letter(self, dead_letter: DeadLetter) -> None: ...
    async def forget_dead_letter(self, message_id: str) -> None: ...

    async def run(self, run_id: str) -> Run | None: ...
    async def runs(
        self, *, interaction_id: str | None, state: RunState | None, limit: int
    ) -> list[Run]:
        """Newest first, without results and continuation."""
        ...

    async def find(self, query: Query) -> Page:
        """Runs, events that started none, or attempts, newest first. Raises QueryError."""
        ...

    async def bounds(self) -> Bounds:
        """How much is kept, how much may be, and what was trimmed."""
        ...

    async def attempts(self, run_id: str) -> list[Attempt]: ...
    async def record(self, run_id: str) -> RunRecord | None:
        """A run with all that it did; without results and continuation."""
        ...

    async def display(self, run_id: str, pop_id: str, at: datetime) -> ScreenPop | None:
        """Note that a desktop shows it, the first time; None when the run has no such pop."""
        ...

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Newest first."""
        ...

    async def find_dead(self, query: DeadQuery) -> DeadPage:
        """Dead letters, in the query's order. Raises QueryError."""
        ...

    async def dead_kinds(self, query: DeadQuery) -> list[DeadKind]:
        """How many of each queue, fault, flow and reason; the newest few thousand kinds.

        Raises QueryError.
        """
        ...

    async def dead_letter(self, message_id: str) -> DeadLetter | None: ...
    async def interactions(self, prefix: str, limit: int) -> list[str]:
        """Ids of interactions that begin so, in order."""
        ...

    async def history(self, interaction_id: str) -> History:
        """The first 1,000 of each kind; runs without results and continuation.

        Traces are read up to a few MiB together; rows beyond that are marked as cut, and empty.
        """
        ...

    async def publish_version(
        self, version: Version, labels: tuple[str, ...]
    ) -> tuple[Version, bool]:
        """Store a version and move `labels` to it; its number is given here, from 1.

        The same content again, while it is the newest, makes no version: the one that is there
        comes back, with False.
        """
        ...

    async def versions(self, skip: int = 0) -> list[Version]:
        """Oldest first, without the first `skip` that were stored."""
        ...

    async def revision(self) -> int:
        """Grows with each change of versions, labels, overrides and pauses, whoever makes it."""
        ...

    async def labels(self) -> list[Label]: ...
    async def move_label(self, label: Label) -> None:
        """Make or move a label."""
        ...

    async def remove_labels(self, flow_id: str, label: str | None = None) -> None:
        """Remove one label of a flow, or all of them."""
        ...

    async def under_way(self, flow_id: str) -> dict[int, int]:
        """How many runs of a flow are running or waiting, by version."""
        ...

    async def overrides(self) -> list[StoredOverride]: ...
    async def set_override(self, override: StoredOverride) -> None: ...
    async def unset_override(self, flow_id: str, variable: str) -> None: ...

    async def endpoints(self) -> list[EndpointRow]:
        """Paused ones first, then newest first; at most 10,000."""
        ...

    async def note_endpoint(self, endpoint: EndpointRow) -> None:
        """Record that it is sent to; one that is known stays as it is."""
        ...

    async def save_endpoint(self, endpoint: EndpointRow) -> None:
        """Pause it or lift its pause. The revision grows."""
        ...


def visit_key(node_id: str, visit: int) -> str:
    return f"{node_id}#{visit}"

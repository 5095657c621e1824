"""The journal as the worker sees it: what is recorded before a message is acknowledged.

Shapes and promises only. Every writing method returns once its rows are durable.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from msgspec import Struct, field


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
    """A run's row. `step` is the highest that is published; `results` are keyed by `visit_key`."""

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


class EventOutcome(Enum):
    FILTERED = "filtered"
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


class History(Struct, frozen=True, kw_only=True):
    """Everything known of one interaction, oldest first."""

    events: list[EventRow]
    runs: list[Run]
    attempts: list[Attempt]
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

    async def save(self, run: Run, *, attempt: Attempt | None = None) -> None:
        """Record the run's row as it is now, with the attempt that led to it.

        A row whose step is higher already stays as it is.
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

    async def attempts(self, run_id: str) -> list[Attempt]: ...
    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Newest first."""
        ...

    async def dead_letter(self, message_id: str) -> DeadLetter | None: ...
    async def interactions(self, prefix: str, limit: int) -> list[str]:
        """Ids of interactions that begin so, in order."""
        ...

    async def history(self, interaction_id: str) -> History:
        """The first 1,000 of each kind; runs without results and continuation."""
        ...

    async def publish_version(
        self, version: Version, labels: tuple[str, ...]
    ) -> tuple[Version, bool]:
        """Store a version and move `labels` to it; its number is given here, from 1.

        The same content again, while it is the newest, makes no version: the one that is there
        comes back, with False.
        """
        ...

    async def versions(self) -> list[Version]:
        """Oldest first."""
        ...

    async def labels(self) -> list[Label]: ...


def visit_key(node_id: str, visit: int) -> str:
    return f"{node_id}#{visit}"

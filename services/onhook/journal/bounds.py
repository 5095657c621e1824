"""How much the journal keeps, and how that stands: limits and a report.

Shapes only; trimming.py keeps to them.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

DAY_S = 86_400.0


class Limits(Struct, frozen=True, kw_only=True):
    """Beyond these, runs that are over and events that started nothing go, oldest first."""

    max_age_s: float = 30 * DAY_S
    """How long a run is kept after it ended, an event after it came."""
    max_rows: int = 1_000_000
    """Runs kept; of events that started nothing, as many again."""
    sweep_s: float = 60.0
    """Between two looks at what is there."""


class Bounds(Struct, frozen=True, kw_only=True):
    """How the journal stands to its limits."""

    at: datetime
    """When it was counted: at most a minute ago."""
    max_age_s: float
    max_rows: int
    runs: int
    events: int
    oldest_at: datetime | None
    """When the oldest run that is kept began."""
    trimmed_runs: int
    """By this process, since it started."""
    trimmed_events: int
    trimmed_at: datetime | None
    is_over: bool
    """More runs or events than `max_rows`: what is left may not go, as it is under way, ended
    only minutes ago or has a dead letter; or trimming has not come that far."""
    trouble: str | None = None
    """Why the last sweep failed."""

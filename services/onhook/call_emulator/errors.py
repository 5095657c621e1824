"""Why the emulator refuses: the words a caller reads. No HTTP here; `api.py` knows the statuses."""

from __future__ import annotations

from collections.abc import Sequence


class EmulatorError(Exception):
    """The call emulator could not do what was asked."""


class IllegalStep(EmulatorError):
    """The step is not possible in this state. `possible` lists the steps that are."""

    def __init__(self, reason: str, possible: Sequence[str]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.possible = tuple(possible)


class NotFound(EmulatorError):
    """There is no such call or agent."""


class Refused(EmulatorError):
    """A value given cannot be used: unknown, not editable, or of the wrong type."""


class NotReady(EmulatorError):
    """Calls of the last run are still being ended; they wait for the bus."""

"""Opening the journal: which store it is, by where it is. It must not know what is kept there."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from onhook.journal import postgres, sqlite
from onhook.journal.bounds import Limits
from onhook.journal.port import Journal


def opened(
    where: Path | str, *, synchronous: str = "FULL", limits: Limits | None = None
) -> AbstractAsyncContextManager[Journal]:
    """The journal in a SQLite file, or at a postgresql:// address. Opening raises JournalError.

    `synchronous` is SQLite's alone; PostgreSQL commits as its server and role are set.
    """
    if isinstance(where, Path):
        return sqlite.opened(where, synchronous=synchronous, limits=limits)
    return postgres.opened(where, limits=limits)

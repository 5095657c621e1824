"""A time that a user gives, for `--at`."""

from __future__ import annotations

from datetime import UTC, datetime

from onhook.cli.failure import Failure
from onhook.cli.input_file import USAGE


def moment_of(text: str) -> datetime:
    """UTC where it names no zone. Raises Failure."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Failure(
            f'--at "{text}" is no time; write it like 2025-02-06T21:09:02Z', USAGE
        ) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at

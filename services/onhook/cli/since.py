"""A time as users give it to filters: a moment, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from onhook.cli.failure import Failure
from onhook.cli.input_file import USAGE

SINCE_HELP = "2025-02-06T21:09:02Z, or how long ago: 90s, 15m, 6h, 2d"
_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def time_of(text: str | None, flag: str, now: datetime) -> str | None:
    """ISO 8601 with a zone: UTC where the text names none. Raises Failure."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return (now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])).isoformat()
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Failure(f'{flag} "{text}" is no time; write {SINCE_HELP}', USAGE) from None
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).isoformat()

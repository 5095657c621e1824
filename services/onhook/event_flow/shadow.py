"""A shadow: a worker beside a live one that renders and journals, and that nobody notices.

Where it keeps its things and what it says at its start. It gets a copy of every event through a
queue of its own; everything else that it puts on a bus stays in its folder, so that a live worker
never finds a run of a shadow's, nor the other way round.
"""

from __future__ import annotations

import msgspec

from onhook.settings import Settings

FOLDER = "shadow"


def shadowed(settings: Settings) -> Settings:
    """The settings of a shadow: its own folder and, whatever is configured, its own journal.

    A shadow's runs have the ids of the live ones: in one journal each would pass for the other.
    """
    return msgspec.structs.replace(settings, data=settings.data / FOLDER, journal_db="")


def shadow_lines(settings: Settings) -> list[str]:
    """What whoever starts a shadow should read."""
    if not settings.shadow:
        return []
    told = "no request leaves, and each is read as answered by 200 with nothing"
    lines = [f"this is a shadow, which journals in {settings.data}: {told}"]
    if settings.sources is not None:
        lines.append(
            "ONHOOK_SOURCES is checked but not consumed: each message of a source goes to one "
            "consumer, and a shadow takes nothing from the live worker"
        )
    return lines

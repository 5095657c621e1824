"""Which dead letters are alike: the same queue, fault and flow, and reasons that differ in figures.

Pure; it knows only the index's counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from onhook.journal.dead_query import MOST_KINDS, DeadKind
from onhook.journal.port import DeadLetter

_VARYING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<![0-9A-Za-z])(?<!answered )[0-9][0-9A-Za-z.,:+-]*",
    re.IGNORECASE,
)
Key = tuple[str, str, str | None, str]


class Group(Struct, frozen=True, kw_only=True):
    """Letters that are alike. `reason` and `message_id` are of one of them."""

    count: int
    queue: str
    fault: str
    flow_name: str | None
    reason: str
    oldest_at: datetime
    newest_at: datetime
    message_id: str


class Groups(Struct, frozen=True, kw_only=True):
    """The group with the newest letter first. `is_cut`: there are more kinds than were read."""

    total: int
    groups: list[Group]
    is_cut: bool


def pattern(reason: str) -> str:
    """The reason without what differs from letter to letter: ids, times, places in a text.

    The status that an endpoint answered stays.
    """
    return _VARYING.sub("#", reason)


def key_of(letter: DeadLetter | DeadKind) -> Key:
    """Equal for letters that are alike."""
    return letter.queue, letter.fault, letter.flow_name, pattern(letter.reason)


def grouped(kinds: Sequence[DeadKind]) -> Groups:
    """`kinds` come newest first."""
    groups: dict[Key, Group] = {}
    for kind in kinds:
        key = key_of(kind)
        group = groups.get(key)
        groups[key] = (
            Group(**{name: getattr(kind, name) for name in Group.__struct_fields__})
            if group is None
            else msgspec.structs.replace(
                group,
                count=group.count + kind.count,
                oldest_at=min(group.oldest_at, kind.oldest_at),
            )
        )
    return Groups(
        total=sum(kind.count for kind in kinds),
        groups=list(groups.values()),
        is_cut=len(kinds) >= MOST_KINDS,
    )

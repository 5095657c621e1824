"""Labels of versions: which names they may have, and who is affected when they move. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from onhook.settings.contact_centre import EntryPoint

LATEST = "Latest"
"""Always the newest version of a flow that is published; a flow without it is withdrawn."""
USUAL = (LATEST, "Live", "Test", "Dev")

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"v?[0-9]+", re.ASCII | re.IGNORECASE)


class UnusableLabel(Exception):
    """The text cannot be a label."""


def checked_label(text: str) -> str:
    """Raises UnusableLabel."""
    if not _NAME.fullmatch(text):
        raise UnusableLabel(
            f"{text[:80]!r} cannot be a label: use up to 60 letters, digits, . _ and -, without "
            "blanks"
        )
    if _NUMBER.fullmatch(text):
        raise UnusableLabel(f'"{text}" cannot be a label: it reads like the number of a version')
    for usual in USUAL:
        if text.lower() == usual.lower() and text != usual:
            raise UnusableLabel(f'"{text}" cannot be a label beside {usual}; write {usual}')
    return text


def gone_lines(labels: Iterable[str]) -> list[str]:
    """What publishing a flow again will not bring back."""
    lost = [label for label in labels if label != LATEST]
    if not lost:
        return []
    what = f"label {lost[0]} is" if len(lost) == 1 else f"labels {', '.join(lost)} are"
    return [f"{what} gone: publishing again brings {LATEST} alone back"]


def affected_lines(
    moved: Mapping[str, int | None],
    entry_points: Iterable[EntryPoint],
    callers: Iterable[tuple[str, str]],
    under_way: Mapping[int, int],
) -> list[str]:
    """Who notices that a flow's labels now mean other versions; None: the label is gone.

    `entry_points` are those that run this flow, `callers` flows that call it with the label they
    call it by, `under_way` its runs by version.
    """
    lines = []
    for point in entry_points:
        if point.flow_label in moved:
            number = moved[point.flow_label]
            what = "no version; its events will be set aside" if number is None else f"v{number}"
            lines.append(f"entry point {point.name}: {point.flow_label}, next call runs {what}")
    for caller, label in callers:
        if label in moved:
            number = moved[label]
            what = "no version, and fails there" if number is None else f"v{number}"
            lines.append(f"flow {caller}: {label}, its next run calls {what}")
    kept = {number: runs for number, runs in under_way.items() if number not in moved.values()}
    if moved and kept:
        lines.append(f"{_counted(sum(kept.values()))} under way {_keeping(kept)}")
    return lines


def _counted(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


def _keeping(runs: Mapping[int, int]) -> str:
    if len(runs) == 1:
        ((number, count),) = runs.items()
        return f"{'keeps' if count == 1 else 'keep'} v{number}"
    by_version = ", ".join(f"v{number}: {count}" for number, count in sorted(runs.items()))
    return f"keep their version ({by_version})"

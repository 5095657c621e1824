"""What an import says of itself: what it kept, what it changed, what it could not carry.

Words only; it must not know the form of an export.
"""

from __future__ import annotations

from msgspec import Struct

from onhook.flow.model import FlowFile


class Imported(Struct, frozen=True, kw_only=True):
    """A flow, and a line for each thing that its reader should know."""

    file: FlowFile
    kept: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Report:
    """Collects the lines, each once, in the order in which they were found."""

    def __init__(self) -> None:
        self._kept: dict[str, None] = {}
        self._changed: dict[str, None] = {}
        self._left_out: dict[str, None] = {}

    def kept(self, line: str) -> None:
        self._kept[line] = None

    def changed(self, line: str) -> None:
        self._changed[line] = None

    def left_out(self, line: str) -> None:
        self._left_out[line] = None

    def of(self, file: FlowFile) -> Imported:
        return Imported(
            file=file,
            kept=tuple(self._kept),
            changed=tuple(self._changed),
            left_out=tuple(self._left_out),
        )


def counted(number: int, noun: str) -> str:
    """`1 link`, `3 links`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

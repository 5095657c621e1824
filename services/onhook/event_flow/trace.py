"""The trace of one message of a run: which nodes were performed, with what, how long; kept small.

Recording only: what an entry says is the engine's, when it is stored is run_step.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from onhook.flow.mask import NOTHING, Mask
from onhook.flow.trace import TraceEntry
from onhook.journal.port import ScreenPop, TraceRow

LARGEST_ROW_BYTES = 64 * 1024
LONGEST_TEXT_CHARS = 1_000
MOST_PARTS = 30
"""Of a list or map, once a trace is too large to be kept whole."""
DEEPEST = 4
UNDISPLAYED = "undisplayed"


class Traced(Struct, frozen=True, kw_only=True):
    """A node performed. `step` is the run's, of the message in which it was."""

    step: int
    node: str
    """Its id; empty where steps are left out, which `note` then says."""
    name: str
    activity: str
    visit: int
    address: str
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    edge: str | None = None
    """The port by which the run went on; None at an end, or where it waits."""
    note: str | None = None
    started_at: datetime
    elapsed_ms: float


_decoder = msgspec.json.Decoder(list[Traced])


class Trace:
    """Collects while a message is performed."""

    def __init__(self, run_id: str, step: int) -> None:
        self._run_id = run_id
        self._step = step
        self._entries: list[Traced] = []

    def add(self, entry: TraceEntry, started_at: datetime, elapsed_ms: float) -> None:
        """Secure values are taken out of it in `row`, when they are all known."""
        self._entries.append(
            Traced(
                step=self._step,
                node=entry.node,
                name=entry.name,
                activity=entry.activity,
                visit=entry.visit,
                address=entry.address,
                inputs=entry.inputs,
                outputs=entry.outputs,
                edge=entry.edge,
                note=entry.note,
                started_at=started_at,
                elapsed_ms=round(elapsed_ms, 3),
            )
        )

    def row(self, mask: Mask = NOTHING) -> TraceRow:
        told = [_masked(entry, mask) for entry in self._entries] if mask else self._entries
        entries = msgspec.json.encode(told)
        is_cut = len(entries) > LARGEST_ROW_BYTES
        if is_cut:
            entries = _fitting([_shortened_entry(entry) for entry in told])
        return TraceRow(run_id=self._run_id, step=self._step, entries=entries, is_cut=is_cut)


def _masked(entry: Traced, mask: Mask) -> Traced:
    return msgspec.structs.replace(
        entry,
        inputs=mask.data(entry.inputs),
        outputs=mask.data(entry.outputs),
        note=entry.note and mask.text(entry.note),
    )


def _fitting(entries: Sequence[Traced]) -> bytes:
    """The first and the last that fit into a row, and between them how many do not."""
    encoded = [msgspec.json.encode(entry) for entry in entries]
    first = _fit(encoded)
    last = _fit(encoded[first:][::-1])
    left_out = len(encoded) - first - last
    if left_out:
        before = entries[max(0, first - 1)]
        gap = msgspec.structs.replace(
            before,
            node="",
            name="",
            activity="",
            address="",
            inputs={},
            outputs={},
            edge=None,
            note=f"{left_out} steps are left out here: the trace is larger than "
            f"{LARGEST_ROW_BYTES} bytes",
        )
        encoded[first : len(encoded) - last] = [msgspec.json.encode(gap)]
    return b"[" + b",".join(encoded) + b"]"


def _fit(encoded: Sequence[bytes]) -> int:
    """How many fit into half a row."""
    size = 0
    for count, entry in enumerate(encoded):
        size += len(entry)
        if size > LARGEST_ROW_BYTES // 2:
            return count
    return len(encoded)


def _shortened_entry(entry: Traced) -> Traced:
    return msgspec.structs.replace(
        entry,
        inputs=_shortened(entry.inputs, 0),
        outputs=_shortened(entry.outputs, 0),
    )


def _shortened(value: Any, depth: int) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT_CHARS:
        left_out = len(value) - LONGEST_TEXT_CHARS
        return f"{value[:LONGEST_TEXT_CHARS]}... ({left_out} more characters)"
    if not isinstance(value, dict | list | tuple):
        return value
    if depth >= DEEPEST:
        return f"({len(value)} values)"
    left_out = len(value) - MOST_PARTS
    if isinstance(value, dict):
        kept = list(value.items())[:MOST_PARTS]
        short = {str(key)[:200]: _shortened(part, depth + 1) for key, part in kept}
        return short | ({"...": f"{left_out} more"} if left_out > 0 else {})
    parts = [_shortened(part, depth + 1) for part in value[:MOST_PARTS]]
    return parts + ([f"... {left_out} more"] if left_out > 0 else [])


def told(traces: Sequence[TraceRow], pops: Sequence[ScreenPop]) -> tuple[list[Traced], bool]:
    """The run's whole trace, with what became of its screen pops; and whether it was cut."""
    displayed = {(pop.address, pop.visit): pop.displayed_at for pop in pops}
    entries = [entry for row in traces for entry in _decoder.decode(row.entries)]
    return [_with_display(entry, displayed) for entry in entries], any(row.is_cut for row in traces)


def _with_display(entry: Traced, displayed: dict[tuple[str, int], datetime | None]) -> Traced:
    at = displayed.get((entry.address, entry.visit))
    if at is None or entry.note != UNDISPLAYED:
        return entry
    return msgspec.structs.replace(entry, note=f"displayed {at.isoformat(timespec='milliseconds')}")

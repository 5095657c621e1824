"""What a trace keeps of one step. Shapes only: times are the driver's, who performs the step."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class TraceEntry(Struct, frozen=True, kw_only=True):
    """One node that was left. Secure values are in it still; secrecy.Mask takes them out."""

    node: str
    """Its id."""
    name: str
    activity: str
    visit: int
    address: str
    """Where in the run: see engine.address_of."""
    inputs: dict[str, Any] = {}
    """What its expressions were, evaluated."""
    outputs: dict[str, Any] = {}
    """What it gave, and the variables that it set."""
    edge: str | None = None
    """The port it was left by; None where the flow ended."""
    note: str | None = None

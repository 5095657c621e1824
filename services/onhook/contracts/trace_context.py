"""W3C trace context: reading `traceparent` and `tracestate`, and writing them for a child. Pure.

https://www.w3.org/TR/trace-context/. What is not as it says there is no context, and no error.
"""

from __future__ import annotations

import re

from msgspec import Struct

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
LONGEST_STATE_CHARS = 512
SAMPLED = 1

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_STATE = re.compile(r"[\x20-\x7e]*", re.ASCII)


class TraceContext(Struct, frozen=True, kw_only=True):
    """Ids in lower-case hex. `state` is others' own, and goes on as it came."""

    trace_id: str
    span_id: str
    flags: int
    state: str | None = None

    @property
    def is_sampled(self) -> bool:
        return bool(self.flags & SAMPLED)

    @property
    def parent(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags & SAMPLED:02x}"


def read_context(parent: object, state: object = None) -> TraceContext | None:
    """From the two values as they came, of any type; None where they are no context.

    A later version than 00 is read as far as that is known, as the specification asks.
    """
    found = _PARENT.fullmatch(parent.strip()) if isinstance(parent, str) else None
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    is_known = version == "00"
    if version == "ff" or (is_known and rest) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(
        trace_id=trace_id, span_id=span_id, flags=int(flags, 16), state=_read_state(state)
    )


def _read_state(state: object) -> str | None:
    if not isinstance(state, str) or len(state) > LONGEST_STATE_CHARS:
        return None
    state = state.strip()
    return state if state and _STATE.fullmatch(state) else None

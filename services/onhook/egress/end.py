"""How an exchange ended without a response, and what is said of it.

A connection knows how it ended and not where it led; whoever sent the request knows both.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from onhook.egress import fault_text
from onhook.egress.port import SendError


class End(Enum):
    """How an exchange ended."""

    CLOSED = "closed"
    """Without a byte of a response."""
    RESET = "reset"
    """Likewise, by an error of the transport."""
    BROKE_OFF = "broke off"
    NO_HTTP = "no http"
    BADLY_FRAMED = "badly framed"
    NO_RESPONSE_IN_TIME = "no response in time"
    NO_END_IN_TIME = "no end in time"
    SILENT = "silent"


class Ended(Exception):
    """No response came."""

    def __init__(self, end: End) -> None:
        super().__init__(end.value)
        self.end = end

    @property
    def is_stale(self) -> bool:
        """Whether a kept connection may simply have been closed while nobody used it."""
        return self.end in (End.CLOSED, End.RESET)

    def fault(self, where: str, timeout_s: float, read_timeout_s: float) -> SendError:
        """The fault to raise for a request to `where`."""
        match self.end:
            case End.NO_RESPONSE_IN_TIME:
                return fault_text.no_response_in_time(where, timeout_s)
            case End.NO_END_IN_TIME:
                return fault_text.no_end_in_time(where, timeout_s)
            case End.SILENT:
                return fault_text.no_more_in_time(where, read_timeout_s)
        return _SAID[self.end](where)


_SAID: dict[End, Callable[[str], SendError]] = {
    End.CLOSED: fault_text.closed_silently,
    End.RESET: fault_text.reset_silently,
    End.BROKE_OFF: fault_text.broke_off,
    End.NO_HTTP: fault_text.no_http,
    End.BADLY_FRAMED: fault_text.badly_framed,
}

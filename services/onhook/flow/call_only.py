"""Activities that need the call itself: the caller's ear, a queue, a transfer.

A main flow may hold them, and the emulator plays what it can; an event flow cannot. What to do
instead stands here, activity by activity.
"""

from __future__ import annotations

import difflib

from onhook.flow.activity import Activity, Moment, Outcome
from onhook.flow.errors import Finding, RunError, error
from onhook.flow.model import Node

RUNNABLE = (
    "http-request-v2, parse-activity, set-variable, condition-activity, case-statement, "
    "percent-allocation, business-hours, screen-pop, subflow-handoff, hand-off, wait-activity, end"
)
_DIGITS = frozenset("0123456789*#")
_FAILURE = frozenset({"failure", "error"})
_GOES_ON = frozenset({"", "error"})

PORTS: dict[str, frozenset[str]] = {
    "play-message": _GOES_ON,
    "play-music": _GOES_ON,
    "ivr-menu": frozenset({"timeout", "invalid", "error", *_DIGITS}),
    "ivr-collectdigits": frozenset({"", "timeout", "invalid", "error"}),
    "queue-contact": frozenset({"", "failure", "error"}),
    "queue-to-agent": _GOES_ON,
    "queue-lookup": frozenset({"", "insufficientdata", "failure"}),
    "advanced-queue-info": frozenset({"", "failure"}),
    "escalate-cdg": _GOES_ON,
    "set-contact-priority": frozenset({"", "failure"}),
    "callback": frozenset({"", "failure", "error"}),
    "scheduled-callback": frozenset({"", "failure", "error"}),
    "blind-transfer": _FAILURE,
    "bridged-transfer": _FAILURE,
    "ivr-virtualassistantvoice": frozenset({"ENDED", "ESCALATE", "error"}),
}
"""Ports of the activities that are known; any other activity may have any."""

OUTPUTS: dict[str, tuple[str, ...]] = {
    "ivr-menu": ("OptionEntered",),
    "ivr-collectdigits": ("DigitsEntered",),
    "queue-contact": ("QueueId", "FailureCode", "FailureDescription"),
    "queue-to-agent": ("AgentId", "AgentState", "AgentIdleCode", "FailureCode"),
}

_NO_CALLER = "nobody listens to an event flow: move it to the main flow, or remove it"
_INSTEAD: dict[str, str] = {
    "play-message": _NO_CALLER,
    "play-music": _NO_CALLER,
    "ivr-menu": (
        "nobody can press a key in an event flow: ask in the main flow, keep the answer in a "
        "variable, and branch here with case-statement"
    ),
    "ivr-collectdigits": (
        "nobody can press a key in an event flow: collect the digits in the main flow and keep "
        "them in a variable"
    ),
    "queue-contact": "queueing is the main flow's: queue there, and read the event's QueueId here",
    "queue-to-agent": "queueing is the main flow's: queue there, and read the event's AgentId here",
    "queue-lookup": "ask your own statistics with http-request-v2, or look the queue up in the main flow",
    "advanced-queue-info": (
        "ask your own statistics with http-request-v2, or look the queue up in the main flow"
    ),
    "escalate-cdg": "do it in the main flow, where the contact waits",
    "set-contact-priority": "set the priority in the main flow, before the contact is queued",
    "callback": (
        "offer the callback in the main flow, or send http-request-v2 to what places your calls"
    ),
    "scheduled-callback": (
        "offer the callback in the main flow, or send http-request-v2 to what places your calls"
    ),
    "blind-transfer": "transfer in the main flow; an event flow runs beside the call",
    "bridged-transfer": "transfer in the main flow; an event flow runs beside the call",
    "ivr-virtualassistantvoice": (
        "it needs the hosted service; send what you know to your own with http-request-v2"
    ),
    "record": "record in the main flow",
    "RecordingControl": "control the recording in the main flow",
    "Feedback-V2": "ask for feedback in the main flow, or send a survey with http-request-v2",
    "bre-request": "it needs the hosted rules engine; ask a service of your own with http-request-v2",
    "fn-activity": (
        "it needs the hosted functions; do it with set-variable expressions, or ask a service of "
        "your own with http-request-v2"
    ),
    "send-digits": "send digits in the main flow, where the call is",
    "set-announcement": "set it in the main flow, before the agent answers",
    "SetCallerID": "set it in the main flow, before a leg is dialled",
    "generate-otp": "ask a service of your own for the code with http-request-v2",
    "validate-otp": "ask a service of your own about the code with http-request-v2",
    "cryptographic-hash": "let the service that you send it to compute the hash",
}


class CallOnly(Activity, frozen=True, kw_only=True):
    """An activity of a main flow that only a call can run."""

    @property
    def ports(self) -> frozenset[str] | None:
        return PORTS.get(self.kind)

    @property
    def outputs(self) -> tuple[str, ...]:
        return OUTPUTS.get(self.kind, ())

    def perform(self, moment: Moment) -> Outcome:  # noqa: ARG002
        raise RunError(self.name, f"{self.kind} needs a call, and an event flow runs beside it")


_MEANT = {
    "delay": "wait-activity",
    "goto": "hand-off",
    "if": "condition-activity",
    "request": "http-request-v2",
    "sleep": "wait-activity",
    "switch": "case-statement",
}
"""What it is called elsewhere, where the names are not alike."""


def cannot_run(node: Node) -> Finding:
    name = node.activity
    instead = _INSTEAD.get(name)
    if instead is None:
        near = _nearest(name)
        remedy = f"did you mean {near}?" if near else f"remove it; these can run: {RUNNABLE}"
        what = f'there is no activity "{name[:80]}" that can run in an event flow'
        return error("OH1001", what, remedy, node.name)
    return error("OH1001", f'activity "{name}" cannot run in an event flow', instead, node.name)


def _nearest(name: str) -> str | None:
    """The activity that is spelt alike, or begins like it: `case` means `case-statement`."""
    runnable = RUNNABLE.split(", ")
    plain = name.lower().replace("_", "-").replace(" ", "-")
    if plain in _MEANT:
        return _MEANT[plain]
    begun = [each for each in runnable if plain and each.startswith(plain)]
    return next(iter(begun or difflib.get_close_matches(plain, runnable, 1, 0.5)), None)

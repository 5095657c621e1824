"""A request's leave from its endpoint's gate: had at once, waited for in line, or held back.

While it stands in line its message keeps no place of its lane. What an ended attempt says of the
endpoint is decided here too.
"""

from __future__ import annotations

from onhook.egress.port import Fault
from onhook.event_flow.breaker import Outcome
from onhook.event_flow.delivery import Tried
from onhook.event_flow.in_flight import Gate, Held, Permit, Why
from onhook.event_flow.lane import Place
from onhook.event_flow.retry import Kind, Policy, kind_of

LONGEST_IN_LINE_S = 5.0
"""Then it waits in a queue: a message must not stay unacknowledged for long."""


async def admitted(gate: Gate, place: Place | None, *, forced: bool = False) -> Permit | Held:
    """Leave for one request, or why there is none now. Raises Stopped where the worker stops."""
    found = gate.ask(forced=forced)
    if isinstance(found, Permit) or found.why not in (Why.FULL, Why.RATE) or place is None:
        return found
    line = gate.line_up()
    if line is None:
        return found
    try:
        await place.lent(line, LONGEST_IN_LINE_S)
    except BaseException:
        gate.step_out(line)
        raise
    if line.done():
        return line.result()
    gate.step_out(line)
    return found


def outcome_of(policy: Policy, tried: Tried, *, continues: bool) -> Outcome:
    """What the attempt says of its endpoint. A request that could not be made says nothing.

    A flow that goes on may ask for what is gone: to it, 410 is an answer like any other.
    """
    if tried.attempt.fault == Fault.INVALID.value:
        return Outcome.UNKNOWN
    kind = kind_of(tried.status, policy.success)
    if kind is Kind.GONE and not continues:
        return Outcome.GONE
    return Outcome.FAILED if kind is Kind.RETRYABLE else Outcome.ALIVE

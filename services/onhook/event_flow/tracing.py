"""Trace context on its way through a run: from the event to the headers of each attempt. Pure.

It stays in the run's event, so every retry and replay has the same trace; each attempt is a span of
its own, whose id comes from the run, so that an attempt that is repeated after a crash is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import msgspec
import structlog
from msgspec import Struct

from onhook.bus.port import HeaderValue
from onhook.contracts.event import Event
from onhook.contracts.run import RunMessage
from onhook.contracts.trace_context import (
    SAMPLED,
    TRACEPARENT,
    TRACESTATE,
    TraceContext,
    read_context,
)

Headers = tuple[tuple[str, str], ...]

PREFIXES = ("", "cloudEvents:", "cloudEvents_")
"""Of the context's names among AMQP headers; CloudEvents' AMQP binding writes the latter two."""


class Span(Struct, frozen=True, kw_only=True):
    """An attempt as a span. `parent_id` is None where the trace begins with it."""

    context: TraceContext
    parent_id: str | None


def with_context(event: Event, headers: Mapping[str, HeaderValue]) -> Event:
    """The event with the context of its message, where it brings none itself."""
    if event.traceparent is not None or not headers:
        return event
    for prefix in PREFIXES:
        found = read_context(headers.get(prefix + TRACEPARENT), headers.get(prefix + TRACESTATE))
        if found is not None:
            return msgspec.structs.replace(
                event, traceparent=headers[prefix + TRACEPARENT], tracestate=found.state
            )
    return event


def context_of(event: Event) -> TraceContext | None:
    if event.traceparent is None:
        return None
    return read_context(event.traceparent, event.tracestate)


def name_trace(message: Event | RunMessage) -> None:
    """Log lines of this task carry the trace's id from here on."""
    event = message.event if isinstance(message, RunMessage) else message
    if event.traceparent is not None and (context := context_of(event)) is not None:
        structlog.contextvars.bind_contextvars(trace_id=context.trace_id)


def span_of(
    message: RunMessage, address: str, visit: int, number: int, *, begins: bool
) -> Span | None:
    """Of one attempt. `begins`: a run whose event has no trace begins one, by its own id."""
    context = context_of(message.event)
    if context is None and not begins:
        return None
    name = f"{message.run_id} {message.step} {address} {visit} {number}"
    span_id = _hex(name, 16)
    if context is None:
        trace_id = _hex(f"trace {message.run_id}", 32)
        begun = TraceContext(trace_id=trace_id, span_id=span_id, flags=SAMPLED)
        return Span(context=begun, parent_id=None)
    child = msgspec.structs.replace(context, span_id=span_id)
    return Span(context=child, parent_id=context.span_id)


def with_trace(headers: Headers, span: Span) -> Headers:
    """The headers with the span's, unless the flow itself writes such a one."""
    if any(name.lower() == TRACEPARENT for name, _ in headers):
        return headers
    state = span.context.state
    ours = ((TRACEPARENT, span.context.parent), *(((TRACESTATE, state),) if state else ()))
    return (*(pair for pair in headers if pair[0].lower() != TRACESTATE), *ours)


def _hex(name: str, length: int) -> str:
    """Never all zeros, which the specification forbids."""
    return sha256(name.encode()).hexdigest()[: length - 1] + "1"

"""Trace context: read as W3C says, taken from wherever an event brings it, written for each attempt."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flows import an_event
from onhook.contracts.event import Event, decode_event, encode_event
from onhook.contracts.run import RunMessage, decode_run, encode_run
from onhook.contracts.trace_context import read_context
from onhook.event_flow.tracing import context_of, span_of, with_context, with_trace

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def event_with(**fields: Any) -> Event:
    return decode_event(msgspec.json.encode(an_event() | fields))


def run_of(event: Event, step: int = 0) -> RunMessage:
    return RunMessage(run_id="r1", step=step, event=event, flow_id="f1", flow_name="F", version=1)


@pytest.mark.parametrize(
    ("parent", "flags"),
    [
        (GOOD, 1),
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f"00-{TRACE}-{SPAN}-ff", 255),
        (f" {GOOD} ", 1),
        (f"01-{TRACE}-{SPAN}-01-what-later-versions-add", 1),
        (f"cc-{TRACE}-{SPAN}-01", 1),
    ],
)
def test_a_context_is_read(parent: str, flags: int) -> None:
    found = read_context(parent)
    assert found is not None
    assert (found.trace_id, found.span_id, found.flags) == (TRACE, SPAN, flags)
    assert found.parent == f"00-{TRACE}-{SPAN}-{flags & 1:02x}"


@pytest.mark.parametrize(
    "parent",
    [
        None,
        5,
        [],
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-0x",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"{GOOD}\r\nEvil: 1",
        f"cc-{TRACE}-{SPAN}-01.more",
    ],
    ids=repr,
)
def test_what_is_none_is_no_context_and_no_error(parent: Any) -> None:
    assert read_context(parent) is None
    event = event_with(traceparent=parent)
    assert context_of(event) is None
    assert span_of(run_of(event), "A", 1, 1, begins=False) is None


@pytest.mark.parametrize(
    ("state", "read"),
    [
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("", None),
        (None, None),
        (7, None),
        ("a=b\r\nEvil: 1", None),
        ("a=\u00e9", None),
        ("a=" + "b" * 511, None),
    ],
    ids=repr,
)
def test_a_state_goes_on_as_it_came_or_not_at_all(state: Any, read: str | None) -> None:
    found = read_context(GOOD, state)
    assert found is not None
    assert found.state == read


@pytest.mark.parametrize("prefix", ["", "cloudEvents:", "cloudEvents_"])
def test_the_message_brings_a_context_where_the_event_has_none(prefix: str) -> None:
    headers = {f"{prefix}traceparent": GOOD, f"{prefix}tracestate": "a=b"}
    event = with_context(event_with(), headers)
    assert (event.traceparent, event.tracestate) == (GOOD, "a=b")
    other = f"00-{TRACE[::-1]}-{SPAN}-01"
    assert with_context(event_with(traceparent=other), headers).traceparent == other
    assert with_context(event_with(), {"traceparent": "nonsense"}).traceparent is None


def test_a_context_survives_the_run_message() -> None:
    event = event_with(traceparent=GOOD, tracestate="a=b")
    assert decode_event(encode_event(event)) == event
    assert decode_run(encode_run(run_of(event))).event == event


def test_each_attempt_is_a_span_of_its_own_in_the_events_trace() -> None:
    event = event_with(traceparent=GOOD, tracestate="a=b")
    spans = [
        span_of(run_of(event, step), address, visit, number, begins=False)
        for step in (0, 1)
        for address in ("A", "B")
        for visit in (1, 2)
        for number in (1, 2)
    ]
    assert len({span and span.context.span_id for span in spans}) == 16
    for span in spans:
        assert span is not None
        assert (span.context.trace_id, span.parent_id) == (TRACE, SPAN)
    assert span_of(run_of(event), "A", 1, 1, begins=True) == spans[0]


def test_a_run_without_a_context_begins_a_trace_only_where_it_is_to() -> None:
    run = run_of(event_with())
    assert span_of(run, "A", 1, 1, begins=False) is None
    first, second = (span_of(run, "A", 1, number, begins=True) for number in (1, 2))
    assert first is not None
    assert second is not None
    assert first.context.trace_id == second.context.trace_id
    assert first.context.span_id != second.context.span_id
    assert (first.parent_id, first.context.is_sampled) == (None, True)


def test_the_headers_are_written_unless_the_flow_writes_them() -> None:
    span = span_of(run_of(event_with(traceparent=GOOD, tracestate="a=b")), "A", 1, 1, begins=False)
    assert span is not None
    assert with_trace((("X", "1"), ("TraceState", "old=1")), span) == (
        ("X", "1"),
        ("traceparent", span.context.parent),
        ("tracestate", "a=b"),
    )
    own = (("Traceparent", "its own"),)
    assert with_trace(own, span) == own

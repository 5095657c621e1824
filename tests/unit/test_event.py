"""Events: what is read, what is refused and in which words, and the topology's names for them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onhook.contracts.event import (
    EVENT_NAMES,
    Event,
    MalformedEvent,
    canonical_name,
    decode_event,
    encode_event,
    new_event_id,
    timestamp,
)
from onhook.contracts.sample import SAMPLE_EVENTS, sample_event

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)

whole_numbers = st.integers(min_value=-(10**300), max_value=10**300)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | whole_numbers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def event_bytes(**changes: Any) -> bytes:
    """A small good event with fields changed, or left out where the change is None."""
    fields = {
        "id": "1",
        "source": "/test",
        "type": "AgentDisconnect",
        "specversion": "1.0",
        "data": {},
    }
    return json.dumps({k: v for k, v in (fields | changes).items() if v is not None}).encode()


def event_with(value: bytes) -> bytes:
    """An event whose data holds `value`, which need not be JSON."""
    return event_bytes(data="HERE").replace(b'"HERE"', b'{"x": %s}' % value)


@pytest.mark.parametrize("name", SAMPLE_EVENTS)
def test_a_sample_event_reads_back_as_it_was_written(name: str) -> None:
    sent = sample_event(name, event_id="e1", interaction_id="i1", at=AT)
    event = decode_event(encode_event(sent))
    assert (event.id, event.type, event.interaction_id) == ("e1", name, "i1")
    assert event.time == "2026-01-05T09:30:00.000Z"
    assert event.data == msgspec.to_builtins(sent.data)
    assert set(event.data) == {"variables", *SAMPLE_EVENTS[: SAMPLE_EVENTS.index(name) + 1]}


def test_an_event_of_another_publisher_needs_only_what_cloudevents_needs_and_data() -> None:
    event = decode_event(event_bytes(subject=None, traceparent="00-abc", data={"variables": {}}))
    assert (event.source, event.subject, event.time) == ("/test", None, None)


@given(st.binary() | st.text().map(str.encode) | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_an_event_or_malformed(body: bytes) -> None:
    try:
        assert isinstance(decode_event(body), Event)
    except MalformedEvent as refusal:
        assert str(refusal)


@given(st.binary(max_size=40))
def test_any_bytes_inside_an_event_are_a_value_or_malformed(value: bytes) -> None:
    try:
        assert isinstance(decode_event(event_with(value)), Event)
    except MalformedEvent as refusal:
        assert str(refusal)


@given(st.dictionaries(st.text(), json_values))
def test_data_comes_through_as_it_is(data: dict[str, Any]) -> None:
    data.pop("variables", None)
    event = decode_event(event_bytes(data=data))
    assert event.data == data
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b"\x00" * 1_048_576, "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not JSON"),
        (b"null", "not a CloudEvent: Expected `object`, got `null`"),
        (b"[]", "not a CloudEvent: Expected `object`, got `array`"),
        (b"{}", "missing required field `id`"),
        (event_bytes(type=None), "missing required field `type`"),
        (event_bytes(data=None), "missing required field `data`"),
        (event_bytes(id=7), "Expected `str`, got `int` - at `$.id`"),
        (event_bytes(id=""), "length >= 1 - at `$.id`"),
        (event_bytes(source=""), "length >= 1 - at `$.source`"),
        (event_bytes(data=[]), "Expected `object`, got `array` - at `$.data`"),
        (event_bytes(subject=7), "at `$.subject`"),
        (event_bytes(flowversion=1.5), "at `$.flowversion`"),
        (event_bytes(specversion="0.3"), 'specversion is "0.3", not "1.0"'),
        (event_bytes(data={"variables": []}), "data.variables must be an object"),
        (event_bytes() + b"x", "trailing characters"),
    ],
)
def test_a_malformed_event_is_refused_in_words_that_name_the_fault(body: bytes, words: str) -> None:
    with pytest.raises(MalformedEvent) as refusal:
        decode_event(body)
    assert words in str(refusal.value)


def test_what_is_quoted_of_a_malformed_event_is_short() -> None:
    with pytest.raises(MalformedEvent) as refusal:
        decode_event(event_bytes(specversion="9" * 100_000))
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    "value",
    [
        b'"\\ud800"',
        b'"\\ude00\\ud83d"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'"a\x00b"',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"1" * 5_000,
        b"1e400",
        b"NaN",
        b"-Infinity",
        b"01",
    ],
    ids=lambda value: repr(value[:12]),
)
def test_what_no_reader_agrees_on_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode_event(event_with(value))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"a\\u0000b"', "a\x00b"),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"-" + b"9" * 400, -int("9" * 400)),
        (b"[" * 200 + b"]" * 200, None),
        (b'{"a": 1, "a": 2}', {"a": 2}),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_unusual_but_json_is_read_and_written_back(value: bytes, read: object) -> None:
    event = decode_event(event_with(value))
    assert read is None or event.data["x"] == read
    assert decode_event(encode_event(event)) == event


def test_of_two_fields_of_one_name_the_last_is_read() -> None:
    body = event_bytes(id="first").replace(b'"source"', b'"id": "last", "source"')
    assert decode_event(body).id == "last"


@pytest.mark.parametrize(
    ("subject", "data", "found"),
    [
        ("s", {"NewPhoneContact": {"InteractionId": "i"}}, "s"),
        (None, {"NewPhoneContact": {"InteractionId": "i"}}, "i"),
        ("", {"NewPhoneContact": {"InteractionId": "i"}}, "i"),
        (None, {"NewPhoneContact": {"InteractionId": 7}}, None),
        (None, {"NewPhoneContact": []}, None),
        (None, {}, None),
    ],
)
def test_the_interaction_is_the_subject_or_what_the_contact_says(
    subject: str | None, data: dict[str, Any], found: str | None
) -> None:
    assert decode_event(event_bytes(subject=subject, data=data)).interaction_id == found


def test_every_name_of_an_event_leads_to_the_one_on_the_bus() -> None:
    for name, others in EVENT_NAMES.items():
        assert {canonical_name(each) for each in (name, *others)} == {name}
    assert canonical_name("GlobalErrorHandling") == "OnGlobalError"
    assert canonical_name("agentdisconnect") is None


def test_event_ids_differ() -> None:
    assert new_event_id() != new_event_id()


def test_times_are_written_in_utc_with_milliseconds() -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    assert timestamp(AT.astimezone(there)) == "2026-01-05T09:30:00.000Z"
    assert timestamp(AT + timedelta(microseconds=1_999)) == "2026-01-05T09:30:00.001Z"

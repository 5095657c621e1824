"""Run messages: what is read, what is refused, and ids that never change."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid5

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onhook.contracts.event import Event
from onhook.contracts.run import (
    LARGEST_COUNT,
    RUN_NAMESPACE,
    Caller,
    MalformedRun,
    Progress,
    RunMessage,
    WaitingRequest,
    decode_run,
    encode_run,
    flow_id_of,
    opened_run,
    run_id_of,
    screen_pop_id_of,
    sealed_run,
    webhook_id_of,
)

texts = st.text(max_size=20)
numbers = st.integers(min_value=0, max_value=10**30)
counts = st.integers(min_value=0, max_value=LARGEST_COUNT)
instants = st.datetimes(timezones=st.just(UTC))
values = st.dictionaries(texts, texts | numbers | st.none() | st.lists(texts, max_size=3))
events = st.builds(
    Event,
    id=texts.filter(bool),
    source=texts.filter(bool),
    type=texts.filter(bool),
    specversion=st.just("1.0"),
    data=values,
    subject=st.none() | texts,
    flowversion=st.none() | numbers | texts,
)
requests = st.builds(
    WaitingRequest,
    node=texts,
    visit=counts,
    method=texts,
    headers=st.lists(st.tuples(texts, texts), max_size=4).map(tuple),
    body=st.binary(),
    attempts=counts,
    position=counts,
    first_attempt_at=instants,
    requests_sent=counts,
    refusals=counts,
)
versions = st.integers(min_value=1, max_value=LARGEST_COUNT)
tainted = st.none() | st.lists(texts, max_size=3).map(tuple)
callers = st.builds(
    Caller,
    flow_id=st.none() | texts,
    version=st.none() | versions,
    in_main=st.booleans(),
    prefix=texts,
    node=texts,
    variables=values,
    outputs=values,
    visits=st.dictionaries(texts, counts),
    in_error_handler=st.booleans(),
    tainted=tainted,
)
runs = st.builds(
    RunMessage,
    run_id=st.text(min_size=1, max_size=200),
    step=counts,
    event=events,
    flow_id=texts,
    flow_name=texts,
    version=versions,
    progress=st.builds(
        Progress,
        node=st.none() | texts,
        variables=values,
        outputs=values,
        visits=st.dictionaries(texts, counts),
        in_error_handler=st.booleans(),
        flow_id=st.none() | texts,
        version=st.none() | versions,
        in_main=st.booleans(),
        prefix=texts,
        callers=st.lists(callers, max_size=2).map(tuple),
        tainted=tainted,
    ),
    request=st.none() | requests,
    not_before=st.none() | instants,
    published_at=st.none() | instants,
)

SMALL: dict[str, Any] = {
    "type": "onhook.run.v1",
    "run_id": "r",
    "step": 0,
    "event": {
        "id": "1",
        "source": "s",
        "type": "AgentDisconnect",
        "specversion": "1.0",
        "data": {},
    },
    "flow_id": "f",
    "flow_name": "F",
    "version": 1,
    "progress": {},
}
REQUEST: dict[str, Any] = {
    "node": "n",
    "visit": 1,
    "method": "POST",
    "headers": [["A", "1"], ["A", "2"]],
    "body": "AP8=",
    "attempts": 1,
    "position": 1,
    "first_attempt_at": "2026-01-05T09:30:00Z",
    "requests_sent": 1,
}


def run_bytes(**changes: Any) -> bytes:
    return json.dumps(SMALL | changes).encode()


@given(runs)
def test_a_run_reads_back_as_it_was_written(message: RunMessage) -> None:
    assert decode_run(encode_run(message)) == message


@pytest.mark.parametrize("forged", [2**31, 2**63, 10**30, -1])
@pytest.mark.parametrize(
    "place",
    [
        lambda n: {"step": n},
        lambda n: {"version": n},
        lambda n: {"progress": {"visits": {"node": n}}},
        lambda n: {"progress": {"flow_id": "f", "version": n}},
        lambda n: {"request": REQUEST | {"visit": n}},
        lambda n: {"request": REQUEST | {"attempts": n}},
        lambda n: {"request": REQUEST | {"position": n}},
        lambda n: {"request": REQUEST | {"requests_sent": n}},
        lambda n: {"request": REQUEST | {"refusals": n}},
    ],
)
def test_a_number_that_nothing_counts_to_is_no_run(
    place: Callable[[int], dict[str, Any]], forged: int
) -> None:
    with pytest.raises(MalformedRun):
        decode_run(run_bytes(**place(forged)))


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_run_or_malformed(body: bytes) -> None:
    try:
        assert isinstance(decode_run(body), RunMessage)
    except MalformedRun as refusal:
        assert str(refusal)


@given(st.binary(max_size=40))
def test_any_bytes_inside_a_run_are_a_value_or_malformed(value: bytes) -> None:
    body = run_bytes(progress={"outputs": "HERE"}).replace(b'"HERE"', b'{"x": %s}' % value)
    try:
        assert isinstance(decode_run(body), RunMessage)
    except MalformedRun as refusal:
        assert str(refusal)


@given(st.sampled_from([*SMALL, "request", "not_before"]), st.none() | texts | counts | values)
def test_any_value_of_a_field_is_read_or_malformed(name: str, value: object) -> None:
    try:
        assert isinstance(decode_run(run_bytes(**{name: value})), RunMessage)
    except MalformedRun as refusal:
        assert str(refusal).startswith("not a run")


def test_a_request_keeps_its_bytes_and_its_repeated_headers() -> None:
    request = decode_run(run_bytes(request=REQUEST)).request
    assert request is not None
    assert request.body == b"\x00\xff"
    assert request.headers == (("A", "1"), ("A", "2"))
    assert request.first_attempt_at == datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "AgentDisconnect"}, 'type is "AgentDisconnect", not "onhook.run.v1"'),
        ({"type": "onhook.run.v2"}, 'not "onhook.run.v1"'),
        ({"step": -1}, "at `$.step`"),
        ({"step": 1.5}, "at `$.step`"),
        ({"version": 0}, "at `$.version`"),
        ({"event": {"id": "1"}}, "at `$.event`"),
        ({"progress": {"visits": {"n": -1}}}, "at `$.progress.visits[...]`"),
        ({"not_before": "soon"}, "at `$.not_before`"),
        ({"not_before": "2026-01-05T09:30:00"}, "at `$.not_before`"),
        ({"request": REQUEST | {"body": "?"}}, "at `$.request.body`"),
        ({"request": REQUEST | {"headers": [["A"]]}}, "at `$.request.headers[0]`"),
        ({"request": REQUEST | {"first_attempt_at": "2026-01-05T09:30:00"}}, "first_attempt_at"),
    ],
)
def test_a_malformed_run_is_refused_in_words_that_name_the_fault(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(MalformedRun) as refusal:
        decode_run(run_bytes(**changes))
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "value",
    [
        b'"\\ud800"',
        b"[" * 100_000 + b"]" * 100_000,
        b"1" * 5_000,
        b"1e400",
        b"NaN",
        b'"\xff"',
    ],
    ids=lambda value: repr(value[:12]),
)
def test_what_no_reader_agrees_on_is_malformed(value: bytes) -> None:
    body = run_bytes(progress={"variables": "HERE"}).replace(b'"HERE"', b'{"x": %s}' % value)
    with pytest.raises(MalformedRun):
        decode_run(body)


def test_of_two_fields_of_one_name_the_last_is_read() -> None:
    assert decode_run(run_bytes().replace(b'"step": 0', b'"step": 1, "step": 2')).step == 2


def test_a_whole_number_of_any_size_keeps_its_digits() -> None:
    large = 2**64 + 1
    message = decode_run(run_bytes(progress={"variables": {"n": large, "m": -large}}))
    assert message.progress.variables == {"n": large, "m": -large}
    assert msgspec.json.decode(encode_run(message))["progress"]["variables"]["n"] == large


# These ids are promises to endpoints and journals: a change here breaks deduplication elsewhere.


def test_ids_are_the_same_for_ever() -> None:
    assert flow_id_of("Main_Flow") == "78a85e07-f709-5427-a0ce-ed25c833dd7d"
    run_id = run_id_of("/onhook/call-emulator", "e1", flow_id_of("Main_Flow"))
    assert run_id == "7a47d36c-e1b8-52be-ac3c-f39806421929"
    assert webhook_id_of(run_id, "http-request", 1) == "msg_5b69cc19-bb78-5611-bbcc-5cc6a8f49c93"


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_runs_share_an_id_only_when_source_event_and_flow_are_the_same(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (run_id_of(*one) == run_id_of(*other)) is (one == other)


@given(texts, texts, counts)
def test_a_webhook_id_holds_no_full_stop(run_id: str, node_id: str, visit: int) -> None:
    """Standard Webhooks joins id, time and body with full stops before it signs."""
    webhook_id = webhook_id_of(run_id, node_id, visit)
    assert webhook_id.startswith("msg_")
    assert "." not in webhook_id


@given(texts, texts, counts)
def test_ids_are_version_5_uuids_of_their_parts(run_id: str, address: str, visit: int) -> None:
    """RFC 9562, section 5.5."""
    name = msgspec.json.encode([run_id, address, visit]).decode()
    assert webhook_id_of(run_id, address, visit) == f"msg_{uuid5(RUN_NAMESPACE, name)}"


# What is sealed


@given(runs)
def test_a_sealed_run_opens_as_it_was(run: RunMessage) -> None:
    sealed = decode_run(encode_run(sealed_run(run, lambda plain: plain[::-1])))
    assert opened_run(sealed, lambda content: content[::-1]) == (run, ())


def test_a_sealed_run_shows_none_of_its_values_and_where_it_stands() -> None:
    secret = {"Card": "4929123456789012"}
    caller = Caller(
        flow_id=None,
        version=None,
        in_main=False,
        prefix="",
        node="sub",
        variables=secret,
        outputs=secret,
        visits={"sub": 1},
        in_error_handler=False,
    )
    run = RunMessage(
        **(
            msgspec.structs.asdict(decode_run(msgspec.json.encode(SMALL)))
            | {
                "progress": Progress(
                    node="A", variables=secret, outputs={"N": secret}, callers=(caller,)
                ),
                "request": WaitingRequest(
                    node="A",
                    visit=1,
                    method="POST",
                    headers=(("X-Card", secret["Card"]),),
                    body=secret["Card"].encode(),
                    attempts=2,
                    position=2,
                    first_attempt_at=datetime(2026, 1, 5, tzinfo=UTC),
                    requests_sent=2,
                ),
            }
        )
    )
    sealed = sealed_run(run, lambda _plain: b"sealed")
    shown = encode_run(sealed)
    for form in (b"4929", b"NDkyOT"):
        assert form not in shown
    assert sealed.progress is not None
    assert sealed.request is not None
    assert (sealed.progress.node, sealed.progress.callers[0].node) == ("A", "sub")
    assert (sealed.request.attempts, sealed.request.requests_sent) == (2, 2)


def test_a_run_that_has_not_begun_has_nothing_to_seal() -> None:
    run = msgspec.structs.replace(decode_run(msgspec.json.encode(SMALL)), progress=None)
    assert sealed_run(run, lambda _plain: b"sealed") == run


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"variables": {}, "outputs": {}}'])
def test_what_was_sealed_elsewhere_is_no_run(content: bytes) -> None:
    run = msgspec.structs.replace(decode_run(msgspec.json.encode(SMALL)), progress=Progress())
    sealed = sealed_run(run, lambda plain: plain)
    with pytest.raises(MalformedRun):
        opened_run(sealed, lambda _sealed: content)


def test_a_screen_pop_s_id_is_the_same_each_time_and_no_other_s() -> None:
    assert screen_pop_id_of("r", "pop", 1) == screen_pop_id_of("r", "pop", 1)
    others = {screen_pop_id_of(*key) for key in [("r", "pop", 2), ("r", "p", 1), ("q", "pop", 1)]}
    assert len(others | {screen_pop_id_of("r", "pop", 1)}) == 4


def test_a_run_s_id_fits_the_index_of_every_store():
    assert decode_run(run_bytes(run_id="x" * 200)).run_id == "x" * 200
    for run_id in ("", "x" * 201):
        with pytest.raises(MalformedRun, match=r"\$\.run_id"):
            decode_run(run_bytes(run_id=run_id))

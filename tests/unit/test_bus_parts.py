"""The pure parts of the bus: the books of delivery tags, limits, back-off, foreign values."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import decode, encode
from yarl import URL

from onhook.bus import limits
from onhook.bus.background import background
from onhook.bus.backoff import LONGEST_S, SHORTEST_S, Backoff
from onhook.bus.port import Message, PublishRefused, Unroutable
from onhook.bus.rabbitmq.declaration import _difference
from onhook.bus.rabbitmq.foreign import delivery_count, plain_headers, tolerate_foreign_messages
from onhook.bus.rabbitmq.link import broker_url, masked
from onhook.bus.rabbitmq.settlement import Ledger
from onhook.contracts.topology import EVENTS_EXCHANGE, NEXT


class StrictBroker:
    """Unacknowledged tags, as RabbitMQ keeps them: an unknown one closes the channel."""

    def __init__(self, count: int) -> None:
        self.out = set(range(1, count + 1))
        self.frames = 0

    def acknowledge(self, tag: int, *, multiple: bool) -> None:
        self.frames += 1
        assert tag in self.out, f"unknown delivery tag {tag}"
        self.out -= {each for each in self.out if each <= tag} if multiple else {tag}

    def reject(self, tag: int) -> None:
        assert tag in self.out, f"unknown delivery tag {tag}"
        self.out.discard(tag)


@given(st.data())
def test_the_books_never_tell_a_tag_twice_nor_one_that_is_still_open(data: st.DataObject):
    count = data.draw(st.integers(1, 30))
    broker, ledger = StrictBroker(count), Ledger()
    for tag in range(1, count + 1):
        ledger.handed(tag)
    still_open = set(range(1, count + 1))
    for tag in data.draw(st.permutations(range(1, count + 1))):
        assert ledger.close(tag)
        assert not ledger.close(tag)
        still_open.discard(tag)
        if data.draw(st.booleans()):
            ledger.done(tag)
        else:
            ledger.told(tag)
            broker.reject(tag)
        if data.draw(st.booleans()):
            for told, multiple in ledger.frames(patient=data.draw(st.booleans())):
                broker.acknowledge(told, multiple=multiple)
            assert still_open <= broker.out
    for told, multiple in ledger.frames(patient=False):
        broker.acknowledge(told, multiple=multiple)
    assert broker.out == set()
    assert ledger.is_settled


def test_a_row_is_told_in_one_frame():
    ledger = Ledger()
    for tag in range(1, 26):
        ledger.handed(tag)
        ledger.close(tag)
        ledger.done(tag)
    assert ledger.frames(patient=True) == [(25, True)]
    assert ledger.frames(patient=True) == []


def test_what_is_done_beyond_a_gap_is_told_one_flush_later():
    ledger = Ledger()
    for tag in (1, 2, 3, 4):
        ledger.handed(tag)
    for tag in (1, 3, 4):
        ledger.close(tag)
        ledger.done(tag)
    assert ledger.frames(patient=True) == [(1, True)]
    assert ledger.frames(patient=True) == [(3, False), (4, False)]
    ledger.close(2)
    ledger.done(2)
    assert ledger.frames(patient=True) == [(2, True)]
    assert ledger.is_settled


def test_books_may_start_behind_tags_that_were_told_before():
    ledger = Ledger(told_up_to=7)
    ledger.handed(8)
    ledger.close(8)
    ledger.done(8)
    assert ledger.frames(patient=True) == [(8, True)]


def test_waits_grow_to_the_longest_and_start_again_when_it_worked():
    backoff = Backoff()
    waits = [backoff.next_s() for _ in range(12)]
    assert waits[0] == SHORTEST_S
    assert all(SHORTEST_S <= wait <= LONGEST_S for wait in waits)
    assert all(wait >= LONGEST_S / 2 for wait in waits[7:])
    assert len(set(waits[7:])) > 1  # jitter
    backoff.reset()
    assert backoff.next_s() == SHORTEST_S


async def test_background_tasks_end_with_the_body_and_its_error_passes_unwrapped():
    ended: list[str] = []

    async def serve() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("served")

    with pytest.raises(LookupError, match="mine"):
        async with background() as tasks:
            tasks.start(serve(), "serve")
            await asyncio.sleep(0)
            raise LookupError("mine")
    assert ended == ["served"]


async def test_an_error_in_a_background_task_ends_the_body_and_shows():
    async def fail() -> None:
        raise LookupError("a bug")

    with pytest.raises(ExceptionGroup) as group:
        async with background() as tasks:
            tasks.start(fail(), "fail")
            await asyncio.Event().wait()
    assert [str(error) for error in group.value.exceptions] == ["a bug"]


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again():
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    async with asyncio.timeout(10), background() as tasks:
        tasks.start(stubborn(), "stubborn")
        await asyncio.sleep(0)


def test_what_fits_is_let_through():
    headers = {"n" * 128: "x" * 60_000, "int": 2**63 - 1, "low": -(2**63), "yes": True}
    limits.check("", NEXT, Message(body=b"", message_id="m" * 255, headers=dict(headers)))


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Message(body=b"", message_id="m" * 256), "message_id"),
        (Message(body=b"", message_id="é" * 128), "message_id"),
        (Message(body=b"", message_id="m", content_type="c" * 256), "content type"),
        (Message(body=b"", message_id="m", headers={"": "x"}), "header name"),
        (Message(body=b"", message_id="m", headers={"a": 2**63}), "64 bits"),
        (Message(body=b"", message_id="m", headers={"a": "é" * 40_000}), "headers are"),
    ],
)
def test_what_does_not_fit_is_named(message: Message, says: str):
    with pytest.raises(PublishRefused, match=says):
        limits.check("", NEXT, message)


def test_an_exchange_that_is_not_ours_is_named():
    with pytest.raises(Unroutable, match=rf'no exchange "elsewhere"; ours: {EVENTS_EXCHANGE}'):
        limits.check("elsewhere", "k", Message(body=b"", message_id="m"))


def test_foreign_header_values_become_plain_ones_or_are_left_out():
    table = {
        "text": "t",
        "number": 1,
        "yes": True,
        "nothing": None,
        "bytes": b"\xff!",
        "more bytes": bytearray(b"ok"),
        "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "float": 1.5,
        "decimal": Decimal("2.50"),
        "list": [1],
        "table": {"a": 1},
        "x-death": [{"count": 1}],
        "x-first-death-reason": "expired",
        "x-delivery-count": 4,
    }
    assert plain_headers(table) == {
        "text": "t",
        "number": 1,
        "yes": True,
        "nothing": None,
        "bytes": "\ufffd!",
        "more bytes": "ok",
        "time": "2026-01-02T03:04:05+00:00",
        "float": "1.5",
        "decimal": "2.50",
    }
    assert delivery_count(table) == 4
    assert delivery_count({"x-delivery-count": "many"}) == 0
    assert delivery_count(None) == 0


def test_the_decoder_survives_what_it_cannot_read():
    tolerate_foreign_messages()
    year_50_million = (1_700_000_000_000_000_000).to_bytes(8, "big")
    assert decode.by_type(year_50_million, "timestamp") == (8, None)
    assert decode.by_type(b"\x02\xff\xfe", "shortstr") == (3, "\ufffd\ufffd")
    unknown_type = b"\x01aQ"
    assert decode.by_type(len(unknown_type).to_bytes(4, "big") + unknown_type, "table") == (7, {})
    fine = encode.field_table({"a": 1, "inner": {"b": "c"}})
    assert decode.by_type(fine, "table") == (len(fine), {"a": 1, "inner": {"b": "c"}})
    bad_time = b"\x01tT" + year_50_million + b"\x01bS\x00\x00\x00\x01c"
    table = len(bad_time).to_bytes(4, "big") + bad_time
    assert decode.by_type(table, "table") == (len(table), {"t": None, "b": "c"})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            (
                "inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received the value "
                "'1000' of type 'signedint' but current is none"
            ),
            'queue "q": x-delivery-limit is unset on the broker, 1000 wanted',
        ),
        (
            (
                "inequivalent arg 'type' for exchange 'e' in vhost 'v': received 'topic' "
                "but current is 'direct'"
            ),
            'exchange "e": type is direct on the broker, topic wanted',
        ),
        (
            (
                "inequivalent arg 'x-dead-letter-exchange' for queue 'q' in vhost '/': received the "
                "value '' of type 'longstr' but current is none"
            ),
            'queue "q": x-dead-letter-exchange is unset on the broker, "" wanted',
        ),
        ("PRECONDITION_FAILED - something new", "something new"),
    ],
)
def test_a_brokers_refusal_is_put_into_our_words(said: str, told: str):
    assert told in _difference(said)


def test_an_address_is_shown_without_its_password_and_parameters():
    url = broker_url("amqp://user:s3cret@host:5673/v?heartbeat=30&name=x")
    assert url.query["heartbeat"] == "30"
    assert masked(url) == "amqp://user:***@host:5673/v"
    assert broker_url("amqp://host").query["heartbeat"] == "15"
    assert masked(URL("amqp://host/")) == "amqp://host/"

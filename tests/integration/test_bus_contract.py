"""What the bus promises, held against both adapters: a real RabbitMQ, and a SQLite file."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from onhook.bus import embedded, rabbitmq
from onhook.bus.port import (
    Bus,
    BusUnavailable,
    Delivery,
    HeaderValue,
    Message,
    PublishRefused,
    Unroutable,
)
from onhook.contracts.topology import (
    CALL_EMULATOR,
    EVENT_FLOW,
    EVENTS_EXCHANGE,
    NEXT,
    ORDERED,
    RESUME,
    TIERS,
    TOPOLOGY,
    UNDELIVERED,
    UNPROCESSABLE,
    event_key,
)

OpenBus = Callable[[], AbstractAsyncContextManager[Bus]]
PATIENCE_S = 15.0


@pytest.fixture(params=["embedded", "rabbitmq"])
def open_bus(request, tmp_path) -> OpenBus:
    """Opens the same bus each time it is called: the same file, or the same virtual host."""
    if request.param == "embedded":
        return lambda: embedded.opened(tmp_path / "bus.db")
    url = request.getfixturevalue("amqp_vhost_url")
    return lambda: rabbitmq.connect(url, name="contract test")


def a_message(body: bytes = b"{}", **fields) -> Message:
    return Message(body=body, message_id=str(uuid.uuid4()), **fields)


async def put(bus: Bus, queue: str, *bodies: str) -> list[Message]:
    """Straight into a queue, in order."""
    messages = [a_message(body.encode()) for body in bodies]
    for message in messages:
        await bus.publish("", queue, message)
    return messages


async def next_of(messages: AsyncIterator[Delivery]) -> Delivery:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(messages)


async def next_bodies(messages: AsyncIterator[Delivery], count: int) -> list[str]:
    """The next bodies, each acknowledged."""
    bodies = []
    for _ in range(count):
        delivery = await next_of(messages)
        bodies.append(delivery.body.decode())
        await delivery.ack()
    return bodies


async def stays_quiet(messages: AsyncIterator[Delivery], for_s: float = 0.3) -> bool:
    waiting = asyncio.ensure_future(anext(messages))
    await asyncio.wait({waiting}, timeout=for_s)
    if waiting.done():
        return False
    waiting.cancel()
    await asyncio.wait({waiting})
    return True


async def until_depth(bus: Bus, queue: str, wanted: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await bus.depths())[queue] != wanted:  # noqa: ASYNC110 - a broker has no event for it
            await asyncio.sleep(0.02)


async def test_a_published_event_is_consumed_and_acknowledged(open_bus: OpenBus):
    async with open_bus() as bus:
        await bus.wait_ready()
        assert bus.is_ready
        assert bus.trouble is None
        message = a_message(b'{"a": 1}')
        await bus.publish(EVENTS_EXCHANGE, event_key("AgentDisconnect"), message)
        async with bus.consume(EVENT_FLOW, 10) as messages:
            delivery = await next_of(messages)
            assert delivery.body == b'{"a": 1}'
            assert delivery.message_id == message.message_id
            assert delivery.queue == EVENT_FLOW
            assert delivery.exchange == EVENTS_EXCHANGE
            assert delivery.routing_key == "contact.voice.AgentDisconnect"
            assert delivery.delivery_count == 0
            await delivery.ack()
        await until_depth(bus, EVENT_FLOW, 0)
    async with open_bus() as bus, bus.consume(EVENT_FLOW, 10) as messages:
        assert await stays_quiet(messages)


async def test_a_message_outlives_the_bus_that_published_it(open_bus: OpenBus):
    async with open_bus() as bus:
        await put(bus, NEXT, "one", "two")
    async with open_bus() as bus, bus.consume(NEXT, 10) as messages:
        assert await next_bodies(messages, 2) == ["one", "two"]


async def test_what_is_not_acknowledged_comes_again_when_the_bus_is_opened_again(
    open_bus: OpenBus,
):
    async with open_bus() as bus:
        await put(bus, NEXT, "done", "not done")
        async with bus.consume(NEXT, 10) as messages:
            done, not_done = await next_of(messages), await next_of(messages)
            await done.ack()
            assert not_done.delivery_count == 0
    async with open_bus() as bus, bus.consume(NEXT, 10) as messages:
        again = await next_of(messages)
        assert again.body == b"not done"
        assert again.delivery_count == 1
        await again.ack()
        assert await stays_quiet(messages)


async def test_what_is_not_acknowledged_can_be_settled_after_the_consumer_has_ended(
    open_bus: OpenBus,
):
    async with open_bus() as bus:
        await put(bus, NEXT, "one", "two", "three")
        async with bus.consume(NEXT, 2) as messages:
            first, second = await next_of(messages), await next_of(messages)
        await first.ack()
        await second.ack()
        async with bus.consume(NEXT, 10) as messages:
            assert await next_bodies(messages, 1) == ["three"]
            assert await stays_quiet(messages)
    async with open_bus() as bus, bus.consume(NEXT, 10) as messages:
        assert await stays_quiet(messages)


async def test_what_was_prefetched_but_never_seen_returns_when_the_consumer_ends(
    open_bus: OpenBus,
):
    async with open_bus() as bus:
        await put(bus, NEXT, *"abcdef")
        async with bus.consume(NEXT, 10) as messages:
            assert await next_bodies(messages, 2) == ["a", "b"]
        async with bus.consume(NEXT, 10) as messages:
            assert await next_bodies(messages, 4) == ["c", "d", "e", "f"]


async def test_a_queue_keeps_its_order(open_bus: OpenBus):
    numbers = [str(number) for number in range(200)]
    async with open_bus() as bus:
        await put(bus, EVENT_FLOW, *numbers)
        async with bus.consume(EVENT_FLOW, 7) as messages:
            assert await next_bodies(messages, len(numbers)) == numbers


async def test_no_more_than_prefetch_is_handed_out_at_a_time(open_bus: OpenBus):
    async with open_bus() as bus:
        await put(bus, NEXT, "one", "two", "three", "four")
        async with bus.consume(NEXT, 2) as messages:
            first, second = await next_of(messages), await next_of(messages)
            assert await stays_quiet(messages)
            await second.ack()
            assert (await next_of(messages)).body == b"three"
            assert await stays_quiet(messages)
            await first.ack()
            assert (await next_of(messages)).body == b"four"


async def test_an_event_is_routed_by_its_key(open_bus: OpenBus):
    async with open_bus() as bus:
        for key in ("contact.voice.AgentDisconnect", "contact.chat.NewChat", "agent.7.ScreenPop"):
            await bus.publish(EVENTS_EXCHANGE, key, a_message(key.encode()))
        async with bus.consume(EVENT_FLOW, 10) as messages:
            assert await next_bodies(messages, 2) == [
                "contact.voice.AgentDisconnect",
                "contact.chat.NewChat",
            ]
            assert await stays_quiet(messages)
        async with bus.consume(CALL_EMULATOR, 10) as messages:
            assert await next_bodies(messages, 1) == ["agent.7.ScreenPop"]


async def test_a_message_put_straight_into_a_queue_came_through_no_exchange(open_bus: OpenBus):
    async with open_bus() as bus:
        await put(bus, UNPROCESSABLE, "straight")
        async with bus.consume(UNPROCESSABLE, 1) as messages:
            delivery = await next_of(messages)
            assert delivery.exchange == ""
            assert delivery.routing_key == UNPROCESSABLE


@pytest.mark.parametrize(
    ("exchange", "key"),
    [
        (EVENTS_EXCHANGE, "nobody.listens"),
        (EVENTS_EXCHANGE, "agent.7.Greeting"),
        ("", "onhook.no-such-queue"),
        ("onhook.no-such-exchange", "contact.voice.AgentDisconnect"),
    ],
)
async def test_a_message_that_no_queue_takes_is_unroutable(
    open_bus: OpenBus, exchange: str, key: str
):
    async with open_bus() as bus:
        with pytest.raises(Unroutable) as refused:
            await bus.publish(exchange, key, a_message())
        assert (key if exchange in ("", EVENTS_EXCHANGE) else exchange) in str(refused.value)
        await put(bus, NEXT, "still working")
        assert bus.is_ready


@pytest.mark.parametrize(
    "message",
    [
        a_message(headers={"reason": "x" * 200_000}),
        a_message(headers={"n" * 129: "x"}),
        a_message(headers={"big": 2**70}),
        a_message(type="t" * 300),
        a_message(body=bytes(17 * 1024 * 1024)),
        Message(body=b"", message_id=""),
    ],
    ids=["headers", "header name", "integer", "type", "body", "message_id"],
)
async def test_a_message_beyond_the_limits_is_refused_and_harms_no_other(
    open_bus: OpenBus, message: Message
):
    async with open_bus() as bus:
        with pytest.raises(PublishRefused):
            await bus.publish("", NEXT, message)
        assert bus.is_ready
        await put(bus, NEXT, "still working")
        async with bus.consume(NEXT, 2) as messages:
            assert await next_bodies(messages, 1) == ["still working"]


async def test_a_message_in_a_retry_tier_comes_back_after_its_delay(open_bus: OpenBus):
    tier = TIERS[0]
    async with open_bus() as bus, bus.consume(RESUME, 10) as messages:
        started = time.monotonic()
        message = a_message(b"run", type="onhook.run.v1", headers={"attempt": 2, "kind": "retry"})
        await bus.publish("", tier.queue, message)
        assert (await bus.depths())[tier.queue] == 1
        delivery = await next_of(messages)
        assert tier.delay_s - 0.05 <= time.monotonic() - started <= tier.delay_s + 1.5
        assert delivery.body == b"run"
        assert delivery.message_id == message.message_id
        assert delivery.type == "onhook.run.v1"
        assert delivery.headers == {"attempt": 2, "kind": "retry"}
        assert delivery.exchange == ""
        assert delivery.routing_key == RESUME
        assert delivery.delivery_count == 0
        await delivery.ack()
        await until_depth(bus, tier.queue, 0)
        await until_depth(bus, RESUME, 0)


HEADERS: dict[str, HeaderValue] = {
    "text": "Grüße, 世界 ☎",
    "empty": "",
    "small": 7,
    "big": 2**62,
    "negative": -(2**62),
    "yes": True,
    "no": False,
    "nothing": None,
}


async def test_a_message_arrives_as_it_was_sent(open_bus: OpenBus):
    message = Message(
        body=b"\x00\xff binary",
        message_id="id-1",
        type="AgentDisconnect",
        content_type="application/cloudevents+json; charset=utf-8",
        headers=HEADERS,
    )
    bare = Message(body=b"", message_id="id-2", content_type=None)
    async with open_bus() as bus:
        await bus.publish("", NEXT, message)
        await bus.publish("", NEXT, bare)
        async with bus.consume(NEXT, 2) as messages:
            delivery = await next_of(messages)
            assert delivery.body == message.body
            assert delivery.message_id == message.message_id
            assert delivery.type == message.type
            assert delivery.content_type == message.content_type
            assert delivery.headers == HEADERS
            for name, value in HEADERS.items():
                assert type(delivery.headers[name]) is type(value), name
            second = await next_of(messages)
            assert second.body == b""
            assert second.type is None
            assert second.content_type is None
            assert second.headers == {}


async def test_headers_that_are_the_brokers_own_books_are_left_out(open_bus: OpenBus):
    headers: dict[str, HeaderValue] = {
        "x-death": "forged",
        "x-first-death-queue": "q",
        "x-last-death-reason": "expired",
        "x-delivery-count": 900,
        "x-reason": "kept",
    }
    async with open_bus() as bus:
        await bus.publish("", NEXT, a_message(headers=headers))
        async with bus.consume(NEXT, 2) as messages:
            delivery = await next_of(messages)
            assert delivery.headers == {"x-reason": "kept"}
            assert delivery.delivery_count == 0


async def test_a_binary_body_of_a_megabyte_arrives_exactly(open_bus: OpenBus):
    body = os.urandom(1024 * 1024)
    async with open_bus() as bus:
        await bus.publish("", NEXT, a_message(body, content_type="application/octet-stream"))
        async with bus.consume(NEXT, 1) as messages:
            assert (await next_of(messages)).body == body


async def test_what_is_given_back_is_counted_and_comes_again(open_bus: OpenBus):
    async with open_bus() as bus:
        await put(bus, NEXT, "again")
        async with bus.consume(NEXT, 1) as messages:
            for returned in range(3):
                delivery = await next_of(messages)
                assert delivery.delivery_count == returned
                assert delivery.headers == {}
                await delivery.give_back()
            last = await next_of(messages)
            assert last.delivery_count == 3
            await last.ack()
            assert await stays_quiet(messages)


async def test_settling_twice_is_nothing(open_bus: OpenBus):
    async with open_bus() as bus:
        await put(bus, NEXT, "one", "two")
        async with bus.consume(NEXT, 2) as messages:
            delivery = await next_of(messages)
            await delivery.ack()
            await delivery.ack()
            await delivery.give_back()
            other = await next_of(messages)
            await other.give_back()
            await other.ack()
            assert (await next_of(messages)).body == b"two"
            assert await stays_quiet(messages)
        assert bus.is_ready


async def test_take_finds_one_message_and_leaves_the_others_as_they_are(open_bus: OpenBus):
    async with open_bus() as bus:
        published = await put(bus, UNDELIVERED, "a", "b", "c", "d")
        taken = await bus.take(UNDELIVERED, published[2].message_id)
        assert taken is not None
        assert taken.body == b"c"
        assert taken.queue == UNDELIVERED
        await taken.ack()
        assert await bus.take(UNDELIVERED, published[2].message_id) is None
        assert await bus.take(UNDELIVERED, "no such id") is None
        await until_depth(bus, UNDELIVERED, 3)
        async with bus.consume(UNDELIVERED, 10) as messages:
            assert await next_bodies(messages, 3) == ["a", "b", "d"]


async def test_a_taken_message_can_be_given_back(open_bus: OpenBus):
    async with open_bus() as bus:
        published = await put(bus, UNDELIVERED, "a", "b")
        taken = await bus.take(UNDELIVERED, published[1].message_id)
        assert taken is not None
        await taken.give_back()
        await until_depth(bus, UNDELIVERED, 2)
        again = await bus.take(UNDELIVERED, published[1].message_id)
        assert again is not None
        assert again.delivery_count >= 1


async def test_many_are_taken_in_one_pass_and_the_others_stay_as_they_are(open_bus: OpenBus):
    async with open_bus() as bus:
        published = await put(bus, UNDELIVERED, "a", "b", "c", "d", "e")
        wanted = [published[number].message_id for number in (3, 1)]
        taken = await bus.take_all(UNDELIVERED, [*wanted, "no such id"])
        assert [delivery.body for delivery in taken] == [b"b", b"d"]
        await taken[0].give_back()
        await taken[1].ack()
        assert await bus.take_all(UNDELIVERED, ["no such id"]) == []
        await until_depth(bus, UNDELIVERED, 4)
        async with bus.consume(UNDELIVERED, 10) as messages:
            assert sorted(await next_bodies(messages, 4)) == ["a", "b", "c", "e"]
        await until_depth(bus, UNDELIVERED, 0)


async def test_a_waiting_run_can_be_taken_out_of_its_tier(open_bus: OpenBus):
    tier = TIERS[-1]
    async with open_bus() as bus:
        published = await put(bus, tier.queue, "run")
        taken = await bus.take(tier.queue, published[0].message_id)
        assert taken is not None
        await taken.ack()
        await until_depth(bus, tier.queue, 0)


async def test_depths_tells_what_waits_in_every_queue(open_bus: OpenBus):
    async with open_bus() as bus:
        assert await bus.depths() == {queue.name: 0 for queue in TOPOLOGY.queues}
        await put(bus, UNDELIVERED, "a", "b", "c")
        await put(bus, TIERS[3].queue, "d")
        await put(bus, CALL_EMULATOR, "e")
        depths = await bus.depths()
        assert {name: depth for name, depth in depths.items() if depth} == {
            UNDELIVERED: 3,
            TIERS[3].queue: 1,
            CALL_EMULATOR: 1,
        }


async def test_a_slow_message_does_not_hold_the_acknowledgements_of_others(open_bus: OpenBus):
    count = 60
    async with open_bus() as bus:
        await put(bus, NEXT, *(str(number) for number in range(count)))
        async with bus.consume(NEXT, 20) as messages:
            slow = await next_of(messages)
            rest = [await next_of(messages) for _ in range(19)]
            for delivery in reversed(rest):
                await delivery.ack()
            # The rest can only arrive if those 19 are known to be acknowledged.
            assert await next_bodies(messages, count - 20) == [str(n) for n in range(20, count)]
            assert slow.body == b"0"
    async with open_bus() as bus, bus.consume(NEXT, 20) as messages:
        assert await next_bodies(messages, 1) == ["0"]
        assert await stays_quiet(messages)


async def test_acknowledgements_in_any_order_leave_nothing_behind(open_bus: OpenBus):
    count = 150
    async with open_bus() as bus:
        await put(bus, NEXT, *(str(number) for number in range(count)))
        async with bus.consume(NEXT, count) as messages:
            deliveries = [await next_of(messages) for _ in range(count)]
            for start in (1, 0, 2):
                for delivery in deliveries[start::3]:
                    await delivery.ack()
                    await asyncio.sleep(0)
        await until_depth(bus, NEXT, 0)
    async with open_bus() as bus, bus.consume(NEXT, 10) as messages:
        assert await stays_quiet(messages)


async def test_consumers_of_a_queue_share_it(open_bus: OpenBus):
    async with (
        open_bus() as bus,
        bus.consume(NEXT, 1) as one,
        bus.consume(NEXT, 1) as other,
    ):
        await put(bus, NEXT, "a", "b", "c")
        first, second = await next_of(one), await next_of(other)
        assert {first.body, second.body} == {b"a", b"b"}
        await second.ack()
        assert (await next_of(other)).body == b"c"


async def test_a_queue_with_a_single_active_consumer_passes_to_the_next(open_bus: OpenBus):
    async with open_bus() as bus:
        async with bus.consume(ORDERED, 10) as active:
            await put(bus, ORDERED, "a")
            assert await next_bodies(active, 1) == ["a"]
            async with bus.consume(ORDERED, 10) as standby:
                await put(bus, ORDERED, "b")
                assert await next_bodies(active, 1) == ["b"]
                assert await stays_quiet(standby)
        async with bus.consume(ORDERED, 10) as successor:
            await put(bus, ORDERED, "c")
            assert await next_bodies(successor, 1) == ["c"]


async def test_five_hundred_concurrent_publishes_are_all_stored(open_bus: OpenBus):
    bodies = {f"message {number}" for number in range(500)}
    async with open_bus() as bus:
        async with asyncio.TaskGroup() as publishers:
            for body in bodies:
                publishers.create_task(bus.publish("", NEXT, a_message(body.encode())))
        assert (await bus.depths())[NEXT] == 500
        async with bus.consume(NEXT, 100) as messages:
            assert set(await next_bodies(messages, 500)) == bodies


async def test_a_waiting_consumer_is_woken_by_a_publish(open_bus: OpenBus):
    async with open_bus() as bus, bus.consume(NEXT, 10) as messages:
        waiting = asyncio.ensure_future(next_of(messages))
        await put(bus, NEXT, "wake")
        assert (await waiting).body == b"wake"


async def test_closing_the_bus_ends_its_consumers_and_refuses_publishes(open_bus: OpenBus):
    async with open_bus() as bus, bus.consume(NEXT, 10) as messages:
        waiting = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        await bus.close()
        with pytest.raises(StopAsyncIteration):
            await waiting
        assert not bus.is_ready
        assert bus.trouble == "the bus is closed"
        with pytest.raises(BusUnavailable):
            await put(bus, NEXT, "too late")


async def test_an_error_in_the_body_leaves_the_bus_as_it_is(open_bus: OpenBus):
    with pytest.raises(LookupError, match="mine"):
        async with open_bus() as bus, bus.consume(NEXT, 1):
            raise LookupError("mine")

"""What only a real broker can do to the bus: close it out, lose its queues, differ, refuse."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit, urlunsplit

import pika
import pytest

from broker import Broker
from onhook.bus import rabbitmq
from onhook.bus.port import (
    AccessRefused,
    Bus,
    BusError,
    BusUnavailable,
    Delivery,
    Message,
    PublishUncertain,
    TopologyMismatch,
    Unroutable,
)
from onhook.contracts.topology import (
    EVENT_FLOW,
    EVENTS_EXCHANGE,
    NEXT,
    RESUME,
    TIERS,
    TOPOLOGY,
    UNDELIVERED,
    event_key,
)

PATIENCE_S = 30.0


def a_message(body: bytes = b"{}") -> Message:
    return Message(body=body, message_id=str(uuid.uuid4()))


async def in_thread(function, *arguments):
    return await asyncio.to_thread(function, *arguments)


async def next_of(messages: AsyncIterator[Delivery]) -> Delivery:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(messages)


async def until(claim) -> None:
    """Wait until it is so; while the bus reconnects it cannot be told."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(BusUnavailable):
                if await claim():
                    return
            await asyncio.sleep(0.02)


async def publish_until_stored(bus: Bus, queue: str, body: bytes) -> None:
    """As a careful publisher does: again after a doubt, so that it is stored at least once."""
    while True:
        try:
            await bus.publish("", queue, a_message(body))
        except (BusUnavailable, PublishUncertain):
            await bus.wait_ready()
        else:
            return


async def test_connections_closed_by_the_broker_lose_nothing(broker: Broker, amqp_vhost_url: str):
    count = 600
    vhost = broker.vhost_of(amqp_vhost_url)
    seen: set[bytes] = set()
    async with rabbitmq.connect(amqp_vhost_url, name="faults") as bus:

        async def publish_all() -> None:
            for number in range(count):
                await publish_until_stored(bus, NEXT, str(number).encode())

        async def consume_all() -> None:
            async with bus.consume(NEXT, 20) as messages:
                while len(seen) < count:
                    delivery = await next_of(messages)
                    seen.add(delivery.body)
                    await delivery.ack()

        async with asyncio.TaskGroup() as work:
            work.create_task(publish_all())
            work.create_task(consume_all())
            for share in (0.1, 0.4, 0.7):

                async def so_many(share=share) -> bool:
                    return len(seen) >= share * count

                await until(so_many)
                assert await in_thread(broker.close_connections, vhost, 2) >= 2

        assert seen == {str(number).encode() for number in range(count)}

        async def is_empty() -> bool:
            return (await bus.depths())[NEXT] == 0

        await until(is_empty)


async def test_a_delivery_of_a_lost_connection_comes_again_and_its_ack_is_nothing(
    broker: Broker, amqp_vhost_url: str
):
    vhost = broker.vhost_of(amqp_vhost_url)
    async with (
        rabbitmq.connect(amqp_vhost_url, name="faults") as bus,
        bus.consume(NEXT, 10) as messages,
    ):
        await bus.publish("", NEXT, a_message(b"one"))
        stale = await next_of(messages)
        await in_thread(broker.close_connections, vhost, 2)
        again = await next_of(messages)
        await stale.ack()
        await stale.give_back()
        assert again.body == b"one"
        assert again.delivery_count == 1
        await again.ack()

        async def is_empty() -> bool:
            return (await bus.depths())[NEXT] == 0

        await until(is_empty)


async def test_while_the_broker_is_away_the_bus_says_so_and_refuses_at_once(
    broker: Broker, amqp_vhost_url: str
):
    vhost = broker.vhost_of(amqp_vhost_url)
    async with rabbitmq.connect(amqp_vhost_url, name="faults") as bus:
        await in_thread(broker.delete_vhost, vhost)

        async def is_away() -> bool:
            return not bus.is_ready

        await until(is_away)
        assert bus.trouble is not None
        assert ":".join(broker.credentials()) not in bus.trouble
        started = time.monotonic()
        with pytest.raises(BusUnavailable):
            await bus.publish("", NEXT, a_message())
        with pytest.raises(BusUnavailable):
            await bus.depths()
        with pytest.raises(BusUnavailable):
            await bus.take(UNDELIVERED, "x")
        assert time.monotonic() - started < 1
        await in_thread(broker.make_vhost, vhost)
        async with asyncio.timeout(PATIENCE_S):
            await bus.wait_ready()
        await bus.publish("", NEXT, a_message())


async def test_a_queue_deleted_under_its_consumer_is_declared_again_and_consumed(
    broker: Broker, amqp_vhost_url: str
):
    vhost = broker.vhost_of(amqp_vhost_url)
    async with (
        rabbitmq.connect(amqp_vhost_url, name="faults") as bus,
        bus.consume(EVENT_FLOW, 10) as messages,
    ):
        await bus.publish(EVENTS_EXCHANGE, event_key("AgentDisconnect"), a_message(b"before"))
        await (await next_of(messages)).ack()
        await in_thread(broker.delete, "queues", vhost, EVENT_FLOW)
        # Its binding went with it: routed again means bound again.
        await bus.publish(EVENTS_EXCHANGE, event_key("AgentDisconnect"), a_message(b"after"))
        delivery = await next_of(messages)
        assert delivery.body == b"after"
        await delivery.ack()
        assert bus.is_ready


async def test_a_publish_makes_a_deleted_tier_again(broker: Broker, amqp_vhost_url: str):
    vhost = broker.vhost_of(amqp_vhost_url)
    async with rabbitmq.connect(amqp_vhost_url, name="faults") as bus:
        for tier in TIERS:
            await in_thread(broker.delete, "queues", vhost, tier.queue)
        async with asyncio.TaskGroup() as publishers:
            for tier in TIERS:
                publishers.create_task(bus.publish("", tier.queue, a_message()))
        depths = await bus.depths()
        assert [depths[tier.queue] for tier in TIERS] == [1] * len(TIERS)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"durable": True, "arguments": {"x-queue-type": "classic"}},
            'queue "onhook.event-flow": x-',
        ),
        (
            {
                "durable": True,
                "arguments": {**TOPOLOGY.queue(EVENT_FLOW).arguments, "x-delivery-limit": 20},
            },
            'queue "onhook.event-flow": x-delivery-limit is 20 on the broker, 1000 wanted',
        ),
        (
            {
                "durable": True,
                "arguments": {
                    **TOPOLOGY.queue(EVENT_FLOW).arguments,
                    "x-dead-letter-routing-key": "elsewhere",
                },
            },
            'queue "onhook.event-flow": x-dead-letter-routing-key is elsewhere on the broker',
        ),
    ],
    ids=["type", "limit", "dead letters"],
)
async def test_a_queue_that_differs_is_named_with_what_differs_and_the_way_out(
    broker: Broker, amqp_vhost_url: str, body: dict, expected: str
):
    vhost = broker.vhost_of(amqp_vhost_url)
    await in_thread(broker.api, "PUT", f"queues/{vhost}/{EVENT_FLOW}", body)
    with pytest.raises(TopologyMismatch) as mismatch:
        async with rabbitmq.connect(amqp_vhost_url, name="faults"):
            pytest.fail("it must not open")
    text = str(mismatch.value)
    assert expected in text
    assert "start again" in text
    assert "delete it" in text
    assert "\n" not in text


async def test_a_tier_with_another_delay_is_a_mismatch(broker: Broker, amqp_vhost_url: str):
    vhost = broker.vhost_of(amqp_vhost_url)
    tier = TOPOLOGY.queue(TIERS[0].queue)
    other = {"durable": True, "arguments": {**tier.arguments, "x-message-ttl": 1234}}
    await in_thread(broker.api, "PUT", f"queues/{vhost}/{tier.name}", other)
    with pytest.raises(TopologyMismatch, match="x-message-ttl is 1234 on the broker, 5000 wanted"):
        async with rabbitmq.connect(amqp_vhost_url, name="faults"):
            pytest.fail("it must not open")


async def test_a_mismatch_that_appears_later_is_trouble_and_ends_when_it_is_set_right(
    broker: Broker, amqp_vhost_url: str
):
    vhost = broker.vhost_of(amqp_vhost_url)
    async with (
        rabbitmq.connect(amqp_vhost_url, name="faults") as bus,
        bus.consume(NEXT, 5) as messages,
    ):
        await bus.publish("", NEXT, a_message(b"first"))
        await (await next_of(messages)).ack()
        await in_thread(broker.delete, "queues", vhost, RESUME)
        await in_thread(broker.api, "PUT", f"queues/{vhost}/{RESUME}", {"durable": True})
        await in_thread(broker.close_connections, vhost, 2)

        async def says_so() -> bool:
            return bus.trouble is not None and RESUME in bus.trouble

        await until(says_so)
        assert not bus.is_ready
        await in_thread(broker.delete, "queues", vhost, RESUME)
        async with asyncio.timeout(PATIENCE_S):
            await bus.wait_ready()
        await bus.publish("", NEXT, a_message(b"second"))
        assert (await next_of(messages)).body == b"second"


async def test_without_declaring_an_empty_broker_is_told_what_is_missing(amqp_vhost_url: str):
    with pytest.raises(TopologyMismatch) as missing:
        async with rabbitmq.connect(amqp_vhost_url, declare=False, name="faults"):
            pytest.fail("it must not open")
    text = str(missing.value)
    assert f'exchange "{EVENTS_EXCHANGE}"' in text
    for queue in TOPOLOGY.queues:
        assert f'queue "{queue.name}"' in text


async def test_without_declaring_a_topology_that_is_there_serves(amqp_vhost_url: str):
    async with rabbitmq.connect(amqp_vhost_url, name="declares"):
        pass
    async with rabbitmq.connect(amqp_vhost_url, declare=False, name="trusts") as bus:
        await bus.publish(EVENTS_EXCHANGE, event_key("AgentAnswered"), a_message(b"x"))
        async with bus.consume(EVENT_FLOW, 1) as messages:
            assert (await next_of(messages)).body == b"x"


async def test_a_refused_password_is_one_line_without_the_password(broker: Broker):
    wrong = broker.url_of("/", password="hunter2")
    with pytest.raises(AccessRefused) as refused:
        async with rabbitmq.connect(wrong, name="faults"):
            pytest.fail("it must not open")
    assert "ONHOOK_AMQP_URL" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_virtual_host_that_does_not_exist_is_refused_by_name(broker: Broker):
    with pytest.raises(AccessRefused, match="virtual host"):
        async with rabbitmq.connect(broker.url_of("no-such-vhost"), name="faults"):
            pytest.fail("it must not open")


async def test_a_user_who_may_not_declare_is_told_so(broker: Broker, amqp_vhost_url: str):
    vhost = broker.vhost_of(amqp_vhost_url)
    await in_thread(broker.api, "PUT", "users/onhook-reader", {"password": "reader", "tags": ""})
    await in_thread(lambda: broker.grant(vhost, "onhook-reader", configure="", write=""))
    url = broker.url_of(vhost, "onhook-reader", "reader")
    try:
        with pytest.raises(AccessRefused, match="ONHOOK_DECLARE=false"):
            async with rabbitmq.connect(url, name="faults"):
                pytest.fail("it must not open")
    finally:
        await in_thread(broker.api, "DELETE", "users/onhook-reader")


@pytest.mark.parametrize("url", ["", "http://localhost:5672/", "amqp://", "localhost:5672"])
async def test_an_address_that_is_none_is_refused_by_the_name_of_its_setting(url: str):
    with pytest.raises(BusError, match="ONHOOK_AMQP_URL"):
        async with rabbitmq.connect(url, name="faults"):
            pytest.fail("it must not open")


async def test_a_broker_that_starts_later_is_found(amqp_vhost_url: str):
    """The bus opens while nothing listens, and becomes ready once something does."""
    parts = urlsplit(amqp_vhost_url)
    host, port = parts.hostname or "", parts.port or 5672
    gate = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    free_port = gate.sockets[0].getsockname()[1]
    gate.close()
    await gate.wait_closed()
    elsewhere = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{free_port}"
    url = urlunsplit(parts._replace(netloc=elsewhere))
    async with rabbitmq.connect(url, name="early") as bus:
        assert not bus.is_ready
        with pytest.raises(BusUnavailable):
            await bus.publish("", NEXT, a_message())
        async with bus.consume(NEXT, 1) as messages, _passage(free_port, host, port):
            async with asyncio.timeout(PATIENCE_S):
                await bus.wait_ready()
            await bus.publish("", NEXT, a_message(b"late"))
            delivery = await next_of(messages)
            assert delivery.body == b"late"
            await delivery.ack()
            await bus.close()


class _passage:  # noqa: N801 - used as a function
    """Forward a local port to the broker."""

    def __init__(self, port: int, to_host: str, to_port: int) -> None:
        self._port, self._to = port, (to_host, to_port)
        self._tasks: set[asyncio.Task] = set()

    async def __aenter__(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self._port)

    async def __aexit__(self, *_) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _forward(self, reader, writer) -> None:
        self._tasks.add(asyncio.current_task())
        there_reader, there_writer = await asyncio.open_connection(*self._to)
        try:
            await asyncio.wait(
                {
                    asyncio.ensure_future(_copy(reader, there_writer)),
                    asyncio.ensure_future(_copy(there_reader, writer)),
                },
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            writer.close()
            there_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def _publish_with_pika(url: str, *messages: tuple[pika.BasicProperties, bytes]) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    for properties, body in messages:
        channel.basic_publish(
            EVENTS_EXCHANGE, "contact.voice.AgentDisconnect", body, properties, mandatory=True
        )
    connection.close()


async def test_another_clients_message_is_read_whatever_its_properties_hold(amqp_vhost_url: str):
    odd = {
        "table": {"a": [1, {"b": 2}]},
        "list": [1, "two"],
        "bytes": b"\xff\xfe",
        "time": datetime(2026, 1, 2),  # noqa: DTZ001 - pika wants it so
        "decimal": Decimal("1.5"),
        "text": "kept",
        "number": 9,
    }
    far_future = 1_700_000_000_000_000_000  # nanoseconds, where seconds belong
    async with (
        rabbitmq.connect(amqp_vhost_url, name="foreign") as bus,
        bus.consume(EVENT_FLOW, 10) as messages,
    ):
        await in_thread(
            _publish_with_pika,
            amqp_vhost_url,
            (pika.BasicProperties(), b"bare"),
            (pika.BasicProperties(headers=odd), b"odd"),
            (pika.BasicProperties(timestamp=far_future, headers={"text": "kept"}), b"future"),
            (pika.BasicProperties(content_type="text/plain", message_id="m"), b"plain"),
        )
        bare = await next_of(messages)
        assert bare.body == b"bare"
        assert bare.message_id is None
        assert bare.content_type is None
        assert bare.headers == {}
        odd_one = await next_of(messages)
        assert odd_one.headers["text"] == "kept"
        assert odd_one.headers["number"] == 9
        assert "table" not in odd_one.headers
        assert "list" not in odd_one.headers
        assert all(
            value is None or isinstance(value, str | int) for value in odd_one.headers.values()
        )
        future = await next_of(messages)
        assert future.body == b"future"
        assert future.headers == {"text": "kept"}
        assert (await next_of(messages)).message_id == "m"
        assert bus.is_ready


async def test_the_brokers_list_of_connections_shows_our_name(broker: Broker, amqp_vhost_url: str):
    vhost = broker.vhost_of(amqp_vhost_url)
    async with rabbitmq.connect(amqp_vhost_url, name="onhook event-flow"):

        async def both_are_listed() -> bool:
            found = await in_thread(broker.api, "GET", f"vhosts/{vhost}/connections")
            names = {item.get("client_properties", {}).get("connection_name") for item in found}
            return {"onhook event-flow: publish", "onhook event-flow: consume"} <= names

        await until(both_are_listed)


async def test_messages_are_persistent(broker: Broker, amqp_vhost_url: str):
    vhost = broker.vhost_of(amqp_vhost_url)
    async with rabbitmq.connect(amqp_vhost_url, name="faults") as bus:
        await bus.publish("", UNDELIVERED, a_message(b"kept"))
    looked = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
    try:
        found = await in_thread(broker.api, "POST", f"queues/{vhost}/{UNDELIVERED}/get", looked)
    except urllib.error.HTTPError as error:
        pytest.fail(error.read().decode())
    assert found[0]["properties"]["delivery_mode"] == 2


async def test_a_route_that_leads_nowhere_is_said_by_readiness_until_it_leads_somewhere(
    broker: Broker, amqp_vhost_url: str
):
    async with rabbitmq.connect(amqp_vhost_url, name="first"):
        pass
    path = f"{broker.vhost_of(amqp_vhost_url)}/e/{EVENTS_EXCHANGE}/q/{EVENT_FLOW}"
    key = event_key("AgentDisconnect")
    async with rabbitmq.connect(amqp_vhost_url, name="checking", declare=False) as bus:
        await bus.wait_ready()
        await in_thread(broker.api, "DELETE", f"bindings/{path}/contact.%23")
        with pytest.raises(Unroutable):
            await bus.publish(EVENTS_EXCHANGE, key, a_message())
        assert not bus.is_ready
        assert "ONHOOK_DECLARE=false" in str(bus.trouble)
        await in_thread(broker.api, "POST", f"bindings/{path}", {"routing_key": "contact.#"})
        await bus.publish(EVENTS_EXCHANGE, key, a_message())
        assert bus.is_ready

"""Messages that cannot be read or run: set aside with a reason, and nothing else is held up."""

from __future__ import annotations

import asyncio
import os
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pika
import pytest

from endpoint import Endpoint
from flows import a_flow, a_request, an_event
from onhook.bus import rabbitmq
from onhook.bus.port import Bus, Message
from onhook.contracts.run import RUN_TYPE
from onhook.contracts.topology import (
    EVENT_FLOW,
    EVENTS_EXCHANGE,
    EVICTED,
    NEXT,
    RESUME,
    UNPROCESSABLE,
    event_key,
)
from onhook.event_flow.notice import MessageSetAside
from workplace import Workplace, publish, run_of

KEY = event_key("AgentDisconnect")


def without(event: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != name}


def bad_messages() -> dict[str, tuple[bytes, str, str]]:
    """What: its body, and the fault and a word of the reason that it must be set aside with."""
    event = an_event()
    encoded = msgspec.json.encode
    nested = b'{"data": {"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}}"
    return {
        "not JSON": (b"not json", "malformed", "not JSON"),
        "empty": (b"", "malformed", "not JSON"),
        "noise": (b"\x00" + os.urandom(1024 * 1024), "malformed", "not JSON"),
        "half of it": (encoded(event)[:-20], "malformed", "not JSON"),
        "UTF-16": (encoded(event).decode().encode("utf-16"), "malformed", "not JSON"),
        "deep": (nested, "malformed", "nested"),
        "a list": (b"[]", "malformed", "`object`"),
        "no type": (encoded(without(event, "type")), "malformed", "`type`"),
        "no id": (encoded(without(event, "id")), "malformed", "`id`"),
        "empty id": (encoded(event | {"id": ""}), "malformed", "`$.id`"),
        "no source": (encoded(without(event, "source")), "malformed", "`source`"),
        "no data": (encoded(without(event, "data")), "malformed", "`data`"),
        "type a number": (encoded(event | {"type": 7}), "malformed", "`$.type`"),
        "data a text": (encoded(event | {"data": "x"}), "malformed", "`$.data`"),
        "variables a list": (
            encoded(event | {"data": {"variables": []}}),
            "malformed",
            "data.variables",
        ),
        "other specversion": (encoded(event | {"specversion": "0.3"}), "malformed", '"0.3"'),
        "unknown": (encoded(event | {"type": "AgentVanished"}), "unknown event", "AgentVanished"),
        "alias": (
            encoded(event | {"type": "AgentDisconnected"}),
            "unknown event",
            "on the bus it is AgentDisconnect",
        ),
        "specification": (
            encoded(event | {"type": "FCAsk(ContactLastAgentRemoved)"}),
            "unknown event",
            "on the bus it is AgentDisconnect",
        ),
        "other than its key": (
            encoded(event | {"type": "PhoneContactEnded"}),
            "unknown event",
            f'routing key "{KEY}"',
        ),
        "unknown flow": (encoded(an_event(flow="Nowhere")), "unknown flow", '"Nowhere"'),
        "unknown label": (
            encoded(an_event(contact={"FlowVersionLabel": "Tomorrow"})),
            "unknown flow",
            '"Tomorrow"',
        ),
        "flowversion a word": (
            encoded(event | {"flowversion": "newest"}),
            "unknown flow",
            '"newest"',
        ),
        "flowversion zero": (encoded(event | {"flowversion": 0}), "unknown flow", '"0"'),
        "flowversion negative": (encoded(event | {"flowversion": -1}), "unknown flow", '"-1"'),
        "flowversion too big": (
            encoded(event | {"flowversion": 10**30}),
            "unknown flow",
            "no version number",
        ),
        "long texts": (
            encoded(event | {"type": "T" * 200_000, "subject": "S" * 200_000}),
            "unknown event",
            "TTTT",
        ),
    }


async def publish_raw(bus: Bus, body: bytes, key: str = KEY, **fields: Any) -> str:
    """Anything at all, by the events' exchange; its message id."""
    message_id = str(uuid4())
    await bus.publish(EVENTS_EXCHANGE, key, Message(body=body, message_id=message_id, **fields))
    return message_id


async def test_what_cannot_be_read_is_set_aside_and_the_next_good_event_is_delivered(
    workplace: Workplace, endpoint: Endpoint
):
    bad = bad_messages()
    event = an_event()
    async with workplace.working() as working:
        for body, _fault, _word in bad.values():
            await publish_raw(working.bus, body)
        await working.publish(event)
        (request,) = await endpoint.arrived(1)
        entries = await working.api.dead_letters(len(bad))
        asides = await working.told.until(MessageSetAside, len(bad), lambda _: True)
        dead = [await working.taken(UNPROCESSABLE, entry["message_id"]) for entry in entries]
    assert request.json["InteractionId"] == event["subject"]
    assert len(endpoint.requests) == 1
    assert len(entries) == len(asides) == len(bad)
    by_body = {message.body: (entry, message) for entry, message in zip(entries, dead, strict=True)}
    for what, (body, fault, word) in bad.items():
        entry, message = by_body[body]
        reason = str(message.headers["onhook-reason"])
        assert (message.headers["onhook-fault"], entry["fault"]) == (fault, fault), (what, reason)
        assert word in reason, what
        assert entry["reason"] == reason
        assert entry["queue"] == UNPROCESSABLE
        assert entry["size_bytes"] == len(body)
        assert entry["routing_key"] == message.headers["onhook-routing-key"] == KEY
        assert message.headers["onhook-queue"] == EVENT_FLOW
        assert sum(len(f"{name}{value}".encode()) for name, value in message.headers.items()) < 4096
        assert all(
            len(str(value).encode()) <= 200
            for name, value in message.headers.items()
            if name != "onhook-reason"
        ), what
        assert len(reason.encode()) <= 1_000
    assert await workplace.left_over() == {UNPROCESSABLE: len(bad)}


@pytest.mark.parametrize("queue", [NEXT, RESUME])
async def test_a_run_message_that_is_none_is_set_aside(
    workplace: Workplace, endpoint: Endpoint, queue: str
):
    bodies = (b"{}", b"\xff\xfe", msgspec.json.encode({"type": RUN_TYPE}), b"null")
    async with workplace.working() as working:
        for body in bodies:
            await working.bus.publish("", queue, Message(body=body, message_id=str(uuid4())))
        entries = await working.api.dead_letters(len(bodies))
    assert {entry["fault"] for entry in entries} == {"malformed"}
    assert all(entry["reason"].startswith("not a run: ") for entry in entries)
    assert await workplace.left_over() == {UNPROCESSABLE: len(bodies)}


async def test_an_event_put_straight_into_the_queue_needs_no_routing_key(
    workplace: Workplace, endpoint: Endpoint
):
    event = an_event()
    async with workplace.working() as working:
        body = msgspec.json.encode(event)
        await working.bus.publish("", EVENT_FLOW, Message(body=body, message_id=str(uuid4())))
        await working.api.until_run(run_of(event), "done")


async def test_a_message_without_content_type_is_accepted(workplace: Workplace, endpoint: Endpoint):
    event = an_event()
    async with workplace.working() as working:
        await publish_raw(working.bus, msgspec.json.encode(event), content_type=None)
        await working.api.until_run(run_of(event), "done")


VALUES: dict[str, Any] = {"WhoIsCalling": ["a", "list"], "Global_Language": {"not": "a text"}}


@pytest.mark.parametrize("name", VALUES)
async def test_a_value_of_the_wrong_type_makes_its_event_unprocessable(
    workplace: Workplace, endpoint: Endpoint, name: str
):
    event = an_event(variables={name: VALUES[name]})
    async with workplace.working() as working:
        await working.publish(event)
        (entry,) = await working.api.dead_letters(1)
        run = await working.api.until_run(run_of(event), "dead")
        dead = await working.taken(UNPROCESSABLE, entry["message_id"])
    assert entry["fault"] == "variable error"
    assert f'variable "{name}"' in entry["reason"]
    assert entry["run_id"] == run["run_id"] == dead.headers["onhook-run-id"]
    assert entry["interaction_id"] == event["subject"]
    assert run["reason"] == entry["reason"]
    assert msgspec.json.decode(dead.body) == event
    assert not endpoint.requests


async def test_a_template_that_fails_ends_in_unprocessable_with_its_event(
    workplace: Workplace, endpoint: Endpoint
):
    flow = a_flow(
        "Headers",
        a_request(
            "Post",
            endpoint.url(),
            httpRequestHeaders={"X-Who": "{{NewPhoneContact.ANI}}"},
        ),
    )
    event = an_event(flow="Headers", contact={"ANI": "one\r\nX-Forged: two"})
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        (entry,) = await working.api.dead_letters(1)
        await working.api.until_run(run_of(event, "Headers"), "dead")
        dead = await working.taken(UNPROCESSABLE, entry["message_id"])
    assert entry["fault"] == "template error"
    assert 'node "Post"' in entry["reason"]
    assert "control characters" in entry["reason"]
    assert msgspec.json.decode(dead.body) == event
    assert not endpoint.requests


async def test_a_webhook_address_that_is_not_set_is_said_in_the_reason(
    workplace: Workplace, endpoint: Endpoint
):
    event = an_event()
    async with workplace.working(webhook_url="") as working:
        await working.publish(event)
        (entry,) = await working.api.dead_letters(1)
    assert entry["fault"] == "template error"
    assert "url is empty; set {{WebhookUrl}}" in entry["reason"]


async def test_what_the_broker_evicted_ends_in_unprocessable(
    workplace: Workplace, endpoint: Endpoint
):
    """A message that was handed out a thousand times and never settled."""
    event = an_event()
    async with workplace.open_bus() as bus:
        await publish(bus, event)
        async with bus.consume(EVENT_FLOW, 1) as messages:
            for _ in range(1_001):
                async with asyncio.timeout(10):
                    await (await anext(messages)).give_back()
    assert await workplace.left_over() == {EVICTED: 1}
    async with workplace.working() as working:
        (entry,) = await working.api.dead_letters(1)
        dead = await working.taken(UNPROCESSABLE, entry["message_id"])
        history = await working.api.get(f"/interactions/{event['subject']}")
    assert entry["fault"] == dead.headers["onhook-fault"] == "delivery limit"
    assert entry["event_type"] == "AgentDisconnect"
    assert [each["message_id"] for each in history["dead_letters"]] == [entry["message_id"]]
    assert msgspec.json.decode(dead.body) == event
    assert not endpoint.requests
    assert await workplace.left_over() == {UNPROCESSABLE: 1}


def publish_by_pika(url: str, body: bytes, properties: pika.BasicProperties) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(EVENTS_EXCHANGE, KEY, body, properties, mandatory=True)


FOREIGN = {
    "nothing": pika.BasicProperties(),
    "huge headers": pika.BasicProperties(headers={"x": "h" * 90_000, "x-death": [{"a": 1}]}),
    "nanoseconds": pika.BasicProperties(timestamp=1_700_000_000_000_000_000),
    "all of them": pika.BasicProperties(
        content_type="text/plain",
        content_encoding="utf-8",
        headers={"a": {"b": [1, Decimal("2.5"), None]}},
        delivery_mode=1,
        priority=9,
        correlation_id="c",
        reply_to="r",
        expiration="60000",
        message_id="m",
        type="Something",
        user_id="guest",
        app_id="app",
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
async def test_properties_of_other_clients_do_not_matter(
    amqp_vhost_url: str, tmp_path, endpoint: Endpoint, kind: str
):
    """By RabbitMQ alone: without message id, with headers that fill the frame, and so on."""
    workplace = Workplace(
        "rabbitmq", lambda: rabbitmq.connect(amqp_vhost_url, name="test"), tmp_path, endpoint
    )
    good = an_event()
    async with workplace.working() as working:
        for body in (b"noise", msgspec.json.encode(good)):
            await asyncio.to_thread(publish_by_pika, amqp_vhost_url, body, FOREIGN[kind])
        await working.api.until_run(run_of(good), "done")
        (entry,) = await working.api.dead_letters(1)
        dead = await working.taken(UNPROCESSABLE, entry["message_id"])
    assert dead.body == b"noise"
    assert sum(len(f"{name}{value}") for name, value in dead.headers.items()) < 4096
    assert await workplace.left_over() == {UNPROCESSABLE: 1}

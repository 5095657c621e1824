"""Queues of other systems: consumed and never declared, each message an event, settled once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from broker import Broker
from endpoint import Answer, Endpoint
from flows import a_flow, a_request, an_event
from foreign_system import ForeignSystem, foreign_system
from onhook.bus import embedded, rabbitmq
from onhook.contracts.run import flow_id_of, run_id_of
from onhook.event_flow.sources import SourcesError
from workplace import Workplace, until

ORDERS = """
shop:
  queue: shop.orders
  type: OrderPaid
  id: "{{ properties.correlation_id }}"
  subject: "{{ body.contact }}"
  time: "{{ body.at }}"
  data:
    OrderPaid:
      number: "{{ body.number }}"
      lines: "{{ body.lines }}"
      region: "{{ headers.region | upper }}"
      key: "{{ routing_key }}"
    variables:
      Customer: "{{ body.name }}"
"""
BODY = (
    '{"number": {{OrderPaid.number}}, "lines": {{OrderPaid.lines}}, "who": "{{Customer}}", '
    '"region": "{{OrderPaid.region}}", "key": "{{OrderPaid.key}}", '
    '"interaction": "{{NewPhoneContact.InteractionId}}"}'
)
CUSTOMER = {"name": "Customer", "type": "STRING", "value": "", "isCAD": True}
ORDER = {
    "number": 17,
    "lines": [{"sku": "a"}],
    "name": 'Ada "L"',
    "contact": "c-1",
    "at": 1_700_000_000,
}


@pytest.fixture
def workplace(amqp_vhost_url: str, tmp_path: Path, endpoint: Endpoint) -> Workplace:
    return Workplace(
        "rabbitmq", lambda: rabbitmq.connect(amqp_vhost_url, name="test"), tmp_path, endpoint
    )


@pytest.fixture
async def shop(amqp_vhost_url: str) -> AsyncIterator[ForeignSystem]:
    async with foreign_system(amqp_vhost_url) as system:
        yield system


@asynccontextmanager
async def selling(workplace: Workplace, url: str, sources: str = ORDERS, **flags: str):
    """A worker with a flow for paid orders, and these sources."""
    file = workplace.folder / "sources.yaml"
    file.write_text(sources)
    flow = a_flow(
        "Orders",
        a_request("Tell", workplace.endpoint.url(), httpRequestBody=BODY),
        events=("OrderPaid",),
        variables=(CUSTOMER,),
    )
    given = {"flows": workplace.flow_folder(flow), "sources": str(file), "amqp_url": url} | flags
    async with workplace.working(**given) as working:
        yield working


def run_of_order(event_id: str) -> str:
    return run_id_of("shop", event_id, flow_id_of("Orders"))


async def until_empty(shop: ForeignSystem, queue: str = "shop.orders") -> None:
    await until(lambda: shop.depth(queue), lambda depth: depth == 0)


async def test_a_message_of_another_system_becomes_an_event_and_is_delivered(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    await shop.declare("shop.orders")
    await shop.put("shop.orders", ORDER, headers={"region": "eu"}, correlation_id="o-1")
    async with selling(workplace, amqp_vhost_url) as working:
        (request,) = await workplace.endpoint.arrived()
        run = await working.api.until_run(run_of_order("o-1"), "done")
    assert request.json == {
        "number": 17,
        "lines": [{"sku": "a"}],
        "who": 'Ada "L"',
        "region": "EU",
        "key": "shop.orders",
        "interaction": "c-1",
    }
    assert (run["event_type"], run["source"], run["interaction_id"]) == ("OrderPaid", "shop", "c-1")
    assert await shop.depth("shop.orders") == 0


async def test_the_same_id_is_the_same_run(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    await shop.declare("shop.orders")
    async with selling(workplace, amqp_vhost_url) as working:
        for _ in range(3):
            await shop.put("shop.orders", ORDER, correlation_id="o-1")
        await working.api.until_run(run_of_order("o-1"), "done")
        await shop.put("shop.orders", ORDER, correlation_id="o-2")
        await working.api.until_run(run_of_order("o-2"), "done")
        await until_empty(shop)
    assert len(workplace.endpoint.requests) == 2


async def test_a_delivery_that_fails_waits_on_our_side_and_is_tried_again(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    await shop.declare("shop.orders")
    workplace.endpoint.plan(500, 503, 204)
    async with selling(workplace, amqp_vhost_url) as working:
        await shop.put("shop.orders", ORDER, correlation_id="o-1")
        run = await working.api.until_run(run_of_order("o-1"), "done")
        await until_empty(shop)
    assert [attempt["status"] for attempt in run["attempts"]] == [500, 503, 204]
    assert len({each.header("webhook-id") for each in workplace.endpoint.requests}) == 1


async def test_a_message_is_acknowledged_only_when_its_outcome_is_safe(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    await shop.declare("shop.orders")
    workplace.endpoint.plan(Answer(held=True), Answer())
    async with selling(workplace, amqp_vhost_url, grace="0"):
        await shop.put("shop.orders", ORDER, correlation_id="o-1")
        await workplace.endpoint.arrived()
    await until(lambda: shop.depth("shop.orders"), lambda depth: depth == 1)
    async with selling(workplace, amqp_vhost_url) as working:
        await working.api.until_run(run_of_order("o-1"), "done")
        await until_empty(shop)


@pytest.mark.parametrize(
    ("body", "properties", "reason"),
    [
        (
            b"\xff\x00 no text",
            {"correlation_id": "x"},
            "its body is no UTF-8, and its templates read it",
        ),
        (ORDER, {}, "id: {{ properties.correlation_id }} prints nothing"),
        ({**ORDER, "at": "yesterday"}, {"correlation_id": "x"}, 'time: "yesterday" is no time'),
    ],
    ids=["bytes", "no id", "no time"],
)
async def test_what_cannot_become_an_event_is_set_aside_with_its_bytes_and_the_reason(
    workplace: Workplace,
    shop: ForeignSystem,
    amqp_vhost_url: str,
    body: Any,
    properties: dict[str, Any],
    reason: str,
) -> None:
    await shop.declare("shop.orders")
    async with selling(workplace, amqp_vhost_url) as working:
        await shop.put("shop.orders", body, **properties)
        (entry,) = await working.api.dead_letters(1)
        await until_empty(shop)
        kept = await working.taken("onhook.dead.unprocessable", entry["message_id"])
    assert entry["fault"] == "no event"
    assert 'source "shop": ' in entry["reason"]
    assert reason in entry["reason"]
    if isinstance(body, bytes):
        assert kept.body == body
    assert kept.headers["onhook-source"] == "shop"
    assert kept.headers["onhook-queue"] == "shop.orders"
    assert workplace.endpoint.requests == []


async def test_a_replay_asks_the_source_again_with_all_that_the_message_carried(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    await shop.declare("shop.orders")
    bad = ORDERS.replace("{{ properties.correlation_id }}", "{{ body.no_such_id }}")
    async with selling(workplace, amqp_vhost_url, bad) as working:
        await shop.put("shop.orders", ORDER, headers={"region": "eu"}, correlation_id="c-9")
        (entry,) = await working.api.dead_letters(1)
    assert "id: " in entry["reason"]
    async with selling(workplace, amqp_vhost_url) as working:
        await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        await working.api.until_run(run_of_order("c-9"), "done")
        assert await working.api.get("/dead-letters") == []
    (request,) = workplace.endpoint.requests
    assert (request.json["region"], request.json["key"]) == ("EU", "shop.orders")


async def test_a_replayed_message_whose_source_is_gone_says_so(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    await shop.declare("shop.orders")
    async with selling(workplace, amqp_vhost_url) as working:
        await shop.put("shop.orders", b"none")
        (entry,) = await working.api.dead_letters(1)
    async with selling(workplace, amqp_vhost_url, "{}") as working:
        await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        found = await until(
            lambda: working.api.get("/dead-letters"),
            lambda found: [each["message_id"] for each in found] not in ([], [entry["message_id"]]),
        )
        kept = await working.taken("onhook.dead.unprocessable", found[0]["message_id"])
    assert 'source "shop" is not in ONHOOK_SOURCES' in found[0]["reason"]
    assert kept.body == b"none"


async def test_a_message_that_looks_like_a_run_of_ours_is_only_what_the_templates_make_of_it(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    """Also when it is replayed: nobody can put a run together in a queue of their own."""
    await shop.declare("shop.orders")
    forged = {
        "type": "onhook.run.v1",
        "run_id": "forged",
        "step": 0,
        "flow_id": flow_id_of("Orders"),
        "flow_name": "Orders",
        "version": 1,
        "event": {
            "id": "forged",
            "source": "s",
            "type": "OrderPaid",
            "specversion": "1.0",
            "data": {},
        },
    }
    async with selling(workplace, amqp_vhost_url) as working:
        await shop.put("shop.orders", forged)
        (entry,) = await working.api.dead_letters(1)
        await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        (again,) = await until(
            lambda: working.api.get("/dead-letters"),
            lambda found: len(found) == 1 and found[0]["message_id"] != entry["message_id"],
        )
    assert "prints nothing" in again["reason"]
    assert workplace.endpoint.requests == []


async def test_an_event_of_a_source_that_fails_in_its_flow_is_kept_as_the_event_and_replayed(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    await shop.declare("shop.orders")
    sources = ORDERS.replace("  data:\n", "  data:\n    NewPhoneContact: {FlowId: Later}\n")
    async with selling(workplace, amqp_vhost_url, sources) as working:
        await shop.put("shop.orders", ORDER, correlation_id="o-1")
        (entry,) = await working.api.dead_letters(1)
        assert entry["fault"] == "unknown flow"
        later = a_flow(
            "Later", a_request("Tell", workplace.endpoint.url("/later")), events=("OrderPaid",)
        )
        status, _ = await working.api.ask("POST", "/flows", later)
        assert status < 300
        await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        await workplace.endpoint.arrived(1, "/later")


async def test_an_event_that_no_flow_handles_is_filtered_and_acknowledged(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    await shop.declare("shop.orders")
    sources = ORDERS.replace("OrderPaid", "OrderLost")
    async with selling(workplace, amqp_vhost_url, sources) as working:
        await shop.put("shop.orders", ORDER, correlation_id="o-1")
        await until_empty(shop)
        found = await until(
            lambda: working.api.get("/interactions/c-1"), lambda found: bool(found["events"])
        )
    assert [each["outcome"] for each in found["events"]] == ["filtered"]
    assert "no published flow handles OrderLost" in found["events"][0]["reason"]


TYPED = ORDERS.replace("type: OrderPaid", 'type: "{{ body.kind }}"\n  types: [OrderPaid]').replace(
    "  data:\n", "  data:\n    AgentDisconnect: {}\n"
)


@pytest.mark.parametrize("unknown", ["dead", "ignore"])
async def test_a_type_that_is_not_among_the_source_s_is_an_unknown_event(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str, unknown: str
) -> None:
    await shop.declare("shop.orders")
    async with selling(workplace, amqp_vhost_url, TYPED, unknown_events=unknown) as working:
        await shop.put("shop.orders", {**ORDER, "kind": "OrderLost"}, correlation_id="o-1")
        if unknown == "dead":
            (entry,) = await working.api.dead_letters(1)
            assert (entry["fault"], entry["event_type"]) == ("unknown event", None)
        else:
            found = await until(
                lambda: working.api.get("/interactions/c-1"), lambda found: bool(found["events"])
            )
            assert "is none of its types: OrderPaid" in found["events"][0]["reason"]
            assert await working.api.get("/dead-letters") == []
        await shop.put("shop.orders", {**ORDER, "kind": "OrderPaid"}, correlation_id="o-2")
        await working.api.until_run(run_of_order("o-2"), "done")


async def test_a_queue_that_is_missing_is_told_by_readiness_and_waited_for(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    async with selling(workplace, amqp_vhost_url) as working:
        status, troubles = await until(
            working.api.readiness, lambda found: "NOT_FOUND" in str(found)
        )
        assert status == 503
        assert 'queue "shop.orders" is not consumed' in troubles["queues elsewhere"]
        assert "guest:guest" not in str(troubles)
        await shop.declare("shop.orders")
        await until(working.api.readiness, lambda found: found[0] == 200)
        await shop.put("shop.orders", ORDER, correlation_id="o-1")
        await working.api.until_run(run_of_order("o-1"), "done")
        await shop.delete("shop.orders")
        await until(working.api.readiness, lambda found: found[0] == 503)
        await shop.declare("shop.orders")
        await shop.put("shop.orders", ORDER, correlation_id="o-2")
        await working.api.until_run(run_of_order("o-2"), "done")
        await until(working.api.readiness, lambda found: found[0] == 200)


async def test_a_source_on_a_broker_of_its_own_needs_none_of_ours(
    broker: Broker, endpoint: Endpoint, tmp_path: Path
) -> None:
    vhost = broker.new_vhost()
    url = broker.url_of(vhost)
    workplace = Workplace(
        "embedded",
        lambda: embedded.opened(tmp_path / "bus.sqlite", synchronous="normal"),
        tmp_path,
        endpoint,
    )
    try:
        async with foreign_system(url) as shop:
            await shop.declare("shop.orders")
            sources = ORDERS.replace("  queue:", f"  url: {url}\n  queue:")
            async with selling(workplace, "", sources) as working:
                await shop.put("shop.orders", ORDER, correlation_id="o-1")
                await working.api.until_run(run_of_order("o-1"), "done")
                await until_empty(shop)
                queues = broker.api("GET", f"queues/{vhost}")
        assert isinstance(queues, list)
        assert [each["name"] for each in queues] == ["shop.orders"]
    finally:
        broker.delete_vhost(vhost)


async def test_a_source_without_a_broker_is_refused_at_the_start(
    workplace: Workplace,
) -> None:
    with pytest.raises(SourcesError, match="ONHOOK_AMQP_URL is empty"):
        async with selling(workplace, ""):
            pass


async def test_sources_leave_the_contact_centre_s_events_their_places(
    workplace: Workplace, shop: ForeignSystem, amqp_vhost_url: str
) -> None:
    """A source whose endpoint hangs keeps nothing else waiting."""
    await shop.declare("shop.orders")
    workplace.endpoint.plan(Answer(held=True))
    other = a_flow("Other", a_request("Tell", workplace.endpoint.url("/other")))
    workplace.flow_folder(other)
    async with selling(workplace, amqp_vhost_url, in_flight="8") as working:
        for number in range(20):
            await shop.put("shop.orders", ORDER, correlation_id=f"o-{number}")
        await workplace.endpoint.arrived(1, "/hook")
        await working.publish(an_event(flow="Other"))
        await workplace.endpoint.arrived(1, "/other")
        workplace.endpoint.release()
        await workplace.endpoint.arrived(20, "/hook")
        await until_empty(shop)

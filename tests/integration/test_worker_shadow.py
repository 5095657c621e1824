"""A shadow worker: it renders and journals what the live one does, and nobody notices it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from broker import Broker
from command import Command, onhook, serving
from endpoint import Endpoint
from flows import a_flow, a_request, an_event
from foreign_system import foreign_system
from onhook.bus import embedded, rabbitmq
from onhook.contracts.topology import EVENTS_EXCHANGE, SHADOW, event_key
from workplace import Api, Working, Workplace, publish, run_of, until


@pytest.fixture
def live(amqp_vhost_url: str, tmp_path: Path, endpoint: Endpoint) -> Workplace:
    return Workplace(
        "rabbitmq", lambda: rabbitmq.connect(amqp_vhost_url, name="live"), tmp_path, endpoint
    )


@asynccontextmanager
async def shadow_of(live: Workplace, url: str, **flags: str) -> AsyncIterator[Working]:
    """A shadow in the same folder as the live worker, as `onhook event-flow --shadow` is."""
    file = live.folder / "shadow" / "bus" / "bus.sqlite"
    place = Workplace(
        "embedded", lambda: embedded.opened(file, synchronous="normal"), live.folder, live.endpoint
    )
    async with live.open_bus():  # which declares what is there before any shadow
        pass
    async with place.working(shadow="true", amqp_url=url, **flags) as shadow:
        await until(shadow.api.readiness, lambda found: found[0] == 200)
        yield shadow


def two_requests(live: Workplace) -> str:
    flow = a_flow(
        "Two",
        a_request("First", live.endpoint.url("/first")),
        a_request(
            "Second",
            live.endpoint.url("/second"),
            httpRequestBody='{"status": {{First.httpStatusCode}}, "body": "{{First.httpResponseBody}}"}',
        ),
    )
    return live.flow_folder(flow)


async def test_a_shadow_journals_what_the_live_worker_sends_and_takes_nothing_from_it(
    live: Workplace, amqp_vhost_url: str
) -> None:
    events = [an_event() for _ in range(5)]
    async with live.working() as working, shadow_of(live, amqp_vhost_url) as shadow:
        await working.publish(*events)
        for event in events:
            lived = await working.api.until_run(run_of(event), "done")
            shadowed = await shadow.api.until_run(run_of(event), "done")
            assert [each["status"] for each in lived["attempts"]] == [204]
            (attempt,) = shadowed["attempts"]
            assert (attempt["status"], attempt["fault"]) == (None, "shadow")
            assert attempt["detail"] == "not sent: shadow"
            assert attempt["webhook_id"] == lived["attempts"][0]["webhook_id"]
        trace = await shadow.api.get(f"/runs/{run_of(events[0])}")
    assert len(live.endpoint.requests) == 5
    notes = [entry["note"] for entry in trace["trace"] if entry["note"]]
    assert "not sent: shadow" in notes
    rendered = next(entry["inputs"]["body"] for entry in trace["trace"] if entry["inputs"])
    sent = next(
        each for each in live.endpoint.requests if each.header("onhook-run-id") == run_of(events[0])
    )
    assert rendered.encode() == sent.body


async def test_a_flow_reads_200_with_nothing_and_goes_on_on_the_shadow_s_own_bus(
    live: Workplace, amqp_vhost_url: str
) -> None:
    event = an_event(flow="Two")
    async with shadow_of(live, amqp_vhost_url, flows=two_requests(live)) as shadow:
        async with live.open_bus() as bus:
            await publish(bus, event)
        run = await shadow.api.until_run(run_of(event, "Two"), "done")
        trace = (await shadow.api.get(f"/runs/{run['run_id']}"))["trace"]
    assert [each["node"] for each in run["attempts"]] == ["First", "Second"]
    second = next(each for each in trace if each["name"] == "Second")
    assert second["inputs"]["body"] == '{"status": 200, "body": ""}'
    assert live.endpoint.requests == []
    # The live worker, which was not there, still has the event, and nothing else.
    assert await live.left_over() == {"onhook.event-flow": 1}


async def test_a_message_that_a_shadow_cannot_run_stays_with_the_shadow(
    live: Workplace, amqp_vhost_url: str
) -> None:
    async with shadow_of(live, amqp_vhost_url) as shadow:
        async with foreign_system(amqp_vhost_url) as publisher:
            await publisher.publish(EVENTS_EXCHANGE, event_key("AgentDisconnect"), b"nothing")
        (entry,) = await shadow.api.dead_letters(1)
        await shadow.taken("onhook.dead.unprocessable", entry["message_id"])
    assert (await live.left_over()).get("onhook.dead.unprocessable") is None


async def test_a_shadow_consumes_no_source(live: Workplace, amqp_vhost_url: str) -> None:
    file = live.folder / "sources.yaml"
    file.write_text("shop: {queue: shop, type: OrderPaid, id: '{{ body.id }}'}")
    async with foreign_system(amqp_vhost_url) as shop:
        await shop.declare("shop")
        await shop.put("shop", {"id": "o-1"})
        async with shadow_of(live, amqp_vhost_url, sources=str(file)) as shadow:
            event = an_event()
            async with live.open_bus() as bus:
                await publish(bus, event)
            await shadow.api.until_run(run_of(event), "done")
            assert "ONHOOK_SOURCES is checked but not consumed" in str(shadow.worker.lines)
        assert await shop.depth("shop") == 1


async def test_the_shadow_s_queue_is_bounded_and_goes_when_no_shadow_comes_back(
    live: Workplace, broker: Broker, amqp_vhost_url: str
) -> None:
    async with live.working(), shadow_of(live, amqp_vhost_url):
        vhost = broker.vhost_of(amqp_vhost_url)
        found = broker.api("GET", f"queues/{vhost}/{SHADOW}")
    assert isinstance(found, dict)
    arguments = found["arguments"]
    assert (arguments["x-expires"], arguments["x-max-length"]) == (1_800_000, 100_000)


async def test_a_shadow_waits_for_the_exchange_and_says_so(
    live: Workplace, amqp_vhost_url: str
) -> None:
    file = live.folder / "shadow-bus.sqlite"
    place = Workplace(
        "embedded", lambda: embedded.opened(file, synchronous="normal"), live.folder, live.endpoint
    )
    async with place.working(shadow="true", amqp_url=amqp_vhost_url) as shadow:
        _, troubles = await until(
            shadow.api.readiness, lambda found: "is not there yet" in str(found)
        )
        assert 'exchange "onhook.events"' in troubles["queues elsewhere"]
        async with live.open_bus():
            await until(shadow.api.readiness, lambda found: found[0] == 200)


async def address_in(command: Command) -> str:
    """Where a service says that it serves."""

    async def probe() -> list[str]:
        return re.findall(r'"address": ?"([^"]+)"', command.err)

    return (await until(probe, bool))[0]


async def test_the_command_serves_a_shadow_beside_the_live_worker_in_one_folder(
    live: Workplace, amqp_vhost_url: str
) -> None:
    event = an_event()
    given = {"amqp_url": amqp_vhost_url, "webhook_url": live.endpoint.url(), "log_format": "json"}
    async with (
        live.working() as working,
        serving(
            *("event-flow", "--shadow", "--worker-port", "0", "--data", str(live.folder)),
            cwd=live.folder,
            **given,
        ) as shadow,
    ):
        address = await address_in(shadow)
        async with aiohttp.ClientSession(address) as session:
            api = Api(session)
            await until(api.readiness, lambda found: found[0] == 200)
            await working.publish(event)
            run = await api.until_run(run_of(event), "done")
            await working.api.until_run(run_of(event), "done")
        assert await shadow.end() == 0
    assert "this is a shadow" in shadow.err
    assert "no request leaves" in shadow.err
    assert [each["fault"] for each in run["attempts"]] == ["shadow"]
    assert len(live.endpoint.requests) == 1


async def test_up_refuses_to_be_a_shadow_on_a_broker(tmp_path: Path, amqp_vhost_url: str) -> None:
    refused = await onhook("up", "--shadow", cwd=tmp_path, amqp_url=amqp_vhost_url)
    assert refused.status != 0
    assert "ONHOOK_SHADOW is for `onhook event-flow` on a broker" in refused.err

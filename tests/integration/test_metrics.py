"""`/metrics` of every service, as a scraper finds it."""

from __future__ import annotations

from pathlib import Path

import aiohttp
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_plain

from command import Up, captures, played, up
from endpoint import HELD, Endpoint
from flows import an_event
from onhook import __version__
from onhook.contracts.topology import UNDELIVERED
from onhook.event_flow import gauges
from workplace import Working, Workplace, run_of, until

OPEN = "application/openmetrics-text"


async def scraped(base: str, accept: str = "text/plain") -> tuple[str, dict[str, float]]:
    """The content type, and every sample by name and labels."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{base}/metrics", headers={"Accept": accept, "Host": "a.pod:1"}) as answer,
    ):
        assert answer.status == 200
        text, kind = await answer.text(), answer.headers["Content-Type"]
    read = read_open if kind.startswith(OPEN) else read_plain
    samples = [sample for family in read(text) for sample in family.samples]
    return kind, {
        sample.name
        + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for sample in samples
    }


async def metric(working: Working, name: str) -> float | None:
    return (await scraped(working.address))[1].get(name)


async def test_every_service_tells_of_itself_and_of_a_call(tmp_path: Path):
    async with up(cwd=tmp_path) as running:
        await played(running)
        await captures(running, 1)
        for base in (running.emulator, running.worker, running.sink):
            kind, found = await scraped(base)
            assert kind == "text/plain; version=0.0.4; charset=utf-8"
            assert found["onhook_ready"] == 1
            build = next(key for key in found if key.startswith("onhook_build_info"))
            assert build.endswith(__version__)
            assert found["process_cpu_seconds_total"] > 0
            kind, as_open = await scraped(base, OPEN)
            assert kind.startswith(OPEN)
            assert as_open.keys() == found.keys()
        await a_delivery_is_counted(running)


async def a_delivery_is_counted(running: Up) -> None:
    _, found = await scraped(running.worker)
    assert found["onhook_events_total run AgentDisconnect"] == 1
    assert found["onhook_events_total filtered NewPhoneContact"] == 1
    assert found[f"onhook_deliveries_total {running.sink} Main_Flow"] == 1
    assert found[f"onhook_attempts_total {running.sink}  2xx"] == 1
    assert found["onhook_delivery_seconds_count Main_Flow"] == 1
    assert found["onhook_queue_messages onhook.event-flow"] == 0
    assert found["onhook_journal_rows runs"] >= 0
    _, found = await scraped(running.sink)
    assert found["onhook_captures_total POST"] == 1
    assert found["onhook_captures_kept"] == 1
    _, found = await scraped(running.emulator)
    assert sum(count for key, count in found.items() if key.startswith("onhook_agents ")) >= 1


async def test_what_is_under_way_held_back_and_dead_shows(
    workplace: Workplace, endpoint: Endpoint, monkeypatch
):
    monkeypatch.setattr(gauges, "LASTS_S", 0.0)
    origin = endpoint.url("")
    endpoint.plan(HELD)
    first, second = an_event(), an_event()
    async with workplace.working(endpoint_breaker="1") as working:
        await working.publish(first)
        await endpoint.arrived()
        assert await metric(working, f"onhook_endpoint_in_flight {origin}") == 1
        assert await metric(working, "onhook_lane_messages onhook.event-flow") == 1
        endpoint.plan(410)
        endpoint.release()
        await working.api.until_run(run_of(first), "done")
        assert await metric(working, "onhook_lane_messages onhook.event-flow") == 0
        await working.publish(second)
        await working.api.until_run(run_of(second), "dead")
        assert await metric(working, f"onhook_breaker_state {origin}") == 2
        assert await metric(working, f"onhook_breaker_opened_total {origin}") == 1
        assert await metric(working, f"onhook_dead_letters_total undelivered {UNDELIVERED}") == 1
        await until(
            lambda: metric(working, f"onhook_queue_messages {UNDELIVERED}"),
            lambda count: count == 1,
        )
        assert await metric(working, f"onhook_dead_letters_kept {UNDELIVERED}") == 1
        age = f"onhook_dead_letter_oldest_age_seconds {UNDELIVERED}"
        assert (await metric(working, age) or 0) > 0
        third = an_event()
        await working.publish(third)
        await working.api.until_run(run_of(third), "waiting")
        held = f"onhook_held_back_total {origin} breaker open"
        assert await metric(working, held) == 1


async def test_readiness_and_its_metric_say_the_same_while_the_bus_is_away(
    workplace: Workplace,
):
    async with workplace.open_bus() as bus, workplace.working_on(bus) as working:
        assert await metric(working, "onhook_trouble bus") == 0
        await bus.close()
        status, troubles = await working.api.readiness()
        assert (status, list(troubles)) == (503, ["bus"])
        assert await metric(working, "onhook_ready") == 0
        assert await metric(working, "onhook_trouble bus") == 1
        assert await metric(working, "onhook_trouble journal") == 0

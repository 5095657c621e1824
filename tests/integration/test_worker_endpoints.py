"""What a worker does with an endpoint that fails, is slow, is full or paused; and with the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from endpoint import HELD, Endpoint, Received
from flows import a_flow, a_request, an_event
from onhook.bus.port import Message
from onhook.contracts.event import decode_event
from onhook.contracts.run import RunMessage, encode_run, flow_id_of
from onhook.contracts.topology import REPLAY, RESUME, TIERS
from onhook.event_flow.handover import run_on_the_bus
from onhook.event_flow.notice import AttemptMade, BreakerChanged
from workplace import Working, Workplace, run_of, until

DEAD, GOOD = "/dead", "/good"
ONLY_TIERS = {tier.queue for tier in TIERS}


def two_flows(workplace: Workplace, **properties: Any) -> str:
    """One flow for each path; both of one origin, which makes two endpoints."""
    url = workplace.endpoint.url
    return workplace.flow_folder(
        a_flow("Dead", a_request("Post", url(DEAD), **properties)),
        a_flow("Good", a_request("Post", url(GOOD))),
    )


def connectors(folder: Path, *endpoints: dict[str, Any]) -> str:
    """A connectors file that says how to deliver."""
    file = folder / "connectors.yaml"
    file.write_text(yaml.safe_dump({"endpoints": list(endpoints)}))
    return str(file)


async def endpoint_named(working: Working, flow: str) -> dict[str, Any]:
    (found,) = [each for each in await working.api.get("/endpoints") if each["flow"] == flow]
    return found


async def held_back(working: Working, event: dict[str, Any], flow: str, why: str) -> dict[str, Any]:
    """The run of an event, once it waits for that reason."""
    run_id = run_of(event, flow)

    async def probe() -> dict[str, Any]:
        status, found = await working.api.ask("GET", f"/runs/{run_id}")
        return {**found["run"], "attempts": found["attempts"]} if status == 200 else {}

    return await until(probe, lambda run: why in (run.get("reason") or ""))


# The breaker


async def test_an_open_breaker_costs_no_attempt_and_says_why_nothing_was_sent(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 204, path=DEAD)
    first, later, other = (an_event(flow="Dead"), an_event(flow="Dead"), an_event(flow="Good"))
    rule = {"flow": "Dead", "schedule": ["1s"], "breaker": {"failures": 1, "open": "4s"}}
    flags = {
        "flows": two_flows(workplace),
        "retry_scale": "1",
        "connectors": connectors(workplace.folder, rule),
    }
    async with workplace.working(**flags) as working:
        await working.publish(first)
        waiting = await held_back(working, first, "Dead", "breaker open since")
        assert "after a failure, the last answered 500" in waiting["reason"]
        assert len(waiting["attempts"]) == 1
        await working.publish(later, other)
        await working.api.until_run(run_of(other, "Good"), "done")
        for event in (first, later):
            await working.api.until_run(run_of(event, "Dead"), "done")
        attempts = (await working.api.run(run_of(later, "Dead")))["attempts"]
        assert [attempt["status"] for attempt in attempts] == [204]
        states = [notice.state for notice in working.told.of(BreakerChanged)]
        assert states == ["open", "half-open", "closed"]
        seen = await endpoint_named(working, "Dead")
        assert seen["breaker"] | {"last_failure": "answered 500"} == seen["breaker"]
        assert (seen["breaker"]["state"], seen["breaker"]["opened"]) == ("closed", 1)
    assert await workplace.left_over() == {}


async def test_a_410_gives_up_its_run_and_leaves_the_endpoint_alone_for_an_hour(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410, path=DEAD)
    gone, next_one = an_event(flow="Dead"), an_event(flow="Dead")
    flags = {"flows": two_flows(workplace), "endpoint_breaker": "5", "retry_scale": "1"}
    async with workplace.working(**flags) as working:
        await working.publish(gone)
        await working.api.until_run(run_of(gone, "Dead"), "dead")
        await working.publish(next_one)
        waiting = await held_back(working, next_one, "Dead", "breaker open since")
        assert "answered 410" in waiting["reason"]
        assert waiting["attempts"] == []
        breaker = (await endpoint_named(working, "Dead"))["breaker"]
        assert breaker["state"] == "open"
        assert breaker["until"] > breaker["since"][:11]
    assert len(endpoint.at(DEAD)) == 1
    left = await workplace.left_over()
    assert {name for name in left if name in ONLY_TIERS} == {"onhook.retry.30m"}


async def test_a_flow_that_reads_the_status_goes_on_where_the_breaker_is_open(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, path=DEAD)
    flow = a_flow(
        "Asks",
        a_request("Ask", endpoint.url(DEAD), onFailure="continue", retryAttempts=0),
        a_request(
            "Tell",
            endpoint.url(GOOD),
            httpRequestBody='{"status": "{{Ask.httpStatusCode}}"}',
        ),
    )
    flags = {"flows": workplace.flow_folder(flow), "endpoint_breaker": "2", "retry_scale": "1"}
    async with workplace.working(**flags) as working:
        for count in range(1, 4):
            await working.publish(an_event(flow="Asks"))
            await endpoint.arrived(count, GOOD)
    assert [each.json["status"] for each in endpoint.at(GOOD)] == ["500", "500", "0"]
    assert len(endpoint.at(DEAD)) == 2


async def test_trying_a_run_now_probes_an_endpoint_that_is_left_alone(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 204, path=DEAD)
    event, other = an_event(flow="Dead"), an_event(flow="Dead")
    flags = {"flows": two_flows(workplace), "endpoint_breaker": "1", "retry_scale": "1"}
    async with workplace.working(**flags) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "Dead"), "waiting")
        await working.publish(other)
        await held_back(working, other, "Dead", "breaker open since")
        await working.api.post(f"/runs/{run_of(event, 'Dead')}/try-now")
        await working.api.until_run(run_of(event, "Dead"), "done")
        assert (await endpoint_named(working, "Dead"))["breaker"]["state"] == "closed"


# Limits


async def test_an_endpoint_gets_no_more_than_its_limit_and_no_event_of_others_waits_for_it(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD, path=DEAD)
    slow = [an_event(flow="Dead") for _ in range(80)]
    good = [an_event(flow="Good") for _ in range(40)]
    flags = {
        "flows": two_flows(workplace),
        "in_flight": "64",
        "connectors": connectors(workplace.folder, {"flow": "Dead", "in_flight": 2}),
    }
    async with workplace.working(**flags) as working:
        await working.publish(*slow)
        await endpoint.arrived(2, DEAD)
        await working.publish(*good)
        for event in good:
            await working.api.until_run(run_of(event, "Good"), "done")
        assert len(endpoint.at(DEAD)) == 2
        assert (await endpoint_named(working, "Dead"))["in_flight"] == 2
        endpoint.release()
        for event in slow:
            await working.api.until_run(run_of(event, "Dead"), "done")
        assert all(notice.status == 204 for notice in working.told.of(AttemptMade))
    assert len(endpoint.at(DEAD)) == len(slow)
    assert await workplace.left_over() == {}


async def test_no_more_a_second_than_the_rate_leave_and_none_is_lost(
    workplace: Workplace, endpoint: Endpoint
):
    events = [an_event(flow="Dead") for _ in range(30)]
    flags = {
        "flows": two_flows(workplace),
        "connectors": connectors(workplace.folder, {"flow": "Dead", "rate": "20/s", "burst": 5}),
    }
    async with workplace.working(**flags) as working:
        await working.publish(*events)
        arrived: list[Received] = await endpoint.arrived(30, DEAD)
    for first in range(30):
        for last in range(first + 10, 30):
            took_s = arrived[last].at - arrived[first].at
            assert last - first + 1 <= 5 + 20 * took_s + 2  # two: what the clock and the wire blur


# Policies


async def test_what_counts_as_success_the_schedule_and_the_age_may_differ_by_endpoint(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(409, path=DEAD)
    endpoint.plan(500, path=GOOD)
    flags = {
        "flows": two_flows(workplace),
        "connectors": connectors(
            workplace.folder,
            {"flow": "Dead", "success": ["2xx", 409]},
            {"flow": "Good", "schedule": ["1s", "1s"]},
        ),
    }
    done, dead = an_event(flow="Dead"), an_event(flow="Good")
    async with workplace.working(**flags) as working:
        await working.publish(done, dead)
        await working.api.until_run(run_of(done, "Dead"), "done")
        run = await working.api.until_run(run_of(dead, "Good"), "dead")
        assert "given up after 3 attempts" in run["reason"]


async def test_an_endpoint_s_own_timeout_goes_before_the_node_s(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD, path=DEAD)
    flags = {
        "flows": two_flows(workplace, httpResponseTimeout=60_000),
        "connectors": connectors(workplace.folder, {"flow": "Dead", "timeout": "200ms"}),
        "retry_scale": "1",
    }
    event = an_event(flow="Dead")
    async with workplace.working(**flags) as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event, "Dead"), "waiting")
        (attempt,) = run["attempts"]
        assert attempt["fault"] == "timeout"


# Pauses


async def paused(working: Working, flow: str, reason: str | None = None) -> dict[str, Any]:
    found = await endpoint_named(working, flow)
    body = None if reason is None else {"reason": reason}
    answer: dict[str, Any] = await working.api.post(f"/endpoints/{found['id']}/pause", body)
    return answer


async def test_a_paused_endpoint_s_runs_wait_and_go_on_when_it_is_resumed(
    workplace: Workplace, endpoint: Endpoint
):
    flags = {"flows": two_flows(workplace)}
    before, *events = [an_event(flow="Dead") for _ in range(60)]
    async with workplace.working(**flags) as working:
        await working.publish(before)
        await working.api.until_run(run_of(before, "Dead"), "done")
        state = await paused(working, "Dead", "they asked us to")
        assert (state["pause_reason"], bool(state["paused_at"])) == ("they asked us to", True)
        await working.publish(*events)
        for event in events:
            run = await held_back(working, event, "Dead", "is paused since")
            assert run["attempts"] == []
            assert run["reason"].endswith(": they asked us to")
        assert (await endpoint_named(working, "Dead"))["held_back"] == {"paused": 59}
        status, problem = await working.api.ask("POST", f"/endpoints/{state['id']}/retry-now")
        assert (status, "it is paused" in problem["error"]["message"]) == (409, True)
        await working.api.post(f"/endpoints/{state['id']}/resume")
        for event in events:
            run = await working.api.until_run(run_of(event, "Dead"), "done")
            assert len(run["attempts"]) == 1
    assert len(endpoint.at(DEAD)) == 60


async def test_a_pause_outlives_the_worker_and_holds_in_another(
    workplace: Workplace, endpoint: Endpoint
):
    flags = {"flows": two_flows(workplace)}
    first, second = an_event(flow="Dead"), an_event(flow="Dead")
    async with workplace.working(**flags) as working:
        await working.publish(first)
        await working.api.until_run(run_of(first, "Dead"), "done")
        state = await paused(working, "Dead")
    async with workplace.working(**flags) as working:
        assert (await endpoint_named(working, "Dead"))["paused_at"] == state["paused_at"]
        await working.publish(second)
        await held_back(working, second, "Dead", "is paused since")
        await working.api.post(f"/endpoints/{state['id']}/resume")
        await working.api.until_run(run_of(second, "Dead"), "done")


async def test_retry_now_sends_what_waits_for_an_endpoint_and_nothing_else(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(503, path=DEAD)
    endpoint.plan(503, path=GOOD)
    dead = [an_event(flow="Dead") for _ in range(20)]
    good = an_event(flow="Good")
    flags = {"flows": two_flows(workplace), "retry_scale": "1", "endpoint_breaker": "5"}
    async with workplace.working(**flags) as working:
        await working.publish(*dead, good)
        for event in dead:
            await working.api.until_run(run_of(event, "Dead"), "waiting")
        await working.api.until_run(run_of(good, "Good"), "waiting")
        before = len(endpoint.at(DEAD))
        state = await endpoint_named(working, "Dead")
        endpoint.plan(204, path=DEAD)
        await working.api.post(f"/endpoints/{state['id']}/retry-now")
        for event in dead:
            await working.api.until_run(run_of(event, "Dead"), "done")
        assert len(endpoint.at(DEAD)) == before + 20
        assert len(endpoint.at(GOOD)) == 1


async def test_retry_now_at_an_endpoint_that_is_still_dead_asks_it_a_few_times_and_stops(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(503, path=DEAD)
    dead = [an_event(flow="Dead") for _ in range(60)]
    flags = {"flows": two_flows(workplace), "retry_scale": "1", "endpoint_breaker": "1"}
    async with workplace.working(**flags, endpoint_in_flight="1") as working:
        await working.publish(*dead)
        for event in dead:
            await working.api.until_run(run_of(event, "Dead"), "waiting")
        before = len(endpoint.at(DEAD))
        state = await endpoint_named(working, "Dead")
        await working.api.post(f"/endpoints/{state['id']}/retry-now")
        await endpoint.arrived(before + 1, DEAD)

        async def breaker() -> str:
            found = await endpoint_named(working, "Dead")
            return str(found["breaker"]["state"])

        await until(breaker, lambda state: state == "open")
        assert len(endpoint.at(DEAD)) <= before + 30


@pytest.mark.parametrize("action", ["pause", "resume", "retry-now"])
async def test_an_endpoint_that_nobody_knows_is_not_found(workplace: Workplace, action: str):
    async with workplace.working() as working:
        status, _problem = await working.api.ask("POST", f"/endpoints/abc/{action}")
        assert status == 404
        assert await asyncio.wait_for(working.api.get("/endpoints"), 30) == []


# Lanes

CROWD = 10_000


async def test_ten_thousand_waiting_retries_and_replays_keep_no_fresh_event_waiting(
    workplace: Workplace, endpoint: Endpoint
):
    """Their endpoint answers none of them; a fresh event of another is done while all of them wait."""
    endpoint.plan(HELD, path=DEAD)
    flags = {"flows": two_flows(workplace), "endpoint_in_flight": "256"}
    async with workplace.open_bus() as bus:
        for queue, count in ((RESUME, CROWD), (REPLAY, 100)):
            crowd = [an_event(flow="Dead") for _ in range(count)]
            for first in range(0, count, 500):
                async with asyncio.TaskGroup() as publishing:
                    for event in crowd[first : first + 500]:
                        publishing.create_task(bus.publish("", queue, waiting_run(event)))
        async with workplace.working_on(bus, **flags) as working:
            await endpoint.arrived(48 + 16, DEAD)  # their lanes' places, and they hang
            fresh = an_event(flow="Good")
            await working.publish(fresh)
            await working.api.until_run(run_of(fresh, "Good"), "done")
            depths = await bus.depths()
            waiting = sum(depths[each] for each in (RESUME, REPLAY, *ONLY_TIERS))
            assert waiting >= CROWD + 100 - 2 * (48 + 16)  # AMQP counts none that are handed out
            assert len(endpoint.at(DEAD)) == 48 + 16
            endpoint.release()


def waiting_run(event: dict[str, Any]) -> Message:
    """A run of the flow Dead on its way, that has not begun."""
    read = decode_event(msgspec.json.encode(event))
    flow_id = flow_id_of("Dead")
    message = RunMessage(
        run_id=run_of(event, "Dead"),
        step=1,
        event=read,
        flow_id=flow_id,
        flow_name="Dead",
        version=1,
    )
    return run_on_the_bus(encode_run(message))

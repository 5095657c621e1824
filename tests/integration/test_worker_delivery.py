"""What the worker does with its endpoint's answers: acknowledge, wait and send again, give up."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec
import pytest

from endpoint import HANG_UP, RESET, SILENCE, Answer, Endpoint, Plan
from flows import a_flow, a_request, an_event
from onhook.contracts.topology import RESUME, TIERS, UNDELIVERED
from onhook.event_flow.notice import EventReceived, MessageSetAside
from onhook.event_flow.retry import Policy
from workplace import Workplace, run_of, until

NASTY = [
    'Ada "the Countess" Lovelace',
    '","x":"',
    "line\nbreak\r\ttab",
    "\x00\x01\x1f control",
    "emoji \U0001f1f8\U0001f1f0 \u2028 end",
    "back\\slash \\u0041",
    "{{NewPhoneContact.ANI}}",
    "",
]


async def test_a_2xx_is_a_delivery_journaled_and_acknowledged(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(Answer(202, {"X-Seen": "yes"}, b"thanks"))
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        (told,) = await working.told.attempts(run_of(event))
        run = await working.api.run(run_of(event))
        history = await working.api.get(f"/interactions/{event['subject']}")
    assert (told.status, told.again_in_s, told.gave_up) == (202, None, None)
    assert working.told.of(EventReceived) == [
        EventReceived(
            event_type="AgentDisconnect",
            interaction_id=event["subject"],
            is_handled=True,
            event_time=event["time"],
        )
    ]
    (request,) = endpoint.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.json == {
        "DNIS": "+18005550100",
        "ANI": "+14085551234",
        "InteractionId": event["subject"],
        "Language": "en-US",
        "WhoCalls": "Ada Lovelace",
    }
    assert request.header("content-type") == "application/json"
    assert request.header("onhook-run-id") == run_of(event)
    assert request.header("webhook-id").startswith("msg_")
    assert run["state"] == "done"
    assert (run["flow_name"], run["version"], run["event_id"]) == ("Main_Flow", 1, event["id"])
    (attempt,) = run["attempts"]
    assert (attempt["number"], attempt["status"], attempt["fault"]) == (1, 202, None)
    assert attempt["webhook_id"] == request.header("webhook-id")
    assert attempt["url"] == endpoint.url()
    assert attempt["elapsed_ms"] > 0
    assert attempt["response_headers"]["x-seen"] == "yes"
    assert attempt["response_excerpt"] == "thanks"
    assert attempt["next_at"] is None
    assert datetime.fromisoformat(run["updated_at"]) >= datetime.fromisoformat(
        attempt["started_at"]
    )
    assert [one["run"]["run_id"] for one in history["runs"]] == [run_of(event)]
    assert await workplace.left_over() == {}


async def test_no_value_breaks_the_body_or_adds_a_key(workplace: Workplace, endpoint: Endpoint):
    events = [an_event(variables={"WhoIsCalling": value}) for value in NASTY]
    async with workplace.working() as working:
        await working.publish(*events)
        await endpoint.arrived(len(events))
    bodies = {body["InteractionId"]: body for body in (each.json for each in endpoint.requests)}
    for event, value in zip(events, NASTY, strict=True):
        body = bodies[event["subject"]]
        assert list(body) == ["DNIS", "ANI", "InteractionId", "Language", "WhoCalls"]
        assert body["WhoCalls"] == value
        assert body["Language"] == "en-US"


async def test_a_failed_attempt_is_repeated_with_the_same_bytes_and_ids(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 503, 302, 408, 200)
    event = an_event(variables={"WhoIsCalling": 'Ü "quoted"'})
    async with workplace.working() as working:
        await working.publish(event)
        attempts = await working.told.attempts(run_of(event), 4)
        await working.try_on(run_of(event))
        run = await working.api.until_run(run_of(event), "done")
    assert [attempt.status for attempt in attempts[:4]] == [500, 503, 302, 408]
    assert all(attempt.again_in_s is not None for attempt in attempts[:4])
    assert [attempt["status"] for attempt in run["attempts"]] == [500, 503, 302, 408, 200]
    assert [attempt["number"] for attempt in run["attempts"]] == [1, 2, 3, 4, 5]
    first, *others = endpoint.requests
    assert len(others) == 4
    for other in others:
        assert (other.method, other.path, other.body) == (first.method, first.path, first.body)
        assert other.headers == first.headers


async def test_waits_follow_the_schedule_and_are_only_ever_lengthened(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 500, 500, 200)
    event = an_event()
    async with workplace.working(retry_scale="0.005") as working:
        await working.publish(event)
        requests = await endpoint.arrived(4)
        run = await working.api.until_run(run_of(event), "done")
    # 5 s, 30 s, 2 min, two hundred times faster.
    for one, other, wait_s in zip(requests, requests[1:], (0.025, 0.15, 0.6), strict=False):
        assert other.at - one.at >= wait_s
    for attempt in run["attempts"][:-1]:
        assert attempt["next_at"] > attempt["started_at"]


async def test_a_wait_of_five_seconds_is_spent_in_the_smallest_tier(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 200)
    event = an_event()
    async with workplace.working(retry_scale="1") as working:
        await working.publish(event)
        (told,) = await working.told.attempts(run_of(event))
        assert told.again_in_s is not None
        assert 4.5 < told.again_in_s <= 5.5
        waiting = await working.api.until_run(run_of(event), "waiting")
        assert waiting["next_at"] == waiting["attempts"][0]["next_at"]
        depths = await working.api.get("/queues")
        assert {name for name, depth in depths.items() if depth} <= {TIERS[0].queue}
        assert depths[TIERS[0].queue] == 1
        first, second = await endpoint.arrived(2)
        await working.api.until_run(run_of(event), "done")
    assert 5.0 <= second.at - first.at < 8.0
    assert second.body == first.body
    assert await workplace.left_over() == {}


@pytest.mark.parametrize(
    ("ending", "fault"),
    [(RESET, "reset"), (HANG_UP, "reset"), (SILENCE, "timeout")],
    ids=["reset", "hang up", "silence"],
)
async def test_an_endpoint_that_does_not_answer_is_tried_again(
    workplace: Workplace, endpoint: Endpoint, ending: Plan, fault: str
):
    endpoint.plan(ending, 204)
    flow = a_flow("Impatient", a_request("Post", endpoint.url(), httpResponseTimeout=300))
    event = an_event(flow="Impatient")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event, "Impatient"), "done")
    failed, delivered = run["attempts"]
    assert (failed["status"], failed["fault"]) == (None, fault)
    assert "127.0.0.1" in failed["detail"]
    assert delivered["status"] == 204


async def test_an_endpoint_that_is_not_there_yet_gets_its_request_when_it_is(
    workplace: Workplace, endpoint: Endpoint
):
    await endpoint.stop()
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        (told,) = await working.told.attempts(run_of(event))
        assert (told.status, told.fault) == (None, "connect")
        await endpoint.start()
        run = await working.api.until_run(run_of(event), "done")
    assert run["attempts"][-1]["status"] == 204
    assert len(endpoint.requests) == 1


async def test_an_address_that_is_not_allowed_is_blocked_with_the_line_that_allows_it(
    workplace: Workplace, endpoint: Endpoint
):
    event = an_event()
    async with workplace.working(webhook_url="http://127.0.0.1:9/hook") as working:
        await working.publish(event)
        (told,) = await working.told.attempts(run_of(event))
    assert told.fault == "blocked"
    assert told.detail is not None
    assert "ONHOOK_EGRESS_ALLOW" in told.detail
    assert told.again_in_s is not None
    assert not endpoint.requests


async def test_a_run_is_given_up_when_its_attempts_are_used_up(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        last = await working.try_on(run_of(event))
        (aside,) = await working.told.until(MessageSetAside, 1, lambda _: True)
        run = await working.api.until_run(run_of(event), "dead")
        (entry,) = await working.api.dead_letters(1)
        dead = await working.taken(UNDELIVERED, entry["message_id"])
    assert Policy().budget == 12
    assert len(endpoint.requests) == len(run["attempts"]) == 12
    assert last.gave_up == "given up after 12 attempts"
    assert aside.queue == entry["queue"] == UNDELIVERED
    assert run["reason"] == entry["reason"] == aside.reason
    assert run["next_at"] is None
    assert dead.headers["onhook-fault"] == "undelivered"
    assert "answered 500; given up after 12 attempts" in str(dead.headers["onhook-reason"])
    assert dead.headers["onhook-reason"] == entry["reason"]
    assert dead.headers["onhook-run-id"] == run_of(event)
    assert dead.headers["onhook-interaction-id"] == event["subject"]
    assert dead.headers["onhook-event-type"] == "AgentDisconnect"
    assert dead.headers["onhook-flow"] == "Main_Flow"
    assert dead.headers["onhook-node"] == "HTTPRequest_fwn"
    assert (dead.headers["onhook-attempts"], dead.headers["onhook-status"]) == (12, 500)
    assert sum(len(name) + len(str(value)) for name, value in dead.headers.items()) <= 4_096
    run_message = msgspec.json.decode(dead.body)
    assert run_message["run_id"] == run_of(event)
    assert run_message["event"]["id"] == event["id"]


@pytest.mark.parametrize(("status", "attempts"), [(410, 1), (404, 3), (400, 3)])
async def test_an_answer_that_refuses_is_given_up_soon(
    workplace: Workplace, endpoint: Endpoint, status: int, attempts: int
):
    endpoint.plan(status)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event), "dead")
        (entry,) = await working.api.dead_letters(1)
    assert len(endpoint.requests) == len(run["attempts"]) == attempts
    assert str(status) in entry["reason"]
    assert await workplace.left_over() == {UNDELIVERED: 1}


async def test_answers_of_other_kinds_do_not_use_up_the_budget_of_refusals(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(404, 500, 404, RESET, 404)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        last = await working.try_on(run_of(event))
    assert last.gave_up is not None
    assert "given up after 3 refusals" in last.gave_up
    assert len(endpoint.requests) == 5


async def test_a_retry_after_is_waited_for(workplace: Workplace, endpoint: Endpoint):
    endpoint.plan(Answer(429, {"Retry-After": "2"}), Answer(503, {"Retry-After": "0"}), 204)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        one, two, three = await endpoint.arrived(3)
        await working.api.until_run(run_of(event), "done")
    assert two.at - one.at >= 2.0
    # It never shortens the schedule's own wait, which has moved on to 30 s, scaled.
    assert three.at - two.at >= 0.06


async def test_an_answer_with_retry_after_costs_no_attempt(
    workplace: Workplace, endpoint: Endpoint
):
    later = Answer(429, {"Retry-After": "0"})
    endpoint.plan(*[later] * 14, 500, 204)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        last = await working.try_on(run_of(event))
        run = await working.api.until_run(run_of(event), "done")
    assert last.status == 204
    assert len(run["attempts"]) == 16


async def test_retries_that_hang_never_delay_a_fresh_event(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 500, Answer(held=True), path="/slow")
    failing = [an_event(flow="Slow"), an_event(flow="Slow")]
    fresh = an_event(flow="Quick")
    flows = workplace.flow_folder(
        a_flow("Slow", a_request("Post", endpoint.url("/slow"))),
        a_flow("Quick", a_request("Post", endpoint.url("/quick"))),
    )
    async with workplace.working(flows=flows, in_flight="4") as working:
        await working.publish(*failing)
        # The second attempt of one hangs; the lane of retries, one place of four, is full.
        await endpoint.arrived(3, "/slow")
        await working.publish(fresh)
        await endpoint.arrived(1, "/quick")
        assert len(endpoint.at("/slow")) == 3
        endpoint.release()
        for event in failing:
            await working.api.until_run(run_of(event, "Slow"), "done")


async def test_waiting_runs_survive_a_restart_of_the_worker(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 500, 500, 204)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        attempts = await working.told.attempts(run_of(event), 3)
        await working.api.until_run(run_of(event), "waiting")
    assert attempts[-1].again_in_s is not None
    assert await workplace.left_over() == {RESUME: 1}
    async with workplace.working() as working:
        run = await working.api.until_run(run_of(event), "done")
    assert [attempt["number"] for attempt in run["attempts"]] == [1, 2, 3, 4]
    assert len({request.body for request in endpoint.requests}) == 1
    assert await workplace.left_over() == {}


async def test_many_events_are_delivered_once_each(workplace: Workplace, endpoint: Endpoint):
    events = [an_event() for _ in range(300)]
    async with workplace.working() as working:
        async with asyncio.TaskGroup() as publishing:
            for event in events:
                publishing.create_task(working.publish(event))
        await endpoint.arrived(len(events))

        async def undone() -> int:
            return len(await working.api.get("/runs?state=running&limit=1000"))

        await until(undone, lambda count: count == 0)
    captured = [request.json["InteractionId"] for request in endpoint.requests]
    assert sorted(captured) == sorted(event["subject"] for event in events)
    assert await workplace.left_over() == {}

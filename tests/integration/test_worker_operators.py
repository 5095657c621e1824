"""What a person does with runs: try one now, replay a dead letter; and what then comes of copies."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec

from endpoint import Answer, Endpoint
from flows import a_flow, a_request, an_event
from onhook.bus.port import Bus, BusUnavailable, Message
from onhook.contracts.topology import (
    EVENT_FLOW,
    EVENTS_EXCHANGE,
    REPLAY,
    UNDELIVERED,
    UNPROCESSABLE,
    event_key,
)
from onhook.event_flow.notice import AttemptMade
from workplace import Api, Working, Workplace, execute, run_of, until

LATER = Answer(503, {"Retry-After": "5"})
"""What sends a run into the 5 s tier, whatever the retry scale."""
SMALLEST_TIER = "onhook.retry.5s"


async def all_waiting(working: Working, events: list[dict[str, Any]]) -> None:
    await working.publish(*events)
    for event in events:
        await working.api.until_run(run_of(event), "waiting")


async def test_a_run_tried_now_is_delivered_and_its_copy_in_the_tier_is_dropped(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(LATER, LATER, LATER, 204)
    events = [an_event() for _ in range(3)]
    async with workplace.working() as working:
        await all_waiting(working, events)
        assert (await working.api.get("/queues"))[SMALLEST_TIER] == 3
        answer = await working.api.post(f"/runs/{run_of(events[0])}/try-now")
        assert (answer["run_id"], answer["step"]) == (run_of(events[0]), 2)
        await working.api.until_run(run_of(events[0]), "done")
        assert len(endpoint.requests) == 4
        assert await working.api.post("/runs/try-now") == {"runs": 2}
        for event in events[1:]:
            await working.api.until_run(run_of(event), "done")
        await until(lambda: working.api.get("/queues"), lambda depths: not depths[SMALLEST_TIER])
        assert await working.api.post("/runs/try-now") == {"runs": 0}
    await until_copies_are_dropped(workplace)
    bodies = [request.body for request in endpoint.requests]
    assert len(bodies) == 6
    assert sorted(bodies[:3]) == sorted(bodies[3:])


async def test_only_a_waiting_run_can_be_tried_now(workplace: Workplace, endpoint: Endpoint):
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "done")
        status, problem = await working.api.ask("POST", f"/runs/{run_of(event)}/try-now")
        assert status == 409
        assert "the run is done" in problem["error"]["message"]
        status, problem = await working.api.ask("POST", f"/runs/{uuid4()}/try-now")
        assert status == 404
    assert len(endpoint.requests) == 1


async def test_trying_again_and_again_while_runs_retry_by_themselves_repeats_none(
    workplace: Workplace, endpoint: Endpoint
):
    count = 40
    endpoint.plan(*[500] * count, 204)
    events = [an_event() for _ in range(count)]
    async with workplace.working() as working:
        hammering = asyncio.create_task(_try_all_now_for_ever(working.api))
        await working.publish(*events)
        for event in events:
            await working.api.until_run(run_of(event), "done")
        hammering.cancel()
        await asyncio.wait({hammering})
        assert await working.api.post("/runs/try-now") == {"runs": 0}
        delivered = [each.run_id for each in working.told.of(AttemptMade) if each.status == 204]
    assert sorted(delivered) == sorted(run_of(event) for event in events)
    assert len(endpoint.requests) == 2 * count
    await until_copies_are_dropped(workplace)
    assert len(endpoint.requests) == 2 * count


async def until_copies_are_dropped(workplace: Workplace) -> None:
    """Overtaken copies may wait out their time in a worker's memory, and come again after it."""

    async def left_after_another_worker() -> dict[str, int]:
        async with workplace.working():
            await asyncio.sleep(0.1)
        return await workplace.left_over()

    await until(left_after_another_worker, lambda left: left == {})


async def _try_all_now_for_ever(api: Api) -> None:
    while True:
        await api.post("/runs/try-now")


class Deaf:
    """A bus that takes no run into the lane of replays."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        if routing_key == REPLAY:
            raise BusUnavailable("the broker is away in this test")
        await self._bus.publish(exchange, routing_key, message)


async def test_trying_now_says_that_the_bus_is_away_and_changes_nothing(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(Answer(503, {"Retry-After": "60"}), 204)
    event = an_event()
    async with workplace.working(through=Deaf) as working:
        await all_waiting(working, [event])
        before = await working.api.run(run_of(event))
        for path in (f"/runs/{run_of(event)}/try-now", "/runs/try-now"):
            status, problem = await working.api.ask("POST", path)
            assert (status, problem["error"]["message"]) == (503, "the broker is away in this test")
        assert await working.api.run(run_of(event)) == before
    async with workplace.working() as working:
        await working.api.post(f"/runs/{run_of(event)}/try-now")
        await working.api.until_run(run_of(event), "done")


async def dead_letter(working: Working) -> dict[str, Any]:
    """The only entry of the index, once its message is in its queue."""
    (entry,) = await working.api.dead_letters(1)
    await working.taken(entry["queue"], entry["message_id"])
    return entry


async def test_a_replay_of_the_undelivered_resumes_with_the_same_ids_and_attempts_anew(
    workplace: Workplace, endpoint: Endpoint
):
    # Two of three refusals before and after: without a new budget it would be given up.
    endpoint.plan(404, 404, 404, 404, 404, 200)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "dead")
        entry = await dead_letter(working)
        assert entry["queue"] == UNDELIVERED
        replayed = await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        assert replayed == {"run_id": run_of(event), "note": None}
        run = await working.api.until_run(run_of(event), "done")
        assert not await working.api.get("/dead-letters")
        status, _ = await working.api.ask("POST", f"/dead-letters/{entry['message_id']}/replay")
        assert status == 404
    assert [attempt["status"] for attempt in run["attempts"]] == [404, 404, 404, 404, 404, 200]
    assert [attempt["number"] for attempt in run["attempts"]] == [1, 2, 3, 4, 5, 6]
    assert run["reason"] is None
    assert len({(each.body, each.headers) for each in endpoint.requests}) == 1
    assert await workplace.left_over() == {}


async def test_a_replay_that_fails_again_is_one_dead_letter_again(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "dead")
        first = await dead_letter(working)
        await working.api.post(f"/dead-letters/{first['message_id']}/replay")
        await endpoint.arrived(2)
        await working.api.until_run(run_of(event), "dead")
        second = await dead_letter(working)
    assert second["message_id"] != first["message_id"]
    assert await workplace.left_over() == {UNDELIVERED: 1}


async def test_a_replay_resumes_at_the_request_that_failed(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410, 204, path="/second")
    flow = a_flow(
        "Two",
        a_request("First", endpoint.url("/first")),
        a_request("Second", endpoint.url("/second")),
    )
    event = an_event(flow="Two")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "Two"), "dead")
        entry = await dead_letter(working)
        await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        await working.api.until_run(run_of(event, "Two"), "done")
    assert [request.path for request in endpoint.requests] == ["/first", "/second", "/second"]


async def test_an_event_whose_flow_was_missing_runs_when_replayed_after_publishing(
    workplace: Workplace, endpoint: Endpoint
):
    event = an_event(flow="Later", flowversion=7)
    async with workplace.working() as working:
        await working.publish(event)
        entry = await dead_letter(working)
        assert (entry["queue"], entry["fault"]) == (UNPROCESSABLE, "unknown flow")
        path = f"/dead-letters/{entry['message_id']}/replay"
        status, problem = await working.api.ask("POST", path)
        assert status == 409
        assert 'flow "Later" is not published' in problem["error"]["message"]
        assert await dead_letter(working) == entry
        await working.api.post("/flows", a_flow("Later", a_request("P", endpoint.url("/l"))))
        await working.api.post("/flows", a_flow("Later", a_request("P", endpoint.url("/later"))))
        assert (await working.api.post(path))["run_id"] == run_of(event, "Later")
        run = await working.api.until_run(run_of(event, "Later"), "done")
        assert not await working.api.get("/dead-letters")
    assert run["version"] == 2
    assert [request.path for request in endpoint.requests] == ["/later"]
    assert await workplace.left_over() == {}


async def test_a_dead_letter_that_no_flow_handles_any_more_ends_as_filtered(
    workplace: Workplace, endpoint: Endpoint
):
    event = an_event(flow="F")
    answered = a_flow("F", a_request("P", endpoint.url("/l")), events=("AgentAnswered",))
    async with workplace.working() as working:
        await working.api.post("/flows", a_flow("F", a_request("P", endpoint.url("/p"))))
        await working.api.ask("DELETE", "/flows/F")
        await working.publish(event)
        entry = await dead_letter(working)
        path = f"/dead-letters/{entry['message_id']}"
        status, problem = await working.api.ask("POST", f"{path}/replay")
        assert status == 409
        assert problem["error"]["message"].endswith("Or drop it, by DELETE instead of a replay")
        await working.api.post("/flows", answered)
        assert await working.api.post(f"{path}/replay") == {
            "run_id": None,
            "note": "filtered: no published flow handles AgentDisconnect; the dead letter is gone, "
            "and nothing was run",
        }
        history = await working.api.get(f"/interactions/{event['subject']}")
        assert [row["outcome"] for row in history["events"]] == ["filtered"]
        assert not await working.api.get("/dead-letters")
    assert endpoint.requests == []
    assert await workplace.left_over() == {}


async def test_the_index_says_when_it_holds_more_than_it_lists(
    workplace: Workplace, endpoint: Endpoint
):
    async with workplace.working() as working, aiohttp.ClientSession(working.address) as session:
        for _ in range(3):
            message = Message(body=b"junk", message_id=str(uuid4()))
            await working.bus.publish("", EVENT_FLOW, message)
        await working.api.dead_letters(3)
        for limit, has_more in ((2, True), (3, False), (50, False)):
            async with session.get(f"/dead-letters?limit={limit}") as answer:
                assert len(await answer.json()) == min(limit, 3)
                assert ("Link" in answer.headers) is has_more


async def test_a_run_that_failed_for_its_flow_runs_the_mended_version_when_replayed(
    workplace: Workplace, endpoint: Endpoint
):
    headers = {"X-Who": "{{NewPhoneContact.ANI}}"}
    flow = a_flow("Mended", a_request("P", endpoint.url("/v1"), httpRequestHeaders=headers))
    event = an_event(flow="Mended", contact={"ANI": "a\nb"})
    async with workplace.working() as working:
        await working.api.post("/flows", flow)
        await working.publish(event)
        await working.api.until_run(run_of(event, "Mended"), "dead")
        entry = await dead_letter(working)
        await working.api.post("/flows", a_flow("Mended", a_request("P", endpoint.url("/v2"))))
        await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        run = await working.api.until_run(run_of(event, "Mended"), "done")
    assert (run["version"], run["reason"]) == (2, None)
    assert [request.path for request in endpoint.requests] == ["/v2"]


async def test_replaying_one_run_of_an_event_leaves_its_other_runs_alone(
    workplace: Workplace, endpoint: Endpoint
):
    headers = {"X-Who": "{{NewPhoneContact.ANI}}"}
    failing = a_flow("Failing", a_request("P", endpoint.url("/f"), httpRequestHeaders=headers))
    waiting = a_flow("Waiting", a_request("P", endpoint.url("/w")))
    endpoint.plan(Answer(503, {"Retry-After": "60"}), 204, path="/w")
    event = an_event(flow=None, contact={"ANI": "a\nb"})
    async with workplace.working(flows=workplace.flow_folder(failing, waiting)) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "Failing"), "dead")
        before = await working.api.until_run(run_of(event, "Waiting"), "waiting")
        entry = await dead_letter(working)
        mended = a_flow("Failing", a_request("P", endpoint.url("/mended")))
        await working.api.post("/flows", mended)
        await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        await working.api.until_run(run_of(event, "Failing"), "done")
        assert await working.api.run(run_of(event, "Waiting")) == before
    assert sorted(request.path for request in endpoint.requests) == ["/mended", "/w"]


async def test_bytes_that_cannot_be_read_are_judged_anew_when_replayed(
    workplace: Workplace, endpoint: Endpoint
):
    body = b'{"type": "AgentDisconnect", '
    async with workplace.working() as working:
        await working.bus.publish(
            EVENTS_EXCHANGE,
            event_key("AgentDisconnect"),
            Message(body=body, message_id=str(uuid4()), content_type="text/odd"),
        )
        first = await dead_letter(working)
        answer = await working.api.post(f"/dead-letters/{first['message_id']}/replay")
        assert answer == {"run_id": None, "note": "it cannot be read, and was sent again as it is"}
        (second,) = await until(
            lambda: working.api.get("/dead-letters"),
            lambda found: [each["message_id"] for each in found] not in ([], [first["message_id"]]),
        )
        again = await working.taken(UNPROCESSABLE, second["message_id"])
    assert second["reason"] == first["reason"]
    assert (again.body, again.content_type) == (body, "text/odd")
    assert await workplace.left_over() == {UNPROCESSABLE: 1}


async def test_a_dead_letter_taken_from_its_queue_by_hand_leaves_the_index_when_replayed(
    workplace: Workplace, endpoint: Endpoint
):
    async with workplace.working() as working:
        await working.bus.publish("", EVENT_FLOW, Message(body=b"x", message_id=str(uuid4())))
        entry = await dead_letter(working)
        taken = await until(
            lambda: working.bus.take(UNPROCESSABLE, entry["message_id"]), lambda found: found
        )
        await taken.ack()
        path = f"/dead-letters/{entry['message_id']}/replay"
        status, problem = await working.api.ask("POST", path)
        # So young an entry may be ahead of its message.
        assert (status, problem["error"]["message"]) == (
            409,
            "it is not in onhook.dead.unprocessable yet; ask again in a minute",
        )
        assert await working.api.get("/dead-letters") == [entry]
        execute(workplace.journal, "UPDATE dead_letters SET at = at - 61 * 1000000")
        status, problem = await working.api.ask("POST", path)
        assert status == 409
        assert "no longer in onhook.dead.unprocessable" in problem["error"]["message"]
        assert not await working.api.get("/dead-letters")


async def test_the_index_lists_both_queues_newest_first(workplace: Workplace, endpoint: Endpoint):
    endpoint.plan(410)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "dead")
        await working.bus.publish("", EVENT_FLOW, Message(body=b"junk", message_id=str(uuid4())))
        entries = await working.api.dead_letters(2)
        for entry in entries:
            message = await working.taken(entry["queue"], entry["message_id"])
            assert len(message.body) == entry["size_bytes"]
            assert message.body.startswith(entry["excerpt"].encode()[:100])
    assert [entry["queue"] for entry in entries] == [UNPROCESSABLE, UNDELIVERED]
    assert entries[1]["run_id"] == run_of(event)
    assert msgspec.json.decode(message.body)["type"] == "onhook.run.v1"
    assert await workplace.left_over() == {UNPROCESSABLE: 1, UNDELIVERED: 1}

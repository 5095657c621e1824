"""Dead letters in bulk, on a worker: found, grouped, shown, replayed and dropped; nothing twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from endpoint import Endpoint
from flows import an_event
from onhook.bus.port import Message
from onhook.contracts.topology import EVENT_FLOW, UNDELIVERED, UNPROCESSABLE
from onhook.event_flow import dead_bulk
from workplace import Api, Working, Workplace, run_of, until


async def dead_runs(working: Working, count: int) -> list[dict[str, Any]]:
    """So many events whose runs are dead; their letters, once each is in its queue."""
    events = [an_event() for _ in range(count)]
    await working.publish(*events)
    for event in events:
        await working.api.until_run(run_of(event), "dead")
    return events


async def malformed(working: Working, *bodies: str) -> None:
    for number, body in enumerate(bodies):
        message = Message(body=body.encode(), message_id=f"bad {number} {body}")
        await working.bus.publish("", EVENT_FLOW, message)


async def walked(api: Api, action: str, **body: Any) -> tuple[list[dict[str, Any]], int]:
    """Every answer of a bulk, and how many letters it did."""
    answers = [await api.post(f"/dead/{action}", body)]
    while answers[-1]["next"] is not None:
        again = body | {"after": answers[-1]["next"]}
        answers.append(await api.post(f"/dead/{action}", again))
    return answers, sum(answer["done"] for answer in answers)


async def in_queue(working: Working, queue: str, count: int) -> None:
    await until(lambda: working.api.get("/queues"), lambda depths: depths[queue] == count)


async def test_all_alike_are_replayed_once_each_with_the_webhook_ids_they_had(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410)
    async with workplace.working(endpoint_breaker="0") as working:
        events = await dead_runs(working, 7)
        await malformed(working, "{", "nonsense")
        letters = await working.api.dead_letters(9)
        await in_queue(working, UNDELIVERED, 7)
        example = next(each for each in letters if each["queue"] == UNDELIVERED)["message_id"]
        found = await working.api.get(f"/dead/alike?like={example}")
        assert (found["total"], [group["count"] for group in found["groups"]]) == (7, [7])

        before = {each.header("webhook-id") for each in endpoint.requests}
        endpoint.plan(204)
        answers, done = await walked(working.api, "replay", like=example, limit=3)
        assert (done, sum(answer["failed"] for answer in answers)) == (7, 0)
        assert len(answers) >= 3
        for event in events:
            run = await working.api.until_run(run_of(event), "done")
            assert [attempt["status"] for attempt in run["attempts"]] == [410, 204]
        assert len(endpoint.requests) == 14
        assert {each.header("webhook-id") for each in endpoint.requests[7:]} == before
        left = await working.api.get("/dead-letters")
        assert {each["queue"] for each in left} == {UNPROCESSABLE}
    assert await workplace.left_over() == {UNPROCESSABLE: 2}


async def test_letters_that_die_again_are_not_sent_again_by_the_same_bulk(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410)
    async with workplace.working() as working:
        events = await dead_runs(working, 1)
        await in_queue(working, UNDELIVERED, 1)
        path = "/dead/replay"
        first = await working.api.post(path, {"all": True, "limit": 1})
        assert first["done"] == 1
        await until(
            lambda: working.api.run(run_of(events[0])),
            lambda run: run["state"] == "dead" and run["step"] == 1 and len(run["attempts"]) == 2,
        )
        await in_queue(working, UNDELIVERED, 1)
        if first["next"] is not None:
            second = await working.api.post(path, {"all": True, "after": first["next"]})
            assert (second["done"], second["next"]) == (0, None)
    assert await workplace.left_over() == {UNDELIVERED: 1}


async def test_a_filter_narrows_by_every_field_and_pages_follow_the_link(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410)
    async with workplace.working() as working:
        (event,) = await dead_runs(working, 1)
        await malformed(working, "{", "[", "nonsense")
        await working.api.dead_letters(4)

        async def count(query: str) -> int:
            return len(await working.api.get(f"/dead-letters?{query}"))

        port = endpoint.port
        for query, expected in {
            "queue=undelivered": 1,
            "queue=unprocessable": 3,
            f"queue={UNDELIVERED}": 1,
            "flow=Main_Flow": 1,
            "flow=Other": 0,
            f"endpoint=http://127.0.0.1:{port}/any": 1,
            "endpoint=http://127.0.0.1:1": 0,
            "fault=malformed": 3,
            "reason=ANSWERED%20410": 1,
            "event_type=AgentDisconnect": 1,
            f"interaction_id={event['subject']}": 1,
            f"run_id={run_of(event)}": 1,
            "until=2020-01-01T00:00:00Z": 0,
            "since=2020-01-01T00:00:00Z": 4,
            "since=2020-01-01T00:00:00Z&fault=malformed&reason=JSON": 2,
        }.items():
            assert await count(query) == expected, query
        session = working.api._session
        seen, path = [], "/dead-letters?limit=3"
        while path:
            async with session.get(path) as answer:
                seen += [each["message_id"] for each in await answer.json()]
                path = str(answer.links["next"]["url"].relative()) if answer.links else ""
        assert seen == [each["message_id"] for each in await working.api.get("/dead-letters")]
        status, problem = await working.api.ask("GET", "/dead-letters?since=2020-01-01T00:00:00")
        assert (status, "timezone" in problem["error"]["message"]) == (400, True)


async def test_a_letter_is_shown_with_its_run_and_its_message_stays(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410)
    async with workplace.working() as working:
        (event,) = await dead_runs(working, 1)
        (letter,) = await working.api.dead_letters(1)
        path = f"/dead-letters/{letter['message_id']}"
        found = await working.api.get(path)
        assert found["letter"] == letter
        assert (found["run"]["run_id"], found["run"]["state"]) == (run_of(event), "dead")
        assert [attempt["status"] for attempt in found["attempts"]] == [410]
        await in_queue(working, UNDELIVERED, 1)
        message = await working.api.get(f"{path}/message")
        assert message["headers"]["onhook-run-id"] == run_of(event)
        assert (len(message["body"]), message["is_cut"]) == (letter["size_bytes"], False)
        status, _ = await working.api.ask("GET", "/dead-letters/nothing")
        assert status == 404
    assert await workplace.left_over() == {UNDELIVERED: 1}


async def test_dropping_takes_what_is_meant_and_leaves_the_rest(
    workplace: Workplace, endpoint: Endpoint
):
    async with workplace.working() as working:
        await malformed(working, "{", "[", "nonsense", '{"id": 1}')
        letters = await working.api.dead_letters(4)
        await in_queue(working, UNPROCESSABLE, 4)
        ids = [letters[0]["message_id"], "no such id", letters[2]["message_id"]]
        answer = await working.api.post("/dead/drop", {"ids": ids})
        assert (answer["done"], answer["failed"], answer["next"]) == (2, 1, None)
        assert [each["message_id"] for each in answer["failures"]] == ["no such id"]
        await in_queue(working, UNPROCESSABLE, 2)
        _, done = await walked(working.api, "drop", all=True, limit=1)
        assert done == 2
        assert await working.api.get("/dead-letters") == []
    assert await workplace.left_over() == {}


@pytest.mark.parametrize(
    "body", [{}, {"limit": 5}, {"fauld": "malformed"}, {"all": True, "after": "?"}], ids=str
)
async def test_a_bulk_that_says_not_which_touches_nothing(
    workplace: Workplace, body: dict[str, Any]
):
    async with workplace.working() as working:
        await malformed(working, "{")
        await working.api.dead_letters(1)
        for action in ("replay", "drop"):
            status, _ = await working.api.ask("POST", f"/dead/{action}", body)
            assert status in (400, 422)
        assert len(await working.api.get("/dead-letters")) == 1


async def test_a_bulk_keeps_its_rate_and_stops_in_time(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
):
    """What was taken out of the queue and not reached goes back."""
    monkeypatch.setattr(dead_bulk, "LONGEST_S", 0.4)
    monkeypatch.setattr(dead_bulk, "AT_ONCE", 2)
    async with workplace.working() as working:
        await malformed(working, *(f"nonsense {number}" for number in range(12)))
        await working.api.dead_letters(12)
        await in_queue(working, UNPROCESSABLE, 12)
        began = asyncio.get_running_loop().time()
        answers, done = await walked(working.api, "drop", fault="malformed", per_second=10)
        took_s = asyncio.get_running_loop().time() - began
        assert (done, len(answers) > 1) == (12, True)
        assert took_s >= 1.2
    assert await workplace.left_over() == {}

"""Flows with more than one request: their order, their errors, and a crash between any two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from endpoint import HANG_UP, HELD, PATIENCE_S, Answer, Endpoint, Plan
from flows import a_flow, a_request, an_event
from onhook.bus.port import Bus, BusUnavailable, Delivery, Message
from onhook.contracts.topology import NEXT, UNDELIVERED, UNPROCESSABLE
from workplace import Working, Workplace, refusing, run_of, until


def two_requests(endpoint: Endpoint, name: str = "Two") -> dict[str, Any]:
    return a_flow(
        name,
        a_request("First", endpoint.url("/first")),
        a_request("Second", endpoint.url("/second")),
    )


async def test_requests_are_sent_in_order_each_with_ids_of_its_own(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 204, path="/first")
    endpoint.plan(503, 204, path="/second")
    event = an_event(flow="Two")
    async with workplace.working(flows=workplace.flow_folder(two_requests(endpoint))) as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event, "Two"), "done")
    assert [request.path for request in endpoint.requests] == [
        "/first", "/first", "/second", "/second",
    ]  # fmt: skip
    assert [attempt["node"] for attempt in run["attempts"]] == [
        "First", "First", "Second", "Second",
    ]  # fmt: skip
    ids = [request.header("webhook-id") for request in endpoint.requests]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert {request.header("onhook-run-id") for request in endpoint.requests} == {
        run_of(event, "Two")
    }
    assert await workplace.left_over() == {}


class Cut:
    """A bus that loses something for good, as a worker that dies at that moment would."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)


class NothingNext(Cut):
    """After some continuations no more get out."""

    def __init__(self, bus: Bus, reached: asyncio.Event, after: int = 0) -> None:
        super().__init__(bus)
        self._reached = reached
        self._left = after

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        if routing_key == NEXT:
            self._left -= 1
            if self._left < 0:
                self._reached.set()
                raise BusUnavailable("cut off by this test")
        await self._bus.publish(exchange, routing_key, message)


class ThenNothing(Cut):
    """Whoever published a continuation never learns of it."""

    def __init__(self, bus: Bus, reached: asyncio.Event) -> None:
        super().__init__(bus)
        self._reached = reached

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        await self._bus.publish(exchange, routing_key, message)
        if routing_key == NEXT:
            self._reached.set()
            await asyncio.get_running_loop().create_future()


class NoAcks(Cut):
    """Nothing is acknowledged any more."""

    @asynccontextmanager
    async def consume(self, queue: str, prefetch: int) -> AsyncIterator[AsyncIterator[Delivery]]:
        async with self._bus.consume(queue, prefetch) as deliveries:
            yield (Unacknowledged(delivery) async for delivery in deliveries)


class Unacknowledged:
    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def __getattr__(self, name: str) -> Any:
        return getattr(self._delivery, name)

    async def ack(self) -> None:
        pass


@pytest.mark.parametrize("cut", [NothingNext, ThenNothing])
async def test_a_crash_between_two_requests_never_repeats_the_first(
    workplace: Workplace, endpoint: Endpoint, cut: Callable[[Bus, asyncio.Event], Bus]
):
    """Before the continuation is published, and after that before its step is recorded."""
    event = an_event(flow="Two")
    flows, reached = workplace.flow_folder(two_requests(endpoint)), asyncio.Event()
    # Without any grace what is under way is dropped, as a killed process drops it.
    async with workplace.working(
        flows=flows, grace="0", through=lambda bus: cut(bus, reached)
    ) as working:
        await working.publish(event)
        async with asyncio.timeout(PATIENCE_S):
            await reached.wait()
    assert [request.path for request in endpoint.requests] == ["/first"]
    async with workplace.working(flows=flows) as working:
        await working.api.until_run(run_of(event, "Two"), "done")
    assert [request.path for request in endpoint.requests] == ["/first", "/second"]
    assert await workplace.left_over() == {}


@pytest.mark.parametrize("through", [NoAcks, Cut], ids=["not acknowledged", "acknowledged"])
async def test_a_crash_during_the_second_request_repeats_only_that(
    workplace: Workplace, endpoint: Endpoint, through: Callable[[Bus], Bus]
):
    endpoint.plan(HELD, 204, path="/second")
    event = an_event(flow="Two")
    flows = workplace.flow_folder(two_requests(endpoint))
    async with workplace.working(flows=flows, grace="0", through=through) as working:
        await working.publish(event)
        await endpoint.arrived(1, "/second")
    async with workplace.working(flows=flows) as working:
        await working.api.until_run(run_of(event, "Two"), "done")
    one, again = endpoint.at("/second")
    assert (one.body, one.headers) == (again.body, again.headers)
    assert len(endpoint.at("/first")) == 1
    assert await workplace.left_over() == {}


async def test_a_journal_that_cannot_record_the_first_holds_back_the_second(
    workplace: Workplace, endpoint: Endpoint
):
    event = an_event(flow="Two")
    flows = workplace.flow_folder(two_requests(endpoint))
    async with workplace.working(flows=flows) as working:
        with refusing(workplace.journal, "INSERT ON attempts"):
            await working.publish(event)
            await endpoint.arrived(1)
            await until(working.api.readiness, lambda answer: answer[0] == 503)
            assert not endpoint.at("/second")
        await working.api.until_run(run_of(event, "Two"), "done")
    assert [request.path for request in endpoint.requests] == ["/first", "/second"]


async def test_a_crash_while_a_request_is_under_way_sends_it_again_with_the_same_id(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD, 204, path="/first")
    event = an_event(flow="Two")
    flows = workplace.flow_folder(two_requests(endpoint))
    async with workplace.working(flows=flows, grace="0") as working:
        await working.publish(event)
        await endpoint.arrived(1)
    async with workplace.working(flows=flows) as working:
        await working.api.until_run(run_of(event, "Two"), "done")
    one, again = endpoint.at("/first")
    assert (one.body, one.headers) == (again.body, again.headers)
    assert len(endpoint.at("/second")) == 1


@pytest.mark.parametrize("published", [0, 1, 2])
async def test_a_crash_while_several_runs_are_published_loses_and_repeats_none(
    workplace: Workplace, endpoint: Endpoint, published: int
):
    names = ("One", "Two", "Three")
    flows = workplace.flow_folder(
        *(a_flow(name, a_request("Post", endpoint.url(f"/{name}"))) for name in names)
    )
    event = an_event(flow=None)
    reached = asyncio.Event()
    async with workplace.working(
        flows=flows, grace="0", through=lambda bus: NothingNext(bus, reached, published)
    ) as working:
        await working.publish(event)
        async with asyncio.timeout(PATIENCE_S):
            await reached.wait()
        await endpoint.arrived(published)
    async with workplace.working(flows=flows) as working:
        for name in names:
            await working.api.until_run(run_of(event, name), "done")
    assert sorted(request.path for request in endpoint.requests) == ["/One", "/Three", "/Two"]
    assert await workplace.left_over() == {}


async def delivered(working: Working, event: dict[str, Any], flow: str) -> dict[str, Any]:
    await working.publish(event)
    return await working.api.until_run(run_of(event, flow), "done")


TOLD = '{"who": "{{OnGlobalError.activityName}}", "why": "{{OnGlobalError.errorMessage}}"}'


async def test_a_request_that_is_given_up_goes_on_in_on_global_error(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410, path="/first")
    flow = a_flow(
        "Handled",
        a_request("First", endpoint.url("/first")),
        a_request("Second", endpoint.url("/second")),
        on_error=(a_request("Tell", endpoint.url("/error"), httpRequestBody=TOLD),),
    )
    event = an_event(flow="Handled")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        run = await delivered(working, event, "Handled")
        assert not await working.api.get("/dead-letters")
    assert [attempt["node"] for attempt in run["attempts"]] == ["First", "Tell"]
    (told,) = endpoint.at("/error")
    assert told.json["who"] == "First"
    assert "410" in told.json["why"]
    assert not endpoint.at("/second")
    assert await workplace.left_over() == {}


async def test_an_error_edge_goes_before_on_global_error(workplace: Workplace, endpoint: Endpoint):
    endpoint.plan(404, path="/first")
    flow = a_flow(
        "Edged",
        a_request("First", endpoint.url("/first")),
        a_request("Second", endpoint.url("/second")),
        on_error=(a_request("Tell", endpoint.url("/error")),),
        edges=(("First", "error", "Second"),),
    )
    event = an_event(flow="Edged")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await delivered(working, event, "Edged")
    assert len(endpoint.at("/first")) == 3
    assert len(endpoint.at("/second")) == 1
    assert not endpoint.at("/error")


async def test_a_template_error_takes_the_error_path_too(workplace: Workplace, endpoint: Endpoint):
    headers = {"X-Who": "{{NewPhoneContact.ANI}}"}
    flow = a_flow(
        "Templated",
        a_request("First", endpoint.url("/first"), httpRequestHeaders=headers),
        on_error=(a_request("Tell", endpoint.url("/error"), httpRequestBody=TOLD),),
    )
    event = an_event(flow="Templated", contact={"ANI": "a\nb"})
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await delivered(working, event, "Templated")
    assert not endpoint.at("/first")
    assert "control characters" in endpoint.at("/error")[0].json["why"]


async def test_an_error_inside_on_global_error_is_a_dead_letter(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410, path="/first")
    endpoint.plan(410, path="/error")
    flow = a_flow(
        "Doomed",
        a_request("First", endpoint.url("/first")),
        on_error=(a_request("Tell", endpoint.url("/error")),),
    )
    event = an_event(flow="Doomed")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "Doomed"), "dead")
        (entry,) = await working.api.dead_letters(1)
    assert entry["queue"] == UNDELIVERED
    assert 'node "Tell"' in entry["reason"]
    assert (len(endpoint.at("/first")), len(endpoint.at("/error"))) == (1, 1)


SEEN = '{"status": {{First.httpStatusCode}}, "body": "{{First.httpResponseBody}}"}'
CONTINUING: dict[str, tuple[list[Plan], dict[str, Any], int]] = {
    "a fault": ([HANG_UP], {"status": 0, "body": ""}, 3),
    "a server error": ([500], {"status": 500, "body": ""}, 3),
    "a refusal": ([Answer(404, body=b'no "such"')], {"status": 404, "body": 'no "such"'}, 1),
    "gone": ([410], {"status": 410, "body": ""}, 1),
    "better the second time": ([503, 200], {"status": 200, "body": ""}, 2),
}


@pytest.mark.parametrize("what", CONTINUING)
async def test_a_continuing_request_makes_its_attempts_and_goes_on(
    workplace: Workplace, endpoint: Endpoint, what: str
):
    plan, seen, attempts = CONTINUING[what]
    endpoint.plan(*plan, path="/first")
    flow = a_flow(
        "Goes_on",
        a_request("First", endpoint.url("/first"), onFailure="continue", retryAttempts=2),
        a_request("Second", endpoint.url("/second"), httpRequestBody=SEEN),
    )
    event = an_event(flow="Goes_on")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        run = await delivered(working, event, "Goes_on")
        assert not await working.api.get("/dead-letters")
    assert len(endpoint.at("/first")) == attempts
    assert [attempt["number"] for attempt in run["attempts"][:-1]] == list(range(1, attempts + 1))
    assert [request.json for request in endpoint.at("/second")] == [seen]
    assert len({request.header("webhook-id") for request in endpoint.at("/first")}) == 1


async def test_a_request_whose_status_is_read_later_continues_by_itself(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(404, path="/first")
    flow = a_flow(
        "Reads",
        a_request("First", endpoint.url("/first")),
        a_request("Second", endpoint.url("/second"), httpRequestBody=SEEN),
    )
    event = an_event(flow="Reads")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await delivered(working, event, "Reads")
    assert endpoint.at("/second")[0].json == {"status": 404, "body": ""}


async def test_a_run_too_large_to_wait_is_unprocessable_with_its_event(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500)
    event = an_event()
    event["data"]["Extra"] = {"text": "x" * 4_200_000}
    async with workplace.working() as working:
        await working.publish(event)
        (entry,) = await working.api.dead_letters(1)
        run = await working.api.until_run(run_of(event), "dead")
        dead = await working.taken(UNPROCESSABLE, entry["message_id"])
    assert entry["fault"] == "too large"
    assert len(run["attempts"]) == 1
    assert msgspec.json.decode(dead.body) == event

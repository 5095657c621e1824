"""What a run's row keeps of finished nodes: what a message may meet again after a crash, no more."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from endpoint import Answer, Endpoint
from flows import a_request, an_event
from onhook.bus.port import Bus, Message
from onhook.contracts.topology import NEXT, RESUME
from walked import a_graph_flow
from workplace import Workplace, rows_of, run_of, until

LARGE = b"x" * 200 * 1024


def row_of(workplace: Workplace, run_id: str) -> tuple[int, dict[str, Any]]:
    """Step and results."""
    ((step, results),) = rows_of(
        workplace.journal, f"SELECT step, results FROM runs WHERE run_id = '{run_id}'"
    )
    return step, msgspec.json.decode(results)


async def test_a_long_loop_keeps_the_results_of_two_messages_at_most(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    flow = a_graph_flow(
        a_request("A", endpoint.url("/a"), onFailure="continue"),
        a_request("B", endpoint.url("/b"), onFailure="continue"),
        links=(("A", "default", "B"), ("B", "default", "A")),
    )
    event, seen = an_event(flow="F"), []
    run_id = run_of(event, "F")

    def decide(_received: object) -> Answer:
        seen.append(row_of(workplace, run_id))
        return Answer(200, body=LARGE)

    endpoint.decide = decide
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        run = await working.api.until_run(run_id, "dead")
    assert "entered more than 100 times" in run["reason"]
    assert len(endpoint.requests) == 200
    assert max(len(results) for _step, results in seen) == 1
    assert row_of(workplace, run_id)[1] == {}


class LosesWhatIsRecorded:
    """A bus on which the first continuation arrives, and its worker dies before it knows."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.was_published = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        await self._bus.publish(exchange, routing_key, message)
        if routing_key in (NEXT, RESUME):
            self.was_published.set()
            await asyncio.Event().wait()


class HoldsBack:
    """A bus that confirms a continuation behind a request and is slow to hand it out."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.held: list[Message] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        if routing_key == NEXT:
            self.held.append(message)
        else:
            await self._bus.publish(exchange, routing_key, message)

    async def count(self) -> int:
        return len(self.held)


async def test_a_request_that_succeeded_is_not_repeated_by_an_older_continuation_of_its_step(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    """A's retry is published and its worker dies; the event, coming again, delivers A and goes on.

    Then both continuations have the same step: one in front of A, one behind it.
    """
    flow = a_graph_flow(
        a_request("A", endpoint.url("/a"), onFailure="deliver"),
        a_request("B", endpoint.url("/b"), onFailure="deliver"),
        links=(("A", "default", "B"),),
    )
    endpoint.plan(503, 204, path="/a")
    event = an_event(flow="F")
    flags = {"flows": workplace.flow_folder(flow), "grace": "0.2"}
    dying: list[LosesWhatIsRecorded] = []

    def through(bus: Bus) -> Bus:
        dying.append(LosesWhatIsRecorded(bus))
        return dying[-1]

    async with workplace.working(through=through, retry_scale="0.2", **flags) as working:
        await working.publish(event)
        await dying[0].was_published.wait()
    assert row_of(workplace, run_of(event, "F"))[0] == 0
    slow: list[HoldsBack] = []

    def slowly(bus: Bus) -> Bus:
        slow.append(HoldsBack(bus))
        return slow[-1]

    async with workplace.working(through=slowly, retry_scale="0.2", **flags) as working:
        await until(slow[0].count, lambda count: count == 2)  # one of each continuation
        for message in slow[0].held:
            await working.bus.publish("", NEXT, message)
        await working.api.until_run(run_of(event, "F"), "done")
        await until(working.bus.depths, lambda depths: not any(depths.values()))
    assert [request.path for request in endpoint.requests] == ["/a", "/a", "/b"]
    assert await workplace.left_over() == {}

"""The time that templates of a run read: the same when a message comes again after a crash."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from endpoint import HELD, Endpoint
from flows import a_request, an_event
from onhook.bus.port import Bus, Message
from onhook.contracts.topology import NEXT
from walked import a_graph_flow, a_node, a_set
from workplace import Workplace, run_of


class NeverHandsOn:
    """A bus on which a worker dies between recording a result and handing the run on."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.is_asked = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        if routing_key == NEXT:
            self.is_asked.set()
            await asyncio.Event().wait()
        await self._bus.publish(exchange, routing_key, message)


class Crash:
    """Hands out the bus that the worker dies on."""

    def __init__(self) -> None:
        self.bus: NeverHandsOn | None = None

    def __call__(self, bus: Bus) -> Bus:
        self.bus = NeverHandsOn(bus)
        return self.bus

    async def at_the_hand_over(self) -> None:
        assert self.bus is not None
        await self.bus.is_asked.wait()


async def test_now_is_the_same_when_a_message_comes_again(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    body = '{"t": "{{T}}"}'
    flow = a_graph_flow(
        a_set("Set", T="{{ now() }}"),
        a_request("A", endpoint.url("/a"), httpRequestBody=body, onFailure="continue"),
        a_request("B", endpoint.url("/b"), httpRequestBody=body),
        links=(("Set", "out", "A"), ("A", "default", "B")),
        variables=({"name": "T"},),
    )
    event, crash = an_event(flow="F"), Crash()
    flags = {"flows": workplace.flow_folder(flow), "grace": "0.2"}
    async with workplace.working(through=crash, **flags) as working:
        await working.publish(event)
        await crash.at_the_hand_over()
    async with workplace.working(**flags) as working:
        await working.api.until_run(run_of(event, "F"), "done")
    (first,), (second,) = endpoint.at("/a"), endpoint.at("/b")
    assert first.json == second.json


async def test_a_branch_on_the_time_sends_no_other_request_after_a_crash(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    """The first request is answered when the moment that the flow asks for is over."""
    moment = int(time.time() * 1000) + 1_000
    late = f"{{{{ now() | epoch(inMillis=true) > {moment} }}}}"
    flow = a_graph_flow(
        a_node("Late", "condition-activity", expression=late),
        a_request("A", endpoint.url("/a"), httpRequestBody="{}", onFailure="continue"),
        a_request("Other", endpoint.url("/other"), httpRequestBody="{}", onFailure="continue"),
        a_request("B", endpoint.url("/b"), httpRequestBody="{}"),
        links=(
            ("Late", "true", "Other"), ("Late", "false", "A"),
            ("A", "default", "B"), ("Other", "default", "B"),
        ),
    )  # fmt: skip
    event, crash = an_event(flow="F"), Crash()
    flags = {"flows": workplace.flow_folder(flow), "grace": "0.2"}
    endpoint.plan(HELD, path="/a")
    async with workplace.working(through=crash, **flags) as working:
        await working.publish(event)
        await endpoint.arrived(1, "/a")
        await asyncio.sleep(max(0.0, moment / 1000 - time.time()) + 0.05)
        endpoint.release()
        await crash.at_the_hand_over()
    async with workplace.working(**flags) as working:
        await working.api.until_run(run_of(event, "F"), "done")
    assert [request.path for request in endpoint.requests] == ["/a", "/b"]

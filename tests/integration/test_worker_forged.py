"""Run messages that no worker of ours made: each is set aside, none is sent, none comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from endpoint import Endpoint
from flows import a_flow, a_request, an_event
from onhook.bus.port import Message
from onhook.contracts.run import RUN_TYPE, RunMessage, flow_id_of
from onhook.contracts.topology import RESUME, UNPROCESSABLE
from onhook.event_flow.runner import Runner
from workplace import Working, Workplace, run_of

REQUEST = {
    "node": "id-P", "visit": 1, "method": "POST", "headers": [["webhook-id", "x"]], "body": "",
    "attempts": 0, "position": 0, "first_attempt_at": "2026-01-01T00:00:00Z", "requests_sent": 1,
}  # fmt: skip
FORGED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a step beyond range": ({"step": 2**63}, "malformed", "$.step"),
    "a step of 31 digits": ({"step": 10**30}, "malformed", "$.step"),
    "a version beyond range": ({"version": 2**63}, "malformed", "$.version"),
    "visits beyond range": (
        {"progress": {"node": "id-P", "visits": {"id-P": 10**30}}}, "malformed", "visits",
    ),
    "attempts beyond range": ({"request": REQUEST | {"attempts": 10**30}}, "malformed", "attempts"),
    "a request without its id": ({"request": REQUEST | {"headers": []}}, "malformed", "webhook-id"),
    "nothing sealed": ({"sealed": ""}, "altered", "0 bytes"),
    "too little sealed": ({"sealed": "AAAA"}, "altered", "3 bytes"),
    "less than a nonce sealed": ({"sealed": "AAAAAAAAAAAA"}, "altered", "9 bytes"),
}  # fmt: skip


async def send(working: Working, event: dict[str, Any], **fields: Any) -> None:
    body = {
        "type": RUN_TYPE, "run_id": run_of(event, "F"), "step": 5, "event": event,
        "flow_id": flow_id_of("F"), "flow_name": "F", "version": 1, "progress": {"node": "id-P"},
    } | fields  # fmt: skip
    message = Message(body=msgspec.json.encode(body), message_id="forged", type=RUN_TYPE)
    await working.bus.publish("", RESUME, message)


@pytest.mark.parametrize("what", FORGED)
async def test_a_forged_run_is_set_aside_once_and_sends_nothing(
    workplace: Workplace, endpoint: Endpoint, what: str
) -> None:
    fields, fault, word = FORGED[what]
    event, good = an_event(flow="F"), an_event(flow="F")
    flow = a_flow("F", a_request("P", endpoint.url("/p")))
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await send(working, event, **fields)
        (dead,) = await working.api.dead_letters(1)
        await working.publish(good)
        await working.api.until_run(run_of(good, "F"), "done")
        assert len(await working.api.get("/dead-letters")) == 1
    assert (dead["fault"], word in dead["reason"]) == (fault, True), dead
    assert [request.json["interaction"] for request in endpoint.requests] == [good["subject"]]
    assert await workplace.left_over() == {UNPROCESSABLE: 1}


async def test_a_run_that_cannot_be_recorded_as_dead_leaves_no_message_unsettled(
    workplace: Workplace, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SQLite refuses a number that is too large for it."""
    tried = asyncio.Event()

    async def refuse(*_: object) -> None:
        tried.set()
        raise OverflowError("Python int too large to convert to SQLite INTEGER")

    async def fail(_self: Runner, message: RunMessage, *_: object) -> None:
        await refuse(message)

    monkeypatch.setattr(Runner, "bury", refuse)
    monkeypatch.setattr(Runner, "run", fail)
    flow = a_flow("F", a_request("P", endpoint.url("/p")))
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await send(working, an_event(flow="F"))
        (dead,) = await working.api.dead_letters(1)
        await tried.wait()
    assert dead["fault"] == "internal error"
    assert await workplace.left_over() == {UNPROCESSABLE: 1}

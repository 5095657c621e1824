"""Events of a type that nobody knows: set aside, or with ONHOOK_UNKNOWN_EVENTS=ignore filtered."""

from __future__ import annotations

import msgspec

from flows import an_event
from onhook.bus.port import Message
from onhook.contracts.topology import UNPROCESSABLE
from workplace import Workplace, publish, run_of, until


async def test_an_unknown_type_is_acknowledged_and_journaled_where_it_is_ignored(
    workplace: Workplace,
) -> None:
    event = an_event() | {"type": "AgentSneezed"}
    async with workplace.working(unknown_events="ignore") as working:
        await publish(working.bus, event)
        found = await until(
            lambda: working.api.get(f"/interactions/{event['subject']}"),
            lambda found: bool(found["events"]),
        )
        known = an_event()
        await publish(working.bus, known)
        await working.api.until_run(run_of(known), "done")
        assert await working.api.get("/dead-letters") == []
    (row,) = found["events"]
    assert (row["outcome"], row["event_type"]) == ("filtered", "AgentSneezed")
    assert 'unknown event type "AgentSneezed"' in row["reason"]
    assert await workplace.left_over() == {}


async def test_a_type_that_its_routing_key_contradicts_is_set_aside_even_so(
    workplace: Workplace,
) -> None:
    async with workplace.working(unknown_events="ignore") as working:
        body = msgspec.json.encode(an_event())
        await working.bus.publish(
            "onhook.events", "contact.voice.AgentAnswered", Message(body=body, message_id="m")
        )
        (entry,) = await working.api.dead_letters(1)
    assert (entry["queue"], entry["fault"]) == (UNPROCESSABLE, "unknown event")

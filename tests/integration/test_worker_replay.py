"""Dead letters between index and queue, and replays that are broken off or asked for twice."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from endpoint import Endpoint
from flows import an_event
from onhook.bus.port import Bus, BusUnavailable, Message
from onhook.contracts.topology import REPLAY, UNDELIVERED
from workplace import Api, Workplace, refusing, run_of, until


async def replayed(api: Api, message_id: str) -> Any:
    """A replay's answer, once the letter is in its queue."""
    path = f"/dead-letters/{message_id}/replay"
    _, answer = await until(lambda: api.ask("POST", path), lambda answer: answer[0] == 200)
    return answer


class Full:
    """A bus whose queue of the undelivered takes nothing, until it is emptied."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.is_full = True
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        if routing_key == UNDELIVERED and self.is_full:
            self.refused += 1
            raise BusUnavailable("the queue is full in this test")
        await self._bus.publish(exchange, routing_key, message)


async def test_no_dead_letter_is_in_its_queue_unlisted(workplace: Workplace, endpoint: Endpoint):
    endpoint.plan(410, 410, 204)
    event = an_event()
    with ExitStack() as disk:
        async with workplace.working(grace="0.2") as working:
            disk.enter_context(refusing(workplace.journal, "INSERT ON dead_letters"))
            await working.publish(event)
            await until(working.api.readiness, lambda answer: answer[0] == 503)
            assert (await working.api.get("/queues"))[UNDELIVERED] == 0
    async with workplace.working() as working:
        (entry,) = await working.api.dead_letters(1)
        await working.api.until_run(run_of(event), "dead")
        assert (await working.api.get("/queues"))[UNDELIVERED] == 1
        await replayed(working.api, entry["message_id"])
        await working.api.until_run(run_of(event), "done")
        assert await working.api.get("/dead-letters") == []
    assert await workplace.left_over() == {}


async def test_a_letter_that_is_listed_before_it_arrives_can_be_replayed_when_it_has(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410, 204)
    event = an_event()
    buses: list[Full] = []

    def full(bus: Bus) -> Bus:
        buses.append(Full(bus))
        return buses[0]

    async with workplace.working(through=full) as working:
        await working.publish(event)
        (entry,) = await working.api.dead_letters(1)
        path = f"/dead-letters/{entry['message_id']}/replay"
        status, problem = await working.api.ask("POST", path)
        assert (status, problem["error"]["message"]) == (
            409,
            "it is not in onhook.dead.undelivered yet; ask again in a minute",
        )
        assert await working.api.get("/dead-letters") == [entry]
        buses[0].is_full = False
        await replayed(working.api, entry["message_id"])
        await working.api.until_run(run_of(event), "done")
    assert buses[0].refused
    assert len(endpoint.requests) == 2
    assert await workplace.left_over() == {}


async def test_a_letter_whose_run_was_delivered_meanwhile_goes_without_a_repetition(
    workplace: Workplace, endpoint: Endpoint
):
    """A replay that breaks off after its publish leaves the letter; the run goes on."""
    endpoint.plan(410, 204)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event), "dead")
        assert run["step"] == 0  # nothing was published of it beyond its event
        (entry,) = await working.api.dead_letters(1)
        with refusing(workplace.journal, "UPDATE ON runs WHEN NEW.state = 'waiting'"):
            path = f"/dead-letters/{entry['message_id']}/replay"
            status, _ = await working.api.ask("POST", path)
            assert status == 503
            await working.api.until_run(run_of(event), "done")
        assert [each["message_id"] for each in await working.api.get("/dead-letters")] == [
            entry["message_id"]
        ]
        answer = await replayed(working.api, entry["message_id"])
        assert answer == {"run_id": run_of(event), "note": None}
        assert await working.api.get("/dead-letters") == []
        assert (await working.api.get("/queues"))[REPLAY] == 0
        assert (await working.api.run(run_of(event)))["state"] == "done"
    assert len(endpoint.requests) == 2
    assert await workplace.left_over() == {}


@pytest.mark.parametrize("statuses", [(410, 410, 204), (410, 204)], ids=str)
async def test_two_letters_of_one_run_deliver_it_once(
    workplace: Workplace, endpoint: Endpoint, statuses: tuple[int, ...]
):
    """A kill between a letter's publish and the run's row makes a second letter, or none."""
    endpoint.plan(*statuses)
    event = an_event()
    with ExitStack() as disk:
        async with workplace.working(grace="0.2") as working:
            when = "UPDATE ON runs WHEN NEW.state = 'dead'"
            disk.enter_context(refusing(workplace.journal, when))
            await working.publish(event)
            await working.api.dead_letters(1)
            await until(working.api.readiness, lambda answer: answer[0] == 503)
    async with workplace.working() as working:
        is_dead = statuses.count(410) == 2
        await working.api.until_run(run_of(event), "dead" if is_dead else "done")
        letters = await working.api.dead_letters(statuses.count(410))
        for letter in letters:
            await replayed(working.api, letter["message_id"])
            await working.api.until_run(run_of(event), "done")
        assert await working.api.get("/dead-letters") == []
    assert len(endpoint.requests) == len(statuses)
    assert await workplace.left_over() == {}

"""Messages, flows and watchers that mean harm, or do it: what they may not do to the others."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pika
import pytest

from endpoint import HELD, Endpoint
from flows import a_flow, a_request, an_event
from onhook.bus import embedded, rabbitmq
from onhook.bus.limits import BODY_BYTES
from onhook.bus.port import Message
from onhook.contracts.run import RUN_TYPE
from onhook.contracts.topology import (
    EVENT_FLOW,
    EVENTS_EXCHANGE,
    EVICTED,
    RESUME,
    UNPROCESSABLE,
    event_key,
)
from onhook.event_flow.notice import Notice
from workplace import Told, Workplace, execute, run_of, until

KEY = event_key("AgentDisconnect")


def publish_by_pika(url: str, bodies: list[bytes], properties: pika.BasicProperties) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish(EVENTS_EXCHANGE, KEY, body, properties, mandatory=True)


async def test_content_types_that_grow_when_read_do_not_hold_up_a_lane(
    amqp_vhost_url: str, tmp_path: Path, endpoint: Endpoint
):
    """200 bytes that are no UTF-8 are 600 once read, and more than the bus takes back."""
    workplace = Workplace(
        "rabbitmq", lambda: rabbitmq.connect(amqp_vhost_url, name="test"), tmp_path, endpoint
    )
    odd = pika.BasicProperties(content_type=b"\xff" * 200)
    good = an_event()
    async with workplace.working(in_flight="4") as working:
        noise = [f"noise {number}".encode() for number in range(8)]
        await asyncio.to_thread(publish_by_pika, amqp_vhost_url, noise, odd)
        await working.publish(good)
        await working.api.until_run(run_of(good), "done")
        dead = await working.api.dead_letters(len(noise))
        assert len({letter["message_id"] for letter in dead}) == len(noise)
        path = f"/dead-letters/{dead[0]['message_id']}/replay"
        await until(lambda: working.api.ask("POST", path), lambda answer: answer[0] == 200)
        # It cannot be read now either, so it is set aside once more.
        await until(
            lambda: working.api.get("/dead-letters"),
            lambda found: (
                len({each["message_id"] for each in found} - {dead[0]["message_id"]}) == 8
            ),
        )
    assert await workplace.left_over() == {UNPROCESSABLE: 8}


class Raising(Told):
    """A watcher whose output is gone."""

    def __call__(self, notice: Notice) -> None:
        super().__call__(notice)
        raise BrokenPipeError(32, "Broken pipe")


async def test_a_watcher_that_fails_changes_nothing_of_the_work(
    workplace: Workplace, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("workplace.Told", Raising)
    endpoint.plan(500, 204)
    event, lost = an_event(), an_event(flow="Nowhere")
    async with workplace.working() as working:
        await working.publish(event, lost)
        run = await working.api.until_run(run_of(event), "done")
        dead = await working.api.dead_letters(1)
        assert working.told.notices
    assert [attempt["status"] for attempt in run["attempts"]] == [500, 204]
    assert [letter["fault"] for letter in dead] == ["unknown flow"]
    assert await workplace.left_over() == {UNPROCESSABLE: 1}


async def test_a_run_that_is_given_up_and_too_large_to_keep_is_dead_with_its_event(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(410)
    body = '{"all": {{NewPhoneContact}}}'
    flow = a_flow("Big", a_request("P", endpoint.url(), httpRequestBody=body))
    event = an_event(flow="Big", contact={"Payload": "x" * 3_000_000})
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event, "Big"), "dead")
        (entry,) = await working.api.dead_letters(1)
        dead = await working.taken(UNPROCESSABLE, entry["message_id"])
    assert [attempt["status"] for attempt in run["attempts"]] == [410]
    assert entry["fault"] == "too large"
    assert entry["reason"] == run["reason"]
    assert msgspec.json.decode(dead.body) == event
    assert await workplace.left_over() == {UNPROCESSABLE: 1}


async def test_a_body_larger_than_the_bus_takes_is_set_aside_and_cannot_be_sent_again(
    tmp_path: Path, endpoint: Endpoint
):
    """An older broker let it in; here it is put into the embedded bus's file."""
    file = tmp_path / "bus.sqlite"
    workplace = Workplace(
        "embedded", lambda: embedded.opened(file, synchronous="normal"), tmp_path, endpoint
    )
    async with workplace.open_bus():
        pass
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO message (queue, message_id, exchange, routing_key, body) "
            "VALUES (?, 'm', ?, ?, zeroblob(?))",
            (EVENT_FLOW, EVENTS_EXCHANGE, KEY, BODY_BYTES + 1),
        )
    good = an_event()
    async with workplace.working(in_flight="3") as working:
        await working.publish(good)
        await working.api.until_run(run_of(good), "done")
        (entry,) = await working.api.dead_letters(1)
        await working.taken(UNPROCESSABLE, entry["message_id"])
        path = f"/dead-letters/{entry['message_id']}/replay"
        status, problem = await working.api.ask("POST", path)
        assert status == 409
        assert f"the bus takes {BODY_BYTES}" in problem["error"]["message"]
        assert await working.api.get("/dead-letters") == [entry]
    assert entry["size_bytes"] == BODY_BYTES + 1
    assert await workplace.left_over() == {UNPROCESSABLE: 1}


async def test_copies_of_one_event_do_not_take_the_places_of_others(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD, path="/slow")
    slow = a_flow("Slow", a_request("P", endpoint.url("/slow")))
    fast = a_flow("Fast", a_request("P", endpoint.url("/fast")))
    copied, other = an_event(flow="Slow"), an_event(flow="Fast")
    folder = workplace.flow_folder(slow, fast)
    async with workplace.working(flows=folder, in_flight="8") as working:
        await working.publish(*[copied] * 4)  # as many as there are places for fresh events
        await endpoint.arrived(1, "/slow")
        await working.publish(other)
        await working.api.until_run(run_of(other, "Fast"), "done")
        endpoint.release()
        await working.api.until_run(run_of(copied, "Slow"), "done")
    assert len(endpoint.at("/slow")) == 1
    # Copies that were not looked at before the stop come again, to be dropped.
    assert await workplace.left_over() in ({}, *({EVENT_FLOW: left} for left in (1, 2, 3)))


async def test_a_stored_version_that_cannot_run_any_more_holds_up_its_own_runs_alone(
    workplace: Workplace, endpoint: Endpoint
):
    good = a_flow("Good", a_request("P", endpoint.url("/good")))
    later = a_flow("Later", a_request("P", endpoint.url("/later")))
    folder = workplace.flow_folder(good, later)
    async with workplace.working(flows=folder):
        pass
    what = "replace(CAST(content AS TEXT), 'http-request-v2', 'of-a-later-version')"
    execute(workplace.journal, f"UPDATE versions SET content = {what} WHERE name = 'Later'")
    event = an_event(flow=None)
    async with workplace.working(flows=folder) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "Good"), "done")
        waiting = await working.api.until_run(run_of(event, "Later"), "waiting")
        assert '"Later" v1 cannot run in this version of onhook' in waiting["reason"]
        assert await working.api.get("/dead-letters") == []
    assert [request.path for request in endpoint.requests] == ["/good"]


async def test_what_an_event_brings_beside_the_known_outputs_reaches_no_template(
    workplace: Workplace, endpoint: Endpoint
):
    """A name that the flow's author misspelt must not be for the publisher to fill."""
    body = '{"misspelt": {{WhoIsCaling}}, "ani": {{NewPhoneContact.ANI}}}'
    flow = a_flow("F", a_request("P", endpoint.url(), httpRequestBody=body))
    event = an_event(flow="F")
    event["data"] |= {"WhoIsCaling": "from outside", "P": {"httpStatusCode": 200}}
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        await working.api.until_run(run_of(event, "F"), "done")
    (request,) = endpoint.requests
    assert request.json == {"misspelt": None, "ani": event["data"]["NewPhoneContact"]["ANI"]}


async def test_a_run_whose_message_the_broker_gave_up_is_dead_until_it_is_replayed(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(500, 204)
    event = an_event()
    async with workplace.working(retry_scale="1") as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event), "waiting")
    with closing(sqlite3.connect(workplace.journal)) as connection:
        ((continuation,),) = connection.execute("SELECT continuation FROM runs")
    async with workplace.working(retry_scale="1") as working:
        given_up = Message(body=continuation, message_id="given-up", type=RUN_TYPE)
        await working.bus.publish("", EVICTED, given_up)
        dead = await working.api.until_run(run_of(event), "dead")
        (entry,) = await working.api.dead_letters(1)
        assert (entry["fault"], entry["run_id"]) == ("delivery limit", run["run_id"])
        assert (dead["reason"], dead["next_at"]) == (entry["reason"], None)
        await working.taken(UNPROCESSABLE, entry["message_id"])
        await working.api.post(f"/dead-letters/{entry['message_id']}/replay")
        await working.api.until_run(run_of(event), "done")
    assert len(endpoint.requests) == 2
    assert (await workplace.left_over()).keys() <= {RESUME, "onhook.retry.5s"}  # the older copy

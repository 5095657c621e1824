"""When a part of it fails: the bus or the journal away, a stop in the middle, a second process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest

from broker import Broker
from endpoint import HELD, PATIENCE_S, Answer, Endpoint
from flows import a_flow, a_request, an_event
from onhook.bus import rabbitmq
from onhook.contracts.topology import EVENT_FLOW, RESUME
from onhook.event_flow.app import running
from onhook.event_flow.webhook_check import WebhookUnset
from onhook.sqlite.folder_lock import FolderHeld
from onhook.web.serving import bind
from passage import Passage
from workplace import Working, Workplace, refusing, run_of, until


class Shift:
    """A worker that a test stops when it likes, and sees stopping."""

    def __init__(self, workplace: Workplace, **flags: str) -> None:
        self._workplace = workplace
        self._flags = flags
        self._stop = asyncio.Event()
        self._started: asyncio.Future[Working] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        async with self._workplace.working(**self._flags) as working:
            self._started.set_result(working)
            await self._stop.wait()

    async def begin(self) -> Working:
        await asyncio.wait({self._task, self._started}, return_when=asyncio.FIRST_COMPLETED)
        return self._started.result()

    def stop(self) -> None:
        self._stop.set()

    async def end(self) -> None:
        self.stop()
        async with asyncio.timeout(PATIENCE_S):
            await self._task


async def test_what_is_under_way_at_a_stop_is_finished_and_acknowledged(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD)
    events = [an_event() for _ in range(10)]
    shift = Shift(workplace, in_flight="9")
    working = await shift.begin()
    await working.publish(*events)
    # Four of the nine places are for fresh events: so many are under way, the others wait.
    begun = await endpoint.arrived(4)
    shift.stop()
    async with aiohttp.ClientSession(working.address) as session, session.get("/livez") as live:
        assert live.status == 200  # it answers until it is done
    endpoint.release()
    await shift.end()
    assert len(endpoint.requests) == 4
    assert await workplace.left_over() == {EVENT_FLOW: 6}
    async with workplace.working() as again:
        for event in events:
            run = await again.api.until_run(run_of(event), "done")
            assert [attempt["status"] for attempt in run["attempts"]] == [204]
    assert len(endpoint.requests) == 10
    assert {each.json["InteractionId"] for each in begun} < {event["subject"] for event in events}
    assert await workplace.left_over() == {}


async def test_what_takes_longer_than_the_grace_comes_again(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(HELD, 204)
    event = an_event()
    async with workplace.working(grace="0.2") as working:
        await working.publish(event)
        await endpoint.arrived(1)
    assert await workplace.left_over() == {EVENT_FLOW: 1}
    async with workplace.working() as working:
        await working.api.until_run(run_of(event), "done")
    one, again = endpoint.requests
    assert (one.body, one.headers) == (again.body, again.headers)


async def test_what_is_held_in_memory_at_a_stop_comes_again(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(Answer(503, {"Retry-After": "3"}), 204)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "waiting")
    assert await workplace.left_over() == {RESUME: 1}
    async with workplace.working() as working:
        await working.api.until_run(run_of(event), "done")
    one, again = endpoint.requests
    assert again.at - one.at >= 3.0
    assert one.body == again.body


@pytest.mark.parametrize(
    "when", ["INSERT ON runs", "INSERT ON attempts", "UPDATE ON runs"], ids=lambda when: when
)
async def test_a_journal_that_cannot_be_written_holds_the_message(
    workplace: Workplace, endpoint: Endpoint, when: str
):
    event = an_event()
    async with workplace.working() as working:
        assert await working.api.readiness() == (200, {})
        with refusing(workplace.journal, when):
            await working.publish(event)
            status, troubles = await until(working.api.readiness, lambda answer: answer[0] == 503)
            assert (status, list(troubles)) == (503, ["journal"])
            assert "the disk is full in this test" in troubles["journal"]
        run = await working.api.until_run(run_of(event), "done")
        assert await working.api.readiness() == (200, {})
    assert len(endpoint.requests) == len(run["attempts"]) == 1
    assert await workplace.left_over() == {}


async def test_a_message_that_the_journal_cannot_take_comes_again_after_a_stop(
    workplace: Workplace, endpoint: Endpoint
):
    event = an_event()
    with ExitStack() as full:
        async with workplace.working(grace="0.2") as working:
            full.enter_context(refusing(workplace.journal, "INSERT ON attempts"))
            await working.publish(event)
            await endpoint.arrived(1)
    assert await workplace.left_over() == {EVENT_FLOW: 1}
    async with workplace.working() as working:
        await working.api.until_run(run_of(event), "done")
    one, again = endpoint.requests
    assert (one.body, one.headers) == (again.body, again.headers)


async def test_filtered_and_unreadable_messages_wait_for_the_journal_too(
    workplace: Workplace, endpoint: Endpoint
):
    known, unknown = an_event("AgentAnswered"), an_event(flow="Nowhere")
    async with workplace.working() as working:
        for when, event in (("INSERT ON events", known), ("INSERT ON dead_letters", unknown)):
            with refusing(workplace.journal, when):
                await working.publish(event)
                await until(working.api.readiness, lambda answer: answer[0] == 503)
        await working.api.dead_letters(1)
        history = await until(
            lambda: working.api.get(f"/interactions/{known['subject']}"), lambda it: it["events"]
        )
        assert not history["runs"]
    left = await workplace.left_over()
    assert left == {"onhook.dead.unprocessable": 1}


# The bus away: only a broker can be


@pytest.fixture
async def far(
    amqp_vhost_url: str, tmp_path: Path, endpoint: Endpoint
) -> AsyncIterator[tuple[Workplace, Passage]]:
    """A workplace whose broker is behind a passage that can be closed."""
    async with Passage(amqp_vhost_url) as passage:
        yield (
            Workplace(
                "rabbitmq", lambda: rabbitmq.connect(passage.url, name="far"), tmp_path, endpoint
            ),
            passage,
        )


async def test_connections_that_the_broker_closes_cost_no_message_and_repeat_none(
    amqp_vhost_url: str, broker: Broker, tmp_path: Path, endpoint: Endpoint
):
    def open_bus():
        return rabbitmq.connect(amqp_vhost_url, name="worker test")

    workplace = Workplace("rabbitmq", open_bus, tmp_path, endpoint)
    endpoint.plan(HELD)
    events = [an_event() for _ in range(60)]
    async with workplace.working(in_flight="40") as working:
        await working.publish(*events)
        await endpoint.arrived(20)
        vhost = broker.vhost_of(amqp_vhost_url)
        await asyncio.to_thread(broker.close_connections, vhost, 2)
        endpoint.release()
        for event in events:
            await working.api.until_run(run_of(event), "done")
        await until(working.api.readiness, lambda answer: answer[0] == 200)
    delivered = [request.json["InteractionId"] for request in endpoint.requests]
    assert sorted(delivered) == sorted(event["subject"] for event in events)
    assert await workplace.left_over() == {}


async def test_readiness_says_that_the_bus_is_away_and_comes_back(
    far: tuple[Workplace, Passage], endpoint: Endpoint
):
    workplace, passage = far
    event = an_event()
    async with workplace.working() as working:
        assert await working.api.readiness() == (200, {})
        await passage.close()
        status, troubles = await until(working.api.readiness, lambda answer: answer[0] == 503)
        assert list(troubles) == ["bus"]
        status, _ = await working.api.ask("GET", "/livez")
        assert status == 200
        status, _ = await working.api.ask("GET", "/queues")
        assert status == 503
        await passage.open()
        await until(working.api.readiness, lambda answer: answer == (200, {}))
        await working.publish(event)
        await working.api.until_run(run_of(event), "done")


async def test_a_run_that_must_wait_while_the_bus_is_away_is_kept_and_repeated_once(
    far: tuple[Workplace, Passage], endpoint: Endpoint
):
    workplace, passage = far
    endpoint.plan(Answer(500, held=True), 204)
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        await endpoint.arrived(1)
        await passage.close()
        await until(working.api.readiness, lambda answer: answer[0] == 503)
        endpoint.release()
        # The answer is in; its continuation has nowhere to go.
        await until(lambda: working.api.run(run_of(event)), lambda run: len(run["attempts"]) == 1)
        await passage.open()
        run = await working.api.until_run(run_of(event), "done")
    # The message came again on the new connection: overtaken, or waiting for the run's turn.
    assert [attempt["status"] for attempt in run["attempts"]] == [500, 204]
    assert await workplace.left_over() == {}


async def test_a_worker_that_starts_while_the_bus_is_away_begins_when_it_comes(
    far: tuple[Workplace, Passage], endpoint: Endpoint
):
    workplace, passage = far
    event = an_event()
    async with workplace.open_bus() as bus:
        await bus.wait_ready()
    await passage.close()
    async with workplace.working() as working:
        status, troubles = await working.api.readiness()
        assert (status, list(troubles)) == (503, ["bus"])
        await passage.open()
        await until(working.api.readiness, lambda answer: answer == (200, {}))
        await working.publish(event)
        await working.api.until_run(run_of(event), "done")


async def test_a_stop_while_the_bus_is_away_ends_within_the_grace(
    far: tuple[Workplace, Passage], endpoint: Endpoint
):
    workplace, passage = far
    endpoint.plan(500)
    event = an_event()
    shift = Shift(workplace, grace="0.5")
    working = await shift.begin()
    await working.publish(event)
    await endpoint.arrived(1)
    await passage.close()
    await until(working.api.readiness, lambda answer: answer[0] == 503)
    started = asyncio.get_running_loop().time()
    await shift.end()
    assert asyncio.get_running_loop().time() - started < 10
    await passage.open()
    left = await workplace.left_over()
    assert sum(left.values()) == 1


# The start


async def test_a_second_worker_on_the_same_folder_is_told_of_the_first(
    workplace: Workplace, endpoint: Endpoint
):
    async with workplace.open_bus() as bus, workplace.working_on(bus):
        with pytest.raises(FolderHeld, match=r"in use by the event-flow worker \(process \d+\)"):
            async with workplace.working_on(bus):
                pass


async def test_a_worker_without_a_webhook_says_so_at_the_start(
    workplace: Workplace, endpoint: Endpoint
):
    settings = workplace.settings(webhook_url="")
    with pytest.raises(WebhookUnset, match="set ONHOOK_WEBHOOK_URL"):
        async with (
            workplace.open_bus() as bus,
            running(
                settings,
                bus,
                bind("127.0.0.1", 0, "X"),
                egress_allow=(),
                public_url="http://127.0.0.1",
                needs_webhook=True,
            ),
        ):
            pass


async def test_a_restart_publishes_no_version_and_moves_no_label(
    workplace: Workplace, endpoint: Endpoint
):
    one = a_flow("Main_Flow", a_request("P", endpoint.url("/one")))
    two = a_flow("Main_Flow", a_request("P", endpoint.url("/two")))
    folder = workplace.flow_folder(one)
    for _ in range(2):
        async with workplace.working(flows=folder) as working:
            assert not any("onhook flow publish" in line for line in working.worker.lines)
            (flow,) = await working.api.get("/flows")
            assert (flow["name"], flow["version"], flow["labels"]) == (
                "Main_Flow",
                1,
                {"Latest": 1},
            )
            event = an_event(flow="Main_Flow")
            await working.publish(event)
            await working.api.until_run(run_of(event, "Main_Flow"), "done")
    async with workplace.working(flows=workplace.flow_folder(two)) as working:
        (flow,) = await working.api.get("/flows")
        assert flow["version"] == 2
    # The file goes back to what was published before: nothing moves, and it is said.
    async with workplace.working(flows=workplace.flow_folder(one)) as working:
        (line,) = [line for line in working.worker.lines if "onhook flow publish" in line]
        file = Path(folder) / "Main_Flow.json"
        assert line == (
            f"{file} is Main_Flow v1, Latest is v2; to publish the file: onhook flow publish {file}"
        )
        (flow,) = await working.api.get("/flows")
        assert flow["labels"] == {"Latest": 2}


async def test_the_packaged_flow_is_published_only_where_there_is_no_other(
    workplace: Workplace, endpoint: Endpoint
):
    folder = workplace.flow_folder(a_flow("Mine", a_request("P", endpoint.url())))
    async with workplace.working(flows=folder) as working:
        assert [flow["name"] for flow in await working.api.get("/flows")] == ["Mine"]
    async with workplace.working() as working:
        assert [flow["name"] for flow in await working.api.get("/flows")] == ["Mine"]


async def test_a_flow_that_cannot_run_is_refused_by_name(workplace: Workplace, endpoint: Endpoint):
    bad = a_flow("Bad", a_request("P", endpoint.url(), httpRequestBody="{{ 1 + }}"))
    async with workplace.working() as working:
        status, problem = await working.api.ask("POST", "/flows", bad)
        assert status == 422
        assert 'flow "Bad": OH1002 node "P": httpRequestBody' in problem["error"]["message"]
        status, _ = await working.api.ask("GET", "/flows/Bad")
        assert status == 404
        main = await working.api.get("/flows/Main_Flow")
        answer = await working.api.post("/flows", main["file"])
        assert (answer["version"], answer["is_new"]) == (1, False)

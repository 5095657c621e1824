"""`kill -9`, and an exact account of every event: captured, dead or still queued, and how often.

Real processes, on a real broker and on the embedded bus. `pytest -s` shows the counts.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec
import pytest

from command import Command, serving, up
from endpoint import HELD, PATIENCE_S, Endpoint, Plan, Received, serving_endpoint
from flows import a_flow, a_request, an_event
from onhook.bus import embedded, rabbitmq
from onhook.bus.port import Bus, Message
from onhook.contracts.event import MalformedEvent, decode_event
from onhook.contracts.run import MalformedRun, decode_run
from onhook.contracts.topology import (
    CALL_EMULATOR,
    EVENTS_EXCHANGE,
    UNDELIVERED,
    UNPROCESSABLE,
    event_key,
)
from workplace import publish, until

GOOD, DOOMED, NOISE = 1_000, 50, 50
KILLED_AFTER = 300
IN_FLIGHT = 256
"""The default of ONHOOK_IN_FLIGHT: what a kill may repeat."""
FRESH = 127
"""The part of it that is for fresh events."""
FAILS_EVERY = 20


@dataclass(frozen=True)
class Scene:
    """A bus, and the process that is killed on it."""

    open_bus: Callable[[], AbstractAsyncContextManager[Bus]]
    start: Callable[[], AbstractAsyncContextManager[Command]]
    endpoint: Endpoint
    journal: Path


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with serving_endpoint() as serving_one:
        yield serving_one


@pytest.fixture(params=["rabbitmq", "embedded"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, endpoint: Endpoint) -> Scene:
    """The worker alone on RabbitMQ, or the whole of `onhook up` on the embedded bus."""
    journal = tmp_path / "onhook-data" / "event-flow" / "journal.sqlite"
    words = ["--flows", flow_folder(tmp_path, endpoint), "--retry-scale", "0.002"]
    # One endpoint is to have all that a lane has under way, and to answer 410 again and again.
    words += ["--endpoint-in-flight", str(IN_FLIGHT), "--endpoint-breaker", "0"]
    if request.param == "embedded":
        file = tmp_path / "onhook-data" / "bus" / "bus.sqlite"
        words += ["--port", "0", "--to", endpoint.url()]
        return Scene(
            lambda: embedded.opened(file), lambda: serving("up", *words, cwd=tmp_path),
            endpoint, journal,
        )  # fmt: skip
    url = request.getfixturevalue("amqp_vhost_url")
    words += ["--worker-port", "0", "--webhook-url", endpoint.url()]
    words += ["--egress-allow", f"127.0.0.1:{endpoint.port}"]
    return Scene(
        lambda: rabbitmq.connect(url, name="kill test"),
        lambda: serving("event-flow", *words, cwd=tmp_path, amqp_url=url),
        endpoint, journal,
    )  # fmt: skip


def flow_folder(folder: Path, endpoint: Endpoint) -> str:
    """The packaged flow, one whose endpoint is gone, and one with two requests."""
    inside = folder / "flows"
    inside.mkdir()
    main = files("onhook.flow").joinpath("main_flow.json").read_bytes()
    (inside / "main_flow.json").write_bytes(main)
    first, second = (a_request(name, endpoint.url(f"/{name}")) for name in ("first", "second"))
    for flow in (
        a_flow("Doomed", a_request("Post", endpoint.url("/gone"))),
        a_flow("Two", first, second),
        a_flow("Popped", a_pop(), a_request("after", endpoint.url("/after"))),
    ):
        (inside / f"{flow['name']}.json").write_bytes(msgspec.json.encode(flow))
    return str(inside)


def a_pop() -> dict[str, Any]:
    url = "https://crm.example.com/?interaction={{NewPhoneContact.InteractionId}}"
    properties = {"activityName": "screen-pop", "screenPopUrl": url, "target": "insideDesktop"}
    return {"id": "id-pop", "name": "Pop", "properties": properties}


async def publish_everything(scene: Scene) -> set[str]:
    """Good events, and among them doomed ones and noise; what identifies each."""
    good = [an_event() for _ in range(GOOD)]
    doomed = [an_event(flow="Doomed") for _ in range(DOOMED)]
    noise = [f"noise {uuid4()}" for _ in range(NOISE)]
    async with scene.open_bus() as bus, asyncio.TaskGroup() as publishing:
        for number, event in enumerate(good):
            publishing.create_task(publish(bus, event))
            which, rest = divmod(number, GOOD // DOOMED)
            if rest == 0:
                publishing.create_task(publish(bus, doomed[which]))
                publishing.create_task(publish_text(bus, noise[which]))
    return {event["subject"] for event in (*good, *doomed)} | set(noise)


async def publish_text(bus: Bus, text: str) -> None:
    message = Message(body=text.encode(), message_id=str(uuid4()))
    await bus.publish(EVENTS_EXCHANGE, event_key("AgentDisconnect"), message)


def identity(body: bytes) -> str:
    """The interaction that a message is about, or the noise itself."""
    for read in (lambda: decode_run(body).event, lambda: decode_event(body)):
        try:
            return read().interaction_id or ""
        except (MalformedRun, MalformedEvent):
            continue
    return body.decode()


async def contents(scene: Scene) -> dict[str, list[str]]:
    """What lies in every queue, looked at and left there."""
    found: dict[str, list[str]] = {}
    async with scene.open_bus() as bus:
        for queue, depth in (await bus.depths()).items():
            if not depth:
                continue
            async with bus.consume(queue, depth) as messages, asyncio.timeout(PATIENCE_S):
                found[queue] = [identity((await anext(messages)).body) for _ in range(depth)]
    return found


class Hook:
    """How the endpoint behaves at /hook, and what it has accepted."""

    def __init__(self, endpoint: Endpoint, *, hangs_after: int | None) -> None:
        self._hangs_after = hangs_after
        self._seen: set[str] = set()
        self.captured: Counter[str] = Counter()
        """How often each interaction came, but for the request that was refused."""
        endpoint.plan(410, path="/gone")
        endpoint.decide = self.decide

    def decide(self, received: Received) -> Plan | None:
        if received.path != "/hook":
            return None
        interaction = received.json["InteractionId"]
        is_new = interaction not in self._seen
        self._seen.add(interaction)
        if is_new and len(self._seen) % FAILS_EVERY == 0:
            return 500
        self.captured[interaction] += 1
        hangs = self._hangs_after is not None and len(self._seen) > self._hangs_after
        return HELD if hangs else 204


@dataclass(frozen=True)
class Account:
    """Where everything is that was published."""

    published: set[str]
    captured: Counter[str]
    queues: dict[str, list[str]]

    @property
    def dead(self) -> set[str]:
        return {
            each for queue in (UNDELIVERED, UNPROCESSABLE) for each in self.queues.get(queue, ())
        }

    @property
    def queued(self) -> set[str]:
        return {each for inside in self.queues.values() for each in inside} - self.dead

    @property
    def repeated(self) -> int:
        return self.captured.total() - len(self.captured)

    @property
    def is_complete(self) -> bool:
        return self.captured.keys() | self.dead | self.queued == self.published

    def __str__(self) -> str:
        return (
            f"published {len(self.published)}, captured {len(self.captured)}, dead "
            f"{len(self.dead)}, queued {len(self.queued)}; repeated {self.repeated}"
        )


async def account_of(scene: Scene, published: set[str], hook: Hook) -> Account:
    """While no worker is there, and once what it had out has come back."""

    async def take() -> Account:
        return Account(published, Counter(hook.captured), await contents(scene))

    return await until(take, lambda account: account.is_complete)


@pytest.mark.parametrize("hangs_after", [None, KILLED_AFTER], ids=["flowing", "hanging"])
async def test_a_kill_loses_nothing_and_repeats_at_most_what_was_in_flight(
    scene: Scene, hangs_after: int | None
):
    """Of 1,000 events, 50 whose endpoint is gone and 50 messages of noise, all queued."""
    published = await publish_everything(scene)
    hook = Hook(scene.endpoint, hangs_after=hangs_after)
    async with scene.start() as worker:
        await scene.endpoint.arrived(KILLED_AFTER + (FRESH if hangs_after else 0), "/hook")
        assert await worker.end(signal.SIGKILL) == -signal.SIGKILL
    scene.endpoint.release()
    killed = await account_of(scene, published, hook)
    print(f"\nkilled:  {killed}")
    assert len(killed.captured) < GOOD

    async with scene.start() as worker:
        await until(_count(hook.captured), lambda count: count == GOOD)
        assert await worker.end(signal.SIGTERM) == 0
    after = await account_of(scene, published, hook)
    print(f"after:   {after}")
    assert len(after.captured) == GOOD
    assert len(after.dead) == DOOMED + NOISE
    assert not after.queued
    assert after.repeated <= IN_FLIGHT


def _count(captured: Counter[str]) -> Callable[[], Any]:
    async def probe() -> int:
        return len(captured)

    return probe


async def test_a_kill_between_two_requests_never_repeats_a_first_that_was_recorded(scene: Scene):
    events = [an_event(flow="Two") for _ in range(300)]
    async with scene.open_bus() as bus, asyncio.TaskGroup() as publishing:
        for event in events:
            publishing.create_task(publish(bus, event))
    async with scene.start() as worker:
        await scene.endpoint.arrived(100, "/second")
        await worker.end(signal.SIGKILL)
    recorded = runs_beyond_their_first(scene.journal)
    async with scene.start() as worker:
        interactions = {event["subject"] for event in events}
        await until(_paths(scene.endpoint, "/second"), lambda seen: seen.keys() == interactions)
        assert await worker.end() == 0
    firsts = Counter(each.json["interaction"] for each in scene.endpoint.at("/first"))
    seconds = Counter(each.json["interaction"] for each in scene.endpoint.at("/second"))
    repeated = {interaction for interaction, count in firsts.items() if count > 1}
    print(
        f"\nfirst: {len(firsts)}, repeated {firsts.total() - len(firsts)}; second: {len(seconds)}, "
        f"repeated {seconds.total() - len(seconds)}; recorded at the kill: {len(recorded)}"
    )
    assert len(recorded) >= 90
    assert not repeated & recorded
    assert firsts.keys() == seconds.keys() == interactions
    assert await contents(scene) == {}


def _paths(endpoint: Endpoint, path: str) -> Callable[[], Any]:
    async def probe() -> Counter[str]:
        return Counter(each.json["interaction"] for each in endpoint.at(path))

    return probe


async def test_a_kill_asks_again_only_for_screen_pops_that_were_not_recorded(scene: Scene):
    """The same event each time: a desktop shows it once, by its id."""
    events = [an_event(flow="Popped") for _ in range(300)]
    interactions = {event["subject"] for event in events}
    async with scene.open_bus() as bus, asyncio.TaskGroup() as publishing:
        for event in events:
            publishing.create_task(publish(bus, event))
    async with scene.start() as worker:
        await scene.endpoint.arrived(100, "/after")
        await worker.end(signal.SIGKILL)
    recorded = {row[0] for row in rows_of(scene.journal, "SELECT id FROM screen_pops")}
    async with scene.start() as worker:
        await until(_paths(scene.endpoint, "/after"), lambda seen: seen.keys() == interactions)
        assert await worker.end() == 0
    asked = Counter[str]()
    about = set()
    async with scene.open_bus() as bus:
        depth = (await bus.depths())[CALL_EMULATOR]
        async with bus.consume(CALL_EMULATOR, depth) as messages, asyncio.timeout(PATIENCE_S):
            for _ in range(depth):
                pop = msgspec.json.decode((await anext(messages)).body)
                asked[pop["id"]] += 1
                about.add(pop["subject"])
    again = {each for each, count in asked.items() if count > 1}
    print(f"\nasked for {asked.total()}, again {len(again)}; recorded at the kill {len(recorded)}")
    assert about == interactions
    assert len(asked) == len(interactions)
    assert len(recorded) >= 90
    assert not again & recorded
    assert asked.total() - len(asked) <= IN_FLIGHT


def rows_of(journal: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(journal)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def runs_beyond_their_first(journal: Path) -> set[str]:
    """Interactions whose first request is recorded as finished."""
    rows = rows_of(
        journal,
        "SELECT interaction_id FROM runs "
        "WHERE step > 0 OR state = 'done' OR instr(results, 'id-first#1') > 0",
    )
    return {row[0] for row in rows}


async def test_the_sink_of_a_killed_onhook_up_holds_every_event(tmp_path: Path):
    """All three services die together; each capture was answered only once it was stored."""
    events = [an_event() for _ in range(GOOD)]
    file = tmp_path / "onhook-data" / "bus" / "bus.sqlite"
    async with embedded.opened(file) as bus, asyncio.TaskGroup() as publishing:
        for event in events:
            publishing.create_task(publish(bus, event))
    async with up(cwd=tmp_path) as running:
        before = await until(_total(running.captures), lambda total: total >= KILLED_AFTER)
        await running.command.end(signal.SIGKILL)
    async with up(cwd=tmp_path) as running:
        captured: Counter[str] = Counter()

        async def distinct() -> int:
            captured.clear()
            captured.update(await captured_by_the_sink(running.captures))
            return len(captured)

        await until(distinct, lambda count: count == GOOD)
        assert await running.command.end() == 0
    repeated = captured.total() - len(captured)
    print(f"\npublished {GOOD}; killed at {before}; captured {len(captured)}, repeated {repeated}")
    assert captured.keys() == {event["subject"] for event in events}
    assert repeated <= IN_FLIGHT
    async with embedded.opened(file) as bus:
        assert not any((await bus.depths()).values())


def _total(captures: str) -> Callable[[], Any]:
    async def probe() -> int:
        return int((await _page(captures, 1))["total"])

    return probe


async def captured_by_the_sink(captures: str) -> list[str]:
    """The interaction of every capture."""
    found: list[str] = []
    number = 1
    while True:
        page = await _page(captures, number)
        found += [msgspec.json.decode(each["content"])["InteractionId"] for each in page["data"]]
        if page["is_last_page"]:
            return found
        number += 1


async def _page(captures: str, number: int) -> dict[str, Any]:
    query = {"page": str(number), "per_page": "100"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(captures, params=query) as response,
    ):
        answer: dict[str, Any] = await response.json()
        return answer

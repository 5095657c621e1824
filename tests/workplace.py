"""A place for an event-flow worker to work in: a bus, a data folder, an endpoint to deliver to.

Workers come and go on it, as processes would: each opens the bus and the journal anew. What a
test sees of them is what an operator sees: the endpoint, the HTTP API, the queues, the notices.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import aiohttp
import msgspec

from endpoint import PATIENCE_S, Endpoint
from onhook.bus.port import Bus, Delivery, Message
from onhook.contracts.run import flow_id_of, run_id_of
from onhook.contracts.topology import EVENTS_EXCHANGE, event_key
from onhook.event_flow.app import EventFlowWorker, running
from onhook.event_flow.notice import AttemptMade, Notice
from onhook.settings import Settings, load
from onhook.up.addresses import rule_for
from onhook.web.serving import address_of, bind

OpenBus = Callable[[], AbstractAsyncContextManager[Bus]]
T = TypeVar("T")
N = TypeVar("N", bound=Notice)

QUICK = "0.002"
"""Waits of 10 ms, 60 ms, 240 ms, 1.2 s, 3.6 s: below 5 s, so the resume lane holds them."""


async def until(probe: Callable[[], Awaitable[T]], is_it: Callable[[T], bool]) -> T:
    """Ask until the answer is right; the last answer shows where it never is."""
    seen: list[T] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                seen[:] = [await probe()]
                if is_it(seen[0]):
                    return seen[0]
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never came true; last: {seen}") from None


class Api:
    """A worker's HTTP API."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._session.request(method, path, json=body) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> Any:
        status, answer = await self.ask("GET", path)
        assert status == 200, answer
        return answer

    async def post(self, path: str, body: Any = None) -> Any:
        status, answer = await self.ask("POST", path, body)
        assert status < 300, answer
        return answer

    async def run(self, run_id: str) -> dict[str, Any]:
        """A run's row, with its attempts."""
        found = await self.get(f"/runs/{run_id}")
        return {**found["run"], "attempts": found["attempts"]}

    async def until_run(self, run_id: str, state: str) -> dict[str, Any]:
        async def probe() -> dict[str, Any]:
            status, found = await self.ask("GET", f"/runs/{run_id}")
            return {**found["run"], "attempts": found["attempts"]} if status == 200 else found

        return await until(probe, lambda run: run.get("state") == state)

    async def dead_letters(self, count: int) -> list[dict[str, Any]]:
        """The index, once it holds that many."""
        return await until(
            lambda: self.get("/dead-letters?limit=1000"), lambda found: len(found) >= count
        )

    async def readiness(self) -> tuple[int, dict[str, str]]:
        status, answer = await self.ask("GET", "/readyz")
        return status, answer["troubles"]


class Working:
    """A worker at work, and what it told."""

    def __init__(
        self, bus: Bus, address: str, api: Api, worker: EventFlowWorker, told: Told
    ) -> None:
        self.bus = bus
        self.address = address
        self.api = api
        self.worker = worker
        self.told = told

    async def publish(self, *events: dict[str, Any]) -> None:
        for event in events:
            await publish(self.bus, event)

    async def taken(self, queue: str, message_id: str) -> Delivery:
        """A message that must be in that queue, or come there; it stays there."""
        found = await until(
            lambda: self.bus.take(queue, message_id), lambda found: found is not None
        )
        assert found is not None
        await found.give_back()
        return found

    async def try_on(self, run_id: str, *, longest_s: float = 0.5) -> AttemptMade:
        """Let a run go on to its end, trying now where it would wait longer; its last attempt."""
        seen = 0
        while True:
            attempts = await self.told.attempts(run_id, seen + 1)
            last, seen = attempts[-1], len(attempts)
            if last.again_in_s is None:
                return last
            if last.again_in_s > longest_s:
                await self.api.post(f"/runs/{run_id}/try-now")


class Told:
    """A worker's notices, to be waited for."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self._changed = asyncio.Event()

    def __call__(self, notice: Notice) -> None:
        self.notices.append(notice)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def of(self, kind: type[N]) -> list[N]:
        return [notice for notice in self.notices if isinstance(notice, kind)]

    async def until(self, kind: type[N], count: int, is_it: Callable[[N], bool]) -> list[N]:
        async with asyncio.timeout(PATIENCE_S):
            while len(found := [each for each in self.of(kind) if is_it(each)]) < count:
                await self._changed.wait()
        return found

    async def attempts(self, run_id: str, count: int = 1) -> list[AttemptMade]:
        return await self.until(AttemptMade, count, lambda attempt: attempt.run_id == run_id)


class Workplace:
    def __init__(self, kind: str, open_bus: OpenBus, folder: Path, endpoint: Endpoint) -> None:
        self.kind = kind
        self.open_bus = open_bus
        self.folder = folder
        self.endpoint = endpoint

    def settings(self, **flags: str) -> Settings:
        given = {
            "data": str(self.folder),
            "synchronous": "normal",
            "retry_scale": QUICK,
            "webhook_url": self.endpoint.url(),
            "grace": "5",
            "endpoint_breaker": "0",
        }
        return load({}, given | flags)

    @property
    def journal(self) -> Path:
        return self.settings().journal_database()

    def flow_folder(self, *flows: dict[str, Any]) -> str:
        """A folder with these flows, for ONHOOK_FLOWS."""
        folder = self.folder / "flows"
        folder.mkdir(exist_ok=True)
        for flow in flows:
            (folder / f"{flow['name']}.json").write_bytes(msgspec.json.encode(flow))
        return str(folder)

    @asynccontextmanager
    async def working(
        self, *, through: Callable[[Bus], Bus] = lambda bus: bus, **flags: str
    ) -> AsyncIterator[Working]:
        """A worker, until the context ends. `through` puts something between it and the bus."""
        async with self.open_bus() as bus, self.working_on(bus, through=through, **flags) as one:
            yield one

    @asynccontextmanager
    async def working_on(
        self, bus: Bus, *, through: Callable[[Bus], Bus] = lambda bus: bus, **flags: str
    ) -> AsyncIterator[Working]:
        """A worker on a bus that stays open after it."""
        settings, told = self.settings(**flags), Told()
        listener = bind("127.0.0.1", 0, "ONHOOK_WORKER_PORT")
        address = address_of(listener, "127.0.0.1")
        async with (
            running(
                settings,
                through(bus),
                listener,
                egress_allow=(*settings.egress_allow, rule_for(self.endpoint.url())),
                public_url=address,
                observe=told,
            ) as worker,
            aiohttp.ClientSession(address) as session,
        ):
            yield Working(bus, address, Api(session), worker, told)

    async def left_over(self) -> dict[str, int]:
        """What lies in the queues, by queue, while no worker is there."""
        async with self.open_bus() as bus:
            return {name: depth for name, depth in (await bus.depths()).items() if depth}


async def publish(bus: Bus, event: dict[str, Any]) -> None:
    """As the contact centre would."""
    message = Message(
        body=msgspec.json.encode(event), message_id=str(uuid4()), type=str(event["type"])
    )
    await bus.publish(EVENTS_EXCHANGE, event_key(str(event["type"])), message)


def run_of(event: dict[str, Any], flow: str = "Main_Flow") -> str:
    """The id of an event's run."""
    return run_id_of(event["source"], event["id"], flow_id_of(flow))


@contextmanager
def refusing(database: Path, when: str) -> Iterator[None]:
    """A database whose disk is full for some writes: `when` is a trigger's BEFORE clause.

    For example "INSERT ON attempts", or "UPDATE ON runs WHEN NEW.step = 1".
    """
    execute(
        database,
        f"CREATE TRIGGER refusing BEFORE {when} "
        "BEGIN SELECT RAISE(ABORT, 'the disk is full in this test'); END",
    )
    try:
        yield
    finally:
        execute(database, "DROP TRIGGER refusing")


def rows_of(database: Path, query: str) -> list[tuple[Any, ...]]:
    """What a database holds, seen from outside."""
    connection = sqlite3.connect(database, timeout=PATIENCE_S)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def execute(database: Path, statement: str) -> None:
    """Change a database from outside, as nobody should."""
    connection = sqlite3.connect(database, timeout=PATIENCE_S)
    try:
        with connection:
            connection.execute(statement)
    finally:
        connection.close()

"""Parts of the call emulator's tests: a bus that records and fails on demand, and an emulator on it.

The bus keeps the port's promises and reads every event that it takes as a consumer would.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from cloudevents.core.formats.json import JSONFormat

from onhook.bus.port import Bus, BusUnavailable, Delivery, Message, PublishUncertain
from onhook.call_emulator.app import running
from onhook.call_emulator.emulator import CallEmulator, FlowVersion
from onhook.call_emulator.store import MIGRATIONS, CallStore
from onhook.contracts.event import CONTENT_TYPE, decode_event
from onhook.contracts.topology import EVENTS_EXCHANGE
from onhook.settings import Settings, load
from onhook.settings.contact_centre import ContactCentre, load_contact_centre
from onhook.sqlite import Database
from onhook.web.serving import address_of, bind

LIFE = (
    "NewPhoneContact",
    "AgentOffered",
    "AgentAnswered",
    "AgentDisconnect",
    "PhoneContactEnded",
)


class Stored:
    """A fault: the event is stored, but its confirm never comes."""


class RecordingBus:
    """A Bus that takes events and remembers them. `faults` are used up one a publish."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.faults: deque[Exception | Stored | None] = deque()
        self.attempted: list[str] = []
        """Ids of events whose publish was tried, stored or not."""
        self._is_up = asyncio.Event()
        self._is_up.set()
        self._took_one = asyncio.Event()

    def go_down(self) -> None:
        self._is_up.clear()

    def come_back(self) -> None:
        self._is_up.set()

    @property
    def is_ready(self) -> bool:
        return self._is_up.is_set()

    @property
    def trouble(self) -> str | None:
        return None if self.is_ready else "the bus is down for this test"

    async def wait_ready(self) -> None:
        await self._is_up.wait()

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        event = decode_event(message.body)
        self.attempted.append(event.id)
        if not self.is_ready:
            raise BusUnavailable(self.trouble)
        fault = self.faults.popleft() if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        check_event(exchange, routing_key, message)
        assert message.message_id not in {each.message_id for each in self.messages}
        self.messages.append(message)
        self._took_one.set()
        if isinstance(fault, Stored):
            raise PublishUncertain("no confirm")

    def consume(
        self, queue: str, prefetch: int
    ) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        raise BusUnavailable("this bus only takes")

    async def take(self, queue: str, message_id: str) -> Delivery | None:
        return None

    async def take_all(self, queue: str, message_ids: Collection[str]) -> list[Delivery]:
        return []

    async def depths(self) -> dict[str, int]:
        return {}

    async def close(self) -> None:
        self.go_down()

    # What a test asks

    async def has_taken(self, count: int) -> None:
        """Return once that many events are stored."""
        async with asyncio.timeout(10):
            while len(self.messages) < count:
                self._took_one.clear()
                await self._took_one.wait()

    def types(self, interaction: str | None = None) -> list[str]:
        """Event types in the order of publishing, of one call or of all."""
        return [
            event.type
            for event in map(decode_event, (message.body for message in self.messages))
            if interaction in (None, event.subject)
        ]

    def ids(self) -> list[str]:
        return [decode_event(message.body).id for message in self.messages]

    def data(self, event_type: str) -> dict[str, Any]:
        """The template context of the last event of that type."""
        events = [decode_event(message.body) for message in self.messages]
        return next(event.data for event in reversed(events) if event.type == event_type)


def check_event(exchange: str, routing_key: str, message: Message) -> None:
    """What every published event must be, read by our decoder and by the CloudEvents SDK."""
    event = decode_event(message.body)
    foreign = JSONFormat().read(None, message.body)
    assert (foreign.get_id(), foreign.get_type()) == (event.id, event.type)
    assert (foreign.get_source(), foreign.get_subject()) == (event.source, event.subject)
    assert foreign.get_data() == event.data
    assert exchange == EVENTS_EXCHANGE
    assert routing_key == f"contact.voice.{event.type}"
    assert message.type == event.type
    assert message.content_type == CONTENT_TYPE
    assert event.data["NewPhoneContact"]["InteractionId"] == event.subject
    assert event.type in event.data


class Clock:
    """A clock that moves a second each time it is read."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


async def no_version(_flow: str, _label: str) -> int | None:
    return None


@asynccontextmanager
async def emulator_on(
    path: Path,
    bus: Bus,
    *,
    centre: ContactCentre | None = None,
    flow_version: FlowVersion = no_version,
    ended_calls_kept: int = 10_000,
) -> AsyncIterator[CallEmulator]:
    """An emulator without HTTP, with `path` as its file."""
    async with Database.opened(path, MIGRATIONS, synchronous="NORMAL") as database:
        yield CallEmulator(
            centre or load_contact_centre(None),
            CallStore(database, ended_calls_kept=ended_calls_kept),
            bus,
            flow_version=flow_version,
            clock=Clock(),
            new_id=lambda: str(uuid4()),
        )


def settings_in(folder: Path, **flags: str) -> Settings:
    return load({}, {"data": str(folder), "synchronous": "normal", "grace": "5", **flags})


@asynccontextmanager
async def served(
    folder: Path, bus: Bus, *, worker_url: str = "", **flags: str
) -> AsyncIterator[tuple[Client, CallEmulator]]:
    """The whole service on a free port, and a client of it."""
    settings = settings_in(folder, **flags)
    listener = bind("127.0.0.1", 0, "ONHOOK_EMULATOR_PORT")
    address = address_of(listener, "127.0.0.1")
    async with (
        running(settings, bus, listener, worker_url=worker_url, public_url=address) as emulator,
        aiohttp.ClientSession() as session,
    ):
        yield Client(session, address), emulator


class Answer:
    """An HTTP answer, read."""

    def __init__(self, status: int, headers: dict[str, str], body: Any) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self) -> str:
        return f"{self.status} {self.body}"

    @property
    def error(self) -> str:
        message: str = self.body["error"]["message"]
        return message

    @property
    def possible(self) -> list[str]:
        possible: list[str] = self.body["error"]["possible"]
        return possible


class Client:
    """Speaks JSON to the emulator."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self.address = address

    async def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        async with self._session.request(
            method, self.address + path, json=body, headers=headers
        ) as response:
            return Answer(response.status, dict(response.headers), await response.json())

    async def get(self, path: str) -> Answer:
        return await self.send("GET", path)

    async def post(self, path: str, body: Any = None) -> Answer:
        return await self.send("POST", path, body)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.send("PUT", path, body)

    async def make_available(self, agent: str = "ada") -> None:
        assert (await self.post(f"/agents/{agent}/login")).status == 200
        state = await self.post(f"/agents/{agent}/state", {"state": "Available"})
        assert state.status == 200

    async def place(self, **call: Any) -> str:
        """A call's interaction id."""
        answer = await self.post("/calls", call)
        assert answer.status == 201, answer
        interaction: str = answer.body["interaction_id"]
        return interaction


def in_order(types: list[str]) -> bool:
    """Whether a call's events came in the order of its life; an offer may be repeated."""
    places = [LIFE.index(each) for each in types]
    return places == sorted(places) and types.count("PhoneContactEnded") <= 1

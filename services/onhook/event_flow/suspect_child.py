"""The process that runs suspects, one at a time: a worker without lanes, on its parent's journal and
bus.

`python -m onhook.event_flow.suspect_child FD` is started by suspect.py and by nobody else. It ends
when its parent does.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import socket
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, cast

from onhook.bus.port import Bus
from onhook.contracts.topology import SUSPECT
from onhook.egress.client import connected
from onhook.egress.connector_client import Outgoing, keys_of
from onhook.egress.connectors import load_connectors
from onhook.egress.shadow import ShadowOutgoing
from onhook.event_flow.catalogue import Catalogue
from onhook.event_flow.endpoint_desk import EndpointDesk
from onhook.event_flow.endpoint_rule import EndpointRules, everywhere
from onhook.event_flow.endpoints import Endpoints
from onhook.event_flow.handover import Handover
from onhook.event_flow.lane import Lane, Slots
from onhook.event_flow.override_desk import OverrideDesk
from onhook.event_flow.overrides import load_overrides
from onhook.event_flow.replay import Replay
from onhook.event_flow.retry import Policy
from onhook.event_flow.run_lock import RunLocks
from onhook.event_flow.runner import Parts, Runner
from onhook.event_flow.sealing import keys_for
from onhook.event_flow.sources import load_sources
from onhook.event_flow.suspect_link import (
    Answer,
    Ask,
    Begin,
    Done,
    Link,
    Ping,
    Ready,
    Remote,
    Suspect,
    Tell,
)
from onhook.event_flow.worker import Worker
from onhook.journal.port import Journal
from onhook.settings.contact_centre import load_contact_centre


def _now() -> datetime:
    return datetime.now(UTC)


class Child:
    def __init__(self, link: Link) -> None:
        self._link = link
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._suspects: asyncio.Queue[Suspect] = asyncio.Queue()

    async def run(self) -> None:
        """Until the parent is gone."""
        begin = await self._link.next()
        assert isinstance(begin, Begin)
        async with AsyncExitStack() as stack:
            reading = asyncio.create_task(self._read())
            working = asyncio.create_task(self._work(begin, stack))
            await asyncio.wait({reading, working}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
            working.cancel()

    async def _read(self) -> None:
        while True:
            try:
                frame = await self._link.next()
            except EOFError:
                return
            if isinstance(frame, Suspect):
                self._suspects.put_nowait(frame)
            elif isinstance(frame, Ping):
                self._link.send(frame)
            elif isinstance(frame, Answer):
                asked = self._asked.pop(frame.number)
                if asked.done():
                    continue
                if frame.error is None:
                    asked.set_result(frame.value)
                else:
                    asked.set_exception(frame.error)

    async def _ask(self, whose: str, method: str, arguments: Any, named: Any) -> Any:
        number = next(self._numbers)
        asked = self._asked[number] = asyncio.get_running_loop().create_future()
        self._link.send(Ask(number, whose, method, arguments, named))
        return await asked

    async def _work(self, begin: Begin, stack: AsyncExitStack) -> None:
        worker = await self._worker(begin, stack)
        self._link.send(Ready())
        slots = Slots(Lane(queue=SUSPECT, slots=1, prefetch=1), _now)
        while True:
            suspect = await self._suspects.get()
            await worker.handle(suspect, slots)
            self._link.send(Done())

    async def _worker(self, begin: Begin, stack: AsyncExitStack) -> Worker:
        """As app.py wires it, but for lanes, API and the stores."""
        settings = begin.settings
        journal = cast("Journal", Remote("journal", self._ask))
        bus = cast("Bus", Remote("bus", self._ask))
        sources = load_sources(settings.sources, settings.amqp_url, os.environ)
        centre = load_contact_centre(settings.contact_centre)
        overrides = load_overrides(settings.overrides, settings.webhook_url, begin.to)
        connectors = load_connectors(settings.connectors, os.environ)
        policy = Policy(scale=settings.retry_scale)
        rules = EndpointRules(everywhere(settings, policy), connectors.rules)
        keys = keys_for(settings.run_key, settings.data / "event-flow", makes_one=False)
        catalogue = await Catalogue.loaded(
            journal,
            centre,
            connectors.urls,
            can_seal=keys.can_seal,
            event_types=sources.event_types,
        )
        await OverrideDesk.opened(journal, catalogue, overrides, keys, _now)
        client = await stack.enter_async_context(connected(begin.egress_allow))
        ways = ShadowOutgoing if settings.shadow else Outgoing
        handover = Handover(bus, journal, _now)
        locks = RunLocks()
        endpoints = Endpoints(rules, _now, self._tell)
        replay = Replay(bus=bus, journal=journal, catalogue=catalogue, locks=locks, clock=_now)
        desk = EndpointDesk(journal, endpoints, replay, _now)
        await desk.refresh()
        runner = Runner(
            Parts(
                journal=journal,
                catalogue=catalogue,
                overrides=overrides,
                keys=keys,
                outgoing=ways(client, connectors, keys_of(settings.signing_secret), _now),
                endpoints=endpoints,
                note_endpoint=desk.noted,
                handover=handover,
                locks=locks,
                policy=policy,
                observe=self._tell,
                clock=_now,
                jitter=random.random,
                is_shadow=settings.shadow,
            )
        )
        return Worker(
            bus=bus,
            runner=runner,
            handover=handover,
            observe=self._tell,
            clock=_now,
            sources=sources,
            ignores_unknown=settings.unknown_events == "ignore",
        )

    def _tell(self, notice: Any) -> None:
        self._link.send(Tell(notice))


async def main(descriptor: int) -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    await Child(Link(reader, writer)).run()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

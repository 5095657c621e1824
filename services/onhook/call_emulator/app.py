"""The call emulator as a service: its parts wired by hand, opened in order, closed in reverse."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

from aiohttp import web

from onhook.bus.background import background
from onhook.bus.port import Bus
from onhook.call_emulator.api import describe
from onhook.call_emulator.emulator import CallEmulator
from onhook.call_emulator.flow_version import FlowVersions
from onhook.call_emulator.handlers import EMULATOR, PLAYER, PUBLIC_URL
from onhook.call_emulator.metrics import add_metrics
from onhook.call_emulator.play import Player
from onhook.call_emulator.recovery import Recovery
from onhook.call_emulator.store import MIGRATIONS, CallStore
from onhook.call_emulator.variables import starting_values
from onhook.settings import Settings
from onhook.settings.contact_centre import load_contact_centre
from onhook.sqlite import Database
from onhook.sqlite.folder_lock import held
from onhook.web.app import build_app
from onhook.web.guard import own_hosts
from onhook.web.health import Check
from onhook.web.metrics import Registry
from onhook.web.serving import serving

FOLDER = "call-emulator"


@asynccontextmanager
async def running(
    settings: Settings, bus: Bus, listener: socket.socket, *, worker_url: str, public_url: str
) -> AsyncIterator[CallEmulator]:
    """Serve on `listener` until the context ends.

    Calls that an earlier process left open are ended first, or as soon as the bus is there; the
    emulator's `recovered` then says so. Raises ContactCentreError, FolderHeld or StorageError.
    """
    centre = load_contact_centre(settings.contact_centre)
    starting_values(centre, None)  # a default of the wrong type is told now, not at a call
    folder = settings.data / FOLDER
    with held(folder, "the call emulator"):
        async with (
            Database.opened(
                folder / "calls.sqlite", MIGRATIONS, synchronous=settings.synchronous.upper()
            ) as database,
            FlowVersions.opened(worker_url) as flow_version,
        ):
            store = CallStore(database)
            recovery = Recovery(store, bus, clock=_now, new_id=_new_id)
            emulator = CallEmulator(
                centre, store, bus, flow_version=flow_version, clock=_now, new_id=_new_id
            )
            await recovery.load()
            if bus.is_ready:
                await recovery.attempt()
            emulator.recovered = recovery.found
            checks: dict[str, Check] = {
                "bus": lambda: bus.trouble,
                "database": lambda: store.trouble,
                "recovery": lambda: recovery.trouble,
            }
            app = _web_app(settings, emulator, public_url, checks)
            async with background() as tasks, serving(app, listener, grace_s=settings.grace):
                tasks.start(_work(emulator, recovery), "call emulator")
                tasks.start(store.keep_probing(), "call store")
                yield emulator


async def _work(emulator: CallEmulator, recovery: Recovery) -> None:
    await recovery.run()
    emulator.recovered = recovery.found
    await emulator.keep_offering()


def _web_app(
    settings: Settings, emulator: CallEmulator, public_url: str, checks: dict[str, Check]
) -> web.Application:
    hosts = own_hosts(
        settings.host, [public_url, settings.emulator_url, settings.emulator_public_url]
    )
    registry = Registry()
    add_metrics(registry, emulator)
    app = build_app(describe(), hosts=hosts, checks=checks, registry=registry)
    app[EMULATOR] = emulator
    app[PLAYER] = Player(emulator)
    app[PUBLIC_URL] = public_url
    return app


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid4())

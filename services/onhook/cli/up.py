"""`onhook up`: all three services until Ctrl-C, and a line each way as it happens."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time

import msgspec

from onhook.bus.background import background
from onhook.bus.port import BusError
from onhook.cli import logs, process, show
from onhook.cli.enter import enter_pressed
from onhook.cli.failure import Failure
from onhook.cli.main import STARTED, settings_from
from onhook.cli.played import play_and_show
from onhook.egress.port import SendError
from onhook.egress.target import read_target
from onhook.event_flow.notice import Notice
from onhook.journal.port import JournalError
from onhook.settings import SettingError, Settings
from onhook.settings.contact_centre import load_contact_centre
from onhook.settings.reading import webhook_url
from onhook.up import app
from onhook.up.app import Up


def execute(given: argparse.Namespace) -> int:
    settings = _with_ports(settings_from(given, log_level="error"), given.port)
    if given.to is not None:
        try:
            _check_target(given.to)
        except ValueError as error:
            raise SettingError(f"--to {error}") from None
    logs.configure(settings.log_level, settings.log_format)
    process.run(lambda stopping: _serve(settings, given, stopping))
    return 0


def _check_target(address: str) -> None:
    """Raises ValueError saying what is wrong with an address to deliver to."""
    if not webhook_url(address):
        raise ValueError("is empty; give it the address to deliver to")
    try:
        read_target(address)
    except SendError as error:
        raise ValueError(f"cannot be delivered to: {error.message}") from None


def _with_ports(settings: Settings, first: int | None) -> Settings:
    if first is None:
        return settings
    if not 0 <= first <= 65_533:
        raise Failure("--port must be from 0 to 65533", 2)
    ports = [0, 0, 0] if first == 0 else [first, first + 1, first + 2]
    return msgspec.structs.replace(
        settings, emulator_port=ports[0], worker_port=ports[1], sink_port=ports[2]
    )


async def _serve(settings: Settings, given: argparse.Namespace, stopping: asyncio.Event) -> None:
    notices = show.Notices()

    def tell(notice: Notice) -> None:
        line = notices.line(notice)
        if line is not None and not given.json:
            _say(line)

    async with app.running(settings, to=given.to, observe=tell) as up:
        if given.json:
            await _ready_or_stopped(up, stopping)
        ready_ms = round((time.monotonic() - STARTED) * 1000)
        if not (given.json and stopping.is_set()):
            _say(_ready(up, ready_ms, as_json=given.json))
        if given.json:
            await stopping.wait()
            return
        if given.demo:
            await play_and_show(up, who="Ada Lovelace", say=_say)
            _say("\nServing until Ctrl-C. Enter tries what waits now.")
        with enter_pressed() as enter:
            async with background() as tasks:
                tasks.start(_try_on_enter(up, enter), "enter")
                await stopping.wait()
        _say("\nStopping: finishing what is under way")


def _ready(up: Up, ready_ms: int, *, as_json: bool) -> str:
    settings = up.settings
    if as_json:
        return msgspec.json.encode(
            {
                "emulator": settings.emulator_url,
                "worker": settings.worker_url,
                "sink": settings.sink_url,
                "webhook_url": up.webhook_url,
                "token": settings.sink_token,
                "ready_ms": ready_ms,
            }
        ).decode()
    centre = load_contact_centre(settings.contact_centre)
    return "\n".join(
        show.start_lines(settings, centre, up.webhook_url, up.found, up.bus.trouble, ready_ms)
    )


async def _ready_or_stopped(up: Up, stopping: asyncio.Event) -> None:
    """Wait for the bus, for whoever reads that all is ready and nothing else."""
    ready = asyncio.create_task(up.bus.wait_ready())
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({ready, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            ready.result()
    finally:
        ready.cancel()
        stopped.cancel()


async def _try_on_enter(up: Up, enter: asyncio.Event) -> None:
    """Each Enter tries what waits now."""
    while await enter.wait():
        enter.clear()
        _say(await _try_all_now(up))


async def _try_all_now(up: Up) -> str:
    try:
        tried = await up.worker.replay.try_all_now()
    except (BusError, JournalError) as error:
        return f"not now: {error}"
    return f"trying {tried} now" if tried else "nothing waits"


def _say(text: str) -> None:
    """A line on stdout; when nothing takes it any more, the services go on without."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""`onhook sink`: the sink alone."""

from __future__ import annotations

import argparse
import asyncio

from onhook.cli import logs, process
from onhook.cli.main import settings_from
from onhook.cli.serve import announce
from onhook.settings import Settings
from onhook.sink import app
from onhook.up.addresses import with_addresses
from onhook.web.serving import address_of, bind


def execute(given: argparse.Namespace) -> int:
    settings = settings_from(given)
    logs.configure(settings.log_level, settings.log_format)
    process.run(lambda stopping: _serve(settings, stopping))
    return 0


async def _serve(settings: Settings, stopping: asyncio.Event) -> None:
    listener = bind(settings.host, settings.sink_port, "ONHOOK_SINK_PORT")
    settings = with_addresses(settings, {"sink": address_of(listener, settings.host)})
    async with app.running(settings, listener, public_url=settings.sink_public_url):
        announce("sink", settings.sink_public_url)
        await stopping.wait()

"""`onhook call-emulator`: the call emulator alone, on a broker."""

from __future__ import annotations

import argparse
import asyncio

import msgspec

from onhook.bus import rabbitmq
from onhook.call_emulator import app
from onhook.cli import logs, process
from onhook.cli.main import settings_from
from onhook.cli.serve import announce, need_broker
from onhook.settings import Settings
from onhook.up.addresses import expected_addresses, with_addresses
from onhook.web.serving import address_of, bind


def execute(given: argparse.Namespace) -> int:
    settings = settings_from(given)
    need_broker(settings, "call-emulator")
    logs.configure(settings.log_level, settings.log_format)
    process.run(lambda stopping: _serve(settings, stopping))
    return 0


async def _serve(settings: Settings, stopping: asyncio.Event) -> None:
    listener = bind(settings.host, settings.emulator_port, "ONHOOK_EMULATOR_PORT")
    worker_url = expected_addresses(settings).worker_url
    settings = with_addresses(settings, {"emulator": address_of(listener, settings.host)})
    settings = msgspec.structs.replace(settings, worker_url=worker_url)
    async with (
        rabbitmq.connect(
            settings.amqp_url, declare=settings.declare, name="onhook call-emulator"
        ) as bus,
        app.running(
            settings,
            bus,
            listener,
            worker_url=worker_url,
            public_url=settings.emulator_public_url,
        ),
    ):
        announce("call-emulator", settings.emulator_public_url)
        await stopping.wait()

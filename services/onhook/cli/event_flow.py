"""`onhook event-flow`: the event-flow worker alone, on a broker."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from onhook.bus import embedded, rabbitmq
from onhook.bus.port import Bus
from onhook.cli import logs, process
from onhook.cli.main import settings_from
from onhook.cli.serve import announce, found, need_broker
from onhook.event_flow import app
from onhook.event_flow.shadow import shadowed
from onhook.settings import Settings
from onhook.sqlite.folder_lock import held
from onhook.up.addresses import expected_addresses, rule_for, with_addresses
from onhook.web.serving import address_of, bind


def execute(given: argparse.Namespace) -> int:
    settings = settings_from(given)
    need_broker(settings, "event-flow")
    logs.configure(settings.log_level, settings.log_format)
    process.run(lambda stopping: _serve(settings, stopping))
    return 0


async def _serve(settings: Settings, stopping: asyncio.Event) -> None:
    listener = bind(settings.host, settings.worker_port, "ONHOOK_WORKER_PORT")
    sink_rule = rule_for(expected_addresses(settings).sink_url)
    settings = with_addresses(settings, {"worker": address_of(listener, settings.host)})
    async with (
        _bus(settings) as bus,
        app.running(
            settings,
            bus,
            listener,
            egress_allow=(*settings.egress_allow, sink_rule),
            public_url=settings.worker_public_url,
            needs_webhook=True,
        ) as worker,
    ):
        for line in worker.lines:
            found(line)
        announce("event-flow", settings.worker_public_url)
        await stopping.wait()


@asynccontextmanager
async def _bus(settings: Settings) -> AsyncIterator[Bus]:
    """The broker; of a shadow a bus of its own, on which nobody finds what it puts there."""
    if not settings.shadow:
        async with rabbitmq.connect(
            settings.amqp_url, declare=settings.declare, name="onhook event-flow"
        ) as bus:
            yield bus
        return
    folder = shadowed(settings).data / "bus"
    with held(folder, "`onhook event-flow --shadow`"):
        async with embedded.opened(folder / "bus.sqlite", synchronous=settings.synchronous) as bus:
            yield bus

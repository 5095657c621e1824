"""All three services in one process, wired by hand: a bus, the sink, the worker, the emulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from msgspec import Struct

from onhook.bus import embedded, rabbitmq
from onhook.bus.port import Bus
from onhook.call_emulator import app as call_emulator
from onhook.contracts.topology import UNDELIVERED, UNPROCESSABLE
from onhook.event_flow import app as event_flow
from onhook.event_flow.app import EventFlowWorker
from onhook.event_flow.notice import Observer, ignore
from onhook.event_flow.shadow import shadowed
from onhook.settings import SettingError, Settings
from onhook.sink import app as sink
from onhook.sink.capture import Captured
from onhook.sqlite.folder_lock import held
from onhook.up.addresses import bound, rule_for

DEAD = frozenset({UNDELIVERED, UNPROCESSABLE})


class Up(Struct, frozen=True, kw_only=True):
    """What runs: addresses are in `settings`; `found` are lines about what was there already."""

    settings: Settings
    webhook_url: str
    bus: Bus
    worker: EventFlowWorker
    found: tuple[str, ...]


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    to: str | None = None,
    observe: Observer = ignore,
    observe_capture: Callable[[Captured], None] | None = None,
) -> AsyncIterator[Up]:
    """Run everything until the context ends. `to` delivers there instead, and allows that origin.

    Raises PortTaken, FolderHeld, BusError, StorageError, JournalError, FlowError or SettingError.
    """
    if settings.shadow and settings.amqp_url:
        raise SettingError(
            "ONHOOK_SHADOW is for `onhook event-flow` on a broker, beside a live worker; with "
            "`onhook up` unset it, or unset ONHOOK_AMQP_URL"
        )
    async with AsyncExitStack() as stack:
        listeners = stack.enter_context(bound(settings))
        settings = listeners.settings
        sink_webhook = f"{settings.sink_url}/{settings.sink_token}"
        webhook_url = to or settings.webhook_url or sink_webhook
        settings = msgspec.structs.replace(settings, webhook_url=webhook_url)
        allowed = [*settings.egress_allow, rule_for(settings.sink_url)]
        if to:
            allowed.append(rule_for(to))
        bus = await stack.enter_async_context(_bus(settings))
        queued = await _queued(bus, settings)  # before the worker takes what waits
        captures = await stack.enter_async_context(
            sink.running(
                settings,
                listeners.sink,
                public_url=settings.sink_public_url,
                observe=observe_capture,
            )
        )
        worker = await stack.enter_async_context(
            event_flow.running(
                settings,
                bus,
                listeners.worker,
                egress_allow=tuple(allowed),
                public_url=settings.worker_public_url,
                observe=observe,
                to=to,
            )
        )
        emulator = await stack.enter_async_context(
            call_emulator.running(
                settings,
                bus,
                listeners.emulator,
                worker_url=settings.worker_url,
                public_url=settings.emulator_public_url,
            )
        )
        found = list(worker.lines)
        if captures.stored:
            found.append(f"{_counted(captures.stored, 'capture')} from before")
        if emulator.recovered:
            found.append(emulator.recovered)
        found += queued
        yield Up(
            settings=settings,
            webhook_url=worker.webhook_url or webhook_url,
            bus=bus,
            worker=worker,
            found=tuple(found),
        )


@asynccontextmanager
async def _bus(settings: Settings) -> AsyncIterator[Bus]:
    if settings.amqp_url:
        async with rabbitmq.connect(
            settings.amqp_url, declare=settings.declare, name="onhook up"
        ) as bus:
            yield bus
        return
    folder = (shadowed(settings) if settings.shadow else settings).data / "bus"
    with held(folder, "`onhook up`"):
        async with embedded.opened(folder / "bus.sqlite", synchronous=settings.synchronous) as bus:
            yield bus


async def _queued(bus: Bus, settings: Settings) -> list[str]:
    if not bus.is_ready:
        return []
    lines = []
    for name, count in (await bus.depths()).items():
        if count:
            hint = f", see {settings.worker_public_url}/dead-letters" if name in DEAD else ""
            lines.append(f"{_counted(count, 'message')} in {name}{hint}")
    return lines


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"

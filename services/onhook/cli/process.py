"""Running a service in this process: the event loop, signals, and user errors as one line."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from onhook.bus.port import BusError
from onhook.cli.failure import Failure
from onhook.event_flow.overrides import OverridesError
from onhook.event_flow.webhook_check import WebhookUnset
from onhook.flow.errors import FlowError
from onhook.journal.port import JournalError
from onhook.settings import SettingError
from onhook.settings.contact_centre import ContactCentreError
from onhook.sqlite import StorageError
from onhook.sqlite.folder_lock import FolderHeld
from onhook.web.serving import PortTaken

T = TypeVar("T")

USER_ERRORS = (
    BusError,
    ContactCentreError,
    FlowError,
    FolderHeld,
    JournalError,
    OverridesError,
    PortTaken,
    SettingError,
    StorageError,
    WebhookUnset,
)


def run(work: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T:
    """Run `work(stopping)`; SIGINT and SIGTERM set `stopping`, a second SIGINT ends at once.

    Raises Failure for what the user can mend.
    """
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_supervised(work))
    except USER_ERRORS as error:
        raise Failure(str(error)) from None


async def _supervised(work: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if stopping.is_set():
            loop.remove_signal_handler(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        stopping.set()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    return await work(stopping)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not on Windows

    return uvloop.new_event_loop

"""aiormq's many ways to fail, as the port's few.

May live here: exceptions and their one-line texts. It must not open or hold a connection, and no
text of it may carry a password.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiormq.exceptions import AMQPError, ChannelInvalidStateError

from onhook.bus.port import BusUnavailable


def was_cancelled() -> bool:
    """Whether the CancelledError in hand is meant for the running task.

    aiormq also hands one to whoever waited on a connection that it closed; that is no
    cancellation, and taking it for one would end a supervisor silently.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@contextmanager
def broker_faults() -> Iterator[None]:
    """Raise BusUnavailable for whatever the client library raises when its connection fails."""
    try:
        yield
    except asyncio.CancelledError as error:
        if was_cancelled():
            raise
        raise BusUnavailable("the connection was closed") from error
    except TimeoutError as error:
        raise BusUnavailable("the broker did not answer in time") from error
    except (AMQPError, ChannelInvalidStateError, OSError, RuntimeError) as error:
        raise BusUnavailable(describe(error)) from error


def describe(error: BaseException | None) -> str:
    """One line for a person: what the broker or the socket said."""
    if error is None:
        return "the connection was closed"
    if isinstance(error, asyncio.CancelledError):  # what the library's heartbeat ends it with
        return "the broker fell silent: no heartbeat"
    said = " ".join(str(argument) for argument in error.args if argument not in (None, ""))
    return " ".join(said.split()) or type(error).__name__


def how_it_ended(observer: asyncio.Future[Any]) -> str:
    """Why a connection or channel closed; `observer` is its finished `closing`."""
    return describe(None if observer.cancelled() else observer.exception())

"""One supervised connection to RabbitMQ: opened, watched, opened again, for ever.

May live here: connecting, backing off, noticing the end. It must not know what the connection is
used for: whoever makes a Link gives it a `prepare`, run on each new connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import aiormq
import structlog
from aiormq.channel import Channel
from aiormq.connection import Connection
from aiormq.exceptions import (
    AuthenticationError,
    ConnectionClosed,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from yarl import URL

from onhook.bus.backoff import Backoff
from onhook.bus.port import AccessRefused, BusError, BusUnavailable, TopologyMismatch
from onhook.bus.rabbitmq.faults import broker_faults, describe, how_it_ended

HEARTBEAT_S = 15
CONNECT_TIMEOUT_S = 8.0
CLOSE_TIMEOUT_S = 3.0
RPC_TIMEOUT_S = 20.0
"""Given by `asyncio.timeout` around the library's calls, never as their own `timeout`: that goes
through `asyncio.wait_for`, which on Python 3.11 may swallow a cancellation."""
STEADY_S = 5.0
"""A connection that lived this long was a good one: the next wait starts at the shortest again."""
FRAMES_BUFFERED = 256
"""Frames of a channel that wait to be read; the library's 10 costs a task switch every third
message."""

Prepare = Callable[[Connection], Awaitable[Sequence[Channel]]]
"""Makes a new connection usable; returns the channels without which it is not."""

log = structlog.get_logger(__name__)


def broker_url(text: str) -> URL:
    """The broker's address with our heartbeat; BusError when it is no AMQP address."""
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("amqp", "amqps") or not url.host:
        raise BusError(
            "the broker's address must look like amqp://user:password@host:5672/vhost; "
            "set ONHOOK_AMQP_URL"
        )
    if "heartbeat" not in url.query:
        url = url.update_query(heartbeat=HEARTBEAT_S)
    return url


def masked(url: URL) -> str:
    """The address as it may be shown."""
    shown = url.with_query(None)
    return str(shown.with_password("***") if shown.password else shown)


def quiet_the_library() -> None:
    """aiormq logs each failed attempt, with a traceback; the Link says the same in one line."""
    library = logging.getLogger("aiormq")
    if library.level == logging.NOTSET:
        library.setLevel(logging.CRITICAL)


async def open_channel(connection: Connection, *, confirms: bool = False) -> Channel:
    async with asyncio.timeout(RPC_TIMEOUT_S):
        channel = await connection.channel(
            publisher_confirms=confirms, frame_buffer_size=FRAMES_BUFFERED
        )
    assert isinstance(channel, Channel)
    return channel


async def close_channel(channel: Channel) -> None:
    """Close it; what it has out comes again. No error when it is closed, or its connection gone."""
    with suppress(BusUnavailable), broker_faults():
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await channel.close()


class Link:
    """Keeps one connection open. `run` is its supervisor and ends only by being cancelled."""

    def __init__(
        self, url: URL, name: str, prepare: Prepare, *, setting: str = "ONHOOK_AMQP_URL"
    ) -> None:
        """`setting`: where the address stands, for errors."""
        self._url = url
        self._name = name
        self._prepare = prepare
        self._setting = setting
        self._connection: Connection | None = None
        self._has_been_up = False
        self._changed = asyncio.Event()
        self.trouble: str | None = f"{masked(url)}: not connected yet"
        self.refusal: BusError | None = None
        """Set while the broker answers but will not have us as we are."""
        self.attempted = asyncio.Event()
        """Set once the first attempt came to an end, good or bad."""

    @property
    def is_up(self) -> bool:
        return self._connection is not None

    def connection(self) -> Connection:
        """The open connection; raises BusUnavailable when there is none."""
        if self._connection is None:
            raise BusUnavailable(self.trouble or "not connected")
        return self._connection

    async def up(self) -> Connection:
        """Wait for a connection, and return it."""
        while self._connection is None:
            await self._changed.wait()
        return self._connection

    async def up_or_refused(self) -> None:
        """Wait for a connection; raises the refusal if there has never been one."""
        while self._connection is None:
            if self.refusal is not None and not self._has_been_up:
                raise self.refusal
            await self._changed.wait()

    async def run(self) -> None:
        backoff = Backoff()
        while True:
            if await self._connect_and_watch() > STEADY_S:
                backoff.reset()
            wait_s = backoff.next_s()
            log.warning(
                "broker connection is down",
                link=self._name,
                reason=self.trouble,
                retry_in_s=round(wait_s, 1),
            )
            await asyncio.sleep(wait_s)

    async def _connect_and_watch(self) -> float:
        """One connection, from its opening to its end; `trouble` says how it ended.

        Returns for how many seconds it was up.
        """
        connection: Connection | None = None
        clock = asyncio.get_running_loop().time
        up_s = 0.0
        try:
            with broker_faults():
                connection = await self._open()
                watched = await self._prepare(connection)
        except (AccessRefused, TopologyMismatch) as refusal:
            self._went_down(str(refusal), refusal)
        except BusUnavailable as fault:
            self._went_down(f"{masked(self._url)}: {fault}")
        else:
            self._came_up(connection)
            up_at = clock()
            reason = await _first_end(connection, watched)
            up_s = clock() - up_at
            self._went_down(f"{masked(self._url)}: {reason}")
        finally:
            self._connection = None
            if connection is not None:
                await _discard(connection)
        return up_s

    async def _open(self) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await aiormq.connect(
                    self._url, client_properties={"connection_name": self._name}
                )
        except (AuthenticationError, ProbableAuthenticationError) as error:
            raise AccessRefused(
                f"{masked(self._url)}: the broker refuses this user or password; "
                f"check {self._setting}"
            ) from error
        except InvalidFrameError as error:
            # The library drops the text with which the broker refuses a virtual host.
            if "Connection.Close" not in describe(error):
                raise
            raise AccessRefused(
                f"{masked(self._url)}: the broker refuses this virtual host: it does not exist, "
                f"or this user may not use it; check {self._setting}"
            ) from error

    def _came_up(self, connection: Connection) -> None:
        self._connection = connection
        self._has_been_up = True
        self.trouble = None
        self.refusal = None
        log.info("broker connected", link=self._name, broker=masked(self._url))
        self._announce()

    def _went_down(self, reason: str, refusal: BusError | None = None) -> None:
        self._connection = None
        self.trouble = reason
        self.refusal = refusal
        self._announce()

    def _announce(self) -> None:
        self.attempted.set()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


async def _first_end(connection: Connection, channels: Sequence[Channel]) -> str:
    """Wait until the connection or one of the channels has ended; returns why."""
    watched = [connection.closing, *(channel.closing for channel in channels)]
    try:
        done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for observer in watched:
            observer.cancel()
    return how_it_ended(done.pop())


async def _discard(connection: Connection) -> None:
    """Close what is left of a connection, and free whoever still waits to write to it."""
    with suppress(BusUnavailable), broker_faults():
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await connection.close(ConnectionClosed(0, "closed by us"))
    # A writer that died leaves its bounded queue full, and a put() into it would never return.
    while not connection.write_queue.empty():
        connection.write_queue.get_nowait()

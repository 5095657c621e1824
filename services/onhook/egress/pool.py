"""Kept connections: the ones that are idle, by origin, and all that are open.

A connection is handed out again while it is usable, young, lately used, and its peer is one that
the guard allows. No bytes and no dialling here.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from onhook.egress.address_guard import Guard
from onhook.egress.connection import Connection
from onhook.egress.dialler import Origin

# Node closes idle connections after 5 s, as uvicorn does; most others wait longer.
IDLE_S = 4.0
# Long enough to cost nothing, short enough that a name which moves is followed.
LIFE_S = 300.0
_MOST_IDLE = 1024
_SWEEP_S = 1.0
_GOODBYE_S = 1.0


class Pool:
    """The connections of one client."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._idle: dict[Origin, list[Connection]] = {}
        self._idle_count = 0
        self._open: set[Connection] = set()
        self._all_gone = asyncio.Event()
        self._is_closed = False
        self._sweeper: asyncio.TimerHandle | None = None

    def take(self, origin: Origin, host: str, port: int) -> Connection | None:
        """An idle connection for a request whose socket goes to host:port, the latest used."""
        kept = self._idle.get(origin)
        now = self._loop.time()
        while kept:
            connection = kept.pop()
            self._idle_count -= 1
            if not connection.is_usable:
                continue
            if (
                now - connection.idle_since < IDLE_S
                and now - connection.opened_at < LIFE_S
                and self._guard.allows(host, port, connection.peer)
            ):
                return connection
            connection.close()
        return None

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose exchange has ended well, if it can serve another."""
        if not connection.is_usable:
            return
        if self._idle_count >= _MOST_IDLE or self._is_closed:
            connection.close()
            return
        connection.idle_since = self._loop.time()
        kept = self._idle.get(origin)
        if kept is None:
            self._idle[origin] = [connection]
        else:
            kept.append(connection)
        self._idle_count += 1
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def gone(self, connection: Connection) -> None:
        """The connection was lost or closed, by whomever."""
        self._open.discard(connection)
        if self._is_closed and not self._open:
            self._all_gone.set()

    async def close(self) -> None:
        """End every connection, and return when the loop is rid of them, or after a second."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._is_closed = True
        for connection in tuple(self._open):
            connection.abort()
        if self._open:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._all_gone.wait()

    def _sweep(self) -> None:
        """Close what has been idle too long, and forget origins that keep nothing."""
        oldest = self._loop.time() - IDLE_S
        for origin, kept in tuple(self._idle.items()):
            stays = [each for each in kept if each.is_usable and each.idle_since > oldest]
            for connection in kept:
                if connection.is_usable and connection.idle_since <= oldest:
                    connection.close()
            self._idle_count -= len(kept) - len(stays)
            if stays:
                self._idle[origin] = stays
            else:
                del self._idle[origin]
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep) if self._idle else None

"""Waiting for the bus without hammering it. It must not know what is waited for."""

from __future__ import annotations

import asyncio

from onhook.bus.port import Bus, BusError

AGAIN_S = 0.5
"""Pause before something that a reachable bus refused is tried again."""
REFUSED_S = 5.0


async def bus_ready(bus: Bus) -> None:
    """Return once the bus is ready, however long that takes.

    A broker that refuses us (wrong password, queues that differ) is asked again: the service is
    not ready meanwhile and says why, and whoever opened the bus decides whether to give up.
    """
    while True:
        try:
            await bus.wait_ready()
        except BusError:
            await asyncio.sleep(REFUSED_S)
        else:
            return

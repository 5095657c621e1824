"""Names, resolved to the addresses that a delivery may reach.

Look-ups run in threads of their own, are bounded in time, and are shared by all who wait for the
same name. What is remembered was vetted; what failed or was barred is asked anew.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from onhook.egress.address_guard import Address, Guard, blocked_message
from onhook.egress.port import Fault, SendError

LookUp = Callable[[str], Iterable[str]]
"""The addresses of a name, as text; OSError when it has none. Called in a thread."""

_KEPT_S = 30.0
_MOST_KEPT = 1024
# A resolver that does not answer holds a thread for many seconds; the loop's own threads are few.
_THREADS = 16


class VettedNames:
    """Resolves names; every answer was asked of the guard."""

    def __init__(self, guard: Guard, look_up: LookUp) -> None:
        self._guard = guard
        self._look_up = look_up
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="onhook-dns")
        self._known: dict[tuple[str, int], tuple[float, tuple[Address, ...]]] = {}
        self._under_way: dict[str, asyncio.Future[tuple[Address, ...]]] = {}

    async def resolve(self, host: str, port: int) -> tuple[Address, ...]:
        """The addresses of host that may be reached at port, at least one.

        Raises SendError: DNS or BLOCKED.
        """
        now = asyncio.get_running_loop().time()
        known = self._known.get((host, port))
        if known is not None and now < known[0]:
            return known[1]
        found = await self._ask(host)
        reachable = tuple(each for each in found if self._guard.allows(host, port, str(each)))
        if not reachable:
            message = blocked_message(self._guard.rules, host, port, found[0])
            raise SendError(Fault.BLOCKED, message, 0.0)
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[host, port] = now + _KEPT_S, reachable
        return reachable

    def close(self) -> None:
        """Wait for no look-up: a resolver that hangs must not hold up the end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, host: str) -> tuple[Address, ...]:
        asking = self._under_way.get(host)
        if asking is None:
            loop = asyncio.get_running_loop()
            asking = loop.run_in_executor(self._threads, self._addresses, host)
            self._under_way[host] = asking
            asking.add_done_callback(lambda done: self._forget(host, done))
        # One who gives up does not end the look-up for the others.
        return await asyncio.shield(asking)

    def _forget(self, host: str, done: asyncio.Future[tuple[Address, ...]]) -> None:
        del self._under_way[host]
        if not done.cancelled():
            done.exception()  # perhaps nobody waits for it any more

    def _addresses(self, host: str) -> tuple[Address, ...]:
        try:
            found = tuple(ip_address(text) for text in self._look_up(host))
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise _unknown(host, (reason or "no address").lower()) from error
        if not found:
            raise _unknown(host, "no address")
        return found


def system_addresses(host: str) -> list[str]:
    """What the operating system knows of a name."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(info[4][0]) for info in found]


def _unknown(host: str, reason: str) -> SendError:
    return SendError(Fault.DNS, f'the name "{host}" does not resolve: {reason}', 0.0)

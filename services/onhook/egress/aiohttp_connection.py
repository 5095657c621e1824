"""How aiohttp gets its connections here: names resolved to vetted addresses, peers checked.

The address guard is asked twice: where a name is resolved, and where a socket is made, with the
very address that is about to be dialled in hand. No HTTP here: it ends at the open connection.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from ipaddress import ip_address
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct

from onhook.egress.address_guard import Address, blocked_message, may_reach
from onhook.egress.aiohttp_fault import ConnectionLost
from onhook.egress.port import Fault, SendError
from onhook.egress.target import Target
from onhook.settings.egress_rule import EgressRule

if TYPE_CHECKING:
    from aiohttp.connector import AddrInfoType, Connection
    from aiohttp.tracing import Trace

LookUp = Callable[[str], Iterable[str]]
"""The addresses of a name, as text; OSError when it has none. Called in a thread."""

_DNS_TTL_S = 30
# Node closes idle connections after 5 s, as uvicorn does; most others wait longer.
_KEEP_ALIVE_S = 4.0


class Attempt(Struct):
    """What the connector learns about the one request that this task sends."""

    target: Target
    barred: Address | None = None
    is_fresh: bool = False
    must_be_fresh: bool = False
    is_connected: bool = False


# The session gives its connector no word about who asks, and its happy eyeballs run in tasks of
# their own: these inherit the context.
current_attempt: ContextVar[Attempt] = ContextVar("onhook_egress_attempt")


class Guard:
    """The last check, with the very address that is about to be dialled in hand."""

    def __init__(self, rules: tuple[EgressRule, ...]) -> None:
        self._rules = rules

    def open_socket(self, info: AddrInfoType) -> socket.socket:
        """Make the socket for one address. Raises PermissionError instead of a barred one."""
        family, kind, protocol, _, dialled = info
        attempt = current_attempt.get()
        self.check(attempt, str(dialled[0]))
        attempt.is_fresh = True
        return socket.socket(family, kind, protocol)

    def check(self, attempt: Attempt, text: str) -> None:
        address = ip_address(text)
        if not may_reach(self._rules, attempt.target.host, attempt.target.port, address):
            attempt.barred = address
            # aiohttp gathers every OSError of a race between addresses and loses all others.
            raise PermissionError(f"{address} is barred")


class GuardedConnector(aiohttp.TCPConnector):
    """Hands out connections whose peer was checked and that nobody wrote into unasked.

    A pooled connection needs no second check: its peer cannot change, the rules do not, and the
    pool's key holds the host and port that the first check was about.
    """

    def __init__(
        self, rules: tuple[EgressRule, ...], resolver: AbstractResolver, tls: ssl.SSLContext | None
    ) -> None:
        guard = Guard(rules)
        super().__init__(
            limit=0,
            ssl=True if tls is None else tls,
            resolver=resolver,
            ttl_dns_cache=_DNS_TTL_S,
            keepalive_timeout=_KEEP_ALIVE_S,
            socket_factory=guard.open_socket,
        )
        self._guard = guard

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        """Get a connection from the pool, or make one."""
        attempt = current_attempt.get()
        while True:
            attempt.is_fresh = False
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if attempt.is_fresh:
                self._check_peer(attempt, connection)
                break
            # Bytes that came while it was idle would be taken for the answer to this request.
            if not attempt.must_be_fresh and protocol is not None and not protocol.should_close:
                break
            connection.close()
        attempt.is_connected = True
        return connection

    def _check_peer(self, attempt: Attempt, connection: Connection) -> None:
        transport = connection.transport
        peer = None if transport is None else transport.get_extra_info("peername")
        if peer is None:
            return  # it is gone already, and the request will say so
        try:
            self._guard.check(attempt, peer[0])
        except PermissionError as error:
            connection.close()
            raise ConnectionLost from error


class VettingResolver(AbstractResolver):
    """Resolves names to what may be reached; aiohttp caches these answers and no others."""

    def __init__(
        self, rules: tuple[EgressRule, ...], look_up: LookUp, threads: ThreadPoolExecutor
    ) -> None:
        self._rules = rules
        self._look_up = look_up
        self._threads = threads

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's signature
    ) -> list[ResolveResult]:
        """The addresses that may be reached. Raises SendError: DNS or BLOCKED."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, self._look_up, host)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise SendError(
                Fault.DNS,
                f'the name "{host}" does not resolve: {(reason or "no address").lower()}',
                0.0,
            ) from error
        addresses = [ip_address(text) for text in found]
        if not addresses:
            raise SendError(Fault.DNS, f'the name "{host}" does not resolve: no address', 0.0)
        reachable = [each for each in addresses if may_reach(self._rules, host, port, each)]
        if not reachable:
            message = blocked_message(self._rules, host, port, addresses[0])
            raise SendError(Fault.BLOCKED, message, 0.0)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in reachable
        ]

    async def close(self) -> None:
        """Nothing to close: the threads belong to who made them."""


def system_addresses(host: str) -> list[str]:
    """What the operating system knows of a name."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(info[4][0]) for info in found]

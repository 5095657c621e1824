"""How aiohttp gets its connections here: names resolved to vetted addresses, peers checked.

The address guard is asked twice: where a name is resolved, and where a socket is made, with the
very address that is about to be dialled in hand. No HTTP here: it ends at the open connection.
"""

from __future__ import annotations

import socket
import ssl
from contextvars import ContextVar
from ipaddress import ip_address
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct

from aiohttp_egress.fault import ConnectionLost
from onhook.egress.address_guard import Address, Guard
from onhook.egress.pool import IDLE_S
from onhook.egress.resolver import VettedNames
from onhook.egress.target import Target

if TYPE_CHECKING:
    from aiohttp.connector import AddrInfoType, Connection
    from aiohttp.tracing import Trace

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


class LastCheck:
    """The guard, asked with the very address that is about to be dialled in hand."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def open_socket(self, info: AddrInfoType) -> socket.socket:
        """Make the socket for one address. Raises PermissionError instead of a barred one."""
        family, kind, protocol, _, dialled = info
        attempt = current_attempt.get()
        self.check(attempt, str(dialled[0]))
        attempt.is_fresh = True
        return socket.socket(family, kind, protocol)

    def check(self, attempt: Attempt, address: str) -> None:
        if not self._guard.allows(attempt.target.host, attempt.target.port, address):
            attempt.barred = ip_address(address)
            # aiohttp gathers every OSError of a race between addresses and loses all others.
            raise PermissionError(f"{address} is barred")


class GuardedConnector(aiohttp.TCPConnector):
    """Hands out connections whose peer was checked and that nobody wrote into unasked.

    A pooled connection needs no second check: its peer cannot change, the rules do not, and the
    pool's key holds the host and port that the first check was about.
    """

    def __init__(
        self, guard: Guard, resolver: AbstractResolver, tls: ssl.SSLContext | None
    ) -> None:
        last_check = LastCheck(guard)
        super().__init__(
            limit=0,
            ssl=True if tls is None else tls,
            resolver=resolver,
            use_dns_cache=False,  # the product's resolver has its own
            keepalive_timeout=IDLE_S,
            socket_factory=last_check.open_socket,
        )
        self._last_check = last_check

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
            self._last_check.check(attempt, peer[0])
        except PermissionError as error:
            connection.close()
            raise ConnectionLost from error


class VettingResolver(AbstractResolver):
    """The product's resolver, as aiohttp calls one."""

    def __init__(self, names: VettedNames) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses that may be reached. Raises SendError: DNS or BLOCKED."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._names.resolve(host, port)
        ]

    async def close(self) -> None:
        """Nothing to close: the names belong to who made them."""

"""The client that delivers: lean HTTP/1.1 of our own, and what one send does.

What may be sent is decided in `head` and `target`, what may be reached in `address_guard`, which
`dialler` and `pool` ask; bytes are `connection`'s. Here a request becomes a response or a fault.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

from msgspec import Struct

from onhook.egress import fault_text
from onhook.egress.address_guard import Guard
from onhook.egress.connection import Answer, Connection
from onhook.egress.dialler import Dialler, Origin
from onhook.egress.end import Ended
from onhook.egress.head import check_head, write_request
from onhook.egress.pool import Pool
from onhook.egress.port import Client, Request, Response, SendError, Transport
from onhook.egress.proxy import Proxy, read_proxy
from onhook.egress.resolver import LookUp, VettedNames, system_addresses
from onhook.egress.target import Target, read_target
from onhook.egress.tls import TlsContexts
from onhook.settings.egress_rule import EgressRule

LARGEST_BODY = 256 * 1024
_KNOWN_ROUTES = 1024


@asynccontextmanager
async def connected(
    rules: tuple[EgressRule, ...],
    *,
    connect_timeout_s: float = 5,
    read_timeout_s: float = 10,
    largest_body: int = LARGEST_BODY,
    tls: ssl.SSLContext | None = None,
    look_up: LookUp | None = None,
) -> AsyncIterator[Client]:
    """Open a client that reaches public addresses and what `rules` allow.

    `connect_timeout_s` is for name, TCP, proxy and TLS together; `read_timeout_s` is the longest
    silence in the middle of a response; a request's own timeout covers everything. `tls` replaces
    the context of requests whose transport names no files. Close it after the last send has
    returned: what is still under way then is lost.
    """
    guard = Guard(rules)
    names = VettedNames(guard, look_up or system_addresses)
    pool = Pool(guard)

    def made() -> Connection:
        return Connection(largest_body, read_timeout_s, pool.gone)

    dialler = Dialler(guard, names, TlsContexts(tls), made)
    try:
        yield _LeanClient(pool, dialler, connect_timeout_s, read_timeout_s)
    finally:
        await pool.close()
        names.close()


class _Route(Struct, frozen=True):
    """What a URL and a transport come to: read and admitted once, used by every request."""

    target: Target
    proxy: Proxy | None
    origin: Origin
    start: str
    """What the request line holds behind the method, and the lines that depend on the URL alone."""

    @property
    def nearest(self) -> Target:
        """Where the socket goes."""
        return self.target if self.proxy is None else self.proxy.target


class _LeanClient:
    """The port's Client."""

    def __init__(
        self, pool: Pool, dialler: Dialler, connect_timeout_s: float, read_timeout_s: float
    ) -> None:
        self._pool = pool
        self._dialler = dialler
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._loop = asyncio.get_running_loop()
        self._routes: dict[tuple[str, Transport | None], _Route] = {}

    async def send(self, request: Request) -> Response:
        """Send once. Raises SendError when no response came."""
        started = perf_counter()
        deadline = self._loop.time() + request.timeout_s
        route = self._routes.get((request.url, request.transport)) or self._admit(request)
        names = check_head(request)
        data = write_request(f"{request.method} {route.start}", request, names)
        try:
            answer = await self._exchange(route, request, data, deadline)
        except SendError as error:
            raise SendError(error.fault, error.message, perf_counter() - started) from error
        return Response(
            status=answer.status,
            headers=tuple(
                [
                    (name.decode("latin-1"), value.decode("utf-8", "replace"))
                    for name, value in answer.headers
                ]
            ),
            body=answer.body,
            is_cut=answer.is_cut,
            elapsed_s=perf_counter() - started,
        )

    async def _exchange(
        self, route: _Route, request: Request, data: bytes, deadline: float
    ) -> Answer:
        is_head = request.method == "HEAD"
        nearest = route.nearest
        connection = self._pool.take(route.origin, nearest.host, nearest.port)
        is_kept = connection is not None
        while True:
            if connection is None:
                connection = await self._dial(route, request, deadline)
            try:
                answer = await connection.exchange(data, is_head=is_head, deadline=deadline)
            except Ended as ended:
                # A kept connection may have been closed while it was idle: send again, once and on
                # a fresh one. The endpoint tells a request that it did see by its webhook-id.
                if is_kept and ended.is_stale:
                    is_kept, connection = False, None
                    continue
                raise ended.fault(
                    route.target.where, request.timeout_s, self._read_timeout_s
                ) from ended
            self._pool.give_back(route.origin, connection)
            return answer

    async def _dial(self, route: _Route, request: Request, deadline: float) -> Connection:
        connect_by = self._loop.time() + self._connect_timeout_s
        try:
            async with asyncio.timeout_at(min(connect_by, deadline)):
                connection = await self._dialler.dial(route.target, route.proxy, request.transport)
        except TimeoutError as error:
            within_s = self._connect_timeout_s if connect_by < deadline else request.timeout_s
            raise fault_text.no_connection_in_time(route.target.where, within_s) from error
        if connection.is_usable:
            self._pool.opened(connection)
        return connection

    def _admit(self, request: Request) -> _Route:
        """Read and vet where a request goes, once for as long as it is in use."""
        target = read_target(request.url)
        transport = request.transport
        proxy = None
        if transport is not None and transport.proxy is not None:
            proxy = read_proxy(transport.proxy)
        self._dialler.admit(target, proxy)
        is_forwarded = proxy is not None and target.scheme == "http"
        host = target.host_header
        asked = f"http://{host}{target.path}" if is_forwarded else target.path
        lines = proxy.headers if proxy is not None and is_forwarded else ""
        route = _Route(
            target=target,
            proxy=proxy,
            origin=Origin(target.scheme, target.host, target.port, transport),
            start=f"{asked} HTTP/1.1\r\nHost: {host}\r\n{lines}",
        )
        if len(self._routes) >= _KNOWN_ROUTES:
            self._routes.clear()
        self._routes[request.url, transport] = route
        return route

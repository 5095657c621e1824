"""The client that delivers, on aiohttp: one session, and what one send does with it.

What may be sent is decided in `head` and `target`, what may be reached in `address_guard`, which
`connection` asks. Here a request becomes a response or a fault.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from aiohttp_egress.connection import Attempt, GuardedConnector, VettingResolver, current_attempt
from aiohttp_egress.fault import ConnectionLost, describe
from onhook.egress import fault_text
from onhook.egress.address_guard import Address, Guard, blocked_message
from onhook.egress.client import LARGEST_BODY
from onhook.egress.head import USER_AGENT, check_head
from onhook.egress.port import Client, Fault, Request, Response, SendError
from onhook.egress.resolver import LookUp, VettedNames, system_addresses
from onhook.egress.target import Target, read_target
from onhook.settings.egress_rule import EgressRule

if TYPE_CHECKING:
    from aiohttp.client_middlewares import ClientHandlerType

_LARGEST_HEAD_LINE = 32 * 1024
_KNOWN_TARGETS = 1024


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
    """As the product's client; it knows no transport."""
    guard = Guard(rules)
    names = VettedNames(guard, look_up or system_addresses)
    connector = GuardedConnector(guard, VettingResolver(names), tls)
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            max_line_size=_LARGEST_HEAD_LINE,
            max_field_size=_LARGEST_HEAD_LINE,
            request_class=_PlainRequest,
            middlewares=(_send_again_when_stale,),
        ) as session:
            yield _AiohttpClient(session, guard, connect_timeout_s, read_timeout_s, largest_body)
    finally:
        names.close()


class _PlainRequest(aiohttp.ClientRequest):
    """A request without the Accept headers that aiohttp adds: cheaper than skipping them."""

    DEFAULT_HEADERS = {}  # noqa: RUF012 - as aiohttp declares it


class _AiohttpClient:
    """The port's Client."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        guard: Guard,
        connect_timeout_s: float,
        read_timeout_s: float,
        largest_body: int,
    ) -> None:
        self._session = session
        self._guard = guard
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._largest_body = largest_body
        self._targets: dict[str, tuple[Target, URL]] = {}

    async def send(self, request: Request) -> Response:
        """Send once. Raises SendError when no response came."""
        started = perf_counter()
        if request.transport is not None:
            raise NotImplementedError("transports are the product's own client's")
        target, url = self._targets.get(request.url) or self._admit(request.url)
        names = check_head(request)
        attempt = Attempt(target)
        token = current_attempt.set(attempt)
        answer: aiohttp.ClientResponse | None = None
        try:
            answer = await self._session.request(
                request.method,
                url,
                data=request.body or None,
                headers=_with_agent(request.headers, names),
                skip_auto_headers=None if "content-type" in names else ("Content-Type",),
                allow_redirects=False,
                timeout=_timeout(request.timeout_s, self._connect_timeout_s),
            )
            body, is_cut = await self._read_body(answer, target)
        except SendError as error:
            raise SendError(error.fault, error.message, perf_counter() - started) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            said = self._describe(error, attempt, request, has_head=answer is not None)
            raise SendError(said.fault, said.message, perf_counter() - started) from error
        finally:
            current_attempt.reset(token)
            if answer is not None and not answer.closed:
                answer.close()
        return Response(
            status=answer.status,
            headers=tuple(
                (name.decode("latin-1"), value.decode("utf-8", "replace"))
                for name, value in answer.raw_headers
            ),
            body=body,
            is_cut=is_cut,
            elapsed_s=perf_counter() - started,
        )

    def _admit(self, text: str) -> tuple[Target, URL]:
        """Read and vet a URL, once for as long as it is in use."""
        target = read_target(text)
        if target.address is not None and not self._guard.allows(
            target.host, target.port, str(target.address)
        ):
            raise _blocked(self._guard, target, target.address)
        url = URL(target.url, encoded=True)
        if (url.raw_host, url.port, url.raw_path_qs) != (target.host, target.port, target.path):
            raise SendError(Fault.INVALID, "the request's URL can be read in two ways", 0.0)
        if len(self._targets) >= _KNOWN_TARGETS:
            self._targets.clear()
        self._targets[text] = target, url
        return target, url

    async def _read_body(
        self, answer: aiohttp.ClientResponse, target: Target
    ) -> tuple[bytes, bool]:
        """The body up to the limit, and whether there was more."""
        if answer.status == 101:  # what follows is another protocol's
            return b"", False
        chunks: list[bytes] = []
        size = 0
        while chunk := await self._next_chunk(answer, target):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._largest_body:
                return b"".join(chunks)[: self._largest_body], True
        return b"".join(chunks), False

    async def _next_chunk(self, answer: aiohttp.ClientResponse, target: Target) -> bytes:
        silence = asyncio.timeout(self._read_timeout_s)
        try:
            async with silence:
                return await answer.content.readany()
        except TimeoutError:
            if silence.expired():
                raise fault_text.no_more_in_time(target.where, self._read_timeout_s) from None
            raise

    def _describe(
        self, error: Exception, attempt: Attempt, request: Request, *, has_head: bool
    ) -> SendError:
        if attempt.barred is not None:
            return _blocked(self._guard, attempt.target, attempt.barred)
        if has_head and isinstance(error, TimeoutError):
            return fault_text.no_end_in_time(attempt.target.where, request.timeout_s)
        return describe(
            error,
            attempt.target.where,
            is_connected=attempt.is_connected,
            timeout_s=request.timeout_s,
            connect_timeout_s=self._connect_timeout_s,
        )


async def _send_again_when_stale(
    request: aiohttp.ClientRequest, send: ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send again, once and at once, when a kept connection turns out to have been closed.

    Only where it ended without a byte of a response; the endpoint tells a request that it did see
    by its webhook-id.
    """
    attempt = current_attempt.get()
    while True:
        try:
            return await send(request)
        except aiohttp.ClientConnectorError:
            raise
        except _LOST as error:
            if attempt.is_fresh or not _is_silent(error):
                raise ConnectionLost from error
            attempt.must_be_fresh = True


_LOST = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    aiohttp.ClientConnectionResetError,
)


def _is_silent(error: Exception) -> bool:
    # A head that had begun stands in place of the text.
    return not isinstance(error, aiohttp.ServerDisconnectedError) or isinstance(error.message, str)


def _with_agent(
    headers: tuple[tuple[str, str], ...], names: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    return headers if "user-agent" in names else (*headers, ("User-Agent", USER_AGENT))


@lru_cache(maxsize=64)
def _timeout(total_s: float, connect_s: float) -> aiohttp.ClientTimeout:
    # Above its threshold aiohttp rounds a timeout up to the loop's next whole second.
    return aiohttp.ClientTimeout(total=total_s, sock_connect=connect_s, ceil_threshold=math.inf)


def _blocked(guard: Guard, target: Target, address: Address) -> SendError:
    return SendError(
        Fault.BLOCKED, blocked_message(guard.rules, target.host, target.port, address), 0.0
    )

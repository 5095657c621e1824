"""How a delivery leaves: through its connector where it has one, signed where it is to be.

Puts together what connectors, oauth and signature know, at each attempt anew, and hands the
request to the client. Nothing of it is in the run, the journal or a log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from time import perf_counter

import msgspec

from onhook.egress.connector import Connector, Headers, Keys
from onhook.egress.connectors import Connectors, with_own
from onhook.egress.oauth import TokenSource
from onhook.egress.port import Client, Request, Response, SendError
from onhook.flow.mask import MASKED
from onhook.settings.settings import SettingError
from onhook.signature import SIGNATURE, TIMESTAMP, WEBHOOK_ID, SecretError, Signer, parse_secrets

UNAUTHORIZED = 401


def keys_of(signing_secret: str) -> Keys:
    """ONHOOK_SIGNING_SECRET, read. Raises SettingError."""
    try:
        return parse_secrets(signing_secret)
    except SecretError as error:
        raise SettingError(f"ONHOOK_SIGNING_SECRET {error}") from None


def _now() -> datetime:
    return datetime.now(UTC)


class Outgoing:
    """The ways out, over one client."""

    def __init__(
        self,
        client: Client,
        connectors: Connectors,
        signing: Keys = (),
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """`signing`: who signs where neither endpoint nor connector says otherwise."""
        self._client = client
        self.connectors = connectors
        self._signing = signing
        self._clock = clock
        self._tokens: dict[str, TokenSource] = {}

    def way(self, connector: str | None, url: str, *, flow: tuple[str, str], node: str) -> Client:
        """The way to an endpoint: flow (id and name), node and the origin of `url`.

        Raises NotItsOrigin where there is no such connector or `url` is not on its origin.
        """
        found = None if connector is None else self.connectors.find(connector, url)
        keys = self._keys(found, url, flow, node)
        if found is None and not keys:
            return self._client
        tokens = None if found is None else self._token_source(found)
        return _Way(self._client, found, tokens, _signer(keys) if keys else None, self._clock)

    def shown_headers(
        self,
        connector: str | None,
        url: str,
        headers: Headers,
        *,
        flow: tuple[str, str],
        node: str,
    ) -> Headers:
        """What would be added on the way, masked. Raises NotItsOrigin."""
        found = None if connector is None else self.connectors.find(connector, url)
        if found is not None:
            token = () if found.oauth is None else (("Authorization", f"Bearer {MASKED}"),)
            mask = self.connectors.mask
            own = ((name, mask.text(value)) for name, value in found.headers)
            headers = with_own(headers, (*own, *token))
        if not self._keys(found, url, flow, node):
            return headers
        return with_own(headers, ((TIMESTAMP, MASKED), (SIGNATURE, MASKED)))

    def _keys(
        self, connector: Connector | None, url: str, flow: tuple[str, str], node: str
    ) -> Keys:
        given = self.connectors.signing(connector, flow, node, url)
        return self._signing if given is None else given

    def _token_source(self, connector: Connector) -> TokenSource | None:
        if connector.oauth is None:
            return None
        kept = self._tokens.get(connector.name)
        if kept is None or not kept.serves(connector):
            kept = self._tokens[connector.name] = TokenSource(
                connector, connector.oauth, self._client, self.connectors.remember
            )
        return kept


@lru_cache(maxsize=64)
def _signer(keys: Keys) -> Signer:
    return Signer(keys)


class _Way:
    """The port's Client, for one endpoint."""

    __slots__ = ("_client", "_clock", "_connector", "_signer", "_tokens")

    def __init__(
        self,
        client: Client,
        connector: Connector | None,
        tokens: TokenSource | None,
        signer: Signer | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._connector = connector
        self._tokens = tokens
        self._signer = signer
        self._clock = clock

    async def send(self, request: Request) -> Response:
        """Send once; with a new token once more, where the endpoint refused the old one."""
        connector, transport = self._connector, request.transport
        headers = request.headers
        if connector is not None:
            headers = with_own(headers, connector.headers)
            transport = connector.transport
        if self._tokens is None:
            headers = self._signed(headers, request.body)
            return await self._client.send(
                msgspec.structs.replace(request, headers=headers, transport=transport)
            )
        ready = msgspec.structs.replace(request, headers=headers, transport=transport)
        return await self._with_token(ready, self._tokens)

    async def _with_token(self, request: Request, tokens: TokenSource) -> Response:
        began = perf_counter()
        token = ""
        try:
            async with asyncio.timeout(request.timeout_s):
                token = await tokens.token()
            response = await self._authorised(request, token, began)
            if response.status == UNAUTHORIZED:
                left_s = request.timeout_s - (perf_counter() - began)
                async with asyncio.timeout(max(0.0, left_s)):
                    other = await tokens.instead_of(token)
                if other is not None:
                    response = await self._authorised(request, other, began)
        except TimeoutError:
            elapsed_s = perf_counter() - began
            raise _after(tokens.unavailable(request.timeout_s), elapsed_s) from None
        except SendError as error:
            raise _after(error, perf_counter() - began) from None
        return msgspec.structs.replace(response, elapsed_s=perf_counter() - began)

    async def _authorised(self, request: Request, token: str, began: float) -> Response:
        """In what is left of the request's time."""
        headers = with_own(request.headers, (("Authorization", f"Bearer {token}"),))
        left_s = request.timeout_s - (perf_counter() - began)
        return await self._client.send(
            msgspec.structs.replace(
                request,
                headers=self._signed(headers, request.body),
                timeout_s=max(0.001, left_s),
            )
        )

    def _signed(self, headers: Headers, body: bytes) -> Headers:
        """With `webhook-timestamp` and `webhook-signature`, over the bytes that are sent."""
        if self._signer is None:
            return headers
        webhook_id = next(value for name, value in headers if name == WEBHOOK_ID)
        return with_own(headers, self._signer.headers(webhook_id, self._clock(), body))


def _after(error: SendError, elapsed_s: float) -> SendError:
    return SendError(error.fault, error.message, elapsed_s)

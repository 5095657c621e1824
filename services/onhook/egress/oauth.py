"""Access tokens by OAuth 2.0 client credentials (RFC 6749, 4.4), got through the egress client.

Asking, keeping and renewing lives here; which request carries a token is connector_client's. No
error shows a secret or what the token endpoint said beyond its error code.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec
from msgspec import Struct, structs

from onhook.egress.connector import Connector, OAuth, origin_of
from onhook.egress.connector_file import basic_of
from onhook.egress.port import Client, Fault, Request, Response, SendError, Transport

ASKED_TIMEOUT_S = 10.0
USUAL_LIFETIME_S = 300.0
"""Of a token whose answer names none."""
LONGEST_LIFETIME_S = 86_400.0
HOLD_OFF_S = 5.0
"""A token endpoint that failed, or whose new token was refused, is asked again after this."""

_CODE = re.compile(r"[a-z_]{1,40}", re.ASCII)
_SENDABLE = re.compile(r"[\x21-\x7e]{1,8192}", re.ASCII)


class _Token(Struct, frozen=True):
    """Moments are the clock's."""

    text: str
    renew_at: float
    ends_at: float

    def __repr__(self) -> str:
        return "_Token()"


class TokenSource:
    """The token of one connector: asked for once, however many wait for it."""

    def __init__(
        self,
        connector: Connector,
        oauth: OAuth,
        client: Client,
        remember: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`remember` is told each token, so that it is not shown."""
        self.oauth = oauth
        self.transport = _transport_to(connector, oauth)
        self._name = connector.name
        self._client = client
        self._remember = remember
        self._clock = clock
        self._lock = asyncio.Lock()
        self._held: _Token | None = None
        self._failure: str | None = None
        self._failed_at = 0.0
        self._refused_at: float | None = None

    def serves(self, connector: Connector) -> bool:
        """Whether it still asks as the connector says now."""
        oauth = connector.oauth
        return oauth == self.oauth and self.transport == _transport_to(connector, self.oauth)

    async def token(self) -> str:
        """A token that is good for a while. Raises SendError (TOKEN)."""
        held = self._held
        if held is not None and self._clock() < held.renew_at:
            return held.text
        async with self._lock:
            held, now = self._held, self._clock()
            if held is not None and now < held.renew_at:
                return held.text
            try:
                return await self._new()
            except SendError:
                if held is not None and self._clock() < held.ends_at:
                    return held.text
                raise

    async def instead_of(self, refused: str) -> str | None:
        """Another token after a 401; None where a new one would do no better. Raises SendError.

        Many requests that met a 401 with one token share one new token.
        """
        async with self._lock:
            held, now = self._held, self._clock()
            if held is not None and held.text != refused:
                return held.text
            if self._refused_at is not None and now - self._refused_at < HOLD_OFF_S:
                return None
            self._refused_at, self._held = now, None
            return await self._new()

    def unavailable(self, waited_s: float) -> SendError:
        """No token came within the time that the request has."""
        return self._error(f"no answer within {waited_s:g} s")

    async def _new(self) -> str:
        if self._failure is not None and self._clock() - self._failed_at < HOLD_OFF_S:
            raise self._error(self._failure)
        asked_at = self._clock()
        try:
            token = self._read(await self._client.send(self._request()), asked_at)
        except SendError as error:
            # A token endpoint that refuses us is not asked again by every request that comes.
            self._failure, self._failed_at = error.message, self._clock()
            raise self._error(error.message) from None
        self._failure, self._held = None, token
        self._remember(token.text)
        return token.text

    def _request(self) -> Request:
        oauth = self.oauth
        form = {"grant_type": "client_credentials"}
        headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
        ]
        if oauth.scope is not None:
            form["scope"] = oauth.scope
        if oauth.audience is not None:
            form["audience"] = oauth.audience
        if oauth.in_body:
            form |= {"client_id": oauth.client_id, "client_secret": oauth.client_secret}
        else:
            headers.append(("Authorization", f"Basic {basic_of(oauth)}"))
        return Request(
            method="POST",
            url=oauth.token_url,
            headers=tuple(headers),
            body=urlencode(form).encode(),
            timeout_s=ASKED_TIMEOUT_S,
            transport=self.transport,
        )

    def _read(self, response: Response, asked_at: float) -> _Token:
        """Raises SendError."""
        try:
            answer = msgspec.json.decode(response.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            answer = None
        if response.status != 200:
            code = answer.get("error") if isinstance(answer, dict) else None
            is_code = isinstance(code, str) and _CODE.fullmatch(code)
            raise _odd(f"answered {response.status}" + (f", {code}" if is_code else ""))
        if not isinstance(answer, dict):
            raise _odd("answered 200 with what is no JSON object")
        text, kind = answer.get("access_token"), answer.get("token_type", "bearer")
        if not isinstance(text, str) or not _SENDABLE.fullmatch(text):
            raise _odd("answered 200 without an access_token that a header can carry")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise _odd("answered with a token that is no bearer token")
        lifetime_s = _lifetime_s(answer.get("expires_in"))
        # Shortly before its end, so that it does not end on its way.
        renew_at = asked_at + lifetime_s - min(60.0, lifetime_s / 10)
        return _Token(text, renew_at, asked_at + lifetime_s)

    def _error(self, what: str) -> SendError:
        where = origin_of(self.oauth.token_url)
        message = f'connector "{self._name}": no access token from {where}: {what}'
        return SendError(Fault.TOKEN, message, 0.0)


def _odd(what: str) -> SendError:
    return SendError(Fault.TOKEN, f"it {what}", 0.0)


def _lifetime_s(given: object) -> float:
    """Some write the number as a text."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return USUAL_LIFETIME_S
    try:
        seconds = float(given)
    except (ValueError, OverflowError):
        return USUAL_LIFETIME_S
    return min(seconds, LONGEST_LIFETIME_S) if seconds > 0 else USUAL_LIFETIME_S


def _transport_to(connector: Connector, oauth: OAuth) -> Transport | None:
    """The connector's authorities and proxy; its certificate only on its own origin."""
    transport = connector.transport
    if transport is None or origin_of(oauth.token_url) == connector.origin:
        return transport
    if transport.ca_file is None and transport.proxy is None:
        return None
    return structs.replace(transport, client_cert=None, client_key=None)

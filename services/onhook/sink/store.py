"""The sink's store: tokens and captures behind one writer, with their clock, limits and log.

The only place that runs jobs on the database. It must not know HTTP.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from sqlite3 import Connection

import structlog
from msgspec import structs

from onhook.sink import capture_table, token_table
from onhook.sink.capture import Capture, Captured
from onhook.sink.capture_table import EVERYTHING, Page, Span
from onhook.sink.errors import CaptureGone, TokenFull, TokenGone
from onhook.sink.identity import Clock, microsecond_of, now_us
from onhook.sink.tables import MIGRATIONS
from onhook.sink.token import Token, TokenSettings
from onhook.sink.token_table import ListedToken
from onhook.sqlite import Database
from onhook.sqlite.recovery_probe import RecoveryProbe

TOKENS_AT_HAND = 4_096
EVICTION_LOG_S = 10.0

log = structlog.get_logger()


class Store:
    """Use `async with Store.opened(path, max_captures=...) as store`."""

    def __init__(self, database: Database, clock: Clock, max_captures: int) -> None:
        self.clock = clock
        self._database = database
        self._probe = RecoveryProbe(database)
        self._max_captures = max_captures
        self._at_hand: dict[str, Token] = {}
        self._changes = 0
        self._evicted_unsaid = 0
        self._said_at = -EVICTION_LOG_S
        self.evicted = 0
        """Captures that went for newer ones, since the start."""

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        path: Path,
        *,
        max_captures: int,
        synchronous: str = "full",
        now_us: Callable[[], int] = now_us,
    ) -> AsyncIterator[Store]:
        """Open or make the file; finish deletions that a stop cut short. Raises StorageError."""
        async with Database.opened(path, MIGRATIONS, synchronous=synchronous) as database:
            last_us = await database.read(capture_table.last_microsecond)
            store = cls(database, Clock(last_us, now_us), max_captures)
            await store._probe.write(
                lambda connection: token_table.remove_expired(connection, now_us())
            )
            await store.purge()
            recovering = asyncio.create_task(store._probe.run())
            try:
                yield store
            finally:
                recovering.cancel()
                with suppress(asyncio.CancelledError):
                    await recovering

    @property
    def trouble(self) -> str | None:
        """Why the last write failed; None when it did not."""
        return self._probe.trouble

    async def seed(self, token_id: str) -> None:
        """Make sure that a token exists which never expires and has no limit."""

        def job(connection: Connection) -> None:
            token = token_table.find(connection, token_id)
            if token is None:
                token_table.insert(connection, self._new_token(token_id, TokenSettings(), "", None))
                return
            settings = structs.replace(token.settings, expiry=None, request_limit=None)
            token_table.change(
                connection, structs.replace(token, expires_us=None, settings=settings)
            )

        await self._probe.write(job)

    async def make_token(
        self, settings: TokenSettings, *, ip: str, user_agent: str | None
    ) -> Token:
        token = self._new_token(str(uuid.uuid4()), settings, ip, user_agent)
        return await self._probe.write(lambda connection: token_table.insert(connection, token))

    def _new_token(
        self, token_id: str, settings: TokenSettings, ip: str, user_agent: str | None
    ) -> Token:
        at_us = self.clock.now_us()
        return Token(
            number=0,
            uuid=token_id,
            created_us=at_us,
            updated_us=at_us,
            expires_us=_expiry(settings, at_us),
            ip=ip,
            user_agent=user_agent,
            settings=settings,
        )

    async def token(self, token_id: str) -> Token:
        """The token of that id, in any case. Raises TokenGone."""
        token_id = token_id.lower()
        token = self._at_hand.get(token_id) or await self._fetch(token_id)
        if token.has_expired(self.clock.now_us()):
            await self.remove_token(token)
            raise TokenGone
        return token

    async def _fetch(self, token_id: str) -> Token:
        before = self._changes
        token = await self._database.read(lambda connection: token_table.find(connection, token_id))
        if token is None:
            raise TokenGone
        if self._changes == before:  # else what was read may be older than what was written
            if len(self._at_hand) >= TOKENS_AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
            self._at_hand[token_id] = token
        return token

    def _forget(self, token: Token) -> None:
        self._changes += 1
        self._at_hand.pop(token.uuid, None)

    async def change_token(
        self, token: Token, change: Callable[[TokenSettings], TokenSettings]
    ) -> Token:
        """Apply `change` to the token's stored settings. Raises TokenGone, and what it raises."""
        at_us = self.clock.now_us()

        def job(connection: Connection) -> Token:
            stored = token_table.find(connection, token.uuid)
            if stored is None:
                raise TokenGone
            settings = change(stored.settings)
            expires_us = stored.expires_us
            if settings.expiry != stored.settings.expiry:
                expires_us = _expiry(settings, at_us)
            changed = structs.replace(
                stored, updated_us=at_us, expires_us=expires_us, settings=settings
            )
            token_table.change(connection, changed)
            return changed

        try:
            return await self._probe.write(job)
        finally:
            self._forget(token)

    async def remove_token(self, token: Token) -> None:
        """Remove a token and all it holds. Raises TokenGone when someone else just did."""
        try:
            removed = await self._probe.write(
                lambda connection: token_table.remove(connection, token.number)
            )
        finally:
            self._forget(token)
        if not removed:
            raise TokenGone
        await self.purge()

    async def purge(self) -> None:
        """Delete what removed tokens held, a part at a time."""
        while await self._probe.write(capture_table.purge_some):
            pass

    async def tokens(
        self, *, order: str, descending: bool, limit: int, offset: int
    ) -> tuple[list[ListedToken], int]:
        """A page of tokens, and how many there are."""
        return await self._database.read(
            lambda connection: token_table.page(
                connection,
                self.clock.now_us(),
                order=order,
                descending=descending,
                limit=limit,
                offset=offset,
            )
        )

    async def record(self, token: Token, capture: Capture) -> Captured:
        """Store a capture; returns once it is on disk. Raises TokenGone or TokenFull."""
        limit = token.settings.request_limit
        inserted = await self._probe.write(
            lambda connection: capture_table.insert(
                connection,
                token.number,
                capture,
                limit=capture_table.NO_LIMIT if limit is None else limit,
                most=self._max_captures,
            )
        )
        if inserted is None:
            raise TokenGone if limit is None else TokenFull
        if inserted.evicted:
            self._say_evicted(inserted.evicted)
        return Captured(token=token.uuid, sequence=inserted.sequence, capture=capture)

    def _say_evicted(self, count: int) -> None:
        self.evicted += count
        self._evicted_unsaid += count
        now = time.monotonic()
        if now - self._said_at >= EVICTION_LOG_S:
            log.warning(
                "oldest captures evicted",
                evicted=self._evicted_unsaid,
                kept=self._max_captures,
                setting="ONHOOK_SINK_MAX_CAPTURES",
            )
            self._evicted_unsaid = 0
            self._said_at = now

    async def page(
        self,
        token: Token,
        span: Span = EVERYTHING,
        *,
        newest_first: bool = False,
        limit: int,
        offset: int = 0,
    ) -> Page:
        """Captures of a token, oldest first unless told otherwise. Raises TokenGone."""
        page = await self._database.read(
            lambda connection: capture_table.page(
                connection,
                token.number,
                span,
                newest_first=newest_first,
                limit=limit,
                offset=offset,
            )
        )
        if page is None:
            raise TokenGone
        return page

    async def capture(self, token: Token, capture_id: uuid.UUID) -> Captured:
        """Raises CaptureGone."""
        found = await self._database.read(
            lambda connection: capture_table.one(
                connection,
                token.number,
                token.uuid,
                microsecond_of(capture_id),
                capture_id.bytes,
            )
        )
        if found is None:
            raise CaptureGone
        return found

    async def latest(self, token: Token) -> Captured:
        """Raises CaptureGone when there is none."""
        page = await self.page(token, newest_first=True, limit=1)
        if not page.captures:
            raise CaptureGone
        return page.captures[0]

    async def delete_capture(self, token: Token, capture_id: uuid.UUID) -> None:
        """Raises CaptureGone."""
        if not await self._probe.write(
            lambda connection: capture_table.delete_one(
                connection, token.number, microsecond_of(capture_id), capture_id.bytes
            )
        ):
            raise CaptureGone

    async def delete_captures(self, token: Token, span: Span = EVERYTHING) -> None:
        """Delete what the token holds within `span`; what arrives meanwhile stays."""
        present = Span(span.from_us, min(span.to_us, self.clock.last_us))
        while await self._probe.write(
            lambda connection: capture_table.delete_some(connection, token.number, present)
        ):
            pass

    async def stored(self) -> int:
        """How many captures there are in all."""
        return await self._database.read(capture_table.stored_in_all)


def _expiry(settings: TokenSettings, at_us: int) -> int | None:
    return None if settings.expiry is None else at_us + settings.expiry * 1_000_000

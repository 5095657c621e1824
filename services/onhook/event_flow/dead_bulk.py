"""Dead letters replayed or dropped in bulk: oldest first, at a bounded rate, some seconds per call.

The answer's cursor goes on. What was set aside after the first call is left alone, so that a letter
which dies again at once is not sent for ever. What is done with a letter is replay.py's.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from time import monotonic
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta, Struct

from onhook.bus.port import Bus, BusError, Delivery
from onhook.event_flow.alike import Key, key_of
from onhook.event_flow.dead_desk import DeadDesk
from onhook.event_flow.dead_filter import DeadFilter, Limit, query_of
from onhook.event_flow.replay import NotPossible
from onhook.journal.dead_query import DeadPlace, dead_cursor
from onhook.journal.port import DeadLetter, Journal, JournalError
from onhook.journal.query import QueryError
from onhook.journal.rows import micros, moment

log = structlog.get_logger()

TOGETHER = 200
"""Letters taken out of their queue in one pass."""
TOGETHER_BYTES = 32 * 1024 * 1024
AT_ONCE = 10
LONGEST_S = 5.0
"""Of one call."""
FAILURES_TOLD = 100
_FIRST = -(2**62)


class Bulk(DeadFilter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Letters to be replayed or dropped: by filter, by id, or all of them."""

    ids: Annotated[tuple[str, ...], Meta(max_length=1000)] = ()
    """Only these; other fields narrow further."""
    all: bool = False
    """Has to be given where nothing else is."""
    limit: Limit = 1000
    """As many at most in this call."""
    per_second: Annotated[float, Meta(ge=1, le=1000)] = 100.0
    after: str | None = None
    """`next` of the call before."""


class Failure(Struct, frozen=True):
    message_id: str
    reason: str


class BulkDone(Struct, frozen=True, kw_only=True):
    """What one call did. `next` goes on; without one, that is all."""

    done: int
    failed: int
    failures: list[Failure]
    """The first hundred. What failed stays where it is."""
    trouble: str | None
    """Why it stopped early: the bus or the journal did not answer."""
    next: str | None


class Place(Struct, frozen=True, array_like=True):
    """How far a bulk has come; when it began, in microseconds; what its letters have in common."""

    at: int
    message_id: str
    until: int
    like: Key | None


_places = msgspec.json.Decoder(Place)
Act = Callable[[DeadLetter, Delivery | None], Awaitable[object]]


class DeadBulk:
    """One bulk at a time. Raises NotThere, QueryError, BusError, JournalError."""

    def __init__(
        self, bus: Bus, journal: Journal, desk: DeadDesk, clock: Callable[[], datetime]
    ) -> None:
        self._bus = bus
        self._journal = journal
        self._desk = desk
        self._clock = clock
        self._turn = asyncio.Lock()

    async def perform(self, bulk: Bulk, act: Act) -> BulkDone:
        """Do `act` with every letter that is meant, and its message (None: it is not there)."""
        if bulk.is_empty and not bulk.ids and not bulk.all:
            raise QueryError('say which: a filter, ids, or "all": true for every one of them')
        place = await self._begun(bulk)
        async with self._turn:
            walk = _Walk(bulk, place)
            while not walk.is_over:
                await self._step(walk, act)
        answer = walk.answer()
        log.info("bulk of dead letters", done=answer.done, failed=answer.failed)
        return answer

    async def _begun(self, bulk: Bulk) -> Place:
        if bulk.after is None:
            until = micros(self._clock())
            assert until is not None
            return Place(_FIRST, "", until, await self._desk.like(bulk))
        try:
            padded = bulk.after.encode() + b"=" * (-len(bulk.after) % 4)
            return _places.decode(base64.urlsafe_b64decode(padded))
        except ValueError:
            raise QueryError("after: is no cursor; take `next` of the call before") from None

    async def _step(self, walk: _Walk, act: Act) -> None:
        """One pass through the queues: some letters found, taken, done with."""
        is_named = bool(walk.bulk.ids)
        letters, behind, is_last = await (self._named(walk) if is_named else self._found(walk))
        taken: dict[str, Delivery] = {}
        try:
            for queue in {letter.queue for letter in letters}:
                ids = [letter.message_id for letter in letters if letter.queue == queue]
                for delivery in await self._bus.take_all(queue, ids):
                    taken[delivery.message_id or ""] = delivery
            for first in range(0, len(letters), AT_ONCE):
                if walk.is_late and not is_named:
                    return
                await self._do(walk, letters[first : first + AT_ONCE], taken, act)
            walk.place, walk.is_at_end = behind, is_last
        except (BusError, JournalError) as error:
            if not walk.done + walk.failed:
                raise
            walk.trouble = str(error)
        finally:
            for delivery in taken.values():
                await delivery.give_back()

    async def _found(self, walk: _Walk) -> tuple[list[DeadLetter], Place, bool]:
        """The next letters that are meant, the place behind all that was looked at, if it is last."""
        bulk, place = walk.bulk, walk.place
        until = moment(place.until)
        query = query_of(
            msgspec.structs.replace(
                bulk, until=until if bulk.until is None else min(until, bulk.until)
            ),
            after=dead_cursor(DeadPlace(place.at, place.message_id)),
            limit=walk.together,
            is_oldest_first=True,
        )
        page = await self._journal.find_dead(query)
        meant: list[DeadLetter] = []
        size = 0
        for letter in page.letters:
            if place.like in (None, key_of(letter)):
                size += letter.size_bytes
                if meant and size > TOGETHER_BYTES:
                    return meant, walk.place_behind(meant[-1]), False
                meant.append(letter)
        behind = walk.place_behind(page.letters[-1]) if page.letters else place
        return meant, behind, page.next is None

    async def _named(self, walk: _Walk) -> tuple[list[DeadLetter], Place, bool]:
        """Those whose ids are given; `at` of the place counts them."""
        ids, first = walk.bulk.ids, max(0, walk.place.at)
        last = first + walk.together
        found = []
        for message_id in ids[first:last]:
            letter = await self._journal.dead_letter(message_id)
            if letter is None:
                walk.fail(message_id, "there is no such dead letter")
            else:
                found.append(letter)
        return found, msgspec.structs.replace(walk.place, at=last), last >= len(ids)

    async def _do(
        self, walk: _Walk, letters: Sequence[DeadLetter], taken: dict[str, Delivery], act: Act
    ) -> None:
        async def one(letter: DeadLetter) -> None:
            try:
                await act(letter, taken.pop(letter.message_id, None))
            except NotPossible as problem:
                walk.fail(letter.message_id, str(problem))
            else:
                walk.done += 1

        ended = await asyncio.gather(*map(one, letters), return_exceptions=True)
        for letter, error in zip(letters, ended, strict=True):
            if error is not None:
                raise error
            if not walk.bulk.ids:
                walk.place = walk.place_behind(letter)
        await asyncio.sleep(walk.pause_s())


class _Walk:
    """How one call stands."""

    def __init__(self, bulk: Bulk, place: Place) -> None:
        self.bulk = bulk
        self.place = place
        self.done = 0
        self.failed = 0
        self.trouble: str | None = None
        self.is_at_end = False
        self._failures: list[Failure] = []
        self._began = monotonic()

    @property
    def left(self) -> int:
        return self.bulk.limit - self.done - self.failed

    @property
    def together(self) -> int:
        """How many to take out of their queue: no more than can be done with in time."""
        in_time = max(AT_ONCE, int(self.bulk.per_second * LONGEST_S))
        return max(1, min(TOGETHER, self.left, in_time))

    @property
    def is_late(self) -> bool:
        return monotonic() - self._began > LONGEST_S

    @property
    def is_over(self) -> bool:
        return self.is_at_end or self.trouble is not None or self.left <= 0 or self.is_late

    def fail(self, message_id: str, reason: str) -> None:
        self.failed += 1
        if len(self._failures) < FAILURES_TOLD:
            self._failures.append(Failure(message_id, reason))

    def place_behind(self, letter: DeadLetter) -> Place:
        at = micros(letter.at)
        assert at is not None
        return msgspec.structs.replace(self.place, at=at, message_id=letter.message_id)

    def pause_s(self) -> float:
        """So that there are no more than `per_second`."""
        due = self._began + (self.done + self.failed) / self.bulk.per_second
        return max(0.0, due - monotonic())

    def answer(self) -> BulkDone:
        encoded = base64.urlsafe_b64encode(msgspec.json.encode(self.place)).decode().rstrip("=")
        is_finished = self.is_at_end and self.trouble is None
        return BulkDone(
            done=self.done,
            failed=self.failed,
            failures=self._failures,
            trouble=self.trouble,
            next=None if is_finished else encoded,
        )

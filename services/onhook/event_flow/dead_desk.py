"""Dead letters for operators: found, grouped by what is alike, looked at. No HTTP here."""

from __future__ import annotations

import msgspec

from onhook.bus.port import Bus, Delivery
from onhook.event_flow.alike import Groups, Key, grouped, key_of
from onhook.event_flow.dead_filter import DeadFilter, query_of
from onhook.event_flow.replay import NotPossible, NotThere
from onhook.journal.dead_query import DeadPage, DeadPlace, dead_cursor
from onhook.journal.port import DeadLetter, Journal
from onhook.journal.rows import micros

READ_TOGETHER = 1_000


class DeadDesk:
    """Methods raise NotThere, NotPossible, QueryError, BusError or JournalError."""

    def __init__(self, bus: Bus, journal: Journal) -> None:
        self._bus = bus
        self._journal = journal

    async def letter(self, message_id: str) -> DeadLetter:
        found = await self._journal.dead_letter(message_id)
        if found is None:
            raise NotThere(f'no dead letter "{message_id[:80]}"')
        return found

    async def message(self, message_id: str) -> Delivery:
        """A letter's message, which stays in its queue."""
        letter = await self.letter(message_id)
        delivery = await self._bus.take(letter.queue, message_id)
        if delivery is None:
            raise NotPossible(f"it is not in {letter.queue} now; ask again in a minute")
        await delivery.give_back()
        return delivery

    async def page(self, given: DeadFilter, after: str | None, limit: int) -> DeadPage:
        """Newest first."""
        like = await self.like(given)
        if like is None:
            return await self._journal.find_dead(query_of(given, after=after, limit=limit))
        found: list[DeadLetter] = []
        while True:
            query = query_of(given, after=after, limit=READ_TOGETHER)
            page = await self._journal.find_dead(query)
            for letter in page.letters:
                if key_of(letter) == like:
                    found.append(letter)
                if len(found) == limit:
                    is_last = page.next is None and letter is page.letters[-1]
                    return DeadPage(letters=found, next=None if is_last else _behind(letter))
            if page.next is None:
                return DeadPage(letters=found)
            after = page.next

    async def groups(self, given: DeadFilter) -> Groups:
        like = await self.like(given)
        kinds = await self._journal.dead_kinds(query_of(given))
        groups = grouped([kind for kind in kinds if like in (None, key_of(kind))])
        return msgspec.structs.replace(groups, is_cut=grouped(kinds).is_cut)

    async def like(self, given: DeadFilter) -> Key | None:
        """What letters alike to the filter's example have in common."""
        return None if given.like is None else key_of(await self.letter(given.like))


def _behind(letter: DeadLetter) -> str:
    at = micros(letter.at)
    assert at is not None
    return dead_cursor(DeadPlace(at, letter.message_id))

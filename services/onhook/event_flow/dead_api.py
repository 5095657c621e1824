"""Dead letters over HTTP: listed, grouped, shown; replayed and dropped, one or many.

Rows and translation only; the work is dead_desk.py's, dead_bulk.py's and replay.py's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from onhook.bus.port import Bus, HeaderValue
from onhook.event_flow.alike import Groups
from onhook.event_flow.answering import NOT_FOUND, NOT_MEANT, STATE, STORE_ERRORS, stored
from onhook.event_flow.dead_bulk import Bulk, BulkDone, DeadBulk
from onhook.event_flow.dead_desk import DeadDesk
from onhook.event_flow.dead_filter import DeadFilter, Limit
from onhook.event_flow.paging import paged
from onhook.event_flow.replay import Replay
from onhook.event_flow.views import Replayed, RunSummary, run_summary
from onhook.journal.port import Attempt, DeadLetter, Journal
from onhook.journal.query import QueryError
from onhook.web.operation import Call, Empty
from onhook.web.problem import Problem

T = TypeVar("T")

LARGEST_SHOWN_BYTES = 256 * 1024
MOST_ATTEMPTS = 20


class DeadListQuery(DeadFilter, frozen=True, kw_only=True):
    limit: Limit = 50
    after: str | None = None
    """From the Link header of the page before."""


class DeadDetail(Struct, frozen=True, kw_only=True):
    """A letter with its run, if it has one, and the latest attempts of that."""

    letter: DeadLetter
    run: RunSummary | None
    attempts: list[Attempt]


class DeadMessage(Struct, frozen=True, kw_only=True):
    """The message itself. `body` is its beginning where it is large; secure values are sealed."""

    headers: dict[str, HeaderValue]
    content_type: str | None
    size_bytes: int
    body: str
    is_cut: bool


class DeadApi:
    def __init__(self, *, journal: Journal, desk: DeadDesk, bulk: DeadBulk, replay: Replay) -> None:
        self._journal = journal
        self._desk = desk
        self._bulk = bulk
        self._replay = replay

    @classmethod
    def made(
        cls, bus: Bus, journal: Journal, replay: Replay, clock: Callable[[], datetime]
    ) -> DeadApi:
        desk = DeadDesk(bus, journal)
        bulk = DeadBulk(bus, journal, desk, clock)
        return cls(journal=journal, desk=desk, bulk=bulk, replay=replay)

    async def letters(self, call: Call) -> object:
        query: DeadListQuery = call.query
        page = await _asked(lambda: self._desk.page(query, query.after, query.limit))
        return paged(call.request, page.letters, page.next)

    async def groups(self, call: Call) -> Groups:
        return await _asked(lambda: self._desk.groups(call.query))

    async def show(self, call: Call) -> DeadDetail:
        async def found() -> DeadDetail:
            letter = await self._desk.letter(call.path["message"])
            record = None if letter.run_id is None else await self._journal.record(letter.run_id)
            if record is None:
                return DeadDetail(letter=letter, run=None, attempts=[])
            return DeadDetail(
                letter=letter,
                run=run_summary(record.run),
                attempts=record.attempts[-MOST_ATTEMPTS:],
            )

        return await _asked(found)

    async def message(self, call: Call) -> DeadMessage:
        delivery = await _asked(lambda: self._desk.message(call.path["message"]))
        body = delivery.body
        return DeadMessage(
            headers=delivery.headers,
            content_type=delivery.content_type,
            size_bytes=len(body),
            body=body[:LARGEST_SHOWN_BYTES].decode("utf-8", "replace"),
            is_cut=len(body) > LARGEST_SHOWN_BYTES,
        )

    async def replay(self, call: Call) -> Replayed:
        sent = await stored(lambda: self._replay.replay(call.path["message"]))
        return Replayed(sent.run_id, sent.note)

    async def drop(self, call: Call) -> None:
        await stored(lambda: self._replay.drop(call.path["message"]))

    async def replay_many(self, call: Call) -> BulkDone:
        return await _asked(lambda: self._bulk.perform(call.body, self._replay.replay_taken))

    async def drop_many(self, call: Call) -> BulkDone:
        return await _asked(lambda: self._bulk.perform(call.body, self._replay.drop_taken))


async def _asked(action: Callable[[], Awaitable[T]]) -> T:
    try:
        return await stored(action)
    except QueryError as error:
        raise Problem(422, str(error)) from None


def rows(api: DeadApi | type[DeadApi]) -> list[dict[str, Any]]:
    of_one = {**NOT_FOUND, **STATE, **STORE_ERRORS}
    asked = {**NOT_FOUND, **STORE_ERRORS, **NOT_MEANT}
    return [
        {
            "method": "GET",
            "path": "/dead-letters",
            "name": "listDeadLetters",
            "summary": "The index of both dead-letter queues, newest first; "
            "the Link header leads to the next page",
            "handler": api.letters,
            "query": DeadListQuery,
            "response": list[DeadLetter],
            "errors": asked,
        },
        {
            "method": "GET",
            "path": "/dead/alike",
            "name": "groupDeadLetters",
            "summary": "How many there are, those that are alike together",
            "handler": api.groups,
            "query": DeadFilter,
            "response": Groups,
            "errors": asked,
        },
        {
            "method": "POST",
            "path": "/dead/replay",
            "name": "replayDeadLetters",
            "summary": "Send many on their way again, oldest first: some seconds' worth; "
            "`next` goes on",
            "handler": api.replay_many,
            "body": Bulk,
            "response": BulkDone,
            "errors": asked,
        },
        {
            "method": "POST",
            "path": "/dead/drop",
            "name": "dropDeadLetters",
            "summary": "Throw many away, oldest first: some seconds' worth; `next` goes on",
            "handler": api.drop_many,
            "body": Bulk,
            "response": BulkDone,
            "errors": asked,
        },
        {
            "method": "GET",
            "path": "/dead-letters/{message}",
            "name": "showDeadLetter",
            "summary": "A dead letter, with its run and the latest attempts of that",
            "handler": api.show,
            "response": DeadDetail,
            "errors": {**NOT_FOUND, **STORE_ERRORS},
        },
        {
            "method": "GET",
            "path": "/dead-letters/{message}/message",
            "name": "showDeadMessage",
            "summary": "The message as it lies in its queue",
            "handler": api.message,
            "response": DeadMessage,
            "errors": of_one,
        },
        {
            "method": "POST",
            "path": "/dead-letters/{message}/replay",
            "name": "replayDeadLetter",
            "summary": "Send a dead letter on its way again",
            "handler": api.replay,
            "response": Replayed,
            "body": Empty,
            "body_is_optional": True,
            "errors": of_one,
        },
        {
            "method": "DELETE",
            "path": "/dead-letters/{message}",
            "name": "dropDeadLetter",
            "summary": "Throw a dead letter away",
            "handler": api.drop,
            "status": 204,
            "errors": of_one,
        },
    ]

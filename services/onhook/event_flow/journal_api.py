"""The journal over HTTP: runs, events that started none, and attempts, found by what is known of them.

Rows and translation only; finding is the journal's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from onhook.event_flow.answering import NOT_FOUND, NOT_MEANT, STORE_ERRORS, stored
from onhook.event_flow.catalogue import Catalogue
from onhook.event_flow.paging import paged
from onhook.event_flow.views import Limit, RunSummary, run_summary
from onhook.journal.endpoint import endpoint_of
from onhook.journal.port import Attempt, EventOutcome, EventRow, Journal, RunState
from onhook.journal.query import RUN, Entry, Page, Place, Query, QueryError, Subject, cursor
from onhook.journal.rows import micros
from onhook.web.operation import Call
from onhook.web.problem import Problem

T = TypeVar("T")

READ_TOGETHER = 500
MOST_READS = 40
"""For one page of runs, where most of what is found are events that started none."""

Moment = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(min_length=1, max_length=2000)]
State = Literal[
    "running", "waiting", "done", "dead", "filtered", "disabled", "breaker open", "ignored", "run"
]


class RunsQuery(Struct, frozen=True, kw_only=True):
    """Every field that is given narrows."""

    interaction_id: str | None = None
    flow: Text | None = None
    """Its id or name."""
    endpoint: Text | None = None
    """A URL: runs with an attempt at its scheme, host and port."""
    status: Annotated[int, Meta(ge=0, le=999)] | None = None
    """Of an attempt's answer; 0: there was none."""
    state: RunState | None = None
    since: Moment | None = None
    """Included; `until` is not. Of when a run began, or, by endpoint or status, of its attempt."""
    until: Moment | None = None
    after: str | None = None
    """From the Link header of the page before."""
    limit: Limit = 50


class JournalQuery(RunsQuery, frozen=True, kw_only=True):
    of: Literal["runs", "attempts"] = "runs"
    state: State | None = None  # type: ignore[assignment]  # more than a run's
    """Of a run now, or what became of an event that started none. Not for attempts."""


class JournalEntry(Struct, frozen=True, kw_only=True):
    """A run, with the attempt that was asked for or without; or an event that started none."""

    at: datetime
    run: RunSummary | None
    attempt: Attempt | None
    event: EventRow | None


class JournalPage(Struct, frozen=True, kw_only=True):
    entries: list[JournalEntry]
    next: str | None
    """To be given as `after`; null: that is all."""


class JournalApi:
    def __init__(self, journal: Journal, catalogue: Catalogue) -> None:
        self._journal = journal
        self._catalogue = catalogue

    async def runs(self, call: Call) -> web.Response:
        query: RunsQuery = call.query

        async def found() -> tuple[list[Entry], str | None]:
            asked = self._query(query, query.state)
            if asked.is_by_attempt or asked.state is not None:
                page = await self._journal.find(asked)
                return page.entries, page.next
            return await self._runs_alone(asked)

        entries, after = await _asked(found)
        runs = [run_summary(entry.run) for entry in entries if entry.run is not None]
        return paged(call.request, runs, after)

    async def journal(self, call: Call) -> JournalPage:
        query: JournalQuery = call.query

        async def found() -> Page:
            asked = self._query(query, None if query.state is None else _STATES[query.state])
            return await self._journal.find(msgspec.structs.replace(asked, of=Subject(query.of)))

        page = await _asked(found)
        return JournalPage(
            entries=[
                JournalEntry(
                    at=entry.at,
                    run=None if entry.run is None else run_summary(entry.run),
                    attempt=entry.attempt,
                    event=entry.event,
                )
                for entry in page.entries
            ],
            next=page.next,
        )

    def _query(self, query: RunsQuery, state: RunState | EventOutcome | None) -> Query:
        """Raises NoSuchFlow."""
        endpoint = query.endpoint
        return Query(
            interaction_id=query.interaction_id,
            flow_id=None if query.flow is None else self._catalogue.known_id(query.flow),
            endpoint=None if endpoint is None else endpoint_of(endpoint) or endpoint,
            status=query.status,
            state=state,
            since=query.since,
            until=query.until,
            after=query.after,
            limit=query.limit,
        )

    async def _runs_alone(self, query: Query) -> tuple[list[Entry], str | None]:
        """Past the events that started none, of which there may be many for each run."""
        runs: list[Entry] = []
        after, limit = query.after, query.limit
        for _ in range(MOST_READS):
            page = await self._journal.find(
                msgspec.structs.replace(query, after=after, limit=max(limit, READ_TOGETHER))
            )
            for entry in page.entries:
                if entry.run is not None:
                    runs.append(entry)
                if len(runs) == limit:
                    is_last = page.next is None and entry is page.entries[-1]
                    return runs, None if is_last else _behind(entry)
            after = page.next
            if after is None:
                break
        return runs, after


_STATES: dict[str, RunState | EventOutcome] = {
    state.value: state for state in (*RunState, *EventOutcome)
}


def _behind(entry: Entry) -> str:
    at = micros(entry.at)
    assert at is not None
    assert entry.run is not None
    return cursor(Place(at, RUN, (entry.run.run_id,)))


async def _asked(action: Callable[[], Awaitable[T]]) -> T:
    try:
        return await stored(action)
    except QueryError as error:
        raise Problem(422, str(error)) from None


def rows(api: JournalApi | type[JournalApi]) -> list[dict[str, Any]]:
    errors = {**NOT_FOUND, **STORE_ERRORS, **NOT_MEANT}
    return [
        {
            "method": "GET",
            "path": "/runs",
            "name": "listRuns",
            "summary": "Runs, newest first; the Link header leads to the next page",
            "handler": api.runs,
            "query": RunsQuery,
            "response": list[RunSummary],
            "errors": errors,
        },
        {
            "method": "GET",
            "path": "/journal",
            "name": "searchJournal",
            "summary": "Runs and events that started none, or attempts, newest first",
            "handler": api.journal,
            "query": JournalQuery,
            "response": JournalPage,
            "errors": errors,
        },
    ]

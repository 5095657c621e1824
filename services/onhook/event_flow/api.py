"""The worker's HTTP API: flows, runs, dead letters, what became of an interaction.

Rows and translation only; the work is the catalogue's, the journal's and replay's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from onhook.bus.port import Bus, BusError
from onhook.event_flow.catalogue import Catalogue, MissingVersion
from onhook.event_flow.replay import NotPossible, NotThere, Replay
from onhook.event_flow.views import (
    EventSummary,
    FlowDetail,
    FlowPublished,
    FlowSummary,
    InteractionHistory,
    LabelQuery,
    LimitQuery,
    PrefixQuery,
    PublishQuery,
    Replayed,
    RunDetail,
    RunsQuery,
    RunSummary,
    TriedNow,
    run_summary,
)
from onhook.flow.errors import FlowError
from onhook.flow.model import FlowFile
from onhook.journal.port import (
    Attempt,
    DeadLetter,
    History,
    Journal,
    JournalError,
    Version,
)
from onhook.web.app import Api
from onhook.web.operation import Call, Empty, Operation
from onhook.web.problem import Problem

T = TypeVar("T")

TITLE = "Onhook event-flow worker"
SUMMARY = "Published flows, their runs and attempts, dead letters."
STORE_ERRORS = {503: "The bus or the journal does not answer now"}


class WorkerApi:
    def __init__(self, *, bus: Bus, journal: Journal, catalogue: Catalogue, replay: Replay) -> None:
        self._bus = bus
        self._journal = journal
        self._catalogue = catalogue
        self._replay = replay

    async def flows(self, _call: Call) -> list[FlowSummary]:
        return [
            FlowSummary(
                id=version.flow_id,
                name=version.name,
                version=version.number,
                labels=self._catalogue.labels_of(version.flow_id),
                comment=version.comment,
                published_at=version.published_at,
            )
            for version in self._catalogue.latest()
        ]

    async def flow(self, call: Call) -> FlowDetail:
        name, label = call.path["flow"], call.query.label
        version: Version | None = self._catalogue.version(name, label)
        if version is None:
            raise Problem(404, f'No flow "{name[:80]}" with the label "{label[:80]}"')
        try:
            flow = self._catalogue.flow(version.flow_id, version.number)
        except MissingVersion as missing:
            raise Problem(409, str(missing)) from None
        return FlowDetail(
            id=version.flow_id,
            name=version.name,
            version=version.number,
            labels=self._catalogue.labels_of(version.flow_id),
            comment=version.comment,
            published_at=version.published_at,
            handlers=sorted(flow.handlers),
            file=msgspec.json.decode(version.content, type=FlowFile),
        )

    async def publish(self, call: Call) -> FlowPublished:
        labels = (call.query.label,) if call.query.label else ()
        try:
            published = await _stored(
                lambda: self._catalogue.publish(
                    msgspec.json.encode(call.body),
                    call.body.name,
                    labels=labels,
                    comment=call.query.comment,
                )
            )
        except FlowError as error:
            raise Problem(422, str(error)) from None
        return FlowPublished(
            id=published.version.flow_id,
            name=published.version.name,
            version=published.version.number,
            is_new=published.is_new,
            labels=self._catalogue.labels_of(published.version.flow_id),
            findings=list(published.flow.findings),
        )

    async def runs(self, call: Call) -> list[RunSummary]:
        query: RunsQuery = call.query
        runs = await _stored(
            lambda: self._journal.runs(
                interaction_id=query.interaction_id, state=query.state, limit=query.limit
            )
        )
        return [run_summary(run) for run in runs]

    async def run(self, call: Call) -> RunDetail:
        run_id = call.path["run"]
        run = await _stored(lambda: self._journal.run(run_id))
        if run is None:
            raise Problem(404, f'No run "{run_id[:80]}"')
        attempts = await _stored(lambda: self._journal.attempts(run_id))
        return RunDetail(run=run_summary(run), attempts=attempts)

    async def try_now(self, call: Call) -> RunSummary:
        return run_summary(await _stored(lambda: self._replay.try_now(call.path["run"])))

    async def try_all_now(self, _call: Call) -> TriedNow:
        return TriedNow(await _stored(self._replay.try_all_now))

    async def dead_letters(self, call: Call) -> list[DeadLetter]:
        return await _stored(lambda: self._journal.dead_letters(call.query.limit))

    async def replay(self, call: Call) -> Replayed:
        return Replayed(await _stored(lambda: self._replay.replay(call.path["message"])))

    async def drop(self, call: Call) -> None:
        await _stored(lambda: self._replay.drop(call.path["message"]))

    async def interaction(self, call: Call) -> InteractionHistory:
        found: History = await _stored(lambda: self._journal.history(call.path["interaction"]))
        attempts: dict[str, list[Attempt]] = {run.run_id: [] for run in found.runs}
        for attempt in found.attempts:
            attempts[attempt.run_id].append(attempt)
        return InteractionHistory(
            events=[
                EventSummary(
                    event_type=event.event_type,
                    event_id=event.event_id,
                    outcome=event.outcome.value,
                    reason=event.reason,
                    at=event.at,
                )
                for event in found.events
            ],
            runs=[
                RunDetail(run=run_summary(run), attempts=attempts[run.run_id]) for run in found.runs
            ],
            dead_letters=found.dead_letters,
        )

    async def interactions(self, call: Call) -> list[str]:
        query: PrefixQuery = call.query
        return await _stored(lambda: self._journal.interactions(query.prefix, query.limit))

    async def queues(self, _call: Call) -> dict[str, int]:
        return await _stored(self._bus.depths)


async def _stored(action: Callable[[], Awaitable[T]]) -> T:
    try:
        return await action()
    except NotPossible as error:
        raise Problem(404 if isinstance(error, NotThere) else 409, str(error)) from None
    except (BusError, JournalError) as error:
        raise Problem(503, str(error), headers={"Retry-After": "1"}) from None


def operations(api: WorkerApi | type[WorkerApi]) -> list[Operation]:
    """The rows; over the class itself where only the description is wanted."""
    not_found = {404: "There is no such thing"}
    state = {409: "Not possible in this state; the message says why"}
    rows: list[dict[str, Any]] = [
        {
            "method": "GET",
            "path": "/flows",
            "name": "listFlows",
            "summary": "Published flows, each at its Latest version",
            "handler": api.flows,
            "response": list[FlowSummary],
        },
        {
            "method": "POST",
            "path": "/flows",
            "name": "publishFlow",
            "summary": "Validate a flow and publish it as a new version; Latest moves to it",
            "handler": api.publish,
            "status": 201,
            "body": FlowFile,
            "query": PublishQuery,
            "response": FlowPublished,
            "errors": {422: "The flow has errors; the message lists each", **STORE_ERRORS},
        },
        {
            "method": "GET",
            "path": "/flows/{flow}",
            "name": "showFlow",
            "summary": "A flow, by name or id, at the version behind a label",
            "handler": api.flow,
            "query": LabelQuery,
            "response": FlowDetail,
            "errors": {**not_found, **state},
        },
        {
            "method": "GET",
            "path": "/runs",
            "name": "listRuns",
            "summary": "Runs, newest first",
            "handler": api.runs,
            "query": RunsQuery,
            "response": list[RunSummary],
            "errors": STORE_ERRORS,
        },
        {
            "method": "POST",
            "path": "/runs/try-now",
            "name": "tryAllNow",
            "summary": "Try waiting runs now, the newest 1,000 of them",
            "handler": api.try_all_now,
            "response": TriedNow,
            "body": Empty,
            "body_is_optional": True,
            "errors": STORE_ERRORS,
        },
        {
            "method": "GET",
            "path": "/runs/{run}",
            "name": "showRun",
            "summary": "A run and its attempts",
            "handler": api.run,
            "response": RunDetail,
            "errors": {**not_found, **STORE_ERRORS},
        },
        {
            "method": "POST",
            "path": "/runs/{run}/try-now",
            "name": "tryNow",
            "summary": "Try a waiting run now",
            "handler": api.try_now,
            "response": RunSummary,
            "body": Empty,
            "body_is_optional": True,
            "errors": {**not_found, **state, **STORE_ERRORS},
        },
        {
            "method": "GET",
            "path": "/dead-letters",
            "name": "listDeadLetters",
            "summary": "The index of both dead-letter queues, newest first",
            "handler": api.dead_letters,
            "query": LimitQuery,
            "response": list[DeadLetter],
            "errors": STORE_ERRORS,
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
            "errors": {**not_found, **state, **STORE_ERRORS},
        },
        {
            "method": "DELETE",
            "path": "/dead-letters/{message}",
            "name": "dropDeadLetter",
            "summary": "Throw a dead letter away",
            "handler": api.drop,
            "status": 204,
            "errors": {**not_found, **state, **STORE_ERRORS},
        },
        {
            "method": "GET",
            "path": "/interactions",
            "name": "findInteractions",
            "summary": "Ids of interactions that begin with a prefix",
            "handler": api.interactions,
            "query": PrefixQuery,
            "response": list[str],
            "errors": STORE_ERRORS,
        },
        {
            "method": "GET",
            "path": "/interactions/{interaction}",
            "name": "showInteraction",
            "summary": "What became of an interaction: its first 1,000 events, runs and dead letters",
            "handler": api.interaction,
            "response": InteractionHistory,
            "errors": STORE_ERRORS,
        },
        {
            "method": "GET",
            "path": "/queues",
            "name": "listQueues",
            "summary": "Messages by queue",
            "handler": api.queues,
            "response": dict[str, int],
            "errors": STORE_ERRORS,
        },
    ]
    return [Operation(**row) for row in rows]


def describe() -> Api:
    """The API without a running worker, for its published description."""
    return Api(title=TITLE, summary=SUMMARY, operations=operations(WorkerApi))

"""Runs over HTTP: their attempts and traces, what became of an interaction.

Rows and translation only; the work is the journal's and replay's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from onhook.bus.port import Bus
from onhook.event_flow.answering import NOT_FOUND, STATE, STORE_ERRORS, stored
from onhook.event_flow.replay import Replay
from onhook.event_flow.trace import told
from onhook.event_flow.views import (
    EventSummary,
    InteractionHistory,
    PrefixQuery,
    RunDetail,
    RunSummary,
    TriedNow,
    run_summary,
)
from onhook.journal.port import History, Journal, RunRecord, ScreenPop
from onhook.web.operation import Call, Empty
from onhook.web.problem import Problem


class RunApi:
    def __init__(self, *, bus: Bus, journal: Journal, replay: Replay) -> None:
        self._bus = bus
        self._journal = journal
        self._replay = replay

    async def run(self, call: Call) -> RunDetail:
        run_id = call.path["run"]
        record = await stored(lambda: self._journal.record(run_id))
        if record is None:
            raise Problem(404, f'No run "{run_id[:80]}"')
        return _detail(record)

    async def displayed(self, call: Call) -> ScreenPop:
        run_id, pop = call.path["run"], call.path["pop"]
        found = await stored(lambda: self._journal.display(run_id, pop, datetime.now(UTC)))
        if found is None:
            raise Problem(404, f'Run "{run_id[:80]}" has no screen pop "{pop[:80]}"')
        return found

    async def try_now(self, call: Call) -> RunSummary:
        return run_summary(await stored(lambda: self._replay.try_now(call.path["run"])))

    async def try_all_now(self, _call: Call) -> TriedNow:
        return TriedNow(await stored(self._replay.try_all_now))

    async def interaction(self, call: Call) -> InteractionHistory:
        found: History = await stored(lambda: self._journal.history(call.path["interaction"]))
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
            runs=[_detail(record) for record in found.runs],
            dead_letters=found.dead_letters,
        )

    async def interactions(self, call: Call) -> list[str]:
        query: PrefixQuery = call.query
        return await stored(lambda: self._journal.interactions(query.prefix, query.limit))

    async def queues(self, _call: Call) -> dict[str, int]:
        return await stored(self._bus.depths)


def _detail(record: RunRecord) -> RunDetail:
    trace, is_cut = told(record.traces, record.screen_pops)
    return RunDetail(
        run=run_summary(record.run),
        attempts=record.attempts,
        trace=trace,
        trace_is_cut=is_cut,
        screen_pops=record.screen_pops,
    )


def rows(api: RunApi | type[RunApi]) -> list[dict[str, Any]]:
    return [
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
            "summary": "A run with its attempts, its trace and its screen pops",
            "handler": api.run,
            "response": RunDetail,
            "errors": {**NOT_FOUND, **STORE_ERRORS},
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
            "errors": {**NOT_FOUND, **STATE, **STORE_ERRORS},
        },
        {
            "method": "POST",
            "path": "/runs/{run}/screen-pops/{pop}/displayed",
            "name": "reportDisplay",
            "summary": "Report that a desktop shows a screen pop, named by its event's id",
            "handler": api.displayed,
            "response": ScreenPop,
            "body": Empty,
            "body_is_optional": True,
            "errors": {**NOT_FOUND, **STORE_ERRORS},
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

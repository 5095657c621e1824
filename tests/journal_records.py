"""Records of the journal for its tests: any field may be given, the others are as usual."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from onhook.journal.port import (
    Attempt,
    DeadLetter,
    EventOutcome,
    EventRow,
    Journal,
    Run,
    ScreenPop,
    TraceRow,
    Version,
)

OpenJournal = Callable[..., AbstractAsyncContextManager[Journal]]

AT = datetime(2026, 1, 5, 9, 30, 0, 123_456, tzinfo=UTC)


def later(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def a_run(run_id: str = "r1", **fields: Any) -> Run:
    given_fields = {
        "source": "/test",
        "event_id": f"event-of-{run_id}",
        "event_type": "AgentDisconnect",
        "interaction_id": "i1",
        "flow_id": "f1",
        "flow_name": "F",
        "version": 1,
        "created_at": AT,
        "updated_at": AT,
    }
    return Run(run_id=run_id, **(given_fields | fields))


def an_attempt(run_id: str = "r1", number: int = 1, **fields: Any) -> Attempt:
    given_fields = {
        "node": "A",
        "visit": 1,
        "webhook_id": "msg_1",
        "started_at": later(number),
        "elapsed_ms": 12.5,
        "method": "POST",
        "url": "https://example.com",
        "status": 204,
    }
    return Attempt(run_id=run_id, number=number, **(given_fields | fields))


def a_dead_letter(message_id: str = "m1", **fields: Any) -> DeadLetter:
    given_fields = {
        "queue": "onhook.dead.undelivered",
        "fault": "undelivered",
        "reason": "given up",
        "interaction_id": "i1",
        "size_bytes": 7,
        "excerpt": "{}",
        "at": AT,
    }
    return DeadLetter(message_id=message_id, **(given_fields | fields))


def an_event(event_id: str = "e1", **fields: Any) -> EventRow:
    given_fields = {
        "source": "/test",
        "event_type": "AgentOffered",
        "interaction_id": "i1",
        "outcome": EventOutcome.FILTERED,
        "reason": "no published flow handles AgentOffered",
        "at": AT,
    }
    return EventRow(event_id=event_id, **(given_fields | fields))


def a_version(content: str = "one", **fields: Any) -> Version:
    given_fields = {
        "flow_id": "f1",
        "name": "F",
        "number": 0,
        "content_hash": f"hash of {content}",
        "content": content.encode(),
        "comment": None,
        "published_at": AT,
    }
    return Version(**(given_fields | fields))


def a_trace(run_id: str = "r1", step: int = 0, **fields: Any) -> TraceRow:
    return TraceRow(run_id=run_id, step=step, **({"entries": b'[{"node": "A"}]'} | fields))


def a_pop(pop_id: str = "p1", run_id: str = "r1", **fields: Any) -> ScreenPop:
    given_fields = {
        "address": "pop",
        "visit": 1,
        "agent_id": "ada",
        "url": "https://crm.example/1",
        "label": "Customer",
        "target": "insideDesktop",
        "published_at": AT,
    }
    return ScreenPop(id=pop_id, run_id=run_id, **(given_fields | fields))

"""What became of an interaction, told in lines: events in the order of a call."""

from __future__ import annotations

from typing import Any

from onhook.cli.trace_lines import in_order


def an_event(name: str, at: str) -> dict[str, Any]:
    return {"event_type": name, "at": f"2026-01-01T00:00:{at}Z"}


def names(*events: dict[str, Any]) -> list[str]:
    return [event["event_type"] for event in in_order(events)]


def test_events_are_told_by_time() -> None:
    late = an_event("AgentOffered", "20.5")
    early = an_event("AgentAnswered", "05")
    assert names(late, early) == ["AgentAnswered", "AgentOffered"]


def test_events_of_one_moment_are_told_as_a_call_has_them() -> None:
    events = [
        an_event("PhoneContactEnded", "01.1"),
        an_event("AgentAnswered", "01.2"),
        an_event("NewPhoneContact", "01.25"),
        an_event("Odd", "01.0"),
        an_event("NewPhoneContact", "09"),
    ]
    assert names(*events) == [
        "NewPhoneContact",
        "AgentAnswered",
        "PhoneContactEnded",
        "Odd",
        "NewPhoneContact",
    ]

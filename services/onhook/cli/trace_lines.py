"""What became of an interaction, as lines of at most 100 columns: plain data in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from onhook.cli.printed import one_line
from onhook.cli.run_lines import WIDTH, note_lines, shown, step_line, took, value_lines
from onhook.contracts.event import EVENT_NAMES

REQUESTS = frozenset({"http-request", "http-request-v2"})
LONGEST = WIDTH - 50
"""Of a value, so that its line stays within WIDTH."""
ONE_MOMENT = timedelta(seconds=1)
_IN_A_CALL = tuple(EVENT_NAMES)
NOT_LEFT = "(under way)"
IN_AN_ATTEMPT = frozenset({"method", "url", "headers", "httpStatusCode", "httpResponseHeaders"})
"""What an attempt's own lines say, or nobody looks for here; `--json` has it."""


def trace_lines(found: Mapping[str, Any]) -> list[str]:
    """The story in lines, oldest first."""
    lines = [f"interaction {one_line(found['interaction_id'])}"]
    contact = found["call"]
    if contact is not None:
        lines.append(f"  call {contact['state']}, from {contact['ani']} to {contact['dnis']}")
    lines += [
        f"  event {event['event_type']}: {event['outcome']}, {one_line(event['reason'])}"
        for event in in_order(found["events"])
    ]
    for run in found["runs"]:
        lines += _run_lines(run)
    lines += [
        f"  {dead['event_type'] or 'message'} set aside in {dead['queue']}: "
        f"{one_line(dead['reason'])}"
        for dead in found["dead_letters"]
    ]
    if len(lines) == 1:
        lines.append("  nothing is known of it: no call, no event that named it, no run")
    elif not found["runs"]:
        lines.append("  no run: nothing of it started a flow")
    return lines


def in_order(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By time, and those of one moment as a call has them: they are recorded side by side."""
    moments: list[list[Mapping[str, Any]]] = []
    for event in sorted(events, key=_at):
        if moments and _at(event) - _at(moments[-1][-1]) < ONE_MOMENT:
            moments[-1].append(event)
        else:
            moments.append([event])
    return [event for moment in moments for event in sorted(moment, key=_place_in_a_call)]


def _at(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(event["at"])


def _place_in_a_call(event: Mapping[str, Any]) -> int:
    name = event["event_type"]
    return _IN_A_CALL.index(name) if name in _IN_A_CALL else len(_IN_A_CALL)


def _run_lines(run: Mapping[str, Any]) -> list[str]:
    row = run["run"]
    flow = f"{one_line(row['flow_name'])} v{row['version']}"
    lines = [
        f"  event {row['event_type']} {one_line(row['event_id'])}",
        f"    flow {flow}, run {row['run_id']}: {row['state']}",
    ]
    left = list(run["attempts"])
    for number, step in enumerate(_folded(run["trace"]), 1):
        lines += _step_lines(number, step, _taken(left, step))
    for attempt in left:
        lines.append(f"        {one_line(attempt['node'])} {NOT_LEFT}")
        lines += [f"          {line}" for line in _attempt_lines(attempt)]
    if row["state"] == "running" and not run["attempts"]:
        lines.append(f"      attempt 1 under way since {row['updated_at']}")
    if row["reason"]:
        lines.append(f"      {one_line(row['reason'])}")
    return lines


def _folded(trace: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A request that waited has an entry for each time that it was tried: the last one stands."""
    folded: list[Mapping[str, Any]] = []
    for step in trace:
        before = folded[-1] if folded else None
        if before is not None and before["edge"] is None and _visit(before) == _visit(step):
            folded.pop()
        folded.append(step)
    return folded


def _visit(step: Mapping[str, Any]) -> tuple[Any, ...]:
    return step["address"], step["visit"], step["activity"] in REQUESTS or step["started_at"]


def _taken(left: list[dict[str, Any]], step: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The attempts of this step, taken out of those that are left."""
    own = [
        attempt
        for attempt in left
        if (attempt["node"], attempt["visit"]) == (step["name"], step["visit"])
    ]
    for attempt in own:
        left.remove(attempt)
    return own


def _step_lines(
    number: int, step: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]
) -> list[str]:
    if not step["activity"]:  # where a trace was too long to be kept whole
        return [f"      {one_line(step['note'] or '')}"]
    lines = [f"    {step_line(number, step, depth=step['address'].count('/'))}"]
    details = [line for attempt in attempts for line in _attempt_lines(attempt)]
    shown_above = IN_AN_ATTEMPT if attempts else ()
    for word, values in (("in ", step["inputs"]), ("out", step["outputs"])):
        details += value_lines(word, values, without=shown_above, longest=LONGEST)
    details += note_lines([step["note"]])
    return [*lines, *(f"          {line}" for line in details)]


def _attempt_lines(attempt: Mapping[str, Any]) -> list[str]:
    answer = attempt["status"] or one_line(str(attempt["detail"] or attempt["fault"]))
    lines = [
        f"attempt {attempt['number']} at {attempt['started_at']} -> {answer} in {took(attempt)}",
        f"  {attempt['method']} {shown(attempt['url'], WIDTH - 30)}",
    ]
    if attempt["capture"]:
        lines.append(f"  capture {attempt['capture']}")
    if attempt["next_at"]:
        lines.append(f"  again at {attempt['next_at']}")
    return lines

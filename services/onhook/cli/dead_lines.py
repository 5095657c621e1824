"""Dead letters as lines to read: plain data in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from onhook.cli.printed import moment, one_line
from onhook.cli.run_lines import took

PREFIX = "onhook.dead."


def counted(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count} dead letters"


def group_lines(found: Mapping[str, Any], most: int) -> list[str]:
    """What there is, the newest first, those that are alike together."""
    if not found["total"]:
        return ["nothing is set aside"]
    lines = []
    for group in found["groups"][:most]:
        count = group["count"]
        lines.append(
            f"{count} alike: {one_line(group['reason'])}"
            if count > 1
            else f"1: {one_line(group['reason'])}"
        )
        span = moment(group["newest_at"])
        if count > 1:
            span = f"{moment(group['oldest_at'])} to {span}"
        flow = f", flow {one_line(group['flow_name'])}" if group["flow_name"] else ""
        lines.append(f"    {_queue(group)}, {group['fault']}{flow}; {span}")
        lines.append(f"    {'one of them' if count > 1 else 'id'}: {group['message_id']}")
    left = len(found["groups"]) - most
    if left > 0:
        lines.append(f"... and {left} more kinds; -n shows more")
    more = "at least " if found["is_cut"] else ""
    lines.append(f"{more}{counted(found['total'])}; `onhook dead replay --like ID` sends all alike")
    return lines


def each_rows(letters: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [
        [
            letter["message_id"],
            moment(letter["at"]),
            _queue(letter),
            letter["fault"],
            one_line(letter["flow_name"] or letter["event_type"] or "-"),
            one_line(letter["reason"]),
        ]
        for letter in letters
    ]


def detail_lines(found: Mapping[str, Any]) -> list[str]:
    letter = found["letter"]
    rows = [
        ("queue", letter["queue"]),
        ("set aside", moment(letter["at"])),
        ("fault", letter["fault"]),
        ("reason", letter["reason"]),
        ("event", letter["event_type"]),
        ("interaction", letter["interaction_id"]),
        ("flow", letter["flow_name"]),
        ("run", letter["run_id"]),
        ("routing key", letter["routing_key"]),
        ("published as", letter["original_id"]),
        ("size", f"{letter['size_bytes']} bytes"),
        ("begins with", letter["excerpt"]),
    ]
    lines = [f"dead letter {letter['message_id']}"]
    lines += [f"  {name:<13} {one_line(str(value))}" for name, value in rows if value]
    run = found["run"]
    if run is not None:
        lines.append(f"  {'the run is':<13} {run['state']}, v{run['version']}")
    for attempt in found["attempts"]:
        answer = attempt["status"] or one_line(str(attempt["detail"] or attempt["fault"]))
        lines.append(
            f"    attempt {attempt['number']} at {moment(attempt['started_at'])} -> {answer} "
            f"in {took(attempt)}, {attempt['method']} {one_line(attempt['url'])}"
        )
    lines.append("  `--message` prints the message itself")
    return lines


def failure_lines(failed: int, reasons: Counter[str]) -> list[str]:
    """Why some stayed; only the first hundred of each answer say it."""
    if not failed:
        return []
    lines = [f"{counted(failed)} stayed:"]
    lines += [f"  {count}: {one_line(reason)}" for reason, count in reasons.most_common(10)]
    return lines


def _queue(row: Mapping[str, Any]) -> str:
    return str(row["queue"]).removeprefix(PREFIX)

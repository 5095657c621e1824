"""`onhook runs [show|try-now]`: the journal of a running worker, found, shown; waiting runs tried."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from onhook.cli.api_client import Refused, call
from onhook.cli.failure import Failure
from onhook.cli.input_file import USAGE
from onhook.cli.main import settings_from
from onhook.cli.printed import moment, one_line, print_columns, print_json
from onhook.cli.run_lines import took
from onhook.cli.since import time_of
from onhook.cli.trace_lines import trace_lines
from onhook.up.addresses import expected_addresses


def execute(given: argparse.Namespace) -> int:
    worker = expected_addresses(settings_from(given)).worker_url
    if given.action == "show":
        return _show(worker, given)
    if given.action == "try-now":
        return _try_now(worker, given)
    return _list(worker, given)


def _list(worker: str, given: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    asked = {
        "of": "attempts" if given.attempts else "runs",
        "interaction_id": given.interaction,
        "flow": given.flow,
        "endpoint": given.endpoint,
        "status": given.status,
        "state": given.state,
        "since": time_of(given.since, "--since", now),
        "until": time_of(given.until, "--until", now),
        "after": given.after,
        "limit": given.limit,
    }
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    page = call("worker", "GET", f"{worker}/journal?{query}")
    if given.json:
        print_json(page)
        return 0
    if page["entries"]:
        row = _attempt_row if given.attempts else _row
        print_columns([row(entry) for entry in page["entries"]])
    else:
        sys.stdout.write("nothing was found\n")
    if page["next"]:
        sys.stdout.write(f"there is more: --after {page['next']}\n")
    return 0


def _row(entry: Mapping[str, Any]) -> list[str]:
    """When, what became of it, event, flow, interaction, run, and why it is not done."""
    event, run = entry["event"], entry["run"]
    if event is not None:
        return [
            moment(entry["at"]),
            event["outcome"],
            one_line(event["event_type"]),
            one_line(event["flow_name"] or "-"),
            one_line(event["interaction_id"] or "-"),
            "-",
            one_line(event["reason"]),
        ]
    attempt = entry["attempt"]
    tried = "" if attempt is None else f"answered {_answer(attempt)}"
    until = f", until {moment(run['next_at'])}" if run["state"] == "waiting" else ""
    return [
        moment(entry["at"]),
        run["state"],
        one_line(run["event_type"]),
        f"{one_line(run['flow_name'])} v{run['version']}",
        one_line(run["interaction_id"] or "-"),
        run["run_id"],
        one_line(f"{run['reason'] or tried}{until}"),
    ]


def _attempt_row(entry: Mapping[str, Any]) -> list[str]:
    attempt = entry["attempt"]
    return [
        moment(attempt["started_at"]),
        _answer(attempt),
        took(attempt),
        one_line(entry["run"]["flow_name"]),
        f"{one_line(attempt['node'])} #{attempt['number']}",
        attempt["run_id"],
        one_line(f"{attempt['method']} {attempt['url']}"),
    ]


def _answer(attempt: Mapping[str, Any]) -> str:
    return str(attempt["status"] or attempt["fault"] or "failed")


def _show(worker: str, given: argparse.Namespace) -> int:
    found = call("worker", "GET", f"{worker}/runs/{quote(given.run, safe='')}")
    if given.json:
        print_json(found)
        return 0
    for attempt in found["attempts"]:
        attempt["capture"] = None
    interaction = found["run"]["interaction_id"] or "(none)"
    story: dict[str, Any] = {"call": None, "events": [], "dead_letters": []}
    story |= {"interaction_id": interaction, "runs": [found]}
    sys.stdout.write("\n".join(trace_lines(story)) + "\n")
    return 0


def _try_now(worker: str, given: argparse.Namespace) -> int:
    if bool(given.run) == given.all:
        raise Failure("give the ids of waiting runs, or --all", USAGE)
    if given.all:
        answer = call("worker", "POST", f"{worker}/runs/try-now")
        sys.stdout.write(f"{answer['runs']} tried now\n")
        return 0
    status = 0
    for run_id in given.run:
        try:
            call("worker", "POST", f"{worker}/runs/{quote(run_id, safe='')}/try-now")
        except Refused as refused:
            sys.stderr.write(f"onhook: {run_id}: {refused}\n")
            status = 1
        else:
            sys.stdout.write(f"{run_id} is tried now\n")
    return status

"""`onhook endpoint list|pause|resume|retry-now`: what is sent where, on a running worker."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from onhook.cli.api_client import call
from onhook.cli.failure import Failure
from onhook.cli.main import settings_from
from onhook.cli.printed import one_line, print_columns, print_json
from onhook.up.addresses import expected_addresses

_DONE = {
    "pause": "paused; its runs wait, and spend no attempts",
    "resume": "resumed; what waits for it is sent on now",
    "retry-now": "asked now; what waits for it is sent on as long as it takes it",
}


def execute(given: argparse.Namespace) -> int:
    worker = expected_addresses(settings_from(given)).worker_url
    known = call("worker", "GET", f"{worker}/endpoints")
    if given.action == "list":
        _list(known, given)
        return 0
    body = {"reason": given.reason} if given.action == "pause" and given.reason else {}
    changed = []
    for endpoint in _meant(known, given):
        url = f"{worker}/endpoints/{quote(endpoint['id'], safe='')}/{given.action}"
        changed.append(call("worker", "POST", url, msgspec.json.encode(body)))
    if given.json:
        print_json(changed)
        return 0
    for endpoint in changed:
        sys.stdout.write(f"{_named(endpoint)}: {_DONE[given.action]}\n")
    return 0


def _list(known: list[dict[str, Any]], given: argparse.Namespace) -> None:
    if given.json:
        print_json(known)
    elif known:
        print_columns([_row(endpoint) for endpoint in known])
    else:
        sys.stdout.write("the worker has not sent anything anywhere yet\n")


def _meant(known: list[dict[str, Any]], given: argparse.Namespace) -> list[dict[str, Any]]:
    """Those that are named by the beginning of an id, an origin, a flow or a node."""
    word = given.endpoint
    found = [
        each
        for each in known
        if each["id"].startswith(word) or word in (each["flow"], each["node"], *_spellings(each))
    ]
    if not found:
        raise Failure(f'no endpoint "{word}"; `onhook endpoint list` shows those that are known')
    if len(found) > 1 and not given.all:
        several = "\n".join(f"  {each['id']}  {_named(each)}" for each in found[:20])
        raise Failure(f'"{word}" names {len(found)} endpoints; give an id, or --all:\n{several}')
    return found


def _spellings(endpoint: dict[str, Any]) -> tuple[str, ...]:
    """Its origin, with the scheme's own port and without it."""
    origin = str(endpoint["origin"])
    scheme, _, port = origin.partition(":")[0], *origin.rpartition(":")[1:]
    usual = {"https": "443", "http": "80"}.get(scheme)
    return (origin, origin.removesuffix(f":{port}")) if port == usual else (origin,)


def _named(endpoint: dict[str, Any]) -> str:
    return f"{endpoint['origin']} ({endpoint['flow']}, {endpoint['node']})"


def _row(endpoint: dict[str, Any]) -> list[str]:
    return [
        endpoint["id"],
        endpoint["flow"],
        endpoint["node"],
        endpoint["origin"],
        f"{endpoint['in_flight']}/{endpoint['in_flight_limit']} in flight",
        one_line(_condition(endpoint)),
    ]


def _condition(endpoint: dict[str, Any]) -> str:
    if endpoint["paused_at"]:
        why = f": {endpoint['pause_reason']}" if endpoint["pause_reason"] else ""
        return f"paused for {_since(endpoint['paused_at'])}{why}"
    breaker = endpoint["breaker"]
    if breaker["state"] == "closed":
        return "open for requests"
    last = f", the last {breaker['last_failure']}" if breaker["last_failure"] else ""
    return (
        f"breaker {breaker['state']} for {_since(breaker['since'])}, after {breaker['after']}{last}"
    )


def _since(moment: str) -> str:
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"

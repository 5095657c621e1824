"""`onhook trace`: what became of an interaction: event, flow, run, attempts, capture, or why not."""

from __future__ import annotations

import argparse
import sys
from typing import Any
from urllib.parse import quote, urlencode

from onhook.cli.api_client import Refused, call
from onhook.cli.failure import Failure
from onhook.cli.main import settings_from
from onhook.cli.printed import print_json
from onhook.cli.trace_lines import trace_lines
from onhook.settings import Settings
from onhook.up.addresses import expected_addresses

SHORTEST_PREFIX = 4
MOST_NAMED = 5


def execute(given: argparse.Namespace) -> int:
    settings = expected_addresses(settings_from(given))
    interaction = _whole(settings, given.interaction) if given.interaction else _newest(settings)
    name = quote(interaction, safe="")
    history = call("worker", "GET", f"{settings.worker_url}/interactions/{name}")
    contact = _contact(settings, name)
    is_known = contact or any(history[part] for part in ("runs", "events", "dead_letters"))
    if not is_known and len(interaction) < SHORTEST_PREFIX:
        raise Failure(
            f'no interaction is called "{interaction}"; give the id, or at least its first '
            f"{SHORTEST_PREFIX} characters"
        )
    for run in history["runs"]:
        for attempt in run["attempts"]:
            attempt["capture"] = _capture(settings, attempt["response_headers"])
    found = {"interaction_id": interaction, "call": contact, **history}
    if given.json:
        print_json(found)
    else:
        sys.stdout.write("\n".join(trace_lines(found)) + "\n")
    return 0 if is_known else 1


def _newest(settings: Settings) -> str:
    """The interaction of the run that began last. Raises Failure when there is none."""
    runs = call("worker", "GET", f"{settings.worker_url}/runs?limit={MOST_NAMED}")
    for run in runs:
        if run["interaction_id"]:
            return str(run["interaction_id"])
    raise Failure("no flow has run yet; play a call, then ask again")


def _whole(settings: Settings, given: str) -> str:
    """The id that begins with what was given, if just one does; what was given otherwise."""
    prefix = given.removesuffix("...")
    if len(prefix) < SHORTEST_PREFIX:
        return prefix
    query = urlencode({"prefix": prefix, "limit": MOST_NAMED})
    found: list[str] = call("worker", "GET", f"{settings.worker_url}/interactions?{query}")
    if len(found) > 1 and prefix not in found:
        raise Failure(f'several interactions begin with "{prefix}": {", ".join(found)}')
    return found[0] if len(found) == 1 else prefix


def _contact(settings: Settings, name: str) -> Any:
    """The call as the emulator has it; None when it has none, or is not there to ask."""
    try:
        return call("call emulator", "GET", f"{settings.emulator_url}/calls/{name}")
    except Failure:
        return None


def _capture(settings: Settings, headers: dict[str, str]) -> str | None:
    """The address of what the sink recorded, when the answer came from our sink."""
    token, request = headers.get("x-token-id"), headers.get("x-request-id")
    if not token or not request:
        return None
    path = f"/token/{quote(token, safe='')}/request/{quote(request, safe='')}"
    try:
        call("sink", "GET", settings.sink_url + path)
    except Refused:
        return None
    except Failure:
        return None
    return settings.sink_public_url + path

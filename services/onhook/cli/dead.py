"""`onhook dead list|show|replay|drop`: what was set aside, on a running worker."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from onhook.cli.api_client import call, call_page
from onhook.cli.dead_lines import (
    counted,
    detail_lines,
    each_rows,
    failure_lines,
    group_lines,
)
from onhook.cli.dead_parser import FILTERS
from onhook.cli.failure import Failure
from onhook.cli.input_file import USAGE
from onhook.cli.main import settings_from
from onhook.cli.printed import harmless, print_columns, print_json
from onhook.cli.question import is_agreed
from onhook.cli.since import time_of
from onhook.up.addresses import expected_addresses

BULK_TIMEOUT_S = 120.0
"""A worker works for some seconds; finding messages in a long queue takes its time too."""
SHOWN_GROUPS = 10
_NAMES = {"event": "event_type", "interaction": "interaction_id", "run": "run_id"}
"""Filters that the API calls by another name."""


def execute(given: argparse.Namespace) -> int:
    worker = expected_addresses(settings_from(given)).worker_url
    if given.action == "list":
        return _each(worker, given) if given.each else _groups(worker, given)
    if given.action == "show":
        return _show(worker, given)
    return _bulk(worker, given)


def _filter(given: argparse.Namespace) -> dict[str, str]:
    now = datetime.now(UTC)
    found = {name: getattr(given, name) for name in FILTERS}
    found |= {name: time_of(found[name], f"--{name}", now) for name in ("since", "until")}
    return {_NAMES.get(name, name): value for name, value in found.items() if value is not None}


def _groups(worker: str, given: argparse.Namespace) -> int:
    found = call("worker", "GET", f"{worker}/dead/alike?{urlencode(_filter(given))}")
    if given.json:
        print_json(found)
    else:
        sys.stdout.write("\n".join(group_lines(found, given.limit)) + "\n")
    return 0


def _each(worker: str, given: argparse.Namespace) -> int:
    query = _filter(given) | {"limit": str(given.limit)}
    if given.after:
        query["after"] = given.after
    letters, after = call_page("worker", f"{worker}/dead-letters?{urlencode(query)}")
    if given.json:
        print_json({"letters": letters, "next": after})
        return 0
    if letters:
        print_columns(each_rows(letters))
    else:
        sys.stdout.write("nothing is set aside\n")
    if after:
        sys.stdout.write(f"there are more: --after {after}\n")
    return 0


def _show(worker: str, given: argparse.Namespace) -> int:
    of_one = f"{worker}/dead-letters/{quote(given.id, safe='')}"
    if given.message:
        message = call("worker", "GET", f"{of_one}/message")
        if given.json:
            print_json(message)
            return 0
        if message["is_cut"]:
            sys.stderr.write(f"onhook: only the beginning, of {message['size_bytes']} bytes\n")
        sys.stdout.write(harmless(message["body"]) + "\n")
        return 0
    found = call("worker", "GET", of_one)
    if given.json:
        print_json(found)
    else:
        sys.stdout.write("\n".join(detail_lines(found)) + "\n")
    return 0


def _bulk(worker: str, given: argparse.Namespace) -> int:
    chosen: dict[str, Any] = dict(_filter(given))
    if given.id and chosen:
        raise Failure("give ids or a filter, not both", USAGE)
    if not given.id and not chosen and not given.all:
        raise Failure(f"which? Give ids, a filter such as --fault, or --all; {_HINT}", USAGE)
    if given.id:
        chosen = {"ids": given.id}
    elif given.all:
        chosen["all"] = True
    _confirm(worker, given, chosen)
    done, failed, reasons = _walk(f"{worker}/dead/{given.action}", given, chosen)
    if given.json:
        print_json({"done": done, "failed": failed, "reasons": dict(reasons)})
    else:
        whose = "its" if done == 1 else "their"
        what = f"sent on {whose} way again" if given.action == "replay" else "dropped"
        sys.stdout.write(f"{counted(done)} {what}\n")
        for line in failure_lines(failed, reasons):
            sys.stdout.write(f"{line}\n")
    return 1 if failed else 0


_HINT = "`onhook dead list` shows what there is"


def _confirm(worker: str, given: argparse.Namespace, chosen: dict[str, Any]) -> None:
    """Ask, where much is sent or anything is lost."""
    verb = given.action.capitalize()
    is_one = len(given.id) == 1
    if given.yes or (is_one and given.action == "replay"):
        return
    if given.id:
        question = f"{verb} {counted(len(given.id))}?"
    else:
        query = {name: value for name, value in chosen.items() if name != "all"}
        found = call("worker", "GET", f"{worker}/dead/alike?{urlencode(query)}")
        if not found["total"]:
            return
        sys.stderr.write("\n".join(group_lines(found, SHOWN_GROUPS)) + "\n")
        more = "at least " if found["is_cut"] else ""
        question = f"{verb} {more}{counted(found['total'])}?"
    if not is_agreed(f"{question} [y/N] "):
        raise Failure("nothing was done; answer y, or give --yes where nobody can answer")


def _walk(
    url: str, given: argparse.Namespace, chosen: dict[str, Any]
) -> tuple[int, int, Counter[str]]:
    """Ask again until all is done. Broken off, it goes on when the command is given again."""
    done = failed = 0
    reasons: Counter[str] = Counter()
    after: str | None = None
    while True:
        asked = chosen | {"per_second": given.rate} | ({"after": after} if after else {})
        answer = call("worker", "POST", url, msgspec.json.encode(asked), timeout_s=BULK_TIMEOUT_S)
        done += answer["done"]
        failed += answer["failed"]
        reasons.update(failure["reason"] for failure in answer["failures"])
        if answer["trouble"]:
            raise Failure(
                f"stopped after {counted(done)}: {answer['trouble']}; give the command again to go on"
            )
        after = answer["next"]
        if after is None:
            return done, failed, reasons
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done} done so far ")

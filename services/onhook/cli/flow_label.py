"""`onhook flow label|unpublish`: what moves or ends behind a flow's name, on a running worker."""

from __future__ import annotations

import argparse
import sys
from typing import Any
from urllib.parse import quote

import msgspec

from onhook.cli.api_client import call
from onhook.cli.failure import Failure
from onhook.cli.input_file import USAGE
from onhook.cli.main import settings_from
from onhook.cli.printed import print_json
from onhook.cli.question import is_agreed
from onhook.up.addresses import expected_addresses


def execute(given: argparse.Namespace) -> int:
    worker = expected_addresses(settings_from(given)).worker_url
    url = f"{worker}/flows/{quote(given.name, safe='')}"
    if given.action == "unpublish":
        _unpublish(url, given)
    elif given.remove:
        _remove(url, given)
    else:
        _move(url, given)
    return 0


def _move(url: str, given: argparse.Namespace) -> None:
    if given.version is None:
        raise Failure(
            f"to which version? `onhook flow label {given.name} {given.label} v1`; "
            f"`onhook flow versions {given.name}` lists them",
            USAGE,
        )
    body = msgspec.json.encode({"version": given.version})
    answer = call("worker", "PUT", f"{url}/labels/{quote(given.label, safe='')}", body)
    _say(answer, f"{given.name}: {given.label} is v{given.version}", given)


def _remove(url: str, given: argparse.Namespace) -> None:
    if given.version is not None:
        raise Failure("--remove takes the label away from whichever version has it", USAGE)
    answer = call("worker", "DELETE", f"{url}/labels/{quote(given.label, safe='')}")
    _say(answer, f"{given.name}: {given.label} is taken away", given)


def _unpublish(url: str, given: argparse.Namespace) -> None:
    if not given.yes:
        flow = call("worker", "GET", url)
        labels = ", ".join(f"{label} v{number}" for label, number in sorted(flow["labels"].items()))
        question = f"Unpublish {flow['name']} ({labels})? [y/N] "
        if not is_agreed(question):
            raise Failure(
                f"{flow['name']} stays published; answer y, or give --yes where nobody can answer"
            )
    _say(call("worker", "DELETE", url), f"{given.name} is not published any more", given)


def _say(answer: Any, what: str, given: argparse.Namespace) -> None:
    if given.json:
        print_json(answer)
        return
    sys.stdout.write(f"{what}\n")
    for line in (answer or {}).get("affected", ()):
        sys.stdout.write(f"  {line}\n")

"""`onhook flow publish`: hands a flow file to a running worker, and says who is affected."""

from __future__ import annotations

import argparse
import sys
from typing import Any
from urllib.parse import urlencode

import msgspec

from onhook.cli.api_client import call
from onhook.cli.failure import Failure
from onhook.cli.finding_line import finding_line
from onhook.cli.input_file import read_input, shown_name
from onhook.cli.main import settings_from
from onhook.cli.printed import print_json
from onhook.flow.errors import FlowError
from onhook.flow.loading import load
from onhook.up.addresses import expected_addresses


def execute(given: argparse.Namespace) -> int:
    worker = expected_addresses(settings_from(given)).worker_url
    try:
        loaded = load(read_input(given.file), shown_name(given.file))
    except FlowError as error:
        raise Failure(str(error)) from None
    query = [("label", label) for label in given.label]
    if given.comment:
        query.append(("comment", given.comment))
    url = f"{worker}/flows" + (f"?{urlencode(query)}" if query else "")
    answer = call("worker", "POST", url, msgspec.json.encode(loaded.file))
    answer["findings"] = [*msgspec.to_builtins(loaded.findings), *answer["findings"]]
    for finding in answer["findings"]:
        sys.stderr.write(f"{finding_line(finding)}\n")
    if given.json:
        print_json(answer)
    else:
        _say(answer)
    return 0


def _say(answer: dict[str, Any]) -> None:
    own = [label for label, number in answer["labels"].items() if number == answer["version"]]
    labels = ", ".join(sorted(own))
    what = "published" if answer["is_new"] else "unchanged since"
    if answer["is_again"]:
        what = "published again, as"
    sys.stdout.write(f"{answer['name']} {what} v{answer['version']} ({labels})\n")
    for line in answer["affected"]:
        sys.stdout.write(f"  {line}\n")

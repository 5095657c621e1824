"""`onhook flow publish|list`: speaks HTTP to a running worker."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from onhook.cli.api_client import call
from onhook.cli.failure import Failure
from onhook.cli.main import settings_from
from onhook.flow.errors import FlowError
from onhook.flow.loading import load_flow
from onhook.up.addresses import expected_addresses


def execute(given: argparse.Namespace) -> int:
    worker = expected_addresses(settings_from(given)).worker_url
    return _publish(worker, given) if given.action == "publish" else _list(worker)


def _publish(worker: str, given: argparse.Namespace) -> int:
    try:
        file = load_flow(Path(given.file).read_bytes(), given.file)
    except OSError as error:
        raise Failure(f"{given.file}: {error.strerror}") from None
    except FlowError as error:
        raise Failure(str(error)) from None
    query = {"label": given.label, "comment": given.comment}
    options = urlencode({name: value for name, value in query.items() if value})
    url = f"{worker}/flows" + (f"?{options}" if options else "")
    answer = call("worker", "POST", url, msgspec.json.encode(file))
    for finding in answer["findings"]:
        place = f'node "{finding["node"]}": ' if finding["node"] else ""
        sys.stderr.write(
            f"{finding['severity']} {finding['code']} {place}{finding['message']}; "
            f"{finding['remedy']}\n"
        )
    labels = ", ".join(
        label for label, number in answer["labels"].items() if number == answer["version"]
    )
    what = "published" if answer["is_new"] else "unchanged since"
    sys.stdout.write(f"{answer['name']} {what} v{answer['version']} ({labels})\n")
    return 0


def _list(worker: str) -> int:
    for flow in call("worker", "GET", f"{worker}/flows"):
        labels = ", ".join(f"{name} v{number}" for name, number in sorted(flow["labels"].items()))
        sys.stdout.write(f"{flow['name']}  v{flow['version']}  {labels}  {flow['published_at']}\n")
    return 0

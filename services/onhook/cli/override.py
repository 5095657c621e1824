"""`onhook override list|set|unset`: values of flow variables, changed on a running worker."""

from __future__ import annotations

import argparse
import sys
from typing import Any
from urllib.parse import quote

import msgspec

from onhook.cli.api_client import call
from onhook.cli.input_file import STDIN, read_input
from onhook.cli.main import settings_from
from onhook.cli.printed import one_line, print_columns, print_json
from onhook.up.addresses import expected_addresses

_ORIGINS = {
    "stored": "override set",
    "file": "ONHOOK_OVERRIDES",
    "environment": "ONHOOK_WEBHOOK_URL",
    "command line": "--to",
    "default": "the flow's default",
}
"""Where a value comes from, as its user knows it."""


def execute(given: argparse.Namespace) -> int:
    worker = expected_addresses(settings_from(given)).worker_url
    if given.action == "list":
        _list(worker, given)
        return 0
    flow, variable = quote(given.flow, safe=""), quote(given.variable, safe="")
    url = f"{worker}/flows/{flow}/overrides/{variable}"
    if given.action == "set":
        value = given.value
        if value == STDIN:  # where a secret would otherwise stand in the process list
            value = read_input(STDIN).decode("utf-8", "replace").removesuffix("\n")
        holds = call("worker", "PUT", url, msgspec.json.encode({"value": value}))
    else:
        holds = call("worker", "DELETE", url)
    print_columns([_row(given.flow, holds)])
    for note in holds["notes"]:
        sys.stdout.write(f"  {note}\n")
    return 0


def _list(worker: str, given: argparse.Namespace) -> None:
    names = [given.flow] if given.flow else _published(worker)
    found = {
        name: call("worker", "GET", f"{worker}/flows/{quote(name, safe='')}/overrides")
        for name in names
    }
    if given.json:
        print_json([{"flow": name, **each} for name, rows in found.items() for each in rows])
        return
    rows = [_row(name, each) for name, rows in found.items() for each in rows]
    if rows:
        print_columns(rows)
    else:
        whose = f"{given.flow} has" if given.flow else "the published flows have"
        sys.stdout.write(f"{whose} no variables\n")


def _published(worker: str) -> list[str]:
    return [str(flow["name"]) for flow in call("worker", "GET", f"{worker}/flows")]


def _row(flow: str, override: dict[str, Any]) -> list[str]:
    value = override["value"]
    shown = "(no value)" if value is None else one_line(_text(value))
    return [
        flow,
        override["variable"],
        override["type"],
        _ORIGINS.get(override["origin"], override["origin"]),
        shown,
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

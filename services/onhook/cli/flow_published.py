"""`onhook flow list|show|versions`: what a running worker has published."""

from __future__ import annotations

import argparse
import sys
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from onhook.cli.api_client import call
from onhook.cli.main import settings_from
from onhook.cli.printed import moment, one_line, print_columns, print_json
from onhook.flow.model import FlowFile
from onhook.flow.writing import write_flow
from onhook.up.addresses import expected_addresses


def execute(given: argparse.Namespace) -> int:
    worker = expected_addresses(settings_from(given)).worker_url
    _ACTIONS[given.action](worker, given)
    return 0


def _list(worker: str, given: argparse.Namespace) -> None:
    flows = call("worker", "GET", f"{worker}/flows")
    if given.json:
        print_json(flows)
    elif flows:
        print_columns(
            [
                [
                    flow["name"],
                    f"v{flow['version']}",
                    _labels(flow),
                    moment(flow["published_at"]),
                    one_line(flow["comment"] or ""),
                ]
                for flow in flows
            ]
        )
    else:
        sys.stdout.write("no flow is published; `onhook flow publish FILE` publishes one\n")


def _versions(worker: str, given: argparse.Namespace) -> None:
    versions = call("worker", "GET", f"{worker}/flows/{quote(given.name, safe='')}/versions")
    if given.json:
        print_json(versions)
        return
    print_columns(
        [
            [
                f"v{version['version']}",
                ", ".join(version["labels"]) or "-",
                moment(version["published_at"]),
                f"{version['runs_under_way']} under way" if version["runs_under_way"] else "",
                one_line(version["comment"] or ""),
            ]
            for version in versions
        ]
    )


def _labels(flow: dict[str, Any]) -> str:
    return ", ".join(f"{label} v{number}" for label, number in sorted(flow["labels"].items()))


def _show(worker: str, given: argparse.Namespace) -> None:
    query = {"label": given.label, "version": given.version}
    chosen = urlencode({name: value for name, value in query.items() if value is not None})
    name = quote(given.name, safe="")
    flow = call("worker", "GET", f"{worker}/flows/{name}" + (f"?{chosen}" if chosen else ""))
    if given.file or given.yaml:
        _print_file(flow["file"], as_yaml=given.yaml)
    elif given.json:
        print_json(flow)
    else:
        _describe(flow)


def _print_file(file: dict[str, Any], *, as_yaml: bool) -> None:
    sys.stdout.write(write_flow(msgspec.convert(file, FlowFile), as_yaml=as_yaml))


def _describe(flow: dict[str, Any]) -> None:
    file = flow["file"]
    rows = [
        ("flow", flow["name"]),
        ("id", flow["id"]),
        ("version", f"v{flow['version']}, published {moment(flow['published_at'])}"),
        ("comment", one_line(flow["comment"] or "")),
        ("description", one_line(file.get("description") or "")),
        ("labels", _labels(flow) or "none: it is not published"),
        ("handles", ", ".join(flow["handlers"]) or "no event"),
    ]
    print_columns([row for row in rows if row[1]])
    variables = file.get("variables") or []
    if variables:
        sys.stdout.write("variables\n")
        print_columns([_variable(each) for each in variables])
    sys.stdout.write("nodes\n")
    event_flows = (file.get("eventFlows") or {}).values()
    nodes = [*file.get("nodes", ()), *(node for part in event_flows for node in part["nodes"])]
    print_columns([_node(node) for node in nodes])


def _variable(variable: dict[str, Any]) -> list[str]:
    marks = {
        "isCAD": "agent viewable",
        "isAgentEditable": "agent editable",
        "isReportable": "reportable",
        "isSecure": "secure",
        "isExternalized": "externalized",
    }
    said = [words for field, words in marks.items() if variable.get(field)]
    if (variable.get("source") or "").startswith("GLOBAL"):
        said.insert(0, "global")
    return [f"  {variable['name']}", variable["type"], ", ".join(said)]


def _node(node: dict[str, Any]) -> list[str]:
    properties = node.get("properties") or {}
    activity = properties.get("activityName") or node.get("group") or node.get("activityType")
    return [f"  {node['name']}", str(activity)]


_ACTIONS = {"list": _list, "show": _show, "versions": _versions}

"""`onhook flow validate`: what is wrong with flow files, where, and what to do. Works alone."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from typing import Any

import msgspec

from onhook.cli.finding_line import finding_line
from onhook.cli.flow_files import Given, read_flows, surroundings_of
from onhook.cli.main import settings_from
from onhook.cli.printed import print_json
from onhook.egress.connectors import load_connectors
from onhook.flow.compiled import validate
from onhook.flow.errors import Finding, in_order
from onhook.flow.surroundings import Surroundings


def execute(given: argparse.Namespace) -> int:
    """0 without errors, 1 with."""
    settings = settings_from(given)
    files = read_flows(given.file)
    connectors = load_connectors(settings.connectors, os.environ)
    surroundings = surroundings_of(settings, [each.file for each in files if each.file], connectors)
    checked = [_checked(each, surroundings) for each in files]
    if given.json:
        print_json({"is_valid": all(each["is_valid"] for each in checked), "files": checked})
    else:
        for each in checked:
            _say(each)
    return 0 if all(each["is_valid"] for each in checked) else 1


def _checked(given: Given, surroundings: Surroundings) -> dict[str, Any]:
    findings: tuple[Finding, ...]
    if given.file is None:
        findings = given.error.findings if given.error else ()
    else:
        findings = in_order((*given.findings, *validate(given.file, surroundings)))
    plain = [msgspec.to_builtins(finding) for finding in findings]
    return {
        "file": given.name,
        "name": given.file.name if given.file else None,
        "is_valid": not any(finding["severity"] == "error" for finding in plain),
        "findings": plain,
    }


def _say(checked: dict[str, Any]) -> None:
    for finding in checked["findings"]:
        sys.stdout.write(f"{checked['file']}: {finding_line(finding)}\n")
    counts = Counter(finding["severity"] for finding in checked["findings"])
    found = [_counted(counts[kind], kind) for kind in ("error", "warning") if counts[kind]]
    verdict = "valid" if checked["is_valid"] else "cannot be published"
    name = f" {checked['name']}" if checked["name"] else ""
    sys.stdout.write(f"{checked['file']}:{name} {', '.join([verdict, *found])}\n")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"

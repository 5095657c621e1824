"""What validation finds that runs here and would not on the hosted product, or not as it is meant.

Each check returns its findings, one for a whole flow where it can. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from onhook.flow.activity import Activity
from onhook.flow.errors import Finding, warning
from onhook.flow.http_request import HttpRequest
from onhook.flow.model import Node
from onhook.flow.note import Hosted
from onhook.flow.request_body import HOSTED_BREAKS

SINGLE_BRACES = "OH1030"

_SINGLE = re.compile(r"(?<![{#$])\{[ \t]*([^\W\d]\w*)((?:\.\w+)*)[ \t]*\}(?!\})")


def check_bodies(activities: Iterable[Activity]) -> list[Finding]:
    """Bodies that it would make no JSON of: one finding for each way of it."""
    requests = [each for each in activities if isinstance(each, HttpRequest)]
    findings = []
    for is_bare in (False, True):
        expressions: dict[str, None] = {}
        nodes: dict[str, None] = {}
        for request in requests:
            for note in () if request.body is None else request.body.notes:
                if note.hosted is not None and note.hosted.is_bare is is_bare:
                    expressions |= dict.fromkeys(note.hosted.expressions)
                    nodes[request.name] = None
        if expressions:
            said = Hosted(tuple(expressions), is_bare)
            node = next(iter(nodes)) if len(nodes) == 1 else None
            findings.append(warning(HOSTED_BREAKS, said.message, said.remedy, node))
    return findings


def check_braces(nodes: Iterable[Node], names: Collection[str]) -> list[Finding]:
    """Names of the flow in single braces, which print as they stand."""
    findings = []
    for node in nodes:
        if node.properties.get("httpContentType") == "GraphQL":
            continue
        for found in dict.fromkeys(_singles(node.properties)):
            if found[0] in names:
                name = "".join(found)
                findings.append(
                    warning(
                        SINGLE_BRACES,
                        f"{{{name}}} in single braces prints as it stands",
                        f"write {{{{{name}}}}} for its value",
                        node.name,
                    )
                )
    return findings


def _singles(value: Any) -> Iterator[tuple[str, str]]:
    """Each name in single braces in any text, with the path behind it."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            yield from _SINGLE.findall(part)
        elif isinstance(part, dict):
            pending += reversed(part.values())
        elif isinstance(part, list):
            pending += reversed(part)

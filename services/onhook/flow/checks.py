"""What validation finds in a flow file, check by check: variables, names, references. Pure.

Each check returns its findings; links and event handlers are checked where they are resolved.
"""

from __future__ import annotations

from collections.abc import Collection

from onhook.contracts.event import ERROR_EVENT, EVENT_NAMES, TEMPLATE_ALIASES
from onhook.flow.errors import Finding, VariableError, error, warning
from onhook.flow.http_request import HttpRequest
from onhook.flow.model import EventFlow, FlowFile, Node, Variable
from onhook.flow.variables import Origin, converted

RUNNABLE = "http-request-v2, http-request, end"
EVENT_OUTPUTS = frozenset({*EVENT_NAMES, *TEMPLATE_ALIASES, ERROR_EVENT})
"""What a reference may begin with, besides the flow's own variables and nodes."""


def check_variables(file: FlowFile) -> list[Finding]:
    findings = []
    seen: set[str] = set()
    for variable in file.variables:
        if variable.name in seen:
            findings.append(
                error("OH1004", f'variable "{variable.name}" is declared twice', "remove one")
            )
        seen.add(variable.name)
        findings += _check_default(variable)
        if variable.is_secure:
            findings.append(
                error(
                    "OH1001",
                    f'secure variable "{variable.name}" cannot be used by this version',
                    "take it out of the flow",
                )
            )
    return findings


def _check_default(variable: Variable) -> list[Finding]:
    try:
        converted(variable, variable.value, Origin.DEFAULT)
    except VariableError as problem:
        what, _, remedy = str(problem).rpartition("; ")
        return [error("OH1003", what, remedy)]
    return []


def check_start(file: FlowFile) -> list[Finding]:
    starts = [node for node in file.nodes if node.activity_type == "start"]
    if len(starts) == 1:
        return []
    return [
        error(
            "FC1002",
            f"the main flow has {len(starts) or 'no'} start nodes",
            "give it exactly one node with activityType start",
        )
    ]


def check_names(event_flow: EventFlow) -> list[Finding]:
    findings = []
    for kind in ("id", "name"):
        values = [getattr(node, kind) for node in event_flow.nodes]
        findings += [
            error("OH1004", f'two nodes have the {kind} "{twice}"', "rename one", twice)
            for twice in sorted({value for value in values if values.count(value) > 1})
        ]
    return findings


def cannot_run(node: Node) -> Finding:
    return error(
        "OH1001",
        f'activity "{node.activity}" cannot run in an event flow of this version',
        f"remove it; these can run: {RUNNABLE}",
        node.name,
    )


def check_references(
    file: FlowFile, requests: Collection[HttpRequest], http_names: Collection[str]
) -> list[Finding]:
    known = EVENT_OUTPUTS | {variable.name for variable in file.variables} | set(http_names)
    return [
        warning(
            "FC1038",
            f"{reference} names no variable, event or node, and prints nothing",
            f'declare the variable "{reference.path[0]}" or correct the name',
            request.name,
        )
        for request in requests
        for reference in request.references
        if reference.path[0] not in known
    ]

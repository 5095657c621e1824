"""What validation finds in a flow file, check by check: variables, names, references. Pure.

Each check returns its findings; links and event handlers are checked where they are resolved.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection

from onhook.contracts import outputs
from onhook.contracts.event import ERROR_EVENT, EVENT_NAMES, TEMPLATE_ALIASES
from onhook.flow.errors import Finding, VariableError, error, quoted, warning
from onhook.flow.http_request import HttpRequest
from onhook.flow.model import EventFlow, FlowFile, Node, Variable
from onhook.flow.variables import Origin, converted
from onhook.pebble import Reference

KNOWN_OUTPUTS: dict[str, tuple[str, ...]] = {
    kind.__name__: kind.__struct_fields__
    for kind in (
        outputs.NewPhoneContact,
        outputs.AgentOffered,
        outputs.AgentAnswered,
        outputs.AgentDisconnect,
        outputs.PhoneContactEnded,
    )
}
"""The outputs that this version's own events have; another publisher's may have more."""

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


def check_name(file: FlowFile) -> list[Finding]:
    if file.name.isprintable() and file.name == file.name.strip():
        return []
    what = f"the flow's name {quoted(file.name)} has blanks at its ends or control characters"
    return [error("OH1003", what, "correct the name")]


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
    findings = []
    for request in requests:
        for reference in request.references:
            if reference.path[0] not in known:
                findings.append(_names_nothing(request, reference))
            elif _is_no_output(reference):
                findings.append(_no_such_output(request, reference))
        findings += _check_origin(file, request)
    return findings


def _names_nothing(request: HttpRequest, reference: Reference) -> Finding:
    what = f"{reference} names no variable, event or node"
    remedy = f'declare the variable "{reference.path[0]}" or correct the name'
    if reference in request.url.origin_references:
        return error("FC1038", f"{what}, and decides where the request goes", remedy, request.name)
    return warning("FC1038", f"{what}, and prints nothing", remedy, request.name)


def _is_no_output(reference: Reference) -> bool:
    event = TEMPLATE_ALIASES.get(reference.path[0], reference.path[0])
    outputs = KNOWN_OUTPUTS.get(event)
    return outputs is not None and len(reference.path) > 1 and reference.path[1] not in outputs


def _no_such_output(request: HttpRequest, reference: Reference) -> Finding:
    event = TEMPLATE_ALIASES.get(reference.path[0], reference.path[0])
    near = difflib.get_close_matches(reference.path[1], KNOWN_OUTPUTS[event], 1, 0.6)
    hint = f"did you mean {near[0]}?" if near else f"see the schema of {event}"
    return warning(
        "OH1006",
        f'{reference}: the event {event} has no output "{reference.path[1]}" here',
        hint,
        request.name,
    )


def _check_origin(file: FlowFile, request: HttpRequest) -> list[Finding]:
    """No event sets what decides where a request goes; so an empty default stays empty."""
    empty = {
        variable.name
        for variable in file.variables
        if not variable.is_externalized and not (variable.value or "").strip()
    }
    return [
        warning(
            "OH1007",
            f"{reference} decides where the request goes, so no event sets it, and its default "
            "is empty",
            "give it a default, or make it isExternalized and configure it",
            request.name,
        )
        for reference in request.url.origin_references
        if reference.path[0] in empty
    ]

"""What validation finds where a value of an event's would decide where something goes. Pure.

No event sets the variables that decide it in the flow itself. What is found here is the rest: an
event's outputs, and variables that are handed to a flow that uses them so.
"""

from __future__ import annotations

from collections.abc import Iterable

from onhook.flow.activity import Activity
from onhook.flow.draft import CalledFlows, Draft, calls_in
from onhook.flow.errors import Finding, warning
from onhook.flow.expression import Reference
from onhook.flow.model import FlowFile
from onhook.flow.reference_checks import EVENT_OUTPUTS, own_names
from onhook.flow.steering import onward, settable_variables, tainted_variables
from onhook.flow.subflow import CallNode

BY_AN_EVENT = "OH1027"
NAMED_LIKE_AN_EVENT = "OH1028"


def check_outputs(file: FlowFile, draft: Draft) -> list[Finding]:
    """Outputs of events in a host, a header's name or a connector, also by way of variables."""
    outside = EVENT_OUTPUTS - (own_names(file, ()) - {"OnGlobalError"})
    outside -= {each.name for each in draft.activities if each.outputs}
    findings = _named_like_events(file)
    for activity in draft.activities:
        for reference in _leading(activity, draft.steering):
            if reference.path[0] in outside:
                findings.append(
                    warning(
                        BY_AN_EVENT,
                        f"{reference} decides where something goes, and whoever publishes an event "
                        "says what it is",
                        "take it from a variable that is configured, or choose among fixed ones "
                        "by a Case",
                        activity.name,
                    )
                )
    return findings


def _leading(activity: Activity, steering: frozenset[str]) -> Iterable[Reference]:
    """What of an activity decides it, each once."""
    found = {each.path: each for each in activity.steering}
    for assigned in activity.assigned:
        if assigned.variable in steering and not isinstance(activity, CallNode):
            found |= {each.path: each for each in assigned.references}
    return found.values()


def _named_like_events(file: FlowFile) -> list[Finding]:
    return [
        warning(
            NAMED_LIKE_AN_EVENT,
            f'variable "{variable.name}" bears the name of an event: templates read the variable, '
            "and nothing of the event",
            "rename it",
        )
        for variable in file.variables
        if variable.name in EVENT_OUTPUTS
    ]


def check_given(draft: Draft, called: CalledFlows) -> list[Finding]:
    """Variables that an event may set, handed to a flow where they decide where something goes."""
    calls = calls_in(draft.activities)
    if not any(call.inputs for call in calls):
        return []
    variables = draft.file.variables
    within = (each for each in draft.activities if not isinstance(each, CallNode))
    tainted = tainted_variables(settable_variables(variables, draft.steering), onward(within))
    findings = []
    for call in calls:
        other = called.draft(call) if call.inputs else None
        if other is None:
            continue
        findings += [
            warning(
                BY_AN_EVENT,
                f'{reference} is given to "{target}" of flow "{other.file.name}", where it decides '
                "where something goes: once an event has set it, the node fails",
                f"take isCAD away from it or from what it is made of, or give {target} another",
                call.name,
            )
            for target, references in call.inputs_by_target.items()
            if target in other.steering
            for reference in references
            if reference.path[0] in tainted
        ]
    return findings

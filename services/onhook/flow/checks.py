"""What validation finds in a flow file as a whole: its name, variables, node names, limits. Pure.

Each check returns its findings. Graphs are graph_checks.py's, names in templates
reference_checks.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from onhook.flow.errors import Finding, VariableError, error, info, quoted, warning
from onhook.flow.kinds import is_start
from onhook.flow.model import GLOBAL_EVENTS, EventFlow, FlowFile, Node, Variable
from onhook.flow.variables import Origin, converted, is_now
from onhook.settings.contact_centre import VariableType

LIMIT = "OH1020"
MOST_VIEWABLE = 30
MOST_JSON = 5
LARGEST_JSON_BYTES = 16 * 1024
LONGEST_GLOBAL = 256
MOST_EXTERNALIZED = 15
TOO_LARGE = "OH1026"
MOST_NODES = 5_000
"""In all graphs of a flow together; validation takes about a second then."""
MOST_LINKS = 20_000
MOST_VARIABLES = 20_000


def check_size(file: FlowFile) -> list[Finding]:
    """Of one that is too large nothing else is looked at."""
    event_flow = _event_flow(file)
    counts = (
        ("nodes", len(file.nodes) + len(event_flow.nodes), MOST_NODES),
        ("links", len(file.edges) + len(event_flow.edges), MOST_LINKS),
        ("variables", len(file.variables), MOST_VARIABLES),
    )
    return [
        error(TOO_LARGE, f"it has {count} {what}, more than {most}", "make subflows of its parts")
        for what, count, most in counts
        if count > most
    ]


def _event_flow(file: FlowFile) -> EventFlow:
    return file.event_flows.get(GLOBAL_EVENTS) or EventFlow()


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
        if variable.is_secure and (variable.is_agent_viewable or variable.is_reportable):
            findings.append(
                warning(
                    "OH1021",
                    f'variable "{variable.name}" is secure, and marked for agents or reports',
                    "a secure variable is shown to nobody; take isCAD and isReportable away",
                )
            )
    return findings


def _check_default(variable: Variable) -> list[Finding]:
    if is_now(variable):
        return []
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
    starts = [node for node in file.nodes if is_start(node)]
    if len(starts) == 1:
        return []
    return [
        error(
            "FC1002",
            f"the main flow has {len(starts) or 'no'} start nodes",
            "give it exactly one node with activityType start",
        )
    ]


def check_names(file: FlowFile) -> list[Finding]:
    """Ids and names are how the links and templates of a graph find its nodes."""
    findings = []
    for nodes in (_event_flow(file).nodes, file.nodes):
        for kind in ("id", "name"):
            counts = Counter(getattr(node, kind) for node in nodes)
            findings += [
                error("OH1004", f'two nodes have the {kind} "{twice}"', "rename one", twice)
                for twice in sorted(value for value, count in counts.items() if count > 1)
            ]
    return findings


def check_limits(file: FlowFile) -> list[Finding]:
    """What the hosted product would not take; here it runs."""
    variables = file.variables
    shown = [each for each in variables if each.is_agent_viewable or each.is_reportable]
    json = [each for each in variables if each.type is VariableType.JSON]
    external = [each for each in variables if each.is_externalized]
    findings = [
        *_more_than(MOST_VIEWABLE, len(shown), "agent-viewable or reportable variables"),
        *_more_than(MOST_JSON, len(json), "JSON variables"),
        *_more_than(MOST_EXTERNALIZED, len(external), "externally overridable variables"),
    ]
    for variable in variables:
        value = variable.value or ""
        if variable.type is VariableType.JSON and len(value.encode()) > LARGEST_JSON_BYTES:
            findings.append(_too_long(variable, "16 KB"))
        is_text = variable.type is VariableType.STRING and variable.is_global
        if is_text and len(value) > LONGEST_GLOBAL:
            findings.append(_too_long(variable, f"{LONGEST_GLOBAL} characters"))
    return findings


def _more_than(most: int, count: int, what: str) -> list[Finding]:
    if count <= most:
        return []
    return [
        warning(LIMIT, f"{count} {what}; the hosted product takes {most}", "have fewer of them")
    ]


def _too_long(variable: Variable, most: str) -> Finding:
    what = f'the default of variable "{variable.name}" has more than the {most}'
    return warning(LIMIT, f"{what} that the hosted product takes", "shorten it")


def check_descriptions(file: FlowFile, nodes: Collection[Node]) -> list[Finding]:
    """A recommendation: whoever reads the flow next is helped by them."""
    without = [node.name for node in nodes if not node.properties.get("description")]
    if not without and file.description:
        return []
    missing = [*(["the flow"] if not file.description else []), *without]
    named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    return [info("FC1007", f"no description: {named}", "say in a few words what it is for")]

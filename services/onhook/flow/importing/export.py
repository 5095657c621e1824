"""The export of Flow Designer's pages, read into the model with a report. Pure.

What an export holds beside its graphs is read here: names, variables, event flows. An export has
no version to be told by, so every form that was seen is taken as it comes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from onhook.flow.activities import ACTIVITIES
from onhook.flow.errors import FlowError, quoted
from onhook.flow.importing.graph import Fields, nodes_and_edges
from onhook.flow.importing.report import Imported, Report, counted
from onhook.flow.importing.variables import desktop_places, imported_variables
from onhook.flow.loading import load, refusal
from onhook.flow.model import GLOBAL_EVENTS, FlowFile
from onhook.flow.spelling import HOSTED
from onhook.flow.written import NotWritten, plain, read_written

_SPECIFICATION = "eventSpecificationName"
_SILENT = frozenset({"diagram", "process", "flowType", "__typename"})
"""Not worth a line: turned into something else, or never anything."""


def import_flow(content: bytes, origin: str) -> Imported:
    """Turn an export into a flow file; one that is a flow file already comes back as it is.

    JSON or YAML. `origin` names the file in errors. Raises FlowError when it is no flow.
    """
    try:
        whole = read_written(content)
        tree = _unwrapped(whole)
        if not isinstance(tree, dict):
            raise _no_flow(origin)
        if any(name in tree for name in ("nodes", "edges")) or _is_native(tree.get("eventFlows")):
            return _as_it_is(content if tree is whole else _written_anew(tree), origin)
        if not isinstance(tree.get("process"), dict):
            raise _no_flow(origin)
        return _imported(tree, origin)
    except NotWritten as problem:
        raise refusal(
            origin, f"neither JSON nor YAML: {problem}", "give an exported flow"
        ) from None
    except RecursionError:
        raise refusal(origin, "nested too deeply", "correct the file") from None
    except msgspec.ValidationError as problem:
        raise refusal(origin, f"no exported flow: {problem}", "export the flow again") from None


def _no_flow(origin: str) -> FlowError:
    what = "this is no flow: it has neither process.activities nor nodes"
    return refusal(origin, what, "give a flow exported from Flow Designer, or a flow file")


def _unwrapped(tree: Any) -> Any:
    """Answers of the flow store and templates hold the flow in `flow`, as a map or a text."""
    inner = tree.get("flow") if isinstance(tree, dict) and "process" not in tree else None
    if isinstance(inner, dict):
        return inner
    if isinstance(inner, str) and inner.lstrip().startswith("{"):
        return read_written(inner.encode())
    return tree


def _is_native(event_flows: Any) -> bool:
    values = event_flows.values() if isinstance(event_flows, dict) else ()
    return any(isinstance(each, dict) and "nodes" in each for each in values)


def _written_anew(tree: Fields) -> bytes:
    return msgspec.json.encode(plain(tree))


def _as_it_is(content: bytes, origin: str) -> Imported:
    report = Report()
    loaded = load(content, origin)
    report.kept("all of it: this is a flow file already, printed as it is")
    for finding in loaded.findings:
        report.left_out(f"{finding.message}; {finding.remedy}")
    return report.of(loaded.file)


def _imported(tree: Fields, origin: str) -> Imported:
    report = Report()
    report.changed("the form: activities are nodes, links are edges, eventsMap is eventFlows")
    variables = imported_variables(tree.get("variables"), report)
    export = plain(tree)
    name = _name(export, origin, report)
    nodes, edges = nodes_and_edges(export["process"], export.get("diagram"), "main flow", report)
    report.kept(f"main flow: {counted(len(nodes), 'node')}, {counted(len(edges), 'link')}")
    fields: Fields = {
        "name": name,
        "flowType": _flow_type(export, nodes, report),
        "description": export.get("description") or None,
        "comment": export.get("comment") or None,
        "variables": variables,
        "variableOrders": desktop_places(export.get("variableOrders"), report),
        "nodes": nodes,
        "edges": edges,
        "eventFlows": _event_flows(export.get("eventFlows"), report),
    }
    file = msgspec.convert(fields, FlowFile)
    if file.variables:
        report.kept(counted(len(file.variables), "variable"))
    if any(node.point for node in file.nodes):
        report.kept("where each node stands in the drawing")
        report.left_out("the drawing's ports and lines")
    _say_untouched(file, report)
    _say_what_stays_behind(export, fields, report)
    return report.of(file)


def _name(export: Fields, origin: str, report: Report) -> str:
    name = export.get("name")
    if not isinstance(name, str) or not name.strip():
        raise refusal(origin, "the exported flow has no name", 'give it one: "name": "My_Flow"')
    if name != name.strip():
        report.changed(f"the name {quoted(name)} has no blanks at its ends any more")
    return name.strip()


def _flow_type(export: Fields, nodes: list[Fields], report: Report) -> str:
    given = export.get("flowType")
    if isinstance(given, str) and given.upper() in ("FLOW", "SUBFLOW"):
        return given.upper()
    kind = "SUBFLOW" if any(node["group"] == "start-subflow" for node in nodes) else "FLOW"
    report.changed(f'flowType was {quoted(given) if given else "unset"}; it is "{kind}" now')
    return kind


def _event_flows(given: Any, report: Report) -> Fields:
    found: Fields = {}
    flows = given if isinstance(given, dict) else {}
    if isinstance(flows.get("eventsMap"), dict):
        flows = flows["eventsMap"]
    for key, event_flow in flows.items():
        if not isinstance(event_flow, dict) or "process" not in event_flow:
            if event_flow:
                report.left_out(f'event flow "{key}", which has no process')
            continue
        process, diagram = event_flow.get("process"), event_flow.get("diagram")
        nodes, edges = nodes_and_edges(process, diagram, f'event flow "{key}"', report)
        on_events = _on_events(event_flow.get("onEvents"), nodes, report)
        found[key] = {
            "id": event_flow.get("id") or None,
            "name": event_flow.get("name") or None,
            "description": event_flow.get("description") or None,
            "onEvents": on_events,
            "nodes": nodes,
            "edges": edges,
        }
        report.kept(
            f'event flow "{key}": {counted(len(on_events), "handler")}, '
            f"{counted(len(nodes), 'node')}, {counted(len(edges), 'link')}"
        )
        if key != GLOBAL_EVENTS:
            report.changed(f'event flow "{key}" is kept, but only {GLOBAL_EVENTS} is ever run')
        _say_empty_handlers(on_events, nodes, edges, report)
    return found


def _on_events(given: Any, nodes: list[Fields], report: Report) -> dict[str, str]:
    """As given, with nodes by id; event nodes that it does not name are named by themselves."""
    by_name = {node["name"]: node["id"] for node in nodes}
    ids = {node["id"] for node in nodes}
    found = {
        event: node if node in ids else by_name.get(node, node)
        for event, node in (given if isinstance(given, dict) else {}).items()
        if isinstance(node, str)
    }
    for node in nodes:
        properties = node["properties"]
        event = properties.get(_SPECIFICATION) or properties.get("event")
        if node["activityType"] != "event" or node["id"] in found.values() or not event:
            continue
        if event not in found:
            found[event] = node["id"]
            report.changed(f'onEvents did not name the node "{node["name"]}"; it does now')
    return found


def _say_empty_handlers(
    on_events: dict[str, str], nodes: list[Fields], edges: list[Fields], report: Report
) -> None:
    ends = {edge["from"] for edge in edges}
    names = {node["id"]: node["name"] for node in nodes}
    empty = [
        event
        for event, node_id in on_events.items()
        if node_id in names and not ends & {node_id, names[node_id]}
    ]
    if empty:
        report.kept(f"handlers without a link, which do nothing: {', '.join(empty)}")


def _say_untouched(file: FlowFile, report: Report) -> None:
    nodes = [*file.nodes, *(node for each in file.event_flows.values() for node in each.nodes)]
    untouched = [
        f'"{node.name}" ({node.activity})' for node in nodes if node.activity not in ACTIVITIES
    ]
    if untouched:
        report.kept(f"untouched, because they are not run here: {', '.join(untouched)}")


def _say_what_stays_behind(export: Fields, fields: Fields, report: Report) -> None:
    if export.get("flowId") or export.get("id"):
        report.left_out(
            "flowId and id: the flow is known by its name here, as after an import in the product"
        )
    known = {*fields, *_SILENT, "flowId", "id"}
    rest = [name for name in export if name not in known and export[name] not in (None, "", [], {})]
    hosted = [name for name in rest if name in HOSTED[FlowFile]]
    if hosted:
        report.left_out(f"what only the product needs: {', '.join(hosted)}")
    for name in rest:
        if name not in hosted:
            report.left_out(f'the field "{name[:80]}", which is not known')

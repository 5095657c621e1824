"""An exported `process` with its `diagram`, as nodes and edges.

It must not know what an activity does; its properties are turned in `properties.py`.
"""

from __future__ import annotations

from typing import Any

from onhook.flow.importing.properties import (
    activity_name,
    imported_properties,
    renamed_ports,
)
from onhook.flow.importing.report import Report

_TYPE_OF_GROUP = {
    "start": "start",
    "start-subflow": "start",
    "event": "event",
    "end": "end",
    "terminating-action": "end",
}

Fields = dict[str, Any]


def nodes_and_edges(
    process: Any, diagram: Any, place: str, report: Report
) -> tuple[list[Fields], list[Fields]]:
    """Nodes and edges of one graph as the model's JSON values; `place` names it in the report."""
    activities = _fields(process).get("activities")
    if isinstance(activities, list):
        activities = {
            str(_fields(each).get("id") or at): each for at, each in enumerate(activities)
        }
    widgets = _fields(_fields(diagram).get("widgets"))
    nodes: list[Fields] = []
    ports: dict[str, dict[str, str]] = {}
    for key, activity in _fields(activities).items():
        if not isinstance(activity, dict):
            report.left_out(f"{place}: the activity {key}, which is empty")
            continue
        node, renamed = _node(key, activity, place, report)
        point = _point(_fields(widgets.get(key)))
        nodes.append(node | ({"point": point} if point else {}))
        if renamed:
            ports[node["id"]] = renamed
    return nodes, _edges(_fields(process).get("links"), ports, place, report)


def _node(key: str, activity: Fields, place: str, report: Report) -> tuple[Fields, dict[str, str]]:
    properties = _fields(activity.get("properties"))
    group = activity.get("group") or None
    node_id = str(activity.get("id") or key)
    known = activity_name(properties, group)
    name = str(activity.get("name") or properties.get("name") or f"{known or 'node'}_{node_id[:8]}")
    if not activity.get("name"):
        report.changed(f'{place}: the activity {node_id} has no name; it is "{name}" now')
    if known is None:
        report.changed(f'node "{name}": nothing says which activity it is; its group stands for it')
    elif not properties.get("activityName") and known != "event":
        report.changed(f'node "{name}": activityName was unset; it is "{known}" now')
    turned = properties if known is None else imported_properties(properties, known, name, report)
    node = {
        "id": node_id,
        "name": name,
        "activityType": _TYPE_OF_GROUP.get(str(group), "action"),
        "group": group,
        "properties": turned,
    }
    return node, renamed_ports(properties, turned)


def _point(widget: Fields) -> Fields | None:
    point = _fields(widget.get("point"))
    x, y = point.get("x"), point.get("y")
    is_number = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (x, y))
    return {"x": x, "y": y} if is_number else None


def _edges(
    links: Any, ports: dict[str, dict[str, str]], place: str, report: Report
) -> list[Fields]:
    edges = []
    for link in links if isinstance(links, list) else []:
        fields = _fields(link)
        origin, target = fields.get("sourceActivityId"), fields.get("targetActivityId")
        if not origin or not target:
            report.left_out(f"{place}: a link without both of its ends")
            continue
        shown = _fields(fields.get("properties")).get("value")
        port = fields.get("conditionExpr")
        if port in (None, ""):
            port = shown
        elif shown not in (None, "", port):
            report.changed(
                f'{place}: a link says it leaves by "{port}" and by "{shown}"; kept "{port}"'
            )
        port = None if port in (None, "") else ports.get(str(origin), {}).get(str(port), str(port))
        edges.append(
            {"id": fields.get("id") or None, "from": str(origin), "to": str(target)}
            | {"condition": port}
        )
    return edges


def _fields(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}

"""A graph of activities and the links between their ports: the main flow, or the event flows.

Linking and walking; what an activity is and does is its own module's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from onhook.flow.activity import ERROR_PORT, PLAIN, Activity
from onhook.flow.errors import Finding, error
from onhook.flow.model import Edge, Node

BROKEN_LINK = "FC1012"
_PLAIN_NAMES = frozenset({"", "default", "out"})
_BEGINNINGS = frozenset({"event", "start"})


class Graph(Struct, frozen=True, kw_only=True):
    nodes: Mapping[str, Activity]
    """By id."""
    ports: Mapping[tuple[str, str], str]
    """(node id, port) -> id of the node that follows."""

    def after(self, node_id: str, port: str = PLAIN) -> str | None:
        """The node that follows; None where the flow ends."""
        return self.ports.get((node_id, port))

    def after_error(self, node_id: str) -> str | None:
        return self.ports.get((node_id, ERROR_PORT))

    def following(self) -> dict[str, list[str]]:
        """What each node leads to, by whatever port."""
        found: dict[str, list[str]] = {}
        for (origin, _port), target in self.ports.items():
            found.setdefault(origin, []).append(target)
        return found


def link(
    edges: Iterable[Edge], nodes: Mapping[str, Node], activities: Mapping[str, Activity], where: str
) -> tuple[dict[tuple[str, str], str], list[Finding]]:
    """The ports of a graph. `where` names it in findings: "the event flow", "the main flow".

    A node that could not be compiled is linked all the same, by the ports that the links name.
    """
    findings: list[Finding] = []
    ids = {node.name: node.id for node in nodes.values()} | {node_id: node_id for node_id in nodes}
    ports: dict[tuple[str, str], str] = {}
    for edge in edges:
        broken = _fault_of(edge, ids, nodes, where)
        if broken is not None:
            findings.append(broken)
            continue
        origin = nodes[ids[edge.from_]]
        port, unknown = _port_of(edge, origin, activities.get(origin.id))
        if unknown is not None:
            findings.append(unknown)
        elif ports.setdefault((origin.id, port), ids[edge.to]) != ids[edge.to]:
            findings.append(
                error(
                    BROKEN_LINK,
                    "two links leave by the same port"
                    + (", which default and out both name" if port == PLAIN else ""),
                    "keep one of them",
                    origin.name,
                )
            )
    return ports, findings


def _fault_of(
    edge: Edge, ids: Mapping[str, str], nodes: Mapping[str, Node], where: str
) -> Finding | None:
    link = f'a link from "{edge.from_}" to "{edge.to}"'
    missing = next((end for end in (edge.from_, edge.to) if end not in ids), None)
    if missing is not None:
        return error(
            BROKEN_LINK,
            f'{link} leaves {where} or names no node ("{missing}")',
            "correct or remove the link",
        )
    target = nodes[ids[edge.to]]
    if target.activity in _BEGINNINGS or target.activity_type == "start":
        kind = "event" if target.activity == "event" else "start"
        return error(
            BROKEN_LINK,
            f'a link from "{edge.from_}" leads to the {kind} "{edge.to}"',
            f"{'an event only begins a handler' if kind == 'event' else 'a flow only begins there'}"
            "; remove the link",
        )
    return None


def _port_of(edge: Edge, origin: Node, activity: Activity | None) -> tuple[str, Finding | None]:
    named = (edge.condition or "").strip()
    plain = PLAIN if named in _PLAIN_NAMES else named
    if activity is None:
        return plain, None
    allowed = activity.ports
    if allowed is None:
        return named, None
    if named in allowed:
        return named, None
    if plain == PLAIN and PLAIN in allowed:
        return PLAIN, None
    known = ", ".join(sorted(port or activity.plain_port for port in allowed))
    return named, error(
        "OH1012",
        f'{origin.activity} has no port "{named}", which a link to "{edge.to}" leaves by',
        f"use one of its ports: {known}" if known else "remove the link: nothing comes after it",
        origin.name,
    )

"""Flows of any activities for tests, and walking them without a worker, a bus or a clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from flows import an_event
from onhook.contracts.event import Event
from onhook.contracts.run import Progress
from onhook.flow import engine
from onhook.flow.compiled import Flow, compile_flow
from onhook.flow.engine import Effect, Finished, Moved, SendRequest, TraceEntry, World
from onhook.flow.loading import load_flow
from onhook.flow.model import FlowFile
from onhook.flow.surroundings import ALONE, FlowAtHand, Surroundings

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
Links = tuple[tuple[str, str, str], ...]


def a_node(name: str, activity: str, **properties: Any) -> dict[str, Any]:
    return {
        "id": f"id-{name}",
        "name": name,
        "properties": {"activityName": activity} | properties,
    }


def an_end(name: str = "End") -> dict[str, Any]:
    return a_node(name, "end")


def a_set(name: str, **values: str) -> dict[str, Any]:
    """A Set Variable node."""
    rows = [
        {"srcVariable": variable, "setTo": "set-to-literal", "literal": value, "expr": value}
        for variable, value in values.items()
    ]
    return a_node(name, "set-variable", setVariablesArray=rows)


def a_graph_flow(
    *nodes: dict[str, Any],
    links: Links = (),
    variables: tuple[dict[str, Any], ...] = (),
    on_error: str | None = None,
    event: str = "AgentDisconnect",
    name: str = "F",
) -> dict[str, Any]:
    """A flow whose handler begins at the first node; `links` are (from, port, to), by name.

    `on_error` names the node where OnGlobalError begins.
    """
    events = [a_node(event, "event")]
    on_events = {event: f"id-{event}"}
    edges = [(event, "out", nodes[0]["name"]), *links]
    if on_error is not None:
        events.append(a_node("OnGlobalError", "event"))
        on_events["OnGlobalError"] = "id-OnGlobalError"
        edges.append(("OnGlobalError", "out", on_error))
    return {
        "name": name,
        "variables": list(variables),
        "nodes": [{"id": "start", "name": "NewPhoneContact", "activityType": "start"}],
        "eventFlows": {
            "GLOBAL_EVENTS": {
                "onEvents": on_events,
                "nodes": [*events, *nodes],
                "edges": _edges(edges),
            }
        },
    }


def a_subflow(
    *nodes: dict[str, Any],
    links: Links = (),
    variables: tuple[dict[str, Any], ...] = (),
    name: str = "Sub",
    kind: str = "SUBFLOW",
) -> dict[str, Any]:
    """A flow whose main graph begins at the first node."""
    start = {
        "id": "start",
        "name": "Start",
        "activityType": "start",
        "properties": {"activityName": "NewSubFlowStart"},
    }
    return {
        "name": name,
        "flowType": kind,
        "variables": list(variables),
        "nodes": [start, *nodes],
        "edges": _edges([("Start", "out", nodes[0]["name"]), *links]),
    }


def _edges(links: list[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"from": origin, "condition": port, "to": target} for origin, port, target in links]


def loaded(flow: dict[str, Any]) -> FlowFile:
    return load_flow(json.dumps(flow).encode(), "test")


def compiled(flow: dict[str, Any], surroundings: Surroundings = ALONE) -> Flow:
    return compile_flow(loaded(flow), surroundings)


def at_hand(*flows: dict[str, Any], **more: Any) -> Surroundings:
    """Surroundings in which these flows are published."""
    files = {flow["name"]: FlowAtHand(file=loaded(flow), version=1) for flow in flows}
    return Surroundings(flows=lambda name, _label: files.get(name), **more)


def read(event: dict[str, Any]) -> Event:
    return msgspec.convert(event, Event)


class Walk(Struct, kw_only=True):
    """A run on its way. `results` are what requests come to, by node name: a status with a body,
    or a text, which is how they fail."""

    flow: Flow
    event: Event
    results: Mapping[str, tuple[int, str] | str] = {}
    flows: Mapping[str, Flow] = {}
    overrides: Mapping[str, Any] = {}
    now: datetime = NOW
    run_id: str = "run"
    progress: Progress = Progress()
    trace: list[TraceEntry] = []
    effects: list[Effect] = []
    rendered: list[tuple[str, bytes]] = []
    """URL and body of each request."""

    def lookup(self, flow_id: str, _version: int) -> Flow:
        return next(flow for flow in self.flows.values() if flow.id == flow_id)

    @property
    def world(self) -> World:
        return World(event=self.event, overrides=self.overrides, now=self.now, run_id=self.run_id)

    def context(self) -> dict[str, Any]:
        return engine.context_of(self.flow, self.lookup, self.progress, self.world)

    def step(self) -> bool:
        """Perform one node; False at the end. Raises RunError where a failure is unhandled."""
        step = engine.step(self.flow, self.lookup, self.progress, self.world)
        if isinstance(step, Finished):
            return False
        moved = step if isinstance(step, Moved) else self._perform(step)
        self.progress = moved.progress
        self.trace.append(moved.trace)
        return True

    def _perform(self, effect: Effect) -> Moved:
        self.effects.append(effect)
        outputs: dict[str, Any] = {}
        if isinstance(effect, SendRequest):
            context = self.context()
            node = effect.node
            url = node.render_url(context, now=self.now)
            self.rendered.append((url, node.render_body(context, now=self.now)))
            result = self.results.get(node.name, (204, ""))
            if isinstance(result, str):
                return self._failed(effect, result)
            outputs = engine.response_outputs(result[0], (), result[1].encode())
        elif isinstance(effect, engine.CallFlow):
            called = self.flows.get(effect.flow)
            if called is None:
                return self._failed(effect, f'no flow "{effect.flow}"')
            outputs = {"flow_id": called.id, "version": 1}
        return engine.succeeded(self.flow, self.lookup, self.progress, effect, outputs, self.world)

    def _failed(self, effect: Effect, reason: str) -> Moved:
        moved = engine.failed(self.flow, self.lookup, self.progress, effect, reason, self.world)
        if moved is None:
            raise Unhandled(reason)
        return moved

    def to_the_end(self, most: int = 20_000) -> Walk:
        for _ in range(most):
            if not self.step():
                return self
        raise AssertionError("no end")

    @property
    def path(self) -> list[str]:
        """Names of the nodes that were performed, but for events and starts."""
        passed = ("event", "start", "NewSubFlowStart")
        return [entry.name for entry in self.trace if entry.activity not in passed]

    def entry(self, name: str) -> TraceEntry:
        """The last one of a node."""
        return next(entry for entry in reversed(self.trace) if entry.name == name)


class Unhandled(Exception):
    """A failure that nothing handles."""


def begun(
    flow: dict[str, Any] | Flow,
    *flows: dict[str, Any],
    event: dict[str, Any] | None = None,
    surroundings: Surroundings | None = None,
    variables: dict[str, Any] | None = None,
    **fields: Any,
) -> Walk:
    """A run of `flow` before its first node; `flows` are published."""
    known = surroundings or at_hand(*flows)
    own = flow if isinstance(flow, Flow) else compiled(flow, known)
    happened = read(event or an_event(variables=variables or {}))
    overrides = fields.get("overrides", {})
    return Walk(
        flow=own,
        event=happened,
        flows={each["name"]: compiled(each, known) for each in flows} | {own.name: own},
        progress=engine.begin(own, happened, overrides, now=fields.get("now", NOW)),
        trace=[],
        effects=[],
        rendered=[],
        **fields,
    )


def walked(flow: dict[str, Any] | Flow, *flows: dict[str, Any], **more: Any) -> Walk:
    """A run from its begin to its end."""
    return begun(flow, *flows, **more).to_the_end()

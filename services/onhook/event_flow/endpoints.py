"""The endpoints that a worker sends to: a gate for each, pauses put on them, breakers told.

In memory; what of it survives a restart is endpoint_desk.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from onhook.event_flow.breaker import Closed, HalfOpen, Open, State
from onhook.event_flow.endpoint import Endpoint, EndpointState, origin_in
from onhook.event_flow.endpoint_rule import EndpointRules
from onhook.event_flow.in_flight import Gate, Pause
from onhook.event_flow.notice import BreakerChanged, Observer

log = structlog.get_logger()

MOST_GATES = 10_000
"""Beyond this, idle ones are forgotten: hosts may come out of templates."""

Key = tuple[str, str, str]


class Endpoints:
    def __init__(
        self, rules: EndpointRules, clock: Callable[[], datetime], observe: Observer
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._observe = observe
        self._gates: dict[Key, Gate] = {}
        self._pauses: Mapping[Key, Pause] = {}

    def gate(self, flow_id: str, flow_name: str, node: str, url: str) -> Gate:
        """Of the endpoint that `url` is on."""
        origin = origin_in(url)
        gate = self._gates.get((flow_id, node, origin))
        if gate is None:
            gate = self._made(
                Endpoint(flow_id=flow_id, flow_name=flow_name, node=node, origin=origin)
            )
        return gate

    def gate_of(self, endpoint: Endpoint) -> Gate:
        return self._gates.get(endpoint.key) or self._made(endpoint)

    def _made(self, endpoint: Endpoint) -> Gate:
        if len(self._gates) >= MOST_GATES:
            self._gates = {key: gate for key, gate in self._gates.items() if not gate.is_idle}
        gate = Gate(endpoint, self._rules.policy(endpoint), self._clock, self._on_change)
        gate.pause = self._pauses.get(endpoint.key)
        self._gates[endpoint.key] = gate
        return gate

    def set_pauses(self, pauses: Mapping[Key, Pause]) -> None:
        """These are paused, and no others."""
        self._pauses = pauses
        for key, gate in self._gates.items():
            if gate.pause != pauses.get(key):
                gate.set_pause(pauses.get(key))

    def snapshot(self) -> list[EndpointState]:
        """Every endpoint that was sent to since the worker began, for the API and for metrics."""
        return [gate.state for gate in self._gates.values()]

    def _on_change(self, gate: Gate, before: State) -> None:
        endpoint, state = gate.endpoint, gate.breaker
        where = {"endpoint": endpoint.origin, "flow": endpoint.flow_name, "node": endpoint.node}
        if isinstance(state, Open):
            log.warning(
                "breaker opened",
                **where,
                after=state.after,
                last_failure=gate.last_failure,
                probe_at=state.until.isoformat(timespec="seconds"),
            )
        elif isinstance(state, HalfOpen):
            log.info("breaker probing", **where)
        elif isinstance(state, Closed):
            opened = before.opened if isinstance(before, HalfOpen) else before
            since = opened.since if isinstance(opened, Open) else None
            log.info("breaker closed", **where, was_open_since=since and since.isoformat())
        shown = gate.state.breaker
        self._observe(
            BreakerChanged(
                origin=endpoint.origin,
                flow_name=endpoint.flow_name,
                node=endpoint.node,
                state=shown.state,
                after=shown.after,
                until=shown.until,
            )
        )

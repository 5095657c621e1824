"""The flows that a rehearsal may enter: those that are given, and those that are published."""

from __future__ import annotations

from typing import Protocol

from onhook.flow.compiled import Flow

VERSION = 1
"""Of every flow that is given: files have none."""


class Elsewhere(Protocol):
    """Flows that need not be given."""

    def find(self, name_or_id: str, label: str) -> tuple[Flow, int] | None: ...

    def lookup(self, flow_id: str, version: int) -> Flow: ...


class FlowsAtHand:
    """The flow and those that it may call: given ones by id and name, then what is published."""

    def __init__(self, *given: Flow, published: Elsewhere | None = None) -> None:
        self._by_id = {flow.id: flow for flow in given}
        self._by_name = {flow.name: flow for flow in given}
        self._published = published

    def find(self, name_or_id: str, label: str) -> tuple[Flow, int] | None:
        """The flow and its version."""
        flow = self._by_id.get(name_or_id) or self._by_name.get(name_or_id)
        if flow is not None:
            return flow, VERSION
        return None if self._published is None else self._published.find(name_or_id, label)

    def lookup(self, flow_id: str, version: int) -> Flow:
        given = self._by_id.get(flow_id)
        if given is not None or self._published is None:
            return self._by_id[flow_id]
        return self._published.lookup(flow_id, version)

"""The call emulator's metrics: open calls and agents, each by state."""

from __future__ import annotations

from collections import Counter

from onhook.call_emulator.emulator import CallEmulator
from onhook.web.metrics import Registry


def add_metrics(registry: Registry, emulator: CallEmulator) -> None:
    calls = registry.gauge("calls", "Calls that have not ended, by state", "state")
    agents = registry.gauge("agents", "Agents, by state", "state")

    async def refresh() -> None:
        calls.clear()
        agents.clear()
        for state, count in Counter(each.state.value for each in emulator.open_contacts()).items():
            calls.set(count, (state,))
        for state, count in Counter(each.state.value for each in emulator.agents.values()).items():
            agents.set(count, (state,))

    registry.before_reading(refresh)

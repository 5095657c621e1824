"""Order per interaction, for flows that ask for it: which run another has to wait for, how long.

Pure. Runs of one flow and one interaction are in the order in which they were opened (SEMANTICS 16).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from onhook.contracts.topology import SMALLEST_TIER_S
from onhook.journal.port import Run

LONGEST_WAIT_S = 600.0


def earlier(run: Run, runs: Iterable[Run]) -> Run | None:
    """The first of an interaction's runs that comes before `run` and is not over."""
    before = [
        each
        for each in runs
        if each.flow_id == run.flow_id
        and not each.state.is_over
        and (each.created_at, each.run_id) < (run.created_at, run.run_id)
    ]
    return min(before, key=lambda each: (each.created_at, each.run_id), default=None)


def asks_again_at(run: Run, now: datetime) -> datetime:
    """When a run that waits for another looks again: after as long as it has waited, within limits."""
    waited_s = (now - run.created_at).total_seconds()
    wait_s = min(max(waited_s, SMALLEST_TIER_S + 0.5), LONGEST_WAIT_S)
    return now + timedelta(seconds=wait_s)


def order_key(flow_id: str, interaction_id: str) -> str:
    """Names the lock under which runs of one interaction follow one another in a process."""
    return f"order {flow_id} {interaction_id}"

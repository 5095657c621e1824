"""The Percent Allocation activity: a port picked by chance, the same at every repetition.

The chance is a hash of the run and the place in it, so nothing is remembered between runs.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from onhook.flow.activity import ERROR_PORT, Activity, Moment, Outcome
from onhook.flow.errors import quoted
from onhook.flow.properties import REQUIRED, VALUE, Properties
from onhook.flow.set_variable import LIMIT

MOST_ALLOCATIONS = 10
OUTPUTS = ("percentage", "description")


class Share(Struct, frozen=True):
    percent: int
    description: str
    """The port."""


class PercentAllocation(Activity, frozen=True, kw_only=True):
    shares: tuple[Share, ...]

    @property
    def ports(self) -> frozenset[str]:
        return frozenset({ERROR_PORT, *(share.description for share in self.shares)})

    @property
    def outputs(self) -> tuple[str, ...]:
        return OUTPUTS

    def perform(self, moment: Moment) -> Outcome:
        number = drawn(moment.run_id, moment.address, moment.visit)
        left = number
        for share in self.shares:
            if left < share.percent:
                outputs = {"percentage": share.percent, "description": share.description}
                return Outcome(port=share.description, outputs=outputs, inputs={"drawn": number})
            left -= share.percent
        raise AssertionError  # shares add up to 100


def drawn(run_id: str, address: str, visit: int) -> int:
    """A number from 0 to 99, evenly spread over runs."""
    name = msgspec.json.encode([run_id, address, visit])
    return int.from_bytes(sha256(name).digest()[:8]) * 100 >> 64


def compile_percent_allocation(properties: Properties) -> PercentAllocation | None:
    shares = _read_shares(properties)
    if not properties.is_broken:
        _check(properties, shares)
    node = properties.node
    return PercentAllocation(node_id=node.id, name=node.name, kind=node.activity, shares=shares)


def _check(properties: Properties, shares: tuple[Share, ...]) -> None:
    if not shares:
        properties.report(
            REQUIRED,
            "allocations of percent-allocation is not set",
            "give it rows of {percent, desc} that add up to 100",
        )
        return
    total = sum(share.percent for share in shares)
    if total != 100:
        properties.report(VALUE, f"the percentages add up to {total}", "make them add up to 100")
    names = [share.description for share in shares]
    for twice in sorted({name for name in names if names.count(name) > 1}):
        properties.report(VALUE, f'two allocations are called "{twice}"', "rename one")
    if ERROR_PORT in names:
        properties.report(VALUE, 'an allocation is called "error", as the error port', "rename it")
    if not 2 <= len(shares) <= MOST_ALLOCATIONS:
        properties.warn(
            LIMIT,
            f"{len(shares)} allocations; the hosted product takes 2 to {MOST_ALLOCATIONS}",
            "add or remove some",
        )


def _read_shares(properties: Properties) -> tuple[Share, ...]:
    """Rows `{percent, desc}`; exports hold them as JSON texts in `allocations_input`."""
    given = properties.value("allocations_input", "allocations:input", "allocations")
    rows: list[Any] = given if isinstance(given, list) else [] if given is None else [given]
    shares = [_read_share(row) for row in rows]
    for share, row in zip(shares, rows, strict=False):
        if share is None:
            properties.report(
                VALUE,
                f"allocations: {quoted(row)} is no row of a whole percent and a desc",
                "write {percent: 60, desc: A}",
            )
    return tuple(share for share in shares if share is not None)


def _read_share(row: Any) -> Share | None:
    if isinstance(row, str):
        try:
            row = msgspec.json.decode(row)
        except msgspec.DecodeError:
            return None
    if not isinstance(row, dict):
        return None
    percent, description = row.get("percent"), row.get("desc")
    if isinstance(percent, str) and percent.strip().isascii() and percent.strip().isdigit():
        percent = int(percent)
    if not isinstance(percent, int) or isinstance(percent, bool) or not 0 <= percent <= 100:
        return None
    if not isinstance(description, str) or not description:
        return None
    return Share(percent, description)

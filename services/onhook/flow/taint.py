"""Which variables of a run may hold what its event brought, over all the flows that it enters.

Pure. Progress keeps the names by which such values came into a flow; where they go from there the
compiled flow says. A value that is what configuration says anyway moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from onhook.contracts.run import Progress
from onhook.flow.compiled import Flow
from onhook.flow.errors import VariableError
from onhook.flow.expression import Reference
from onhook.flow.steering import tainted_variables
from onhook.flow.variables import initial_variables


def brought(
    flow: Flow,
    names: Iterable[str],
    variables: Mapping[str, Any],
    overrides: Mapping[str, Any],
    now: datetime | None,
) -> set[str]:
    """Of `names`, the variables whose values are not those that they are configured to."""
    return {
        name
        for name in names
        if not _is_configured(flow, name, variables.get(name), overrides, now)
    }


def _is_configured(
    flow: Flow, name: str, value: Any, overrides: Mapping[str, Any], now: datetime | None
) -> bool:
    try:
        configured = initial_variables([flow.declared[name]], {}, (), overrides, now)
    except VariableError:
        return False
    return msgspec.json.encode(configured.get(name)) == msgspec.json.encode(value)


def tainted_in(flow: Flow, progress: Progress) -> frozenset[str]:
    """Names of the flow that is performed now that may hold what the event brought."""
    if progress.tainted is None:
        return frozenset(flow.declared)
    return tainted_variables(progress.tainted, flow.onward)


def is_tainted(references: Iterable[Reference], tainted: frozenset[str]) -> bool:
    """Whether what is made of these may hold it."""
    return any(reference.path[0] in tainted for reference in references)


def kept(names: Iterable[str]) -> tuple[str, ...]:
    """As Progress keeps them: the same names are the same message."""
    return tuple(sorted(names))

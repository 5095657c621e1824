"""Going into another flow and coming back: variables handed over, and who waits meanwhile.

Pure. Which version a name means is the driver's to say. A value that an event may have set never
reaches a variable that decides where something of the called flow goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from onhook.contracts.event import Event
from onhook.contracts.run import Caller, Progress
from onhook.flow.compiled import Flow
from onhook.flow.effect import CallFlow, Moved
from onhook.flow.errors import RunError
from onhook.flow.model import FlowType
from onhook.flow.performing import (
    Lookup,
    World,
    address_of,
    depth_of,
    performed,
    prefix_behind,
)
from onhook.flow.subflow import Subflow
from onhook.flow.taint import brought, is_tainted, kept, tainted_in
from onhook.flow.trace import TraceEntry
from onhook.flow.variables import assigned_value, external_values, initial_variables

DEEPEST_CALLS = 10
"""Flows within flows, and flows one after another by GoTo."""
MOST_CALLS = 1_000
"""Flows that one run may enter."""
_CALLS = ""
"""Where `visits` counts the flows that were entered: no node has this id."""


def entered(
    current: Flow,
    lookup: Lookup,
    progress: Progress,
    effect: CallFlow,
    outputs: Mapping[str, Any],
    overrides: Mapping[str, Any],
    world: World,
) -> Moved:
    """In front of the called flow's start. Raises RunError, VariableError and lookup's errors."""
    node, name = effect.node, effect.node.name
    flow_id, version = str(outputs["flow_id"]), int(outputs["version"])
    called = lookup(flow_id, version)
    calls = progress.visits.get(_CALLS, 0) + 1
    prefix = prefix_behind(progress, node.node_id, effect.visit)
    if depth_of(prefix) > DEEPEST_CALLS or calls > MOST_CALLS:
        raise RunError(
            name, f"more than {DEEPEST_CALLS} flows within one another, or {MOST_CALLS} in all"
        )
    wanted = FlowType.SUBFLOW if effect.returns else FlowType.FLOW
    if called.type is not wanted:
        raise RunError(
            name,
            f'"{called.name}" v{version} is a {called.type.value}, and {node.kind} goes into a '
            f"{wanted.value}",
        )
    if called.main_start is None:
        raise RunError(name, f'flow "{called.name}" has no start')
    handed = _handed_over(current, called, progress, effect, overrides, world)
    visits = {**progress.visits, node.node_id: effect.visit, _CALLS: calls}
    waiting = Caller(
        flow_id=progress.flow_id,
        version=progress.version,
        in_main=progress.in_main,
        prefix=progress.prefix,
        node=node.node_id,
        variables=progress.variables,
        outputs=progress.outputs,
        visits=visits,
        in_error_handler=progress.in_error_handler,
        tainted=progress.tainted,
    )
    moved = Progress(
        node=called.main_start,
        variables=handed.variables,
        visits={_CALLS: calls},
        flow_id=flow_id,
        version=version,
        in_main=True,
        prefix=prefix,
        callers=(*progress.callers, waiting) if effect.returns else (),
        tainted=kept(handed.tainted),
    )
    trace = TraceEntry(
        node=node.node_id,
        name=name,
        activity=node.kind,
        visit=effect.visit,
        address=effect.address,
        inputs=effect.given,
        outputs={"flow": called.name, "version": version},
        edge=None,
        note="; ".join([f'into flow "{called.name}" v{version}', *handed.notes]),
    )
    return Moved(moved, trace)


class _Handed(Struct):
    """What a called flow begins with, and what there is to say of it."""

    variables: dict[str, Any]
    tainted: set[str]
    notes: list[str]

    def take(self, name: str, value: Any, *, is_tainted: bool) -> None:
        self.variables[name] = value
        if is_tainted:
            self.tainted.add(name)
        else:
            self.tainted.discard(name)


def _handed_over(
    current: Flow,
    called: Flow,
    progress: Progress,
    effect: CallFlow,
    overrides: Mapping[str, Any],
    world: World,
) -> _Handed:
    """Raises RunError, VariableError."""
    tainted = tainted_in(current, progress)
    handed = _shared(current, called, progress, tainted, overrides, world)
    if not effect.returns:
        _map_alike(current, called, progress, tainted, handed)
    made_of = effect.node.inputs_by_target
    for target, value in effect.given.items():
        variable = called.declared.get(target)
        comes_from_event = is_tainted(made_of.get(target, ()), tainted)
        if variable is None:
            handed.notes.append(f'it has no variable "{target}"')
        elif variable.is_externalized:
            handed.notes.append(f'"{target}" is externalized, and keeps its configured value')
        elif target in called.steering and comes_from_event:
            raise RunError(
                effect.node.name,
                f'"{target}" decides where flow "{called.name}" sends something, and an event may '
                "have set what it is given",
            )
        else:
            handed.take(target, assigned_value(variable, value), is_tainted=comes_from_event)
    return handed


def _shared(
    current: Flow,
    called: Flow,
    progress: Progress,
    tainted: frozenset[str],
    overrides: Mapping[str, Any],
    world: World,
) -> _Handed:
    """With the global variables, which are one for all flows of a run."""
    given = world.event.data.get("variables") or {}
    shared = called.settable & {each.name for each in called.variables if each.is_global}
    values = {
        name: progress.variables.get(name, given.get(name))
        for name in shared
        if name not in current.declared or current.declared[name].is_global
    }
    variables = initial_variables(called.variables, values, shared, overrides, world.now)
    found = brought(
        called, values.keys() - progress.variables.keys(), variables, overrides, world.now
    )
    return _Handed(variables, found | (values.keys() & progress.variables.keys() & tainted), [])


def _map_alike(
    current: Flow,
    called: Flow,
    progress: Progress,
    tainted: frozenset[str],
    handed: _Handed,
) -> None:
    """Variables of the same name and type keep their values over a GoTo."""
    for variable in called.variables:
        name = variable.name
        own = current.declared.get(name)
        if own is None or own.type is not variable.type or variable.is_externalized:
            continue
        if name not in progress.variables or (own.is_secure and not variable.is_secure):
            continue
        if name in called.steering and name in tainted:
            handed.notes.append(
                f'"{name}" is not mapped: an event may have set it, and it decides an address'
            )
            continue
        handed.take(name, progress.variables[name], is_tainted=name in tainted)


def back(progress: Progress) -> Progress:
    """The caller's progress, at the calling node. Only where there is one."""
    caller = progress.callers[-1]
    return Progress(
        node=caller.node,
        variables=caller.variables,
        outputs=caller.outputs,
        visits={**caller.visits, _CALLS: progress.visits.get(_CALLS, 0)},
        in_error_handler=caller.in_error_handler,
        flow_id=caller.flow_id,
        version=caller.version,
        in_main=caller.in_main,
        prefix=caller.prefix,
        callers=progress.callers[:-1],
        tainted=caller.tainted,
    )


def given_up(progress: Progress) -> tuple[Progress, str]:
    """The caller's progress and the calling node, which fails with what failed inside."""
    caller = back(progress)
    outputs = {**caller.outputs, **_error_of(progress)}
    return msgspec.structs.replace(caller, outputs=outputs), progress.callers[-1].node


def _error_of(progress: Progress) -> dict[str, Any]:
    return {name: progress.outputs[name] for name in ("OnGlobalError",) if name in progress.outputs}


def returned(flow: Flow, lookup: Lookup, progress: Progress, world: World) -> Moved:
    """Behind the calling node, with what comes back. Raises RunError, VariableError."""
    called = performed(flow, lookup, progress)
    caller = back(progress)
    current = performed(flow, lookup, caller)
    graph = current.main if caller.in_main else current.events
    node = graph.nodes[progress.callers[-1].node]
    assert isinstance(node, Subflow)  # only a Subflow leaves a caller behind
    tainted = tainted_in(called, progress)
    found = external_values(called.external, world.overrides, world.now) | progress.variables
    changed = {
        each.name: progress.variables[each.name]
        for each in called.variables
        if each.is_global
        and each.name in progress.variables
        and each.name not in current.steering
        and (own := current.declared.get(each.name)) is not None
        and own.is_global
        and not own.is_externalized
    }
    mapped: dict[str, Any] = {}
    notes = [f'back from flow "{called.name}"']
    for row in node.returned:
        variable = current.declared.get(row.variable)
        if variable is None:
            notes.append(f'there is no variable "{row.variable}"')
            continue
        if row.variable in current.steering and row.source in tainted:
            raise RunError(
                node.name,
                f'"{row.variable}" decides where something goes, and an event may have set '
                f'"{row.source}" of flow "{called.name}"',
            )
        mapped[row.variable] = assigned_value(variable, found.get(row.source))
    following = graph.after(node.node_id)
    came = changed.keys() & tainted
    came |= {row.variable for row in node.returned if row.source in tainted}
    moved = msgspec.structs.replace(
        caller,
        node=following,
        variables={**caller.variables, **changed, **mapped},
        tainted=None if caller.tainted is None else kept({*caller.tainted, *came}),
    )
    trace = TraceEntry(
        node=node.node_id,
        name=node.name,
        activity=node.kind,
        visit=caller.visits.get(node.node_id, 1),
        address=address_of(caller, node.node_id),
        outputs=mapped,
        edge=None if following is None else "default",
        note="; ".join(notes),
    )
    return Moved(moved, trace)


def time_of(event: Event) -> datetime | None:
    """When the event happened; None where it does not say."""
    try:
        at = datetime.fromisoformat(event.time or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)

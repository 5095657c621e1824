"""Which variables decide where something goes, and which may hold what an event brought.

An event never sets the first. Both follow values from variable to variable, through whatever sets
one from another. Pure, over compiled activities; other flows are calling.py's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from onhook.flow.activity import Activity
from onhook.flow.model import Variable

Onward = Mapping[str, frozenset[str]]
"""A name -> the variables that are set from it."""


def steering_variables(activities: Iterable[Activity]) -> frozenset[str]:
    """Names that decide a URL's scheme or host, a header's name or a connector, directly or not."""
    listed = tuple(activities)
    made_of: dict[str, set[str]] = {}
    for activity in listed:
        for each in activity.assigned:
            names = (reference.path[0] for reference in each.references)
            made_of.setdefault(each.variable, set()).update(names)
    return _followed(
        (reference.path[0] for activity in listed for reference in activity.steering), made_of
    )


def settable_variables(variables: Iterable[Variable], steering: Collection[str]) -> frozenset[str]:
    """What an event may set: global or agent-viewable, neither external nor secure nor steering."""
    return frozenset(
        variable.name
        for variable in variables
        if (variable.is_global or variable.is_agent_viewable)
        and not (variable.is_externalized or variable.is_secure)
        and variable.name not in steering
    )


def onward(activities: Iterable[Activity]) -> Onward:
    """Where values go within a flow."""
    found: dict[str, set[str]] = {}
    for activity in activities:
        for each in activity.assigned:
            for reference in each.references:
                found.setdefault(reference.path[0], set()).add(each.variable)
    return {name: frozenset(variables) for name, variables in found.items()}


def tainted_variables(tainted: Iterable[str], onward: Onward) -> frozenset[str]:
    """What may hold a value of `tainted`, directly or through other variables."""
    return _followed(tainted, onward)


def _followed(names: Iterable[str], leading: Mapping[str, Collection[str]]) -> frozenset[str]:
    """The names, and all that they lead to."""
    found = set(names)
    waiting = list(found)
    while waiting:
        more = set(leading.get(waiting.pop(), ())) - found
        found |= more
        waiting += more
    return frozenset(found)

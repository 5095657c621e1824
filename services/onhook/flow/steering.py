"""Which variables decide where something goes, and which may hold what an event brought.

An event never sets the first. Both follow values from variable to variable, through whatever sets
one from another. Pure, over compiled activities.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from onhook.flow.activity import Activity
from onhook.flow.model import Variable


def steering_variables(
    activities: Iterable[Activity], more_steering: Collection[str] = ()
) -> frozenset[str]:
    """Names that decide a URL's scheme or host, a header's name or a connector, directly or not.

    `more_steering`: names that do so in a flow that is called.
    """
    listed = tuple(activities)
    found = {reference.path[0] for activity in listed for reference in activity.steering}
    found.update(more_steering)
    sources = [
        (each.variable, {reference.path[0] for reference in each.references})
        for activity in listed
        for each in activity.assigned
    ]
    while True:
        more = {name for variable, names in sources if variable in found for name in names} - found
        if not more:
            return frozenset(found)
        found |= more


def settable_variables(variables: Iterable[Variable], steering: Collection[str]) -> frozenset[str]:
    """What an event may set: global or agent-viewable, neither external nor secure nor steering."""
    return frozenset(
        variable.name
        for variable in variables
        if (variable.is_global or variable.is_agent_viewable)
        and not (variable.is_externalized or variable.is_secure)
        and variable.name not in steering
    )


def tainted_variables(settable: Collection[str], activities: Iterable[Activity]) -> frozenset[str]:
    """What may hold a value that an event set, directly or through other variables."""
    found = set(settable)
    assigned = [each for activity in activities for each in activity.assigned]
    while True:
        more = {
            each.variable
            for each in assigned
            if any(reference.path[0] in found for reference in each.references)
        } - found
        if not more:
            return frozenset(found)
        found |= more

"""The Wait activity: how long, from a duration `HH:MM:SS`. It asks; the driver waits."""

from __future__ import annotations

import re

from onhook.flow import expression
from onhook.flow.activity import Activity, Moment
from onhook.flow.errors import RunError, quoted
from onhook.flow.expression import Reference, Template
from onhook.flow.properties import VALUE, Properties

SHORTEST_S = 10
LONGEST_S = 72 * 3600
RANGE = "10 seconds to 72 hours, as HH:MM:SS"

_DURATION = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)", re.ASCII)


class WaitNode(Activity, frozen=True, kw_only=True):
    duration: Template

    @property
    def plain_port(self) -> str:
        return "out"

    @property
    def references(self) -> tuple[Reference, ...]:
        return self.duration.references

    def seconds(self, moment: Moment) -> int:
        """Raises RunError, PebbleError."""
        text = expression.text_of(self.duration, moment.context, moment.now)
        seconds = seconds_of(text)
        if seconds is None:
            raise RunError(self.name, f"duration {quoted(text)} is not {RANGE}")
        return seconds


def compile_wait(properties: Properties) -> WaitNode | None:
    source = properties.required("duration")
    template = properties.template("duration", source)
    if template is None or not source:
        return None
    if "{" not in source and seconds_of(source) is None:
        properties.report(VALUE, f"duration {quoted(source)} is not {RANGE}", "correct it")
        return None
    node = properties.node
    return WaitNode(node_id=node.id, name=node.name, kind=node.activity, duration=template)


def seconds_of(text: str) -> int | None:
    """None where it is no duration that can be waited for."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(part) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    return total if SHORTEST_S <= total <= LONGEST_S else None

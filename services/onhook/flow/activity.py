"""What all activities of a flow have in common, and those that do nothing but stand there.

An activity is a node compiled. It knows its own properties; it must not know the graph it stands
in, nor who performs what it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from onhook.pebble import Reference

PLAIN = ""
"""The one port of an activity that has just one; files call it `default`, `out` or nothing."""
ERROR_PORT = "error"
PLAIN_PORTS = frozenset({PLAIN, ERROR_PORT})
NO_PORTS: frozenset[str] = frozenset()


class Moment(Struct, frozen=True, kw_only=True):
    """When and where an activity is performed. `context` is what its templates see."""

    context: Mapping[str, Any]
    now: datetime
    run_id: str
    address: str
    visit: int


class Outcome(Struct, frozen=True, kw_only=True):
    """What an activity came to, that needs nothing from outside."""

    port: str = PLAIN
    outputs: dict[str, Any] | None = None
    """What templates read as `{{Node.output}}`."""
    variables: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    note: str | None = None


class Assigned(Struct, frozen=True):
    """A variable that an activity sets, and what its value is made of."""

    variable: str
    references: tuple[Reference, ...]


class Activity(Struct, frozen=True, kw_only=True):
    """A compiled node. The defaults are those of a node that does nothing and leads on."""

    node_id: str
    name: str
    kind: str
    """Its activityName, as in the file."""

    @property
    def ports(self) -> frozenset[str] | None:
        """The ports that it can be left by; None: any."""
        return PLAIN_PORTS

    @property
    def plain_port(self) -> str:
        """What the product's files call PLAIN: `default` or `out`."""
        return "default"

    @property
    def outputs(self) -> tuple[str, ...]:
        """What templates can read of it."""
        return ()

    @property
    def references(self) -> tuple[Reference, ...]:
        """Everything that it reads."""
        return ()

    @property
    def steering(self) -> tuple[Reference, ...]:
        """What decides where something of it goes: a host, a header's name, a connector."""
        return ()

    @property
    def assigned(self) -> tuple[Assigned, ...]:
        """The variables that it sets."""
        return ()

    def perform(self, moment: Moment) -> Outcome:  # noqa: ARG002
        """What it comes to. Raises RunError, PebbleError or VariableError when it fails."""
        return Outcome()


class Start(Activity, frozen=True, kw_only=True):
    """Where the main flow begins."""

    @property
    def plain_port(self) -> str:
        return "out"

    @property
    def ports(self) -> frozenset[str]:
        return frozenset({PLAIN})


class EventNode(Activity, frozen=True, kw_only=True):
    """Where a handler begins."""

    @property
    def plain_port(self) -> str:
        return "out"

    @property
    def ports(self) -> frozenset[str]:
        return frozenset({PLAIN})


class End(Activity, frozen=True, kw_only=True):
    """Ends the flow: a run, or a subflow, which goes back to its caller."""

    note: str | None = None
    """What ending means here, for the trace."""

    @property
    def ports(self) -> frozenset[str]:
        return NO_PORTS

    def perform(self, moment: Moment) -> Outcome:  # noqa: ARG002
        return Outcome(note=self.note)

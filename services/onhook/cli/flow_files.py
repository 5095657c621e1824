"""Flow files given to a command that works alone, and what they are checked against.

The surroundings are those of this process's settings; the files given together know one another.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec import Struct

from onhook.cli.failure import Failure
from onhook.cli.input_file import read_input, shown_name
from onhook.contracts.run import flow_id_of
from onhook.egress.connectors import Connectors
from onhook.event_flow.sources import load_sources
from onhook.flow.errors import Finding, FlowError
from onhook.flow.loading import load
from onhook.flow.model import FlowFile
from onhook.flow.surroundings import FlowAtHand, Surroundings
from onhook.settings import Settings
from onhook.settings.contact_centre import ContactCentreError, load_contact_centre


class Given(Struct, frozen=True):
    """A file as it was given: how messages call it, and the flow, or why it is none.

    `findings` are warnings of what the file holds that nothing reads.
    """

    name: str
    file: FlowFile | None
    error: FlowError | None = None
    findings: tuple[Finding, ...] = ()


def read_flows(names: Sequence[str]) -> list[Given]:
    """Raises Failure where a file cannot be read at all."""
    return [_read(name) for name in names]


def _read(name: str) -> Given:
    content = read_input(name)
    try:
        loaded = load(content, shown_name(name))
    except FlowError as error:
        return Given(shown_name(name), None, error)
    return Given(shown_name(name), loaded.file, findings=loaded.findings)


def surroundings_of(
    settings: Settings, files: Sequence[FlowFile], connectors: Connectors
) -> Surroundings:
    """Raises Failure for a contact centre that cannot be used."""
    try:
        centre = load_contact_centre(settings.contact_centre)
    except ContactCentreError as error:
        raise Failure(str(error)) from None
    at_hand = {file.name: FlowAtHand(file=file) for file in files}
    at_hand |= {file.id or flow_id_of(file.name): FlowAtHand(file=file) for file in files}
    points = {
        key: (point.flow, point.flow_label)
        for point in centre.entry_points
        for key in (point.id, point.name)
    }
    schedules = {key: each for each in centre.business_hours for key in (each.id, each.name)}
    return Surroundings(
        flows=lambda flow, _label: at_hand.get(flow),
        entry_points=points,
        schedules=schedules,
        connectors=connectors.urls,
        event_types=_event_types(settings),
        can_seal=not settings.amqp_url or bool(settings.run_key),
    )


def _event_types(settings: Settings) -> frozenset[str] | None:
    """What the sources make, wherever their queues are. Raises SettingError."""
    broker = settings.amqp_url or "amqp://localhost"
    return load_sources(settings.sources, broker, os.environ).event_types

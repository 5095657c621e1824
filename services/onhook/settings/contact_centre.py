"""The contact centre as configured: agents, queues, entry points, schedules, global variables.

Shape and checks of ONHOOK_CONTACT_CENTRE (YAML) live here; what happens to a contact does not.
The packaged one is contact_centre.yaml beside this file.
"""

from __future__ import annotations

from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from onhook.settings.business_hours import BusinessHours, faults_of
from onhook.settings.plain_yaml import NotPlain, read_yaml


class ContactCentreError(Exception):
    """The contact-centre file cannot be used."""


class VariableType(Enum):
    """Types of flow and global variables (the flow file's spelling)."""

    STRING = "STRING"
    INTEGER = "INTEGER"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    DATETIME = "DATETIME"
    JSON = "JSON"


class GlobalVariable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variable of the organisation; agents see and edit it where it says so."""

    name: str
    type: VariableType = VariableType.STRING
    default: str = ""
    label: str = ""
    agent_viewable: bool = False
    agent_editable: bool = False
    reportable: bool = False


class Agent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    email: str | None = None
    team: str = "Support"
    queues: tuple[str, ...] = ("Support",)


class Queue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str


class EntryPoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Maps dialled numbers to a flow and a version label."""

    id: str
    name: str
    dial_numbers: tuple[str, ...]
    flow: str
    flow_label: str = "Latest"
    queue: str = "Support"


class ContactCentre(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    organisation: str = "onhook"
    region: str = "default"
    idle_codes: tuple[str, ...] = ("Meeting", "Lunch")
    agents: tuple[Agent, ...]
    queues: tuple[Queue, ...]
    entry_points: tuple[EntryPoint, ...]
    global_variables: tuple[GlobalVariable, ...] = ()
    business_hours: tuple[BusinessHours, ...] = ()


def load_contact_centre(path: Path | None) -> ContactCentre:
    """Read the file, or the packaged one. Raises ContactCentreError naming file and place."""
    name = str(path) if path else "the packaged contact centre"
    try:
        packaged = files("onhook.settings").joinpath("contact_centre.yaml")
        text = path.read_bytes() if path else packaged.read_bytes()
        centre = msgspec.convert(read_yaml(text), ContactCentre)
    except (OSError, NotPlain, msgspec.ValidationError) as error:
        raise ContactCentreError(f"{name}: {error}") from None
    _check(centre, name)
    return centre


def _check(centre: ContactCentre, name: str) -> None:
    kinds: tuple[tuple[str, list[Any]], ...] = (
        ("agent", [agent.id for agent in centre.agents]),
        ("queue", [queue.name for queue in centre.queues]),
        ("entry point", [point.name for point in centre.entry_points]),
        ("dial number", [dial for point in centre.entry_points for dial in point.dial_numbers]),
        ("global variable", [variable.name for variable in centre.global_variables]),
        ("business hours", [schedule.id for schedule in centre.business_hours]),
        ("business hours", [schedule.name for schedule in centre.business_hours]),
    )
    for kind, names in kinds:
        for twice in sorted({each for each in names if names.count(each) > 1}):
            raise ContactCentreError(f'{name}: {kind} "{twice}" stands there twice; rename one')
    queues = {queue.name for queue in centre.queues}
    for agent in centre.agents:
        for missing in sorted(set(agent.queues) - queues):
            raise ContactCentreError(f'{name}: agent "{agent.id}": no queue "{missing}"')
    for point in centre.entry_points:
        if point.queue not in queues:
            raise ContactCentreError(
                f'{name}: entry point "{point.name}": no queue "{point.queue}"'
            )
    for schedule in centre.business_hours:
        for fault in faults_of(schedule):
            raise ContactCentreError(f'{name}: business hours "{schedule.name}": {fault}')
    if not centre.entry_points:
        raise ContactCentreError(f"{name}: entry_points is empty; a call needs one")

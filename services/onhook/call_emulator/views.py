"""What the API takes and gives, and how it is made of the emulator's own shapes. No I/O."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from onhook.call_emulator import agent as agents
from onhook.call_emulator import contact as contacts
from onhook.call_emulator.agent import AgentOnDuty, AgentState
from onhook.call_emulator.arrival import DEFAULT_ANI, Arrival, resolve
from onhook.call_emulator.contact import Contact, ContactState
from onhook.call_emulator.store import StoredEvent
from onhook.call_emulator.variables import editable_names
from onhook.contracts.event import timestamp
from onhook.settings.contact_centre import ContactCentre

Name = Annotated[str, Meta(min_length=1, max_length=256)]


class ChosenState(Enum):
    """States that an agent chooses; the others come with a call."""

    AVAILABLE = "Available"
    IDLE = "Idle"


class AgentStateRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`idle_code` goes with Idle, and is one of the configured codes."""

    state: ChosenState
    idle_code: str | None = None


class CallRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An `ani` that is null or blank is withheld; without one, a default caller calls."""

    ani: Annotated[str, Meta(max_length=256)] | UnsetType | None = UNSET
    dnis: Name | None = None
    entry_point: Name | None = None
    """Name or id."""
    language: Name | None = None

    def arrival(self, centre: ContactCentre) -> Arrival:
        """Raises Refused for an entry point or a number that the centre does not have."""
        return resolve(
            centre,
            ani=DEFAULT_ANI if self.ani is UNSET else self.ani,
            dnis=self.dnis,
            entry_point=self.entry_point,
            language=self.language,
        )


class PlayRequest(CallRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole call; `variables` is what the agent types and saves."""

    variables: dict[str, Any] = {}


class PlayView(Struct, frozen=True, kw_only=True):
    """What was played: the events' types in their order."""

    interaction_id: str
    events: list[str]


class Paging(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100


class AgentView(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    email: str | None
    team: str
    queues: tuple[str, ...]
    state: AgentState
    since: str
    idle_code: str | None
    interaction_id: str | None
    """The call that engages the agent."""
    possible: tuple[str, ...]


class AgentsView(Struct, frozen=True, kw_only=True):
    agents: list[AgentView]
    idle_codes: tuple[str, ...]


class CallLine(Struct, frozen=True, kw_only=True):
    """A call in a list."""

    interaction_id: str
    state: ContactState
    abandoned: bool
    ani: str
    dnis: str
    entry_point: str
    queue: str
    agent: str | None
    arrived_at: str
    ended_at: str | None


class EventLine(Struct, frozen=True, kw_only=True):
    """An event of a call's timeline; its body is at `GET /calls/{interaction}/events`."""

    id: str
    type: str
    routing_key: str
    time: str


class EventView(EventLine, frozen=True, kw_only=True):
    """`body` is the message as published."""

    body: msgspec.Raw


class CallView(CallLine, frozen=True, kw_only=True):
    flow: str
    flow_label: str
    flow_version: int | None
    variables: dict[str, Any]
    editable: list[str]
    possible: tuple[str, ...]
    events: list[EventLine]


class CallsView(Struct, frozen=True, kw_only=True):
    """Newest first."""

    calls: list[CallLine]


class EventsView(Struct, frozen=True, kw_only=True):
    """Oldest first."""

    events: list[EventView]


class IndexView(Struct, frozen=True, kw_only=True):
    name: str
    version: str
    links: dict[str, str]


def agent_view(agent: AgentOnDuty) -> AgentView:
    profile = agent.profile
    return AgentView(
        id=profile.id,
        name=profile.name,
        email=profile.email,
        team=profile.team,
        queues=profile.queues,
        state=agent.state,
        since=timestamp(agent.since),
        idle_code=agent.idle_code,
        interaction_id=agent.interaction_id,
        possible=agents.possible_steps(agent.state),
    )


def call_line(contact: Contact) -> CallLine:
    return CallLine(**_line(contact))


def call_view(contact: Contact, events: list[StoredEvent], centre: ContactCentre) -> CallView:
    arrived = contact.data.NewPhoneContact
    return CallView(
        **_line(contact),
        flow=arrived.FlowId,
        flow_label=arrived.FlowVersionLabel,
        flow_version=contact.flow_version,
        variables=contact.data.variables,
        editable=editable_names(centre),
        possible=contacts.possible_steps(contact.state),
        events=[
            EventLine(id=each.id, type=each.type, routing_key=each.routing_key, time=each.time)
            for each in events
        ],
    )


def event_view(event: StoredEvent) -> EventView:
    return EventView(
        id=event.id,
        type=event.type,
        routing_key=event.routing_key,
        time=event.time,
        body=msgspec.Raw(event.body),
    )


def _line(contact: Contact) -> dict[str, Any]:
    arrived = contact.data.NewPhoneContact
    return {
        "interaction_id": contact.interaction_id,
        "state": contact.state,
        "abandoned": contact.is_abandoned,
        "ani": arrived.ANI,
        "dnis": arrived.DNIS,
        "entry_point": contact.entry_point,
        "queue": contact.queue,
        "agent": contact.agent_id,
        "arrived_at": timestamp(contact.arrived_at),
        "ended_at": timestamp(contact.ended_at) if contact.ended_at else None,
    }

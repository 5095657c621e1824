"""The outputs of each event, as templates read them: `{{NewPhoneContact.ANI}}`.

Shapes only. Where the product writes a name in two spellings, both are here and equal.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class NewPhoneContact(Struct, frozen=True, kw_only=True):
    """The contact arrived. `ANI` is the text `anonymous` when the number is withheld."""

    ANI: str
    DNIS: str
    InteractionId: str
    interactionId: str
    EntryPointId: str
    FlowId: str
    FlowVersionLabel: str
    OrgId: str
    PSTNRegion: str
    Headers: str = "{}"
    CallbackType: str | None = None
    CallbackReason: str | None = None
    ScheduleSourceInteractionId: str | None = None
    Payload: str | None = None


class AgentOffered(Struct, frozen=True, kw_only=True):
    """The agent's phone rings."""

    agentId: str
    AgentID: str
    agentName: str
    AgentName: str
    agentEmailId: str | None
    agentSessionId: str
    AgentSessionID: str
    queueId: str
    QueueID: str
    queueName: str
    QueueName: str
    teamId: str
    TeamID: str
    teamName: str
    TeamName: str
    tenantId: str
    TenantID: str
    callAssociatedData: dict[str, Any]
    CAD: dict[str, Any]


class AgentAnswered(Struct, frozen=True, kw_only=True):
    """The agent accepted."""

    AgentID: str
    AgentName: str
    AgentEmailId: str | None
    AgentSessionID: str
    QueueID: str
    QueueName: str
    TeamID: str
    TeamName: str
    TenantID: str
    CAD: dict[str, Any]


class AgentDisconnect(Struct, frozen=True, kw_only=True):
    """The last agent left the contact."""

    AgentId: str
    AgentEmailId: str | None
    QueueId: str
    TeamId: str
    InboundChannel: str = "telephony"
    RoutingStrategyId: str | None = None


class PhoneContactEnded(Struct, frozen=True, kw_only=True):
    """The contact is over, however it ended. The agent's fields are null when none answered."""

    AgentID: str | None
    AgentEmailID: str | None
    TeamID: str | None
    QueueID: str | None
    InboundChannel: str = "telephony"
    RoutingStrategyID: str | None = None


class EventData(Struct, frozen=True, kw_only=True):
    """The template context: the outputs of each event so far, and the variables."""

    variables: dict[str, Any]
    NewPhoneContact: NewPhoneContact
    AgentOffered: AgentOffered | UnsetType = UNSET
    AgentAnswered: AgentAnswered | UnsetType = UNSET
    AgentDisconnect: AgentDisconnect | UnsetType = UNSET
    PhoneContactEnded: PhoneContactEnded | UnsetType = UNSET

"""Sample events: one valid message of each kind, as documentation, tests and `onhook event` use it."""

from __future__ import annotations

from datetime import datetime

from onhook.contracts.event import PublishedEvent, timestamp
from onhook.contracts.outputs import (
    AgentAnswered,
    AgentDisconnect,
    AgentOffered,
    EventData,
    NewPhoneContact,
    PhoneContactEnded,
)

SAMPLE_EVENTS = (
    "NewPhoneContact",
    "AgentOffered",
    "AgentAnswered",
    "AgentDisconnect",
    "PhoneContactEnded",
)

_QUEUE = "b2f5f0f2-6f3a-4a53-9a3e-6d0d5b8f1a01"
_VARIABLES = {"Global_Language": "en-US", "WhoIsCalling": "Ada Lovelace"}


def sample_event(
    event_type: str, *, event_id: str, interaction_id: str, at: datetime
) -> PublishedEvent:
    """A valid event of one of SAMPLE_EVENTS, for the seeded contact centre."""
    so_far = SAMPLE_EVENTS[: SAMPLE_EVENTS.index(event_type) + 1]
    outputs = {
        "NewPhoneContact": _new_phone_contact(interaction_id),
        "AgentOffered": _agent_offered(),
        "AgentAnswered": _agent_answered(),
        "AgentDisconnect": AgentDisconnect(
            AgentId="ada", AgentEmailId="ada@example.com", QueueId=_QUEUE, TeamId="Support"
        ),
        "PhoneContactEnded": PhoneContactEnded(
            AgentID="ada", AgentEmailID="ada@example.com", TeamID="Support", QueueID=_QUEUE
        ),
    }
    return PublishedEvent(
        id=event_id,
        type=event_type,
        subject=interaction_id,
        time=timestamp(at),
        data=EventData(variables=_VARIABLES, **{name: outputs[name] for name in so_far}),  # type: ignore[arg-type]  # each name has its own type
    )


def _new_phone_contact(interaction_id: str) -> NewPhoneContact:
    return NewPhoneContact(
        ANI="+14085551234",
        DNIS="+18005550100",
        InteractionId=interaction_id,
        interactionId=interaction_id,
        EntryPointId="7c1e6a34-4c8e-4c1e-8f57-2a8a4f0c1b02",
        FlowId="Main_Flow",
        FlowVersionLabel="Latest",
        OrgId="onhook",
        PSTNRegion="default",
    )


def _agent_offered() -> AgentOffered:
    return AgentOffered(
        agentId="ada",
        AgentID="ada",
        agentName="Ada Agent",
        AgentName="Ada Agent",
        agentEmailId="ada@example.com",
        agentSessionId="session-1",
        AgentSessionID="session-1",
        queueId=_QUEUE,
        QueueID=_QUEUE,
        queueName="Support",
        QueueName="Support",
        teamId="Support",
        TeamID="Support",
        teamName="Support",
        TeamName="Support",
        tenantId="onhook",
        TenantID="onhook",
        callAssociatedData=_VARIABLES,
        CAD=_VARIABLES,
    )


def _agent_answered() -> AgentAnswered:
    return AgentAnswered(
        AgentID="ada",
        AgentName="Ada Agent",
        AgentEmailId="ada@example.com",
        AgentSessionID="session-1",
        QueueID=_QUEUE,
        QueueName="Support",
        TeamID="Support",
        TeamName="Support",
        TenantID="onhook",
        CAD=_VARIABLES,
    )

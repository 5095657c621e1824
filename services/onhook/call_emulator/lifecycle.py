"""A call's life, step by step: each function says what a step makes of contact and agent, and
which events it publishes.

Pure: time and ids come in, a `Step` comes out; nothing is stored or sent here. What is allowed is
decided by the tables of `contact` and `agent`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from onhook.call_emulator import agent as agents
from onhook.call_emulator.agent import AgentOnDuty
from onhook.call_emulator.arrival import Arrival
from onhook.call_emulator.contact import Contact, ContactState, ContactStep, next_state
from onhook.call_emulator.variables import checked
from onhook.contracts import outputs
from onhook.contracts.event import PublishedEvent, timestamp
from onhook.settings.contact_centre import ContactCentre

NewId = Callable[[], str]


class Step(Struct, frozen=True, kw_only=True):
    """What a step leads to. `agent` is None where no agent changes."""

    contact: Contact
    agent: AgentOnDuty | None = None
    events: tuple[PublishedEvent, ...] = ()


def new_contact(
    arrival: Arrival,
    centre: ContactCentre,
    variables: dict[str, Any],
    *,
    interaction_id: str,
    flow_version: int | None,
    at: datetime,
) -> Contact:
    """A contact that has yet to arrive."""
    point = arrival.entry_point
    contact = outputs.NewPhoneContact(
        ANI=arrival.ani,
        DNIS=arrival.dnis,
        InteractionId=interaction_id,
        interactionId=interaction_id,
        EntryPointId=point.id,
        FlowId=point.flow,
        FlowVersionLabel=point.flow_label,
        OrgId=centre.organisation,
        PSTNRegion=centre.region,
    )
    return Contact(
        interaction_id=interaction_id,
        state=ContactState.NEW,
        data=outputs.EventData(variables=variables, NewPhoneContact=contact),
        entry_point=point.name,
        queue=point.queue,
        queue_id=next(queue.id for queue in centre.queues if queue.name == point.queue),
        arrived_at=at,
        flow_version=flow_version,
    )


def arrive(contact: Contact, *, at: datetime, new_id: NewId) -> Step:
    moved = _moved(contact, ContactStep.ARRIVE)
    return Step(contact=moved, events=(_event(moved, "NewPhoneContact", at, new_id),))


def offer(
    contact: Contact,
    agent: AgentOnDuty,
    associated: Mapping[str, Any],
    *,
    at: datetime,
    new_id: NewId,
) -> Step:
    """Ring an Available agent. `associated` are the variables that agents see."""
    moved = _moved(contact, ContactStep.OFFER)
    ringing = agents.ring(agent, contact.interaction_id, at=at)
    offered = _agent_offered(contact, agent, dict(associated))
    moved = replace(
        moved, agent_id=agent.profile.id, data=replace(contact.data, AgentOffered=offered)
    )
    return Step(contact=moved, agent=ringing, events=(_event(moved, "AgentOffered", at, new_id),))


def accept(contact: Contact, associated: Mapping[str, Any], *, at: datetime, new_id: NewId) -> Step:
    moved = _moved(contact, ContactStep.ACCEPT)
    answered = _agent_answered(contact, dict(associated))
    moved = replace(moved, data=replace(contact.data, AgentAnswered=answered))
    return Step(contact=moved, events=(_event(moved, "AgentAnswered", at, new_id),))


def decline(contact: Contact, agent: AgentOnDuty | None, *, at: datetime) -> Step:
    """Back to its place in the queue; the agent goes idle."""
    moved = replace(_moved(contact, ContactStep.DECLINE), agent_id=None)
    return Step(contact=moved, agent=agent and agents.decline(agent, at=at))


def save(contact: Contact, centre: ContactCentre, given: Mapping[str, Any]) -> Step:
    """Variables reach the flow from here on, and only by this. Raises Refused."""
    moved = _moved(contact, ContactStep.SAVE)
    variables = contact.data.variables | checked(centre, given)
    return Step(contact=replace(moved, data=replace(contact.data, variables=variables)))


def end(contact: Contact, agent: AgentOnDuty | None, *, at: datetime, new_id: NewId) -> Step:
    """The agent ends it: the agent leaves, then the contact is over, then wrap-up."""
    moved = replace(_moved(contact, ContactStep.END), ended_at=at)
    finished = agent and agents.finish(agent, at=at)
    return _ended_when_connected(moved, finished, at, new_id)


def hang_up(contact: Contact, agent: AgentOnDuty | None, *, at: datetime, new_id: NewId) -> Step:
    """The caller leaves. Before an agent answered, the call is abandoned and the agent is free."""
    moved = replace(_moved(contact, ContactStep.HANG_UP), ended_at=at)
    if contact.state is ContactState.CONNECTED:
        return _ended_when_connected(moved, agent and agents.finish(agent, at=at), at, new_id)
    over = _contact_ended(contact)
    moved = replace(moved, is_abandoned=True, data=replace(contact.data, PhoneContactEnded=over))
    return Step(
        contact=moved,
        agent=agent and agents.release(agent, at=at),
        events=(_event(moved, "PhoneContactEnded", at, new_id),),
    )


def _ended_when_connected(
    contact: Contact, agent: AgentOnDuty | None, at: datetime, new_id: NewId
) -> Step:
    left = replace(contact, data=replace(contact.data, AgentDisconnect=_agent_left(contact)))
    over = replace(left, data=replace(left.data, PhoneContactEnded=_contact_ended(contact)))
    events = (
        _event(left, "AgentDisconnect", at, new_id),
        _event(over, "PhoneContactEnded", at, new_id),
    )
    return Step(contact=over, agent=agent, events=events)


def _moved(contact: Contact, step: ContactStep) -> Contact:
    return replace(contact, state=next_state(contact.state, step))


def _event(contact: Contact, event_type: str, at: datetime, new_id: NewId) -> PublishedEvent:
    return PublishedEvent(
        id=new_id(),
        type=event_type,
        subject=contact.interaction_id,
        time=timestamp(at),
        data=contact.data,
        flowversion=UNSET if contact.flow_version is None else contact.flow_version,
    )


def _agent_offered(
    contact: Contact, agent: AgentOnDuty, associated: dict[str, Any]
) -> outputs.AgentOffered:
    profile, session = agent.profile, agent.session_id or ""
    organisation = contact.data.NewPhoneContact.OrgId
    return outputs.AgentOffered(
        agentId=profile.id,
        AgentID=profile.id,
        agentName=profile.name,
        AgentName=profile.name,
        agentEmailId=profile.email,
        agentSessionId=session,
        AgentSessionID=session,
        queueId=contact.queue_id,
        QueueID=contact.queue_id,
        queueName=contact.queue,
        QueueName=contact.queue,
        teamId=profile.team,
        TeamID=profile.team,
        teamName=profile.team,
        TeamName=profile.team,
        tenantId=organisation,
        TenantID=organisation,
        callAssociatedData=associated,
        CAD=associated,
    )


def _agent_answered(contact: Contact, associated: dict[str, Any]) -> outputs.AgentAnswered:
    offered = contact.data.AgentOffered
    assert isinstance(offered, outputs.AgentOffered)  # the table: only an offered call is accepted
    return outputs.AgentAnswered(
        AgentID=offered.AgentID,
        AgentName=offered.AgentName,
        AgentEmailId=offered.agentEmailId,
        AgentSessionID=offered.AgentSessionID,
        QueueID=offered.QueueID,
        QueueName=offered.QueueName,
        TeamID=offered.TeamID,
        TeamName=offered.TeamName,
        TenantID=offered.TenantID,
        CAD=associated,
    )


def _agent_left(contact: Contact) -> outputs.AgentDisconnect:
    answered = contact.data.AgentAnswered
    assert isinstance(answered, outputs.AgentAnswered)  # the table: only a connected call gets here
    return outputs.AgentDisconnect(
        AgentId=answered.AgentID,
        AgentEmailId=answered.AgentEmailId,
        QueueId=answered.QueueID,
        TeamId=answered.TeamID,
    )


def _contact_ended(contact: Contact) -> outputs.PhoneContactEnded:
    answered = contact.data.AgentAnswered
    by = answered if isinstance(answered, outputs.AgentAnswered) else None
    return outputs.PhoneContactEnded(
        AgentID=by.AgentID if by else None,
        AgentEmailID=by.AgentEmailId if by else None,
        TeamID=by.TeamID if by else None,
        QueueID=contact.queue_id,
    )

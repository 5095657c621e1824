"""Who gets which call: the longest-waiting call, to the longest-available agent of its queue.

Pure look-ups over contacts and agents; nothing here moves either.
"""

from __future__ import annotations

from collections.abc import Iterable

from onhook.call_emulator.agent import AgentOnDuty, AgentState
from onhook.call_emulator.contact import Contact, ContactState


def next_offer(
    contacts: Iterable[Contact], agents: Iterable[AgentOnDuty]
) -> tuple[Contact, AgentOnDuty] | None:
    """The next call to offer and to whom; None when nobody waits or nobody is free.

    `contacts` come in their order of arrival. A declined call keeps its place.
    """
    free = [agent for agent in agents if agent.state is AgentState.AVAILABLE]
    if not free:
        return None
    for contact in contacts:
        if contact.state is ContactState.QUEUED and (agent := _longest_available(contact, free)):
            return contact, agent
    return None


def _longest_available(contact: Contact, free: list[AgentOnDuty]) -> AgentOnDuty | None:
    serving = [agent for agent in free if contact.queue in agent.profile.queues]
    return min(serving, key=lambda agent: agent.since, default=None)


_PREFERRED = (AgentState.AVAILABLE, AgentState.LOGGED_OUT, AgentState.IDLE, AgentState.WRAP_UP)


def agent_for_a_play(queue: str, agents: Iterable[AgentOnDuty]) -> AgentOnDuty | None:
    """Who plays a call of `queue`: whom it disturbs least; None while all are engaged."""
    serving = [
        agent
        for agent in agents
        if queue in agent.profile.queues and agent.state is not AgentState.ENGAGED
    ]
    return min(
        serving, key=lambda agent: (_PREFERRED.index(agent.state), agent.since), default=None
    )

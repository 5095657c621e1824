"""Playing a whole call at once: an agent is found, takes the call, saves, ends it, and goes back.

Plays run one after another. A play that the bus interrupted is gone on with by the next play
before anything else; its repeat, coming later, is answered with the finished call.
Each step is the emulator's own; no rule of a step is repeated here.
"""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from onhook.call_emulator import agent as agents
from onhook.call_emulator.agent import AgentOnDuty, AgentState
from onhook.call_emulator.arrival import Arrival
from onhook.call_emulator.contact import Contact, ContactState
from onhook.call_emulator.emulator import CallEmulator
from onhook.call_emulator.errors import IllegalStep, NotFound
from onhook.call_emulator.owed import Owed
from onhook.call_emulator.queue import agent_for_a_play
from onhook.call_emulator.variables import checked

_UNTOUCHED = (ContactState.QUEUED, ContactState.OFFERED)
"""States of a call that nobody else has taken; a play can go on with it."""


class Play(Struct, frozen=True, kw_only=True):
    """What is to be played: the call, and what the agent types and saves."""

    arrival: Arrival
    variables: dict[str, Any] = field(default_factory=dict)


class _UnderWay(Struct, frozen=True, kw_only=True):
    play: Play
    interaction_id: str
    before: dict[str, AgentOnDuty] = field(default_factory=dict)
    """The agents it rang at, as they were before that."""


class Player:
    """Plays calls on an emulator."""

    def __init__(self, emulator: CallEmulator) -> None:
        self._emulator = emulator
        self._turn = asyncio.Lock()
        self._under_way: _UnderWay | None = None
        self._owed: Owed[Play, Contact] = Owed(emulator.clock)

    async def play(self, play: Play) -> Contact:
        """The contact, ended. Raises IllegalStep when no agent can be had, Refused for a variable
        that cannot be saved, BusError or StorageError; after those two, the same play goes on.
        """
        checked(self._emulator.centre, play.variables)
        async with self._turn, self._emulator.then_offering():
            if (left := self._under_way) is not None:
                contact = await self._go_on(left)
                if not contact.is_abandoned:
                    self._owed.add(left.play, contact)
            if (owed := self._owed.take(play)) is not None:
                return owed
            return await self._go_on(await self._begin(play))

    async def _begin(self, play: Play) -> _UnderWay:
        """The call arrives and rings at an agent, before anyone else is offered anything."""
        emulator, arrival = self._emulator, play.arrival
        version = await emulator.version_for(arrival)
        async with emulator.assigning():
            owed = emulator.owed(arrival, _UNTOUCHED)
            is_ringing = owed is not None and owed.state is ContactState.OFFERED
            agent = None if is_ringing else self._find_agent(arrival.entry_point.queue)
            contact = await emulator.bring_in(arrival, version)
            begun = self._under_way = _UnderWay(play=play, interaction_id=contact.interaction_id)
            if agent is not None and contact.state is ContactState.QUEUED:
                await self._ring(begun, contact, agent)
            elif contact.state is ContactState.OFFERED and contact.agent_id is not None:
                rung = emulator.agent(contact.agent_id)
                begun.before[contact.agent_id] = replace(rung, state=AgentState.AVAILABLE)
        return begun

    async def _go_on(self, under_way: _UnderWay) -> Contact:
        """From wherever the call is to its end; then the agent goes back."""
        try:
            contact = await self._to_the_end(under_way)
        except (IllegalStep, NotFound):  # somebody else has the call in hand: it is theirs now
            self._under_way = None
            raise
        for before in under_way.before.values():
            await self._send_back(before)
        self._under_way = None
        return contact

    async def _to_the_end(self, under_way: _UnderWay) -> Contact:
        emulator, interaction = self._emulator, under_way.interaction_id
        variables = under_way.play.variables
        is_saved = False
        while (contact := await emulator.contact(interaction)).state is not ContactState.ENDED:
            if contact.state is ContactState.QUEUED:
                await self._ring_again(under_way)
            elif contact.state is ContactState.OFFERED:
                await emulator.accept(interaction)
            elif not is_saved and not _holds(contact, variables):
                await emulator.save(interaction, variables)
                is_saved = True
            else:
                await emulator.end(interaction)
        return contact

    async def _ring_again(self, under_way: _UnderWay) -> None:
        """The offer failed, or somebody declined it."""
        async with self._emulator.assigning():
            contact = await self._emulator.contact(under_way.interaction_id)
            if contact.state is ContactState.QUEUED:
                await self._ring(under_way, contact, self._find_agent(contact.queue))

    async def _ring(self, under_way: _UnderWay, contact: Contact, agent: AgentOnDuty) -> None:
        emulator, at = self._emulator, self._emulator.clock()
        under_way.before.setdefault(agent.profile.id, agent)
        if agent.state is AgentState.LOGGED_OUT:
            agent = agents.log_in(agent, session_id=emulator.new_id(), at=at)
        agent = agents.go_available(agent, at=at)
        emulator.put(agent)
        await emulator.offer(contact, agent)

    async def _send_back(self, before: AgentOnDuty) -> None:
        emulator = self._emulator
        async with emulator.agents_turn(before.profile.id) as agent:
            if agent.state not in (AgentState.ENGAGED, AgentState.LOGGED_OUT):
                emulator.put(agents.back_to(agent, before, at=emulator.clock()))

    def _find_agent(self, queue: str) -> AgentOnDuty:
        serving = [each for each in self._emulator.agents.values() if queue in each.profile.queues]
        if agent := agent_for_a_play(queue, serving):
            return agent
        if not serving:
            raise IllegalStep(
                f'no agent serves the queue "{queue}"; add one to the contact centre', ()
            )
        engaged = ", ".join(f"{each.profile.name} in {each.interaction_id}" for each in serving)
        raise IllegalStep(
            f'every agent of the queue "{queue}" is engaged ({engaged}); end a call, then play',
            [f"hang-up {each.interaction_id}" for each in serving],
        )


def _holds(contact: Contact, variables: dict[str, Any]) -> bool:
    """Whether they are saved. To save again would come after an end that is yet to be confirmed."""
    values = contact.data.variables
    return values | variables == values

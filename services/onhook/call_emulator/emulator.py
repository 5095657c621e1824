"""The contact centre at work: agents, open calls, and each step of theirs taken one at a time.

State is what was committed: a step changes it only after its events are confirmed. No HTTP here,
and no rule about what is allowed; the tables of `contact` and `agent` say that.

Locks, always in this order: the assignment lock (who gets which call, and agents' own steps),
then a call's turn. A step of a call never waits for the assignment lock while it has the turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
import structlog

from onhook.bus.port import Bus, BusError
from onhook.call_emulator import agent as agents
from onhook.call_emulator import lifecycle, variables
from onhook.call_emulator.agent import AgentOnDuty, AgentState
from onhook.call_emulator.arrival import Arrival
from onhook.call_emulator.bus_wait import AGAIN_S, bus_ready
from onhook.call_emulator.contact import Contact, ContactState, ContactStep, next_state
from onhook.call_emulator.errors import EmulatorError, IllegalStep, NotFound, NotReady
from onhook.call_emulator.lifecycle import NewId, Step
from onhook.call_emulator.open_calls import OpenCalls
from onhook.call_emulator.pending_step import OpenCall, PendingStep, StepRunner
from onhook.call_emulator.queue import next_offer
from onhook.call_emulator.store import CallStore
from onhook.settings.contact_centre import ContactCentre
from onhook.sqlite import StorageError

log = structlog.get_logger()

Clock = Callable[[], datetime]
FlowVersion = Callable[[str, str], Awaitable[int | None]]
"""(flow name, label) -> the version that a contact arriving now starts with, if known."""


class CallEmulator:
    """Agents start logged out. Every step raises IllegalStep, NotFound, Refused, BusError or
    StorageError; after any of them the state is as before.
    """

    def __init__(
        self,
        centre: ContactCentre,
        store: CallStore,
        bus: Bus,
        *,
        flow_version: FlowVersion,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self.centre = centre
        self.store = store
        self.bus = bus
        self.recovered: str | None = None
        """What the start found of an earlier process, in one line; None if nothing."""
        self._flow_version = flow_version
        self.clock = clock
        self.new_id = new_id
        self._runner = StepRunner(store, bus, new_id, self._finished)
        self.agents = {each.id: agents.logged_out(each, clock()) for each in centre.agents}
        self._calls = OpenCalls(clock)
        self._assignment = asyncio.Lock()
        self._offer_again = asyncio.Event()

    # Agents

    def agent(self, agent_id: str) -> AgentOnDuty:
        try:
            return self.agents[agent_id]
        except KeyError:
            known = ", ".join(self.agents) or "none"
            raise NotFound(f'there is no agent "{agent_id[:200]}"; there is {known}') from None

    async def log_in(self, agent_id: str) -> AgentOnDuty:
        async with self.agents_turn(agent_id) as agent:
            self.put(agents.log_in(agent, session_id=self.new_id(), at=self.clock()))
        return self.agents[agent_id]

    async def log_out(self, agent_id: str) -> AgentOnDuty:
        async with self.agents_turn(agent_id) as agent:
            self.put(agents.log_out(agent, at=self.clock()))
        return self.agents[agent_id]

    async def go_idle(self, agent_id: str, idle_code: str | None) -> AgentOnDuty:
        async with self.agents_turn(agent_id) as agent:
            codes = self.centre.idle_codes
            self.put(agents.go_idle(agent, idle_code, codes, at=self.clock()))
        return self.agents[agent_id]

    async def go_available(self, agent_id: str) -> AgentOnDuty:
        """The agent is offered at once what waits in their queues."""
        async with self.agents_turn(agent_id) as agent:
            self.put(agents.go_available(agent, at=self.clock()))
        return self.agents[agent_id]

    # Calls

    async def arrive(self, arrival: Arrival) -> Contact:
        """A call arrives and is offered to an Available agent, if there is one."""
        async with self.then_offering():
            contact = await self.bring_in(arrival, await self.version_for(arrival))
        call = self._calls.get(contact.interaction_id)
        return call.contact if call else contact

    async def version_for(self, arrival: Arrival) -> int | None:
        """Which version a call starts with that arrives now. It may take a while: hold no lock."""
        return await self._flow_version(arrival.entry_point.flow, arrival.entry_point.flow_label)

    def owed(self, arrival: Arrival, usable: Container[ContactState]) -> Contact | None:
        """The call of an equal request that failed: `bring_in` will give it. See OpenCalls."""
        return self._calls.owed(_key(arrival), usable)

    async def bring_in(self, arrival: Arrival, version: int | None) -> Contact:
        """A call arrives; it is not offered to anyone yet. A repeat gives the call of the first."""
        key, at = _key(arrival), self.clock()
        if (again := await self._calls.settle_arrivals(self._runner, key)) is not None:
            return again
        contact = lifecycle.new_contact(
            arrival,
            self.centre,
            variables.starting_values(self.centre, arrival.language),
            interaction_id=self.new_id(),
            flow_version=version,
            at=at,
        )
        call = self._calls.add(contact)
        async with call.turn:
            await self._runner.take(
                call, key, lambda new: lifecycle.arrive(new, at=at, new_id=self.new_id)
            )
        return call.contact

    async def accept(self, interaction: str) -> Contact:
        def decide(contact: Contact) -> Step:
            return lifecycle.accept(
                contact, self._associated(contact), at=self.clock(), new_id=self.new_id
            )

        return await self._step(interaction, ContactStep.ACCEPT, decide)

    async def decline(self, interaction: str) -> Contact:
        def decide(contact: Contact) -> Step:
            return lifecycle.decline(contact, self._agent_on(contact), at=self.clock())

        return await self._step(interaction, ContactStep.DECLINE, decide)

    async def save(self, interaction: str, values: dict[str, Any]) -> Contact:
        """Save variables that the agent may edit; Refused names those."""
        return await self._step(
            interaction,
            ContactStep.SAVE,
            lambda contact: lifecycle.save(contact, self.centre, values),
        )

    async def end(self, interaction: str) -> Contact:
        def decide(contact: Contact) -> Step:
            agent = self._agent_on(contact)
            return lifecycle.end(contact, agent, at=self.clock(), new_id=self.new_id)

        return await self._step(interaction, ContactStep.END, decide)

    async def hang_up(self, interaction: str) -> Contact:
        def decide(contact: Contact) -> Step:
            agent = self._agent_on(contact)
            return lifecycle.hang_up(contact, agent, at=self.clock(), new_id=self.new_id)

        return await self._step(interaction, ContactStep.HANG_UP, decide)

    def open_contacts(self) -> Iterable[Contact]:
        """Calls that have not ended."""
        return self._calls.contacts()

    async def contact(self, interaction: str) -> Contact:
        """A call, open or ended. Raises NotFound."""
        if found := await self.store.contact(interaction):
            return found
        raise NotFound(f"there is no call {interaction[:200]}; GET /calls lists what there is")

    # Offers

    @asynccontextmanager
    async def then_offering(self) -> AsyncIterator[None]:
        """Whoever waits after the body is offered: at once, or later where the bus failed.

        Also after a refusal, since a step that was settled before it may have freed someone.
        """
        try:
            yield
        except (BusError, StorageError):
            self._offer_again.set()
            raise
        except EmulatorError:
            await self.offer_waiting_calls()
            raise
        await self.offer_waiting_calls()

    async def offer_waiting_calls(self) -> None:
        """Offer what can be offered. What fails is offered again as soon as the bus is there."""
        if next_offer(self._calls.contacts(), self.agents.values()) is None:
            return
        async with self._assignment:
            try:
                await self._calls.offer_again(self._runner)
                while pair := next_offer(self._calls.contacts(), self.agents.values()):
                    await self.offer(*pair)
            except (BusError, StorageError) as error:
                log.warning("offer postponed", reason=str(error))
                self._offer_again.set()

    @asynccontextmanager
    async def assigning(self) -> AsyncIterator[None]:
        """No call is offered and no agent takes a step of their own, but by the caller."""
        async with self._assignment:
            await self._calls.offer_again(self._runner)
            yield

    async def offer(self, contact: Contact, agent: AgentOnDuty) -> None:
        """Ring `agent`; the caller holds the assignment lock. A call that left is no error."""
        call = self._calls.get(contact.interaction_id)
        if call is None:
            return

        def decide(waiting: Contact) -> Step:
            return lifecycle.offer(
                waiting, agent, self._associated(waiting), at=self.clock(), new_id=self.new_id
            )

        async with call.turn:
            if call.contact.state is not ContactState.QUEUED:
                return
            try:
                await self._runner.take(
                    call, f"{ContactStep.OFFER.value} {agent.profile.id}", decide
                )
            except IllegalStep:
                log.info("call left before its offer", interaction=contact.interaction_id)

    async def keep_offering(self) -> None:
        """For the service's lifetime: offer again what could not be offered."""
        while True:
            await self._offer_again.wait()
            self._offer_again.clear()
            await asyncio.sleep(AGAIN_S)
            await bus_ready(self.bus)
            await self.offer_waiting_calls()

    # Steps

    async def _step(
        self, interaction: str, step: ContactStep, decide: Callable[[Contact], Step]
    ) -> Contact:
        call = await self._open_call(interaction, step)
        async with self.then_offering(), call.turn:
            await self._runner.take(call, step.value, decide)
        return call.contact

    async def _open_call(self, interaction: str, step: ContactStep) -> OpenCall:
        call = self._calls.get(interaction)
        if call is not None and call.contact.state is not ContactState.NEW:
            return call
        contact = await self.contact(interaction)
        next_state(contact.state, step)
        raise NotReady("the call was open when an earlier process stopped, and is being ended")

    def _finished(self, call: OpenCall, step: PendingStep) -> None:
        if step.agent is not None:
            self.put(step.agent)
        if call.contact.state is ContactState.ENDED:
            self._calls.forget(call)

    @asynccontextmanager
    async def agents_turn(self, agent_id: str) -> AsyncIterator[AgentOnDuty]:
        self.agent(agent_id)
        async with self.then_offering(), self._assignment:
            await self._calls.settle_offers_to(self._runner, agent_id)
            yield self.agents[agent_id]

    def put(self, agent: AgentOnDuty) -> None:
        self.agents[agent.profile.id] = agent

    def _agent_on(self, contact: Contact) -> AgentOnDuty | None:
        """The agent whom this call engages; None after a restart, when all are logged out."""
        agent = self.agents.get(contact.agent_id or "")
        is_on_it = (
            agent is not None
            and agent.state is AgentState.ENGAGED
            and agent.interaction_id == contact.interaction_id
        )
        return agent if is_on_it else None

    def _associated(self, contact: Contact) -> dict[str, Any]:
        return variables.viewable_values(self.centre, contact.data.variables)


def _key(arrival: Arrival) -> str:
    return f"arrive {msgspec.json.encode(arrival).decode()}"

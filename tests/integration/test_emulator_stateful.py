"""Random steps of agents and callers on a bus that fails at random: what must hold all the same."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from emulated import RecordingBus, Stored, emulator_on, in_order
from onhook.bus.port import BusError, BusUnavailable, PublishUncertain
from onhook.call_emulator import contact as contacts
from onhook.call_emulator.agent import AgentState
from onhook.call_emulator.arrival import resolve
from onhook.call_emulator.contact import ContactState
from onhook.call_emulator.errors import IllegalStep
from onhook.call_emulator.play import Play, Player
from onhook.settings.contact_centre import Agent, load_contact_centre

T = TypeVar("T")

CENTRE = replace(
    load_contact_centre(None), agents=tuple(Agent(id=name, name=name) for name in ("ada", "bob"))
)
AGENTS = st.sampled_from(["ada", "bob"])
STEPS = ("accept", "decline", "save", "end", "hang_up")
FAULTS = {"down": BusUnavailable("down"), "lost": PublishUncertain("lost"), "late": Stored()}


class CallCentre(RuleBasedStateMachine):
    """Each rule is one request. A refusal must name what is possible; the rest is invariant."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.bus = RecordingBus()
        self.open = AsyncExitStack()
        path = Path(self.folder.name) / "calls.sqlite"
        self.emulator = self.run(
            self.open.enter_async_context(emulator_on(path, self.bus, centre=CENTRE))
        )
        self.player = Player(self.emulator)
        self.calls: list[str] = []
        self.answered: set[str] = set()
        """Calls that an arrival or a play was answered with: each once."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.open.aclose())
        self.runner.close()
        self.folder.cleanup()

    def attempt(self, work: Coroutine[Any, Any, T]) -> T | None:
        try:
            return self.run(work)
        except IllegalStep as refused:
            assert refused.reason
            return None
        except BusError:
            return None

    @rule(ani=st.sampled_from(["+1", "+2"]))
    def a_call_arrives(self, ani: str) -> None:
        contact = self.attempt(self.emulator.arrive(resolve(CENTRE, ani=ani)))
        if contact is not None:
            assert contact.interaction_id not in self.answered
            self.answered.add(contact.interaction_id)
        self.learn_of_calls()

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), step=st.sampled_from(STEPS))
    def a_step_of_a_call(self, data: st.DataObject, step: str) -> None:
        call = data.draw(st.sampled_from(self.calls[-4:]))
        before = self.run(self.emulator.contact(call)).state
        taken = getattr(self.emulator, step)
        values = [{"WhoIsCalling": "Ada"}] if step == "save" else []
        name = {"save": "variables", "hang_up": "hang-up"}.get(step, step)
        was_possible = name in contacts.possible_steps(before)
        is_clean = not self.bus.faults and self.run(self.nothing_pending(call))
        done = self.attempt(taken(call, *values))
        if is_clean:
            assert (done is not None) == was_possible
        self.learn_of_calls()

    @rule(agent=AGENTS, step=st.sampled_from(["log_in", "log_out", "go_available", "lunch"]))
    def a_step_of_an_agent(self, agent: str, step: str) -> None:
        work = {
            "log_in": self.emulator.log_in,
            "log_out": self.emulator.log_out,
            "go_available": self.emulator.go_available,
            "lunch": lambda who: self.emulator.go_idle(who, "Lunch"),
        }[step]
        self.attempt(work(agent))

    @rule()
    def a_whole_call_is_played(self) -> None:
        before = {each.profile.id: each.state for each in self.emulator.agents.values()}
        is_clean = not self.bus.faults
        contact = self.attempt(self.player.play(Play(arrival=resolve(CENTRE, ani="+3"))))
        if contact is not None:
            assert contact.interaction_id not in self.answered
            self.answered.add(contact.interaction_id)
        if contact is not None and is_clean and self.bus.types(contact.interaction_id):
            assert contact.state is ContactState.ENDED
            after = {each.profile.id: each.state for each in self.emulator.agents.values()}
            changed = {name for name in before if before[name] is not after[name]}
            assert all(after[name] is not AgentState.WRAP_UP for name in changed)
        self.learn_of_calls()

    @rule(faults=st.lists(st.sampled_from(["none", *FAULTS]), min_size=1, max_size=3))
    def the_bus_will_fail(self, faults: list[str]) -> None:
        self.bus.faults.extend(FAULTS.get(name) for name in faults)

    @rule()
    def the_bus_is_well_again(self) -> None:
        self.bus.faults.clear()
        self.emulator._offer_again.clear()
        self.attempt(self.emulator.offer_waiting_calls())

    async def nothing_pending(self, call: str) -> bool:
        open_call = self.emulator._calls.get(call)
        return open_call is None or open_call.pending is None

    def learn_of_calls(self) -> None:
        """Calls of plays, and arrivals that were finished later."""
        for contact in self.run(self.emulator.store.newest(1_000))[::-1]:
            if contact.interaction_id not in self.calls:
                self.calls.append(contact.interaction_id)

    @invariant()
    def events_come_in_the_order_of_life_and_a_call_ends_once(self) -> None:
        first_sent = {}
        for message, event_id, event_type in zip(
            self.bus.messages, self.bus.ids(), self.bus.types(), strict=True
        ):
            bytes_before = first_sent.setdefault(event_id, (message.body, event_type))[0]
            assert bytes_before == message.body
        for call in self.calls:
            types = [
                event_type
                for event_id, (body, event_type) in first_sent.items()
                if f'"subject":"{call}"'.encode() in body
            ]
            contact = self.run(self.emulator.contact(call))
            events = [event.type for event in self.run(self.emulator.store.events(call))]
            assert in_order(types)
            assert types[: len(events)] == events
            if contact.state is ContactState.ENDED:
                assert types == events
                assert types.count("PhoneContactEnded") == 1

    @invariant()
    def an_agent_is_on_one_call_and_a_call_with_one_agent(self) -> None:
        on_calls = {}
        for call in self.emulator._calls:
            contact = call.contact
            if contact.state in (ContactState.OFFERED, ContactState.CONNECTED):
                assert contact.agent_id not in on_calls
                on_calls[contact.agent_id] = contact.interaction_id
        for agent in self.emulator.agents.values():
            is_engaged = agent.state is AgentState.ENGAGED
            assert is_engaged == (agent.profile.id in on_calls)
            assert agent.interaction_id == on_calls.get(agent.profile.id)

    @invariant()
    def nobody_waits_while_an_agent_is_available(self) -> None:
        if self.bus.faults or any(call.pending for call in self.emulator._calls):
            return
        states = {call.contact.state for call in self.emulator._calls}
        free = {agent.state for agent in self.emulator.agents.values()}
        is_postponed = self.emulator._offer_again.is_set()
        assert is_postponed or not (ContactState.QUEUED in states and AgentState.AVAILABLE in free)


CallCentre.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCallCentre = CallCentre.TestCase

"""The two tables: every state with every step, allowed or refused with what is possible."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest
from msgspec.structs import replace

from onhook.call_emulator import agent as agents
from onhook.call_emulator import contact as contacts
from onhook.call_emulator.agent import AgentState, AgentStep
from onhook.call_emulator.contact import ContactState, ContactStep
from onhook.call_emulator.errors import IllegalStep, Refused
from onhook.settings.contact_centre import Agent

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 1, 5, 9, 1, tzinfo=UTC)

N, Q, O, C, E = ContactState  # noqa: E741 - the states in their order
CONTACT_STEPS = {
    (N, ContactStep.ARRIVE): Q,
    (Q, ContactStep.OFFER): O,
    (O, ContactStep.ACCEPT): C,
    (O, ContactStep.DECLINE): Q,
    (C, ContactStep.SAVE): C,
    (C, ContactStep.END): E,
    (Q, ContactStep.HANG_UP): E,
    (O, ContactStep.HANG_UP): E,
    (C, ContactStep.HANG_UP): E,
}
POSSIBLE_FOR_PEOPLE = {
    N: (),
    Q: ("hang-up",),
    O: ("accept", "decline", "hang-up"),
    C: ("variables", "end", "hang-up"),
    E: (),
}

OUT, IDLE, FREE, BUSY, WRAP = AgentState
AGENT_STEPS = {
    (OUT, AgentStep.LOG_IN): IDLE,
    (FREE, AgentStep.RING): BUSY,
    (BUSY, AgentStep.DECLINE): IDLE,
    (BUSY, AgentStep.RELEASE): FREE,
    (BUSY, AgentStep.FINISH): WRAP,
    **{(state, AgentStep.GO_IDLE): IDLE for state in (IDLE, FREE, WRAP)},
    **{(state, AgentStep.GO_AVAILABLE): FREE for state in (IDLE, FREE, WRAP)},
    **{(state, AgentStep.LOG_OUT): OUT for state in (IDLE, FREE, WRAP)},
}


@pytest.mark.parametrize(("state", "step"), list(product(ContactState, ContactStep)))
def test_a_contact_s_step_leads_on_or_is_refused_with_what_is_possible(
    state: ContactState, step: ContactStep
) -> None:
    if (state, step) in CONTACT_STEPS:
        assert contacts.next_state(state, step) is CONTACT_STEPS[state, step]
        return
    with pytest.raises(IllegalStep) as refused:
        contacts.next_state(state, step)
    assert f'"{step.value}" is not possible: the call' in refused.value.reason
    assert refused.value.possible == POSSIBLE_FOR_PEOPLE[state]


@pytest.mark.parametrize("state", ContactState)
def test_what_is_called_possible_for_a_contact_is(state: ContactState) -> None:
    for step in contacts.possible_steps(state):
        contacts.next_state(state, ContactStep(step))


@pytest.mark.parametrize(("state", "step"), list(product(AgentState, AgentStep)))
def test_an_agent_s_step_leads_on_or_is_refused_with_what_is_possible(
    state: AgentState, step: AgentStep
) -> None:
    if (state, step) in AGENT_STEPS:
        assert agents.next_state(state, step, "Ada") is AGENT_STEPS[state, step]
        return
    with pytest.raises(IllegalStep) as refused:
        agents.next_state(state, step, "Ada")
    assert f'"{step.value}" is not possible: Ada is ' in refused.value.reason
    assert set(refused.value.possible) == {
        each.value for (at, each) in AGENT_STEPS if at is state and each in agents.OWN_STEPS
    }


def on_duty() -> agents.AgentOnDuty:
    profile = Agent(id="ada", name="Ada")
    return agents.log_in(agents.logged_out(profile, AT), session_id="s", at=AT)


def test_an_available_agent_who_goes_available_keeps_their_place() -> None:
    available = agents.go_available(on_duty(), at=AT)
    assert agents.go_available(available, at=LATER).since == AT


def test_an_idle_code_must_be_a_configured_one() -> None:
    idle = agents.go_idle(on_duty(), "Lunch", ("Meeting", "Lunch"), at=AT)
    assert idle.idle_code == "Lunch"
    for code in ("Nap", None):
        with pytest.raises(Refused, match="configured are Meeting, Lunch"):
            agents.go_idle(on_duty(), code, ("Meeting", "Lunch"), at=AT)
    assert agents.go_idle(on_duty(), None, (), at=AT).idle_code is None


def test_only_an_engaged_agent_has_a_call_and_only_an_idle_one_a_code() -> None:
    lunch = agents.go_idle(on_duty(), "Lunch", ("Lunch",), at=AT)
    ringing = agents.ring(agents.go_available(lunch, at=AT), "call", at=AT)
    assert (ringing.interaction_id, ringing.idle_code) == ("call", None)
    for after in (agents.decline, agents.release, agents.finish):
        assert after(ringing, at=LATER).interaction_id is None


def test_after_a_play_an_agent_is_as_before() -> None:
    wrapping = replace(on_duty(), state=WRAP)
    out = agents.logged_out(Agent(id="ada", name="Ada"), AT)
    lunch = agents.go_idle(on_duty(), "Lunch", ("Lunch",), at=AT)
    for before in (out, lunch, on_duty(), agents.go_available(on_duty(), at=AT), wrapping):
        after = agents.back_to(wrapping, before, at=LATER)
        assert (after.state, after.idle_code) == (before.state, before.idle_code)
        assert after.session_id == before.session_id

"""Pure rules of the call emulator: who gets a call, what a call starts with, what may be saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from onhook.call_emulator import lifecycle
from onhook.call_emulator.agent import AgentOnDuty, AgentState, logged_out
from onhook.call_emulator.arrival import ANONYMOUS, DEFAULT_ANI, resolve
from onhook.call_emulator.contact import Contact, ContactState
from onhook.call_emulator.errors import IllegalStep, Refused
from onhook.call_emulator.queue import agent_for_a_play, next_offer
from onhook.call_emulator.variables import checked, starting_values, viewable_values
from onhook.contracts.event import PublishedEvent
from onhook.settings.contact_centre import (
    Agent,
    ContactCentre,
    ContactCentreError,
    EntryPoint,
    GlobalVariable,
    VariableType,
    load_contact_centre,
)

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CENTRE = load_contact_centre(None)


def with_variables(*variables: GlobalVariable) -> ContactCentre:
    return replace(CENTRE, global_variables=variables)


def arrived(interaction: str = "call", **given: str | None) -> lifecycle.Step:
    arrival = resolve(CENTRE, **given)
    contact = lifecycle.new_contact(
        arrival,
        CENTRE,
        starting_values(CENTRE, arrival.language),
        interaction_id=interaction,
        flow_version=None,
        at=AT,
    )
    return lifecycle.arrive(contact, at=AT, new_id=ids())


def ids() -> lifecycle.NewId:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


def agent(name: str, state: AgentState, minute: int = 0, queue: str = "Support") -> AgentOnDuty:
    profile = Agent(id=name, name=name, queues=(queue,))
    return replace(logged_out(profile, AT + timedelta(minutes=minute)), state=state)


# Who gets which call


def test_the_longest_waiting_call_goes_to_the_longest_available_agent() -> None:
    first, second = arrived("first").contact, arrived("second").contact
    bob = agent("bob", AgentState.AVAILABLE, minute=2)
    cy = agent("cy", AgentState.AVAILABLE, minute=1)
    assert next_offer([first, second], [bob, cy]) == (first, cy)


@pytest.mark.parametrize("state", set(AgentState) - {AgentState.AVAILABLE})
def test_only_an_available_agent_is_offered_a_call(state: AgentState) -> None:
    assert next_offer([arrived().contact], [agent("bob", state)]) is None


@pytest.mark.parametrize("state", set(ContactState) - {ContactState.QUEUED})
def test_only_a_queued_call_is_offered(state: ContactState) -> None:
    contact = replace(arrived().contact, state=state)
    assert next_offer([contact], [agent("bob", AgentState.AVAILABLE)]) is None


def test_an_agent_of_another_queue_is_passed_over() -> None:
    sales = agent("sal", AgentState.AVAILABLE, queue="Sales")
    assert next_offer([arrived().contact], [sales]) is None
    later = replace(arrived("later").contact, queue="Sales")
    assert next_offer([arrived().contact, later], [sales]) == (later, sales)


def test_a_play_takes_the_agent_whom_it_disturbs_least() -> None:
    everyone = [agent(state.value, state) for state in AgentState]
    taken = []
    while found := agent_for_a_play("Support", everyone):
        taken.append(found.state.value)
        everyone.remove(found)
    assert taken == ["Available", "LoggedOut", "Idle", "WrapUp"]


# An arrival


def test_a_call_without_particulars_takes_the_centre_s_first_entry_point() -> None:
    new = arrived().contact.data.NewPhoneContact
    assert (new.ANI, new.DNIS) == (DEFAULT_ANI, "+18005550100")
    assert (new.FlowId, new.FlowVersionLabel) == ("Main_Flow", "Latest")
    assert new.InteractionId == new.interactionId == "call"
    assert new.EntryPointId == CENTRE.entry_points[0].id


@pytest.mark.parametrize("withheld", [None, "", "  "])
def test_a_withheld_number_reads_anonymous(withheld: str | None) -> None:
    assert arrived(ani=withheld).contact.data.NewPhoneContact.ANI == ANONYMOUS


def test_a_dialled_number_finds_its_entry_point() -> None:
    sales = EntryPoint(id="2", name="Sales", dial_numbers=("+1800", "+1801"), flow="Sell")
    centre = replace(CENTRE, entry_points=(*CENTRE.entry_points, sales))
    assert resolve(centre, dnis="+1801").entry_point is sales
    assert resolve(centre, entry_point="2").dnis == "+1800"
    assert resolve(centre, entry_point="Sales", dnis="+44").dnis == "+44"
    with pytest.raises(Refused, match=r"dial \+18005550100, \+1800, \+1801"):
        resolve(centre, dnis="+44")
    with pytest.raises(Refused, match='there is "Support", "Sales"'):
        resolve(centre, entry_point="Billing")


def test_an_entry_point_without_a_number_needs_one_given() -> None:
    silent = replace(CENTRE.entry_points[0], dial_numbers=())
    centre = replace(CENTRE, entry_points=(silent,))
    with pytest.raises(Refused, match="has no dial number"):
        resolve(centre)
    assert resolve(centre, entry_point="Support", dnis="+44").dnis == "+44"


# Variables


def test_a_variable_with_an_empty_default_is_not_sent_until_it_is_saved() -> None:
    assert starting_values(CENTRE, None) == {"Global_Language": "en-US"}
    assert starting_values(CENTRE, "fr-CA") == {"Global_Language": "fr-CA"}


def test_defaults_become_their_declared_types() -> None:
    centre = with_variables(
        GlobalVariable(name="Tries", type=VariableType.INTEGER, default="3"),
        GlobalVariable(name="Rate", type=VariableType.DECIMAL, default="1.5"),
        GlobalVariable(name="Vip", type=VariableType.BOOLEAN, default="True"),
        GlobalVariable(name="Number", type=VariableType.STRING, default="3"),
        GlobalVariable(name="None", type=VariableType.INTEGER),
    )
    assert starting_values(centre, None) == {"Tries": 3, "Rate": 1.5, "Vip": True, "Number": "3"}


def test_a_default_of_another_type_is_refused_by_name() -> None:
    centre = with_variables(GlobalVariable(name="N", type=VariableType.INTEGER, default="few"))
    with pytest.raises(ContactCentreError, match='"N": its default "few" must be a whole number'):
        starting_values(centre, None)


EDITABLE = with_variables(
    *(GlobalVariable(name=kind.value, type=kind, agent_editable=True) for kind in VariableType)
)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("STRING", ["", "Ada", '"},"x":"\n\x00🙂', "x" * 1024, "🙂" * 1024], [None, 1, "x" * 1025]),
        ("INTEGER", [0, -1, 2**63 - 1, -(2**63)], ["1", 1.0, True, 2**63, None]),
        ("DECIMAL", [1, 1.5, -2.25], ["1.5", False, None]),
        ("BOOLEAN", [True, False], ["true", 1, None]),
        (
            "DATETIME",
            ["2025-02-06T21:09:02.712Z", "2025-02-06T21:09:02Z", "2025-02-06T21:09+01:00"],
            ["2025-02-06", "2025-02-31T21:09Z", "yesterday", 5, None],
        ),
        ("JSON", [{"a": [1]}, [], None, "x"], ["x" * 16_384]),
    ],
)
def test_a_saved_value_must_be_of_its_variable_s_type(
    kind: str, good: list[object], bad: list[object]
) -> None:
    for value in good:
        assert checked(EDITABLE, {kind: value}) == {kind: value}
    for value in bad:
        with pytest.raises(Refused, match=f'"{kind}": the value'):
            checked(EDITABLE, {kind: value})


@given(st.text(max_size=1024))
def test_any_text_within_the_limit_can_be_saved(text: str) -> None:
    assert checked(EDITABLE, {"STRING": text}) == {"STRING": text}


def test_a_refused_variable_names_the_editable_ones() -> None:
    with pytest.raises(Refused, match='"Colour" is no global variable; editable: WhoIsCalling'):
        checked(CENTRE, {"Colour": "red"})
    with pytest.raises(Refused, match="cannot be edited by an agent; editable: WhoIsCalling"):
        checked(CENTRE, {"Global_Language": "fr"})


def test_agents_see_only_variables_that_are_viewable_and_set() -> None:
    values = {"Global_Language": "en-US", "Hidden": "x"}
    assert viewable_values(CENTRE, values) == {"Global_Language": "en-US"}


# The life of a call


def connected() -> Contact:
    bob = agent("bob", AgentState.AVAILABLE)
    offered = lifecycle.offer(arrived().contact, bob, {}, at=AT, new_id=ids())
    assert offered.agent is not None
    assert offered.agent.state is AgentState.ENGAGED
    return lifecycle.accept(offered.contact, {}, at=AT, new_id=ids()).contact


def types(step: lifecycle.Step) -> list[str]:
    return [event.type for event in step.events]


def has(event: PublishedEvent) -> list[str]:
    """The outputs that an event's data holds."""
    names = event.data.__struct_fields__
    return [name for name in names if isinstance(getattr(event.data, name), Struct)]


def test_the_agent_s_end_is_agent_disconnect_then_phone_contact_ended() -> None:
    step = lifecycle.end(connected(), None, at=AT, new_id=ids())
    assert types(step) == ["AgentDisconnect", "PhoneContactEnded"]
    left, over = step.events
    so_far = ["NewPhoneContact", "AgentOffered", "AgentAnswered", "AgentDisconnect"]
    assert has(left) == so_far
    assert has(over) == [*so_far, "PhoneContactEnded"]
    assert left.id != over.id


def test_a_caller_who_hangs_up_connected_causes_the_same_events() -> None:
    step = lifecycle.hang_up(connected(), None, at=AT, new_id=ids())
    assert types(step) == ["AgentDisconnect", "PhoneContactEnded"]
    assert not step.contact.is_abandoned


def test_a_caller_who_leaves_before_an_answer_abandons_the_call() -> None:
    bob = agent("bob", AgentState.AVAILABLE)
    offered = lifecycle.offer(arrived().contact, bob, {}, at=AT, new_id=ids())
    for contact, on_it in ((arrived().contact, None), (offered.contact, offered.agent)):
        step = lifecycle.hang_up(contact, on_it, at=AT, new_id=ids())
        assert types(step) == ["PhoneContactEnded"]
        assert step.contact.is_abandoned
        assert step.events[0].data.PhoneContactEnded.AgentID is None
    assert step.agent is not None
    assert step.agent.state is AgentState.AVAILABLE


def test_a_declined_call_is_queued_again_with_nobody_on_it() -> None:
    bob = agent("bob", AgentState.AVAILABLE)
    offered = lifecycle.offer(arrived().contact, bob, {}, at=AT, new_id=ids())
    step = lifecycle.decline(offered.contact, offered.agent, at=AT)
    assert (step.contact.state, step.contact.agent_id) == (ContactState.QUEUED, None)
    assert step.agent is not None
    assert (step.agent.state, step.agent.idle_code) == (AgentState.IDLE, None)
    assert step.events == ()


def test_a_value_reaches_the_next_event_only_by_being_saved() -> None:
    contact = lifecycle.save(connected(), CENTRE, {"WhoIsCalling": "Ada"}).contact
    (left, over) = lifecycle.end(contact, None, at=AT, new_id=ids()).events
    assert left.data.variables == {"Global_Language": "en-US", "WhoIsCalling": "Ada"}
    assert over.data.variables == left.data.variables
    with pytest.raises(IllegalStep):
        lifecycle.save(arrived().contact, CENTRE, {"WhoIsCalling": "Ada"})


def test_both_spellings_of_an_output_are_equal() -> None:
    bob = agent("bob", AgentState.AVAILABLE)
    data = lifecycle.offer(arrived().contact, bob, {"a": 1}, at=AT, new_id=ids()).contact.data
    offered = data.AgentOffered
    for one, other in (
        ("agentId", "AgentID"),
        ("agentName", "AgentName"),
        ("agentSessionId", "AgentSessionID"),
        ("queueId", "QueueID"),
        ("queueName", "QueueName"),
        ("teamId", "TeamID"),
        ("teamName", "TeamName"),
        ("tenantId", "TenantID"),
        ("callAssociatedData", "CAD"),
    ):
        assert getattr(offered, one) == getattr(offered, other)

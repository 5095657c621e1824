"""A contact: what it is, the states it can be in, and the one table that moves it.

Two rules: nothing here knows an agent's state, a queue, the bus or the clock; and no other module
decides whether a step of a contact is allowed.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct

from onhook.call_emulator.errors import IllegalStep
from onhook.contracts.outputs import EventData


class ContactState(Enum):
    """`NEW` lasts until the arrival is on the bus; nobody sees a contact before that."""

    NEW = "new"
    QUEUED = "queued"
    OFFERED = "offered"
    CONNECTED = "connected"
    ENDED = "ended"


class ContactStep(Enum):
    """The value is the step's name in the API, where it has one."""

    ARRIVE = "arrive"
    OFFER = "offer"
    ACCEPT = "accept"
    DECLINE = "decline"
    SAVE = "variables"
    END = "end"
    HANG_UP = "hang-up"


TRANSITIONS: dict[ContactState, dict[ContactStep, ContactState]] = {
    ContactState.NEW: {ContactStep.ARRIVE: ContactState.QUEUED},
    ContactState.QUEUED: {
        ContactStep.OFFER: ContactState.OFFERED,
        ContactStep.HANG_UP: ContactState.ENDED,
    },
    ContactState.OFFERED: {
        ContactStep.ACCEPT: ContactState.CONNECTED,
        ContactStep.DECLINE: ContactState.QUEUED,
        ContactStep.HANG_UP: ContactState.ENDED,
    },
    ContactState.CONNECTED: {
        ContactStep.SAVE: ContactState.CONNECTED,
        ContactStep.END: ContactState.ENDED,
        ContactStep.HANG_UP: ContactState.ENDED,
    },
    ContactState.ENDED: {},
}

BY_THE_EMULATOR = frozenset({ContactStep.ARRIVE, ContactStep.OFFER})
"""Steps that no person takes: they are never offered as possible."""

SITUATION: dict[ContactState, str] = {
    ContactState.NEW: "the call has not arrived yet",
    ContactState.QUEUED: "the call waits in the queue and no agent has it",
    ContactState.OFFERED: "the call is offered to an agent who has not accepted it",
    ContactState.CONNECTED: "the call is connected to an agent",
    ContactState.ENDED: "the call has ended",
}


class Contact(Struct, frozen=True, kw_only=True):
    """One call. `data` is the template context so far: what its next event will carry."""

    interaction_id: str
    state: ContactState
    data: EventData
    entry_point: str
    queue: str
    queue_id: str
    arrived_at: datetime
    flow_version: int | None = None
    """The flow version that it started with, where the worker said so."""
    agent_id: str | None = None
    """Who has it: set from the offer on, until it is declined."""
    ended_at: datetime | None = None
    is_abandoned: bool = False
    """The caller left before an agent answered."""


def next_state(state: ContactState, step: ContactStep) -> ContactState:
    """Where `step` leads. Raises IllegalStep with the reason and what is possible."""
    try:
        return TRANSITIONS[state][step]
    except KeyError:
        raise IllegalStep(
            f'"{step.value}" is not possible: {SITUATION[state]}', possible_steps(state)
        ) from None


def possible_steps(state: ContactState) -> tuple[str, ...]:
    """What a person can do with a call now, by the names the API has for it."""
    return tuple(step.value for step in TRANSITIONS[state] if step not in BY_THE_EMULATOR)

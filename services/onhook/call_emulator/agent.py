"""An agent: the states one can be in, and the one table that moves it.

Two rules: nothing here knows a contact but by its id, nor a queue, the bus or the clock; and no
other module decides whether a step of an agent is allowed.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from onhook.call_emulator.errors import IllegalStep, Refused
from onhook.settings.contact_centre import Agent


class AgentState(Enum):
    LOGGED_OUT = "LoggedOut"
    IDLE = "Idle"
    AVAILABLE = "Available"
    ENGAGED = "Engaged"
    WRAP_UP = "WrapUp"


class AgentStep(Enum):
    """The first four are an agent's own; the others come with a call."""

    LOG_IN = "login"
    GO_AVAILABLE = "state Available"
    GO_IDLE = "state Idle"
    LOG_OUT = "logout"
    RING = "ring"
    DECLINE = "decline"
    RELEASE = "release"
    """The caller left before this agent answered."""
    FINISH = "finish"


_OWN = {
    AgentStep.GO_AVAILABLE: AgentState.AVAILABLE,
    AgentStep.GO_IDLE: AgentState.IDLE,
    AgentStep.LOG_OUT: AgentState.LOGGED_OUT,
}

TRANSITIONS: dict[AgentState, dict[AgentStep, AgentState]] = {
    AgentState.LOGGED_OUT: {AgentStep.LOG_IN: AgentState.IDLE},
    AgentState.IDLE: {**_OWN},
    AgentState.AVAILABLE: {**_OWN, AgentStep.RING: AgentState.ENGAGED},
    AgentState.ENGAGED: {
        AgentStep.DECLINE: AgentState.IDLE,
        AgentStep.RELEASE: AgentState.AVAILABLE,
        AgentStep.FINISH: AgentState.WRAP_UP,
    },
    AgentState.WRAP_UP: {**_OWN},
}

OWN_STEPS = frozenset({AgentStep.LOG_IN, *_OWN})
_STEP_TO = {state: step for step, state in _OWN.items()}

SITUATION: dict[AgentState, str] = {
    AgentState.LOGGED_OUT: "is logged out",
    AgentState.IDLE: "is logged in and idle",
    AgentState.AVAILABLE: "is logged in and available",
    AgentState.ENGAGED: "is engaged in a call",
    AgentState.WRAP_UP: "is logged in and wrapping up a call",
}


class AgentOnDuty(Struct, frozen=True, kw_only=True):
    """A configured agent and what they do now."""

    profile: Agent
    state: AgentState
    since: datetime
    idle_code: str | None = None
    session_id: str | None = None
    """Made anew by each login."""
    interaction_id: str | None = None
    """The call that engages the agent."""


def logged_out(profile: Agent, at: datetime) -> AgentOnDuty:
    return AgentOnDuty(profile=profile, state=AgentState.LOGGED_OUT, since=at)


def log_in(agent: AgentOnDuty, *, session_id: str, at: datetime) -> AgentOnDuty:
    """Logged in, idle without a code. Raises IllegalStep."""
    return replace(_moved(agent, AgentStep.LOG_IN, at), session_id=session_id)


def log_out(agent: AgentOnDuty, *, at: datetime) -> AgentOnDuty:
    return replace(_moved(agent, AgentStep.LOG_OUT, at), session_id=None)


def go_available(agent: AgentOnDuty, *, at: datetime) -> AgentOnDuty:
    """Available; who already was keeps their place among those who wait for a call."""
    moved = _moved(agent, AgentStep.GO_AVAILABLE, at)
    return agent if agent.state is AgentState.AVAILABLE else moved


def go_idle(
    agent: AgentOnDuty, idle_code: str | None, configured: tuple[str, ...], *, at: datetime
) -> AgentOnDuty:
    """Idle with a configured code. Raises IllegalStep, or Refused naming the codes."""
    moved = _moved(agent, AgentStep.GO_IDLE, at)
    if configured and idle_code not in configured:
        given = "state Idle needs one" if idle_code is None else f'"{idle_code}" is none'
        raise Refused(f"idle_code: {given}; configured are {', '.join(configured)}")
    return replace(moved, idle_code=idle_code)


def ring(agent: AgentOnDuty, interaction_id: str, *, at: datetime) -> AgentOnDuty:
    return replace(_moved(agent, AgentStep.RING, at), interaction_id=interaction_id)


def decline(agent: AgentOnDuty, *, at: datetime) -> AgentOnDuty:
    """Idle without a code, as the product does it."""
    return _moved(agent, AgentStep.DECLINE, at)


def release(agent: AgentOnDuty, *, at: datetime) -> AgentOnDuty:
    return _moved(agent, AgentStep.RELEASE, at)


def finish(agent: AgentOnDuty, *, at: datetime) -> AgentOnDuty:
    return _moved(agent, AgentStep.FINISH, at)


def back_to(agent: AgentOnDuty, before: AgentOnDuty, *, at: datetime) -> AgentOnDuty:
    """As it was `before` a played call; whoever was wrapping up still is."""
    if before.state is AgentState.WRAP_UP:
        return agent
    moved = _moved(agent, _STEP_TO[before.state], at)
    return replace(moved, idle_code=before.idle_code, session_id=before.session_id)


def possible_steps(state: AgentState) -> tuple[str, ...]:
    """What the agent can do now, by the names the API has for it."""
    return tuple(step.value for step in TRANSITIONS[state] if step in OWN_STEPS)


def next_state(state: AgentState, step: AgentStep, who: str) -> AgentState:
    """Where `step` leads. Raises IllegalStep with the reason and what is possible."""
    try:
        return TRANSITIONS[state][step]
    except KeyError:
        raise IllegalStep(
            f'"{step.value}" is not possible: {who} {SITUATION[state]}', possible_steps(state)
        ) from None


def _moved(agent: AgentOnDuty, step: AgentStep, at: datetime) -> AgentOnDuty:
    state = next_state(agent.state, step, agent.profile.name)
    return replace(agent, state=state, since=at, idle_code=None, interaction_id=None)

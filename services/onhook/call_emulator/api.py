"""The call emulator's HTTP API as a table: each path with its handler, shapes and statuses.

`describe()` needs nothing open, so that the published OpenAPI is made of the same rows.
"""

from __future__ import annotations

from typing import Any

from onhook.call_emulator.handlers import (
    Handler,
    accept,
    decline,
    end,
    hang_up,
    index,
    list_agents,
    list_calls,
    list_events,
    log_in,
    log_out,
    place_call,
    play_call,
    save_variables,
    set_state,
    show_agent,
    show_call,
)
from onhook.call_emulator.views import (
    AgentStateRequest,
    AgentsView,
    AgentView,
    CallRequest,
    CallsView,
    CallView,
    EventsView,
    IndexView,
    Paging,
    PlayRequest,
    PlayView,
)
from onhook.web.app import Api
from onhook.web.operation import Operation

STORE = {503: "The emulator's database cannot be used"}
STEP = {
    409: "The step is not possible now; the reason, and in `possible` what is",
    503: "The bus or the database is away; nothing has changed, repeat the step",
}
NO_AGENT = {404: "There is no such agent"}
NO_CALL = {404: "There is no such call"}


def describe() -> Api:
    """The API, without anything open."""
    return Api(
        title="Onhook call emulator",
        summary="Stands in for the contact centre: agents, calls, and the events they publish",
        operations=[_INDEX, *_AGENTS, *_CALLS, *_CALL_STEPS],
    )


_INDEX = Operation(
    method="GET",
    path="/",
    name="index",
    summary="What this is, and where its API begins",
    handler=index,
    response=IndexView,
)

_AGENTS = (
    Operation(
        method="GET",
        path="/agents",
        name="listAgents",
        summary="All agents, and the idle codes they can take",
        handler=list_agents,
        response=AgentsView,
    ),
    Operation(
        method="GET",
        path="/agents/{agent}",
        name="showAgent",
        summary="One agent",
        handler=show_agent,
        response=AgentView,
        errors=NO_AGENT,
    ),
    Operation(
        method="POST",
        path="/agents/{agent}/login",
        name="logIn",
        summary="The agent logs in, idle without a code",
        handler=log_in,
        response=AgentView,
        errors=NO_AGENT | STEP,
    ),
    Operation(
        method="POST",
        path="/agents/{agent}/logout",
        name="logOut",
        summary="The agent logs out",
        handler=log_out,
        response=AgentView,
        errors=NO_AGENT | STEP,
    ),
    Operation(
        method="POST",
        path="/agents/{agent}/state",
        name="setState",
        summary="The agent goes Available, or Idle with a code; this also ends wrap-up",
        handler=set_state,
        body=AgentStateRequest,
        response=AgentView,
        errors=NO_AGENT | STEP | {422: "The idle code is not configured, or goes with Idle only"},
    ),
)

_CALLS = (
    Operation(
        method="POST",
        path="/calls",
        name="placeCall",
        summary="A call arrives, and is offered to the longest-available agent of its queue",
        handler=place_call,
        status=201,
        body=CallRequest,
        body_is_optional=True,
        response=CallView,
        errors={
            422: "The contact centre has no such entry point or dial number",
            503: "The bus or the database is away; no call has arrived, repeat the request",
        },
    ),
    Operation(
        method="POST",
        path="/calls/play",
        name="playCall",
        summary="Plays a whole call: offered, accepted, variables saved, ended by the agent",
        handler=play_call,
        body=PlayRequest,
        body_is_optional=True,
        response=PlayView,
        errors={
            409: "No agent can be had; the reason, and what to do",
            422: "The contact centre has no such entry point, dial number or editable variable",
            503: "The bus or the database is away; repeat the request, and the play goes on",
        },
    ),
    Operation(
        method="GET",
        path="/calls",
        name="listCalls",
        summary="Calls, newest first",
        handler=list_calls,
        query=Paging,
        response=CallsView,
        errors=STORE,
    ),
    Operation(
        method="GET",
        path="/calls/{interaction:[^/]{5,}}",  # so that `play` is a path of its own
        name="showCall",
        summary="One call: its state, variables, and the events it published",
        handler=show_call,
        response=CallView,
        errors=NO_CALL | STORE,
    ),
    Operation(
        method="GET",
        path="/calls/{interaction}/events",
        name="listEvents",
        summary="A call's events as they were published",
        handler=list_events,
        response=EventsView,
        errors=NO_CALL | STORE,
    ),
)


def _call_step(step: str, name: str, summary: str, handler: Handler) -> Operation:
    return Operation(
        method="POST",
        path=f"/calls/{{interaction}}/{step}",
        name=name,
        summary=summary,
        handler=handler,
        response=CallView,
        errors=NO_CALL | STEP,
    )


_CALL_STEPS = (
    _call_step("accept", "acceptCall", "The agent accepts the offered call", accept),
    _call_step("decline", "declineCall", "Back to its place in the queue; agent idle", decline),
    _call_step("end", "endCall", "The agent ends the call and goes into wrap-up", end),
    _call_step("hang-up", "hangUpCall", "The caller hangs up", hang_up),
    Operation(
        method="PUT",
        path="/calls/{interaction}/variables",
        name="saveVariables",
        summary="The agent saves variables; only saved values reach the flow",
        handler=save_variables,
        body=dict[str, Any],
        response=CallView,
        errors=NO_CALL | STEP | {422: "A variable is unknown, not editable or of another type"},
    ),
)

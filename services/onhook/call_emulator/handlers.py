"""What each operation of the API does with a request; refusals become problems here.

Which paths and statuses there are is the table's, `api.py`. What a step means is the emulator's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from aiohttp import web

from onhook import __version__
from onhook.bus.port import BusError, PublishUncertain
from onhook.call_emulator.contact import Contact
from onhook.call_emulator.emulator import CallEmulator
from onhook.call_emulator.errors import IllegalStep, NotFound, NotReady, Refused
from onhook.call_emulator.play import Play, Player
from onhook.call_emulator.views import (
    AgentsView,
    AgentView,
    CallsView,
    CallView,
    ChosenState,
    EventsView,
    IndexView,
    PlayView,
    agent_view,
    call_line,
    call_view,
    event_view,
)
from onhook.sqlite import StorageError
from onhook.web.operation import Call
from onhook.web.problem import Problem

EMULATOR = web.AppKey("emulator", CallEmulator)
PLAYER = web.AppKey("player", Player)
PUBLIC_URL = web.AppKey("public_url", str)

RETRY_AFTER = {"Retry-After": "1"}

Handler = Callable[[Call], Awaitable[Any]]


def answered(handler: Handler) -> Handler:
    """Refusals of the emulator as problems."""

    @wraps(handler)
    async def answer(call: Call) -> Any:
        try:
            return await handler(call)
        except IllegalStep as illegal:
            raise Problem(409, illegal.reason, possible=list(illegal.possible)) from None
        except NotFound as error:
            raise Problem(404, str(error)) from None
        except Refused as error:
            raise Problem(422, str(error)) from None
        except (NotReady, StorageError) as error:
            raise Problem(503, f"{error}; try again", headers=RETRY_AFTER) from None
        except PublishUncertain as error:
            message = (
                f"The bus did not confirm ({error}). The call is as before; repeat the step: "
                "should its event be on the bus already, it is sent again with the same id"
            )
            raise Problem(503, message, headers=RETRY_AFTER) from None
        except BusError as error:
            message = f"The bus took no event ({error}). The call is as before; repeat the step"
            raise Problem(503, message, headers=RETRY_AFTER) from None

    return answer


@answered
async def index(call: Call) -> IndexView:
    base = call.request.app[PUBLIC_URL]
    links = {
        "agents": f"{base}/agents",
        "calls": f"{base}/calls",
        "api": f"{base}/openapi.json",
    }
    return IndexView(name="Onhook call emulator", version=__version__, links=links)


@answered
async def list_agents(call: Call) -> AgentsView:
    emulator = _emulator(call)
    return AgentsView(
        agents=[agent_view(agent) for agent in emulator.agents.values()],
        idle_codes=emulator.centre.idle_codes,
    )


@answered
async def show_agent(call: Call) -> AgentView:
    return agent_view(_emulator(call).agent(call.path["agent"]))


@answered
async def log_in(call: Call) -> AgentView:
    return agent_view(await _emulator(call).log_in(call.path["agent"]))


@answered
async def log_out(call: Call) -> AgentView:
    return agent_view(await _emulator(call).log_out(call.path["agent"]))


@answered
async def set_state(call: Call) -> AgentView:
    emulator, agent, wanted = _emulator(call), call.path["agent"], call.body
    if wanted.state is ChosenState.IDLE:
        return agent_view(await emulator.go_idle(agent, wanted.idle_code))
    if wanted.idle_code is not None:
        raise Refused("idle_code: goes with the state Idle only; leave it out")
    return agent_view(await emulator.go_available(agent))


@answered
async def place_call(call: Call) -> CallView:
    emulator = _emulator(call)
    return await _view(call, await emulator.arrive(call.body.arrival(emulator.centre)))


@answered
async def play_call(call: Call) -> PlayView:
    emulator, wanted = _emulator(call), call.body
    play = Play(arrival=wanted.arrival(emulator.centre), variables=wanted.variables)
    contact = await call.request.app[PLAYER].play(play)
    events = await emulator.store.events(contact.interaction_id)
    return PlayView(interaction_id=contact.interaction_id, events=[event.type for event in events])


@answered
async def list_calls(call: Call) -> CallsView:
    contacts = await _emulator(call).store.newest(call.query.limit)
    return CallsView(calls=[call_line(contact) for contact in contacts])


@answered
async def show_call(call: Call) -> CallView:
    return await _view(call, await _emulator(call).contact(call.path["interaction"]))


@answered
async def list_events(call: Call) -> EventsView:
    emulator = _emulator(call)
    contact = await emulator.contact(call.path["interaction"])
    events = await emulator.store.events(contact.interaction_id)
    return EventsView(events=[event_view(event) for event in events])


@answered
async def accept(call: Call) -> CallView:
    return await _view(call, await _emulator(call).accept(call.path["interaction"]))


@answered
async def decline(call: Call) -> CallView:
    return await _view(call, await _emulator(call).decline(call.path["interaction"]))


@answered
async def end(call: Call) -> CallView:
    return await _view(call, await _emulator(call).end(call.path["interaction"]))


@answered
async def hang_up(call: Call) -> CallView:
    return await _view(call, await _emulator(call).hang_up(call.path["interaction"]))


@answered
async def save_variables(call: Call) -> CallView:
    return await _view(call, await _emulator(call).save(call.path["interaction"], call.body))


def _emulator(call: Call) -> CallEmulator:
    return call.request.app[EMULATOR]


async def _view(call: Call, contact: Contact) -> CallView:
    emulator = _emulator(call)
    events = await emulator.store.events(contact.interaction_id)
    return call_view(contact, events, emulator.centre)

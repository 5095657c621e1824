"""The HTTP API of endpoints: their breakers, limits and pauses; pause, resume, retry now."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from onhook.event_flow.answering import NOT_FOUND, STATE, STORE_ERRORS, stored
from onhook.event_flow.endpoint import EndpointState
from onhook.event_flow.endpoint_desk import LONGEST_REASON_CHARS, EndpointDesk
from onhook.web.operation import Call, Empty


class PauseReason(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=LONGEST_REASON_CHARS)] | None = None


class EndpointApi:
    def __init__(self, desk: EndpointDesk) -> None:
        self._desk = desk

    async def endpoints(self, _call: Call) -> list[EndpointState]:
        return self._desk.states()

    async def pause(self, call: Call) -> EndpointState:
        body = call.body
        reason = body.reason if isinstance(body, PauseReason) else None
        return await stored(lambda: self._desk.pause(call.path["endpoint"], reason))

    async def resume(self, call: Call) -> EndpointState:
        return await stored(lambda: self._desk.resume(call.path["endpoint"]))

    async def retry_now(self, call: Call) -> EndpointState:
        return await stored(lambda: self._desk.retry_now(call.path["endpoint"]))


def rows(api: EndpointApi | type[EndpointApi]) -> list[dict[str, Any]]:
    common = {"method": "POST", "response": EndpointState, "body_is_optional": True}
    return [
        {
            "method": "GET",
            "path": "/endpoints",
            "name": "listEndpoints",
            "summary": "Every endpoint (flow, node and origin): in flight, breaker, pause",
            "handler": api.endpoints,
            "response": list[EndpointState],
            "errors": STORE_ERRORS,
        },
        {
            **common,
            "path": "/endpoints/{endpoint}/pause",
            "name": "pauseEndpoint",
            "summary": "Send nothing there; its runs wait, and spend no attempts",
            "handler": api.pause,
            "body": PauseReason,
            "errors": {**NOT_FOUND, **STORE_ERRORS},
        },
        {
            **common,
            "path": "/endpoints/{endpoint}/resume",
            "name": "resumeEndpoint",
            "summary": "Lift a pause, and send on what waits, as fast as the endpoint takes it",
            "handler": api.resume,
            "body": Empty,
            "errors": {**NOT_FOUND, **STORE_ERRORS},
        },
        {
            **common,
            "path": "/endpoints/{endpoint}/retry-now",
            "name": "retryEndpointNow",
            "summary": "Probe an open breaker at once, and send on what waits",
            "handler": api.retry_now,
            "body": Empty,
            "errors": {**NOT_FOUND, **STATE, **STORE_ERRORS},
        },
    ]

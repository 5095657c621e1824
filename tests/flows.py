"""Flow files and events for tests, put together from the packaged ones."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4

import msgspec

from onhook.contracts.event import encode_event
from onhook.contracts.sample import sample_event

END = "end"


def a_request(name: str, url: str, **properties: Any) -> dict[str, Any]:
    """An HTTP Request node that POSTs JSON. Properties replace or add."""
    given = {
        "activityName": "http-request-v2",
        "authenticated": False,
        "httpRequestUrl": url,
        "httpRequestMethod": "POST",
        "httpContentType": "Application/JSON",
        "httpRequestBody": '{"interaction": "{{NewPhoneContact.InteractionId}}"}',
    }
    return {"id": f"id-{name}", "name": name, "properties": given | properties}


def a_flow(
    name: str,
    *requests: dict[str, Any],
    events: tuple[str, ...] = ("AgentDisconnect",),
    on_error: tuple[dict[str, Any], ...] = (),
    variables: tuple[dict[str, Any], ...] = (),
    edges: tuple[tuple[str, str, str], ...] = (),
    description: str = "",
) -> dict[str, Any]:
    """A flow that performs `requests` in a row; `edges` are further (from, port, to), by name."""
    nodes = [*requests, *on_error]
    links = _row(events, requests)
    on_events = {event: f"on-{event}" for event in events}
    if on_error:
        links += _row(("OnGlobalError",), on_error)
        on_events["GlobalErrorHandling"] = "on-OnGlobalError"
    nodes += [
        {"id": node_id, "name": event, "properties": {"activityName": "event"}}
        for event, node_id in zip((*events, "OnGlobalError"), on_events.values(), strict=False)
    ]
    nodes.append({"id": END, "name": "EndFlow", "properties": {"activityName": "end"}})
    return {
        "name": name,
        "description": description,
        "variables": list(variables),
        "nodes": [{"id": "start", "name": "NewPhoneContact", "activityType": "start"}],
        "eventFlows": {
            "GLOBAL_EVENTS": {
                "onEvents": on_events,
                "nodes": nodes,
                "edges": [
                    {"from": origin, "condition": port, "to": target}
                    for origin, port, target in (*links, *edges)
                ],
            }
        },
    }


def _row(events: tuple[str, ...], requests: tuple[dict[str, Any], ...]) -> list[tuple[str, ...]]:
    names = [request["name"] for request in requests]
    links = [(event, "out", names[0]) for event in events]
    links += [(one, "default", other) for one, other in pairwise(names)]
    return [*links, (names[-1], "default", END)]


def an_event(
    event_type: str = "AgentDisconnect",
    *,
    flow: str | None = "Main_Flow",
    entry_point: str | None = None,
    variables: dict[str, Any] | None = None,
    contact: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A valid event as plain data. `flow` None leaves FlowId and its label out."""
    sample = sample_event(
        event_type,
        event_id=str(uuid4()),
        interaction_id=str(uuid4()),
        at=datetime.now(UTC),
    )
    event: dict[str, Any] = msgspec.json.decode(encode_event(sample))
    outputs = event["data"]["NewPhoneContact"]
    outputs |= {"FlowId": flow, "EntryPointId": entry_point} | (contact or {})
    event["data"]["NewPhoneContact"] = {
        name: value for name, value in outputs.items() if value is not None
    }
    if variables is not None:
        event["data"]["variables"] = variables
    return event | fields

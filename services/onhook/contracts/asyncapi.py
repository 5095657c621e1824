"""AsyncAPI 3.0 out of the topology: the exchange, routing keys, queues, and who does what there.

Pure: the topology and example messages in, document out. It must not know any bus adapter.
Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0 and its AMQP bindings 0.3.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from onhook import __version__
from onhook.contracts.event import CONTENT_TYPE
from onhook.contracts.run import RUN_TYPE
from onhook.contracts.sample import SAMPLE_EVENTS
from onhook.contracts.screen_pop import SCREEN_POP
from onhook.contracts.topology import (
    CALL_EMULATOR,
    EVENT_FLOW,
    EVENTS_EXCHANGE,
    EVICTED,
    NEXT,
    ORDERED,
    REPLAY,
    RESUME,
    SUSPECT,
    TIERS,
    TOPOLOGY,
    UNDELIVERED,
    UNPROCESSABLE,
    Queue,
    event_key,
)

RUNS = (RUN_TYPE,)
POPS = (SCREEN_POP,)
POP_KEY = "agent.{agentId}.ScreenPop"
ANY_MESSAGE = (*SAMPLE_EVENTS, RUN_TYPE)
SET_ASIDE = {UNDELIVERED: "undelivered", UNPROCESSABLE: "unprocessable"}
"""The messages of the dead-letter queues: what was set aside, with the reason in headers."""

DEAD_LETTER_HEADERS = {
    "onhook-fault": ("string", "What kind of fault, in one of a few fixed words"),
    "onhook-reason": ("string", "What was wrong, where, and what to do; at most 1000 bytes"),
    "onhook-at": ("string", "When it was set aside, RFC 3339"),
    "onhook-run-id": ("string", "The run"),
    "onhook-event-type": ("string", "The event's type"),
    "onhook-interaction-id": ("string", "The contact"),
    "onhook-flow": ("string", "The flow's name"),
    "onhook-node": ("string", "The node that failed"),
    "onhook-attempts": ("integer", "Requests sent"),
    "onhook-status": ("integer", "The last response's status"),
    "onhook-queue": ("string", "The queue that it came from"),
    "onhook-routing-key": ("string", "The routing key that it came with"),
    "onhook-message-id": ("string", "The message id that its publisher gave it"),
    "onhook-source": ("string", "The source whose templates could make no event of it"),
    "onhook-source-context": ("string", "What those read besides the bytes, as JSON"),
}

QUEUES: dict[str, tuple[str, tuple[str, ...]]] = {
    EVENT_FLOW: ("Every contact event, for the worker", SAMPLE_EVENTS),
    NEXT: ("Runs between one request and the next, or one of several for an event", RUNS),
    RESUME: ("Runs whose time has come: a lane of their own beside fresh events", RUNS),
    REPLAY: ("Runs that an operator sent on: dead letters, and what waits", RUNS),
    ORDERED: ("Events of flows that keep the order of each interaction", SAMPLE_EVENTS),
    SUSPECT: ("Messages that may have taken a worker down, run one at a time", ANY_MESSAGE),
    EVICTED: ("What the broker took out of a work queue at its delivery limit", ANY_MESSAGE),
    UNDELIVERED: (
        "Runs whose endpoint never accepted, until a replay or a drop",
        (SET_ASIDE[UNDELIVERED],),
    ),
    UNPROCESSABLE: (
        "Messages that could not be read or run, until a replay after a fix, or a drop",
        (SET_ASIDE[UNPROCESSABLE],),
    ),
    CALL_EMULATOR: ("What the agent desktop must show; bounded, the oldest are dropped", POPS),
} | {
    tier.queue: (f"Runs that wait {tier.delay_s} s for their next attempt", RUNS) for tier in TIERS
}
"""What each queue holds, and the messages that may be in it."""

EXCHANGE = {"name": EVENTS_EXCHANGE, "type": "topic", "durable": True, "autoDelete": False}
PUBLISHED = {"deliveryMode": 2, "mandatory": True}
CONSUMED = {"ack": True}


def describe_bus(examples: Mapping[str, bytes]) -> dict[str, Any]:
    """The document. `examples` holds one message of each type as JSON."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Onhook's bus",
            "version": __version__,
            "description": "A contact's events go through one topic exchange to the event-flow "
            "worker, whose runs wait in retry tiers. Any AMQP 0-9-1 client may publish an event. "
            "Queues are durable quorum queues; `x-arguments` are what each is declared with.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:5672",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": "The broker that ONHOOK_AMQP_URL names",
            }
        },
        "channels": {event_key(name): _event_channel(name) for name in SAMPLE_EVENTS}
        | {POP_KEY: _screen_pop_channel()}
        | {queue.name: _queue_channel(queue) for queue in TOPOLOGY.queues},
        "operations": _operations(),
        "components": {
            "messages": {name: _message(name, examples[name]) for name in (*ANY_MESSAGE, *POPS)}
            | _set_aside_messages()
        },
    }


def _screen_pop_channel() -> dict[str, Any]:
    return {
        "address": POP_KEY,
        "description": "Routing key of screen pops for one agent",
        "parameters": {
            "agentId": {"description": "The agent's id as one word: a dot in it is written %2E"}
        },
        "messages": _message_references(POPS),
        "bindings": _amqp({"is": "routingKey", "exchange": EXCHANGE}),
    }


def _event_channel(name: str) -> dict[str, Any]:
    return {
        "address": event_key(name),
        "description": f"Routing key of {name}",
        "messages": _message_references((name,)),
        "bindings": _amqp({"is": "routingKey", "exchange": EXCHANGE}),
    }


def _queue_channel(queue: Queue) -> dict[str, Any]:
    description, messages = QUEUES[queue.name]
    declared = {
        "name": queue.name,
        "durable": True,
        "exclusive": False,
        "autoDelete": False,
        "x-arguments": queue.arguments,
        "x-bindings": [
            {"exchange": binding.exchange, "routingKey": binding.routing_key}
            for binding in TOPOLOGY.bindings
            if binding.queue == queue.name
        ],
    }
    return {
        "address": queue.name,
        "description": description,
        "messages": _message_references(messages),
        "bindings": _amqp({"is": "queue", "queue": declared}),
    }


def _message_references(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _message(name: str, example: bytes) -> dict[str, Any]:
    is_run = name == RUN_TYPE
    return {
        "name": name,
        "title": "A run on its way" if is_run else f"{name}, a CloudEvents 1.0 event",
        "contentType": "application/json" if is_run else CONTENT_TYPE,
        "payload": {"$ref": f"./schemas/{name}.json"},
        "bindings": _amqp({"messageType": name}),
        "examples": [{"name": name, "payload": msgspec.json.decode(example)}],
    }


def _set_aside_messages() -> dict[str, Any]:
    headers = {
        "type": "object",
        "description": "At most 4 kB together; what is not known is left out",
        "properties": {
            name: {"type": kind, "description": description}
            for name, (kind, description) in DEAD_LETTER_HEADERS.items()
        },
        "required": ["onhook-fault", "onhook-reason", "onhook-at"],
    }
    undelivered = {
        "name": SET_ASIDE[UNDELIVERED],
        "title": "A run that was given up",
        "contentType": "application/json",
        "headers": headers,
        "payload": {"$ref": f"./schemas/{RUN_TYPE}.json"},
    }
    unprocessable = {
        "name": SET_ASIDE[UNPROCESSABLE],
        "title": "Any message, byte for byte and with the content type that it came with",
        "headers": headers,
        "payload": {"description": "Whatever it was, JSON or not"},
    }
    return {SET_ASIDE[UNDELIVERED]: undelivered, SET_ASIDE[UNPROCESSABLE]: unprocessable}


def _operations() -> dict[str, Any]:
    """What the three services do on the bus; the sink is reached over HTTP alone."""
    emulator, worker = "call-emulator", "event-flow"
    operations = {
        f"callEmulatorPublishes{name}": _operation("send", emulator, event_key(name), (name,))
        for name in SAMPLE_EVENTS
    }
    lanes = {"Events": EVENT_FLOW, "Next": NEXT, "Resume": RESUME, "Replay": REPLAY}
    lanes |= {"Ordered": ORDERED, "Suspect": SUSPECT}
    dead = {"Undelivered": UNDELIVERED, "Unprocessable": UNPROCESSABLE}
    received = lanes | {"Evicted": EVICTED} | {f"{name}ForReplay": dead[name] for name in dead}
    for name, queue in received.items():
        operations[f"eventFlowConsumes{name}"] = _operation(
            "receive", worker, queue, QUEUES[queue][1]
        )
    retries = {f"Retry{tier.name}": tier.queue for tier in TIERS}
    replays = {"ReplayedMessages": EVENT_FLOW}
    sent = {name: queue for name, queue in lanes.items() if queue != EVENT_FLOW}
    sent |= retries | dead | replays
    for name, queue in sent.items():
        operations[f"eventFlowPublishes{name}"] = _operation(
            "send", worker, queue, QUEUES[queue][1]
        )
    operations["eventFlowPublishesScreenPop"] = _operation("send", worker, POP_KEY, POPS)
    return operations


def _operation(action: str, service: str, channel: str, names: Sequence[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "tags": [{"name": service}],
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
        "bindings": _amqp(PUBLISHED if action == "send" else CONSUMED),
    }


def _amqp(binding: dict[str, Any]) -> dict[str, Any]:
    return {"amqp": {**binding, "bindingVersion": "0.3.0"}}

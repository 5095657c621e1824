"""The topology as RabbitMQ's definitions, and the least that each service may do on the broker.

Pure data for whoever declares it himself: `rabbitmqctl import_definitions` takes it as it is.
https://www.rabbitmq.com/docs/definitions and .../docs/access-control
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from onhook.contracts.topology import (
    CALL_EMULATOR,
    EVENT_FLOW,
    EVENTS_EXCHANGE,
    EVICTED,
    NEXT,
    ORDERED,
    REPLAY,
    RESUME,
    SHADOW,
    SHADOW_BINDING,
    SHADOW_QUEUE,
    SUSPECT,
    TOPOLOGY,
    UNDELIVERED,
    UNPROCESSABLE,
    Binding,
    Queue,
)

DEFAULT_EXCHANGE = "amq.default"
"""How permissions call the exchange that puts a message straight into a queue."""
SERVICES = ("event-flow", "call-emulator")
SHADOW_SERVICE = "shadow"
NOTHING = "^$"

_READ = {
    "event-flow": (
        *(EVENT_FLOW, NEXT, RESUME, REPLAY, ORDERED, SUSPECT, EVICTED),
        *(UNDELIVERED, UNPROCESSABLE),
    ),
    "call-emulator": (CALL_EMULATOR,),
    SHADOW_SERVICE: (EVENTS_EXCHANGE, SHADOW),
}
_WRITE = {
    "event-flow": (DEFAULT_EXCHANGE, EVENTS_EXCHANGE),
    "call-emulator": (EVENTS_EXCHANGE,),
    SHADOW_SERVICE: (SHADOW,),
}
"""To declare and bind a queue takes writing it and reading the exchange."""


class Permission(Struct, frozen=True, kw_only=True):
    """What a service's user may do, as three regular expressions over names."""

    service: str
    user: str
    configure: str
    write: str
    read: str


def permission_of(
    service: str, *, is_declaring: bool = False, sources: Iterable[str] = ()
) -> Permission:
    """The least that a service needs. `sources`: queues of other systems that the worker reads.

    `is_declaring`: it declares the topology itself, all of it, whichever service it is.
    """
    configure = {SHADOW} if service == SHADOW_SERVICE else set()
    write, read = set(_WRITE[service]), set(_READ[service])
    if service == "event-flow":
        read |= set(sources)
    if is_declaring and service != SHADOW_SERVICE:
        names = {*TOPOLOGY.exchanges, *(queue.name for queue in TOPOLOGY.queues)}
        configure |= names
        read |= names
        write |= {*names, DEFAULT_EXCHANGE}
    return Permission(
        service=service,
        user=f"onhook-{service}",
        configure=_pattern(configure),
        write=_pattern(write),
        read=_pattern(read),
    )


def definitions(
    vhost: str, *, permissions: Iterable[Permission] = (), has_shadow: bool = False
) -> dict[str, Any]:
    """Everything that the services declare, as RabbitMQ imports it; with users where they are given.

    A user has no password until one is set: importing one that exists takes its password away.
    """
    queues = [*TOPOLOGY.queues, *([SHADOW_QUEUE] if has_shadow else [])]
    bindings = [*TOPOLOGY.bindings, *([SHADOW_BINDING] if has_shadow else [])]
    found: dict[str, Any] = {
        "vhosts": [{"name": vhost}],
        "exchanges": [_exchange(name, vhost) for name in TOPOLOGY.exchanges],
        "queues": [_queue(queue, vhost) for queue in queues],
        "bindings": [_binding(binding, vhost) for binding in bindings],
    }
    listed = list(permissions)
    if listed:
        found["users"] = [{"name": each.user, "password_hash": "", "tags": []} for each in listed]
        found["permissions"] = [_permission(each, vhost) for each in listed]
    return found


def _exchange(name: str, vhost: str) -> dict[str, Any]:
    return {
        "name": name,
        "vhost": vhost,
        "type": "topic",
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {},
    }


def _queue(queue: Queue, vhost: str) -> dict[str, Any]:
    return {
        "name": queue.name,
        "vhost": vhost,
        "durable": True,
        "auto_delete": False,
        "arguments": queue.arguments,
    }


def _binding(binding: Binding, vhost: str) -> dict[str, Any]:
    return {
        "source": binding.exchange,
        "vhost": vhost,
        "destination": binding.queue,
        "destination_type": "queue",
        "routing_key": binding.routing_key,
        "arguments": {},
    }


def _permission(permission: Permission, vhost: str) -> dict[str, str]:
    return {
        "user": permission.user,
        "vhost": vhost,
        "configure": permission.configure,
        "write": permission.write,
        "read": permission.read,
    }


def _pattern(names: Iterable[str]) -> str:
    """Exactly these names; nothing where there are none."""
    listed = sorted(names)
    if not listed:
        return NOTHING
    return f"^({'|'.join(re.escape(name) for name in listed)})$"

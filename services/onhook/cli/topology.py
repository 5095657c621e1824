"""`onhook topology`: what the services declare on a broker, and what each may do there.

Prints and nothing else: no broker is asked.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

import msgspec

from onhook.cli.main import settings_from
from onhook.contracts.definitions import (
    SERVICES,
    SHADOW_SERVICE,
    Permission,
    definitions,
    permission_of,
)
from onhook.contracts.topology import SHADOW_BINDING, SHADOW_QUEUE, TOPOLOGY
from onhook.event_flow.sources import load_sources
from onhook.settings import Settings


def execute(given: argparse.Namespace) -> int:
    settings = settings_from(given)
    vhost = given.vhost or _vhost_of(settings.amqp_url)
    services = [given.service] if given.service else list(SERVICES)
    sources = _own_queues(settings)
    permissions = [
        permission_of(service, is_declaring=given.declaring, sources=sources)
        for service in services
    ]
    has_shadow = SHADOW_SERVICE in services
    if given.format == "table":
        sys.stdout.write(_table(vhost, permissions, has_shadow=has_shadow))
    elif given.format == "rabbitmqctl":
        sys.stdout.write(_commands(vhost, permissions))
    else:
        found = definitions(
            vhost, permissions=permissions if given.users else (), has_shadow=has_shadow
        )
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
        if given.users:
            sys.stderr.write(
                "onhook: the users have no password until you set one (rabbitmqctl "
                "change_password), and one that exists loses its own by the import\n"
            )
    return 0


def _vhost_of(amqp_url: str) -> str:
    """What the address says; the broker's `/` where it says none."""
    return unquote(urlsplit(amqp_url).path.removeprefix("/")) or "/"


def _own_queues(settings: Settings) -> list[str]:
    """Queues of other systems on the services' own broker. Raises SettingError."""
    if settings.sources is None:
        return []
    sources = load_sources(settings.sources, settings.amqp_url, os.environ).all
    return [source.queue for source in sources if source.is_on(settings.amqp_url)]


def _table(vhost: str, permissions: Sequence[Permission], *, has_shadow: bool) -> str:
    lines = [f"virtual host  {vhost}"]
    lines += [f"exchange      {name}  (topic)" for name in TOPOLOGY.exchanges]
    for queue in (*TOPOLOGY.queues, *([SHADOW_QUEUE] if has_shadow else [])):
        arguments = ", ".join(f"{name}={value}" for name, value in queue.arguments.items())
        lines.append(f"queue         {queue.name}  ({arguments})")
    for binding in (*TOPOLOGY.bindings, *([SHADOW_BINDING] if has_shadow else [])):
        lines.append(
            f"binding       {binding.exchange} -> {binding.queue}  ({binding.routing_key})"
        )
    for each in permissions:
        lines.append(f"user          {each.user}")
        lines += [
            f"  {what:<11} {pattern}"
            for what, pattern in (
                ("configure", each.configure),
                ("write", each.write),
                ("read", each.read),
            )
        ]
    return "\n".join(lines) + "\n"


def _commands(vhost: str, permissions: Sequence[Permission]) -> str:
    """Users and what they may do, for a shell; the objects come by import_definitions."""
    place = shlex.quote(vhost)
    lines = []
    for each in permissions:
        lines.append(f"rabbitmqctl add_user {each.user}  # asks for a password")
        patterns = " ".join(shlex.quote(text) for text in (each.configure, each.write, each.read))
        lines.append(f"rabbitmqctl set_permissions -p {place} {each.user} {patterns}")
    return "\n".join(lines) + "\n"

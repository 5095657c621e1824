"""`onhook doctor`: what is set, what answers, what is blocked and why."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from ipaddress import ip_address

from msgspec import Struct

from onhook.bus import rabbitmq
from onhook.bus.port import BusError
from onhook.cli import logs
from onhook.cli.api_client import Refused, call, mistaken_for
from onhook.cli.failure import Failure
from onhook.cli.main import settings_from
from onhook.egress.address_guard import Address, blocked_message, may_reach
from onhook.egress.connector_client import keys_of
from onhook.egress.connectors import load_connectors
from onhook.egress.port import SendError
from onhook.egress.target import read_target
from onhook.event_flow.overrides import OverridesError, load_overrides
from onhook.event_flow.sources import load_sources
from onhook.settings import SETTINGS, SettingError, Settings, shown_value, unknown_variables
from onhook.settings.contact_centre import ContactCentreError, load_contact_centre
from onhook.settings.settings import masked_url
from onhook.up.addresses import expected_addresses, rule_for

SERVICES = {"call-emulator": "emulator", "event-flow": "worker", "sink": "sink"}
MOST_COUNTED = 1_000
SHOWN = 5
KINDS = {"call-emulator": "call emulator", "event-flow": "worker", "sink": "sink"}


class Finding(Struct, frozen=True):
    """One line: `is_well` None is for what is neither good nor bad."""

    name: str
    is_well: bool | None
    text: str


def execute(given: argparse.Namespace) -> int:
    settings = expected_addresses(settings_from(given))
    logs.configure("error", "auto")
    if given.ready:
        finding = _service(settings, given.ready)
        sys.stdout.write(f"{finding.name}: {finding.text}\n")
        return 0 if finding.is_well else 1
    here = [*_set(settings), *_files(settings)]
    here += [asyncio.run(_broker(settings)), _webhook(settings)]
    there = [_service(settings, name) for name in SERVICES]
    if all(finding.is_well is None for finding in there):
        there.append(Finding("services", False, "none answers; start them with `onhook up`"))
    there += _worker(settings)
    for title, findings in (("Set here, for commands of this shell", here), ("Running", there)):
        sys.stdout.write(f"{title}:\n")
        for finding in findings:
            mark = {True: "ok  ", False: "FAIL", None: "    "}[finding.is_well]
            sys.stdout.write(f"  {mark} {finding.name:<22} {finding.text}\n")
    return 1 if any(finding.is_well is False for finding in (*here, *there)) else 0


def _set(settings: Settings) -> list[Finding]:
    found = [
        Finding(setting.variable, None, shown_value(setting, settings))
        for setting in SETTINGS
        if setting.name in settings.given
    ]
    unknown = [Finding("environment", False, line) for line in unknown_variables(os.environ)]
    return [*(found or [Finding("settings", None, "none is set; defaults hold")]), *unknown]


def _files(settings: Settings) -> list[Finding]:
    try:
        centre = load_contact_centre(settings.contact_centre)
    except ContactCentreError as error:
        return [Finding("contact centre", False, str(error))]
    points = ", ".join(f"{point.name} -> {point.flow}" for point in centre.entry_points)
    found = [Finding("contact centre", True, f"agents: {len(centre.agents)}; {points}")]
    return [
        *found,
        *_connectors(settings),
        *_signing(settings),
        *_overrides(settings),
        *_sources(settings),
    ]


def _connectors(settings: Settings) -> list[Finding]:
    if settings.connectors is None:
        return []
    try:
        names = ", ".join(load_connectors(settings.connectors, os.environ).urls)
    except SettingError as error:
        return [Finding("connectors", False, str(error))]
    return [Finding("connectors", True, names or "none in the file")]


def _signing(settings: Settings) -> list[Finding]:
    if not settings.signing_secret:
        return []
    try:
        schemes = ", ".join(key.scheme for key in keys_of(settings.signing_secret))
    except SettingError as error:
        return [Finding("signing", False, str(error))]
    return [Finding("signing", True, f"every delivery, with {schemes}")]


def _overrides(settings: Settings) -> list[Finding]:
    if settings.overrides is None:
        return []
    try:
        names = ", ".join(load_overrides(settings.overrides, settings.webhook_url).flow_names)
    except OverridesError as error:
        return [Finding("overrides", False, str(error))]
    return [Finding("overrides", True, f"for {names or 'no flow'}")]


def _sources(settings: Settings) -> list[Finding]:
    if settings.sources is None:
        return []
    try:
        found = load_sources(settings.sources, settings.amqp_url, os.environ).all
    except SettingError as error:
        return [Finding("sources", False, str(error))]
    if not found:
        return [Finding("sources", True, "none in the file")]
    return [
        Finding(
            f"source {source.name}",
            True,
            f"{source.queue} on {masked_url(source.url)} -> "
            f"{', '.join(sorted(source.types)) or 'any event'}",
        )
        for source in found
    ]


def _service(settings: Settings, name: str) -> Finding:
    address = getattr(settings, f"{SERVICES[name]}_url")
    try:
        call(KINDS[name], "GET", f"{address}/readyz")
    except Refused as refused:
        return Finding(name, False, f"{address} is not ready: {refused}")
    except Failure:
        return Finding(name, None, f"nothing answers at {address}")
    mistaken = mistaken_for(KINDS[name], address)
    if mistaken is not None:
        return Finding(name, False, mistaken)
    return Finding(name, True, f"{address} is ready")


def _worker(settings: Settings) -> list[Finding]:
    """What the worker that answers has on its hands."""
    address = settings.worker_url
    try:
        waiting = call("worker", "GET", f"{address}/runs?state=waiting&limit={MOST_COUNTED}")
        dead = call("worker", "GET", f"{address}/dead-letters?limit={MOST_COUNTED}")
    except Failure:
        return []
    found = _listed(
        "waiting run",
        [f"{run['run_id']}: {run['reason']}, next {run['next_at']}" for run in waiting],
    )
    found += _listed(
        "dead letter",
        [f"{entry['message_id']} in {entry['queue']}: {entry['reason']}" for entry in dead],
    )
    more = " or more" if MOST_COUNTED in (len(waiting), len(dead)) else ""
    counted = f"runs that wait: {len(waiting)}, dead letters: {len(dead)}{more}"
    if dead:
        counted += f"; {address}/dead-letters lists them, its API replays or drops each"
    return [Finding("event-flow", not dead, counted), *found]


def _listed(what: str, lines: list[str]) -> list[Finding]:
    """The first of them, and how many there are beside."""
    found = [Finding(what, None, line) for line in lines[:SHOWN]]
    if len(lines) > SHOWN:
        at_least = "at least " if len(lines) >= MOST_COUNTED else ""
        found.append(Finding("", None, f"and {at_least}{len(lines) - SHOWN} more"))
    return found


async def _broker(settings: Settings) -> Finding:
    if not settings.amqp_url:
        return Finding("bus", True, f"embedded, in {settings.data / 'bus'}")
    try:
        async with rabbitmq.connect(settings.amqp_url, declare=False, name="onhook doctor") as bus:
            trouble = bus.trouble
    except BusError as error:
        return Finding("bus", False, str(error))
    if trouble:
        return Finding("bus", False, trouble)
    return Finding("bus", True, "RabbitMQ answers, and every queue is there")


def _webhook(settings: Settings) -> Finding:
    """Whether a delivery could leave: the address guard's judgement, without a request."""
    if not settings.webhook_url:
        return Finding(
            "webhook", None, "ONHOOK_WEBHOOK_URL is not set; `onhook up` takes the sink's token"
        )
    rules = (*settings.egress_allow, rule_for(settings.sink_url))
    try:
        target = read_target(settings.webhook_url)
        addresses = [target.address] if target.address else _resolved(target.host, target.port)
    except SendError as error:
        return Finding("webhook", False, error.message)
    except OSError as error:
        return Finding("webhook", False, f"{target.where}: the name does not resolve ({error})")
    if not any(may_reach(rules, target.host, target.port, each) for each in addresses):
        message = blocked_message(rules, target.host, target.port, addresses[0])
        return Finding("webhook", False, message)
    return Finding("webhook", True, f"{target.where} may be reached")


def _resolved(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(entry[4][0]) for entry in found]

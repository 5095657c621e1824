"""Where the services listen and how they reach one another: sockets bound, addresses filled in."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from onhook.settings import Settings
from onhook.settings.egress_rule import EgressRule
from onhook.web.serving import address_of, bind


class Listeners(Struct, frozen=True, kw_only=True):
    """Bound sockets, and the settings with every address in them."""

    emulator: socket.socket
    worker: socket.socket
    sink: socket.socket
    settings: Settings


@contextmanager
def bound(settings: Settings) -> Iterator[Listeners]:
    """Bind all three ports. Raises PortTaken, naming the port and its setting."""
    with ExitStack() as stack:
        sockets = {}
        for service in ("emulator", "worker", "sink"):
            listener = bind(
                settings.host,
                getattr(settings, f"{service}_port"),
                f"ONHOOK_{service.upper()}_PORT or --port",
            )
            stack.callback(listener.close)
            sockets[service] = listener
        yield Listeners(
            **sockets,
            settings=with_addresses(
                settings,
                {
                    service: address_of(listener, settings.host)
                    for service, listener in sockets.items()
                },
            ),
        )


def with_addresses(settings: Settings, found: dict[str, str]) -> Settings:
    """The settings with each `..._url` that is empty set to what was found, public ones after."""
    changes: dict[str, str] = {}
    for service, address in found.items():
        internal = getattr(settings, f"{service}_url") or address
        changes[f"{service}_url"] = internal
        changes[f"{service}_public_url"] = getattr(settings, f"{service}_public_url") or internal
    return msgspec.structs.replace(settings, **changes)


def expected_addresses(settings: Settings) -> Settings:
    """The settings with addresses from host and port, for services in processes of their own."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    host = f"[{reachable}]" if ":" in reachable else reachable
    return with_addresses(
        settings,
        {
            service: f"http://{host}:{getattr(settings, f'{service}_port')}"
            for service in ("emulator", "worker", "sink")
        },
    )


def rule_for(url: str) -> EgressRule:
    """The rule that opens exactly the origin of `url`: its host and port."""
    split = urlsplit(url)
    host = split.hostname or ""
    port = split.port or (443 if split.scheme == "https" else 80)
    try:
        return EgressRule(network=ip_network(ip_address(host)), port=port)
    except ValueError:
        return EgressRule(host=host, port=port)

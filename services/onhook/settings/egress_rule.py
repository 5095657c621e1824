"""Entries of ONHOOK_EGRESS_ALLOW: what deliveries may reach although it is not public.

Reading entries lives here; judging an address against them is the egress guard's.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from msgspec import Struct

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?", re.ASCII)


class EgressRule(Struct, frozen=True):
    """`host` or `network` is set, never both; `port` None means every port."""

    host: str | None = None
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def __str__(self) -> str:
        name = self.host or str(self.network)
        if self.port is None:
            return name
        return f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"


def parse_egress_rules(text: str) -> tuple[EgressRule, ...]:
    """Read `host`, `host:port`, `CIDR` or `CIDR:port`, separated by commas or blanks.

    IPv6 with a port is `[fd00::/8]:443`. Raises ValueError naming the entry.
    """
    return tuple(parse_egress_rule(entry) for entry in text.replace(",", " ").split())


def parse_egress_rule(entry: str) -> EgressRule:
    """Read one entry. Raises ValueError naming it."""
    name, port = _split_port(entry)
    try:
        return EgressRule(network=ip_network(name), port=port)
    except ValueError:
        pass
    if "/" in name:
        try:
            wider = ip_network(name, strict=False)
        except ValueError:
            raise ValueError(f'has the entry "{entry}", which is no host and no CIDR') from None
        raise ValueError(f'has the entry "{entry}" with host bits set; write {wider}')
    if not _HOST.fullmatch(name):
        raise ValueError(f'has the entry "{entry}", which is no host and no CIDR')
    return EgressRule(host=_host(name), port=port)


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        name, bracket, rest = entry[1:].partition("]")
        if not bracket or rest[:1] not in ("", ":"):
            raise ValueError(f'has the entry "{entry}", which is no host and no CIDR')
        port_text = rest.removeprefix(":")
    elif entry.count(":") == 1:
        name, _, port_text = entry.partition(":")
    else:
        return entry, None
    if not port_text:
        return name, None
    if not port_text.isdigit() or not 0 < int(port_text) < 65_536:
        raise ValueError(f'has the entry "{entry}", whose port is not from 1 to 65535')
    return name, int(port_text)


def _host(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name.rstrip(".").lower()

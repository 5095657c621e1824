"""Which addresses a delivery may reach: the public ones, and those that a rule opens.

Pure judgement lives here: no socket, no DNS, no URL. It sees a host as the URL names it and an
address as it would be dialled; whoever dials asks first (SEMANTICS, egress).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from onhook.settings.egress_rule import EgressRule

Address = IPv4Address | IPv6Address

# Own tables, because `ipaddress.is_global` differs between Python versions. Source: the IANA
# IPv4 and IPv6 Special-Purpose Address Registries.
_CLOSED_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network: on Linux another name for loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Nothing outside this block is global unicast: not ::1, not ULA, link-local, multicast, NAT64.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_CLOSED_IPV6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocols: Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
_METADATA: frozenset[Address] = frozenset(
    (
        IPv4Address("169.254.169.254"),  # AWS, Azure, Google, OpenStack, Oracle and others
        IPv4Address("169.254.169.253"),  # AWS: the resolver
        IPv4Address("169.254.170.2"),  # AWS: credentials of an ECS task
        IPv4Address("169.254.170.23"),  # AWS: credentials of an EKS pod
        IPv4Address("169.254.0.23"),  # Tencent
        IPv4Address("169.254.10.10"),  # Tencent
        IPv4Address("169.254.42.42"),  # Scaleway
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("168.63.129.16"),  # Azure: the host agent, in a public range
        IPv4Address("192.0.0.192"),  # Oracle, classic
        IPv6Address("fd00:ec2::254"),  # AWS
        IPv6Address("fd00:ec2::253"),  # AWS: the resolver
        IPv6Address("fd00:ec2::23"),  # AWS: credentials of an EKS pod
        IPv6Address("fd20:ce::254"),  # Google
        IPv6Address("fd00:42::42"),  # Scaleway
        IPv6Address("fd00:a9fe:a9fe::1"),  # Linode
        IPv6Address("fe80::a9fe:a9fe"),  # OpenStack
    )
)
_IPV4_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)

# Where a proxy resolves names, only the name can be judged. Sources: RFC 6761 and the IANA
# registry of special-use names, RFC 8375, RFC 9476, ICANN's reservation of "internal", and what
# home and office routers hand out.
_CLOSED_SUFFIXES = frozenset(
    [
        "alt",
        "home.arpa",
        "internal",
        "invalid",
        "local",
        "localhost",
        "onion",
        "test",
        "corp",
        "domain",
        "home",
        "intranet",
        "lan",
        "localdomain",
        "private",
        "workgroup",
    ]
)
_METADATA_NAMES = frozenset(
    (
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.azure.internal",
        "metadata.tencentyun.com",
        "metadata.packet.net",
        "metadata.platformequinix.com",
    )
)
_REMEMBERED = 4096


def is_public(address: Address) -> bool:
    """Whether the address is global unicast that no special purpose claims.

    IPv6 that carries IPv4 (NAT64, 6to4, Teredo) is never public, whatever it carries.
    """
    address = _as_dialled(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_IPV4)
    return address in _GLOBAL_IPV6 and not any(address in network for network in _CLOSED_IPV6)


def is_metadata(address: Address) -> bool:
    """Whether the address, or one it carries, is a cloud's metadata or credentials service."""
    address = _as_dialled(address)
    return address in _METADATA or any(inner in _METADATA for inner in _carried(address))


def may_reach(rules: tuple[EgressRule, ...], host: str, port: int, address: Address) -> bool:
    """Whether a request for host:port may be sent to this address.

    `host` is in lower case and without brackets; it is the address itself in a literal URL.
    """
    address = _as_dialled(address)
    rules = tuple(rule for rule in rules if rule.port in (None, port))
    if any(_is_literal(rule, address) for rule in rules):
        return True
    if is_metadata(address):
        return False
    name = host.removesuffix(".")
    if is_public(address) or any(rule.host == name for rule in rules if rule.host):
        return True
    # A range of IPv6 that carries IPv4 opens the way in, not every IPv4 address behind it.
    return _is_covered(rules, address) and all(
        is_public(inner) or _is_covered(rules, inner) for inner in _carried(address)
    )


def blocked_message(rules: tuple[EgressRule, ...], host: str, port: int, address: Address) -> str:
    """Say what was blocked, and the whole line that would allow it beside today's entries."""
    address = _as_dialled(address)
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    what = "is" if host == str(address) else f"resolves to {address}, which is"
    if is_metadata(address):
        kind = "a cloud metadata address, which only an entry of its own opens"
        entry = f"{address}/{address.max_prefixlen}"
    else:
        kind = "not a public address"
        entry = where
    line = ",".join([*(str(rule) for rule in rules), entry])
    return f"blocked: {where} {what} {kind}; to allow it set ONHOOK_EGRESS_ALLOW={line}"


def is_public_name(rules: tuple[EgressRule, ...], host: str, port: int) -> bool:
    """Whether a proxy may be asked for host:port, whose address only the proxy will know."""
    name = host.removesuffix(".")
    if name in _METADATA_NAMES:
        return False
    if any(rule.host == name and rule.port in (None, port) for rule in rules):
        return True
    labels = name.split(".")
    return len(labels) > 1 and _CLOSED_SUFFIXES.isdisjoint((labels[-1], ".".join(labels[-2:])))


def blocked_name_message(rules: tuple[EgressRule, ...], host: str, port: int) -> str:
    """Say why a proxy was not asked, and the line that would allow it, if one would."""
    where = f"{host}:{port}"
    if host.removesuffix(".") in _METADATA_NAMES:
        return f"blocked: {where} is a cloud's metadata service, which no proxy is asked for"
    line = ",".join([*(str(rule) for rule in rules), where])
    return (
        f"blocked: {where} is no public name, and a proxy would resolve it; "
        f"to allow it set ONHOOK_EGRESS_ALLOW={line}"
    )


class Guard:
    """The rules, asked for every connection and every request: it remembers what it judged."""

    def __init__(self, rules: tuple[EgressRule, ...]) -> None:
        self.rules = rules
        self._judged: dict[tuple[str, int, str], bool] = {}

    def allows(self, host: str, port: int, address: str) -> bool:
        """Whether a request for host:port may be sent to this address, given as text."""
        key = (host, port, address)
        judged = self._judged.get(key)
        if judged is None:
            if len(self._judged) >= _REMEMBERED:
                self._judged.clear()
            judged = may_reach(self.rules, host, port, ip_address(address))
            self._judged[key] = judged
        return judged


def _as_dialled(address: Address) -> Address:
    """The address without zone, and IPv4 where the kernel would speak IPv4."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or (IPv6Address(int(address)) if address.scope_id else address)


def _is_literal(rule: EgressRule, address: Address) -> bool:
    network = rule.network
    return (
        network is not None
        and network.prefixlen == network.max_prefixlen
        and network.network_address == address
    )


def _is_covered(rules: tuple[EgressRule, ...], address: Address) -> bool:
    return any(rule.network is not None and address in rule.network for rule in rules)


def _carried(address: Address) -> Iterator[IPv4Address]:
    """Every IPv4 address that a translator or tunnel may read out of this one."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    low = number & 0xFFFF_FFFF
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        yield IPv4Address(low)
    if address in _NAT64_LOCAL:
        # RFC 6052, section 2.2: a /48 splits the IPv4 address around bits 64 to 71; a /96 within
        # it does not.
        yield IPv4Address(low)
        yield IPv4Address((number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if number >> 32 & 0xFFFF_FFFF in _ISATAP:
        yield IPv4Address(low)

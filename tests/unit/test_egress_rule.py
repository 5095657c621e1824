"""Entries of ONHOOK_EGRESS_ALLOW: which are read, and what a wrong one is told."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from onhook.settings.egress_rule import EgressRule, parse_egress_rule, parse_egress_rules


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ("Hooks.Example.com.", EgressRule(host="hooks.example.com")),
        ("localhost:3000", EgressRule(host="localhost", port=3000)),
        ("10.0.0.0/8", EgressRule(network=ip_network("10.0.0.0/8"))),
        ("10.1.2.3", EgressRule(network=ip_network("10.1.2.3/32"))),
        ("10.0.0.0/8:443", EgressRule(network=ip_network("10.0.0.0/8"), port=443)),
        ("fd00::/8", EgressRule(network=ip_network("fd00::/8"))),
        ("::1", EgressRule(network=ip_network("::1/128"))),
        ("[fd00::/8]:443", EgressRule(network=ip_network("fd00::/8"), port=443)),
        ("[::1]", EgressRule(network=ip_network("::1/128"))),
    ],
)
def test_an_egress_entry_is_read(entry: str, rule: EgressRule) -> None:
    assert parse_egress_rule(entry) == rule
    assert parse_egress_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("entry", "way_out"),
    [
        ("10.0.0.1/8", "write 10.0.0.0/8"),
        ("10.0.0.0/33", "no host and no CIDR"),
        ("host:0", "port is not from 1 to 65535"),
        ("host:65536", "port is not from 1 to 65535"),
        ("host:http", "port is not from 1 to 65535"),
        ("http://host", "port is not from 1 to 65535"),
        ("user@host", "no host and no CIDR"),
        (":80", "no host and no CIDR"),
        ("1:2:3", "no host and no CIDR"),
        ("host/path", "no host and no CIDR"),
        ("[::1]80", "no host and no CIDR"),
        ("[::1", "no host and no CIDR"),
        ("*", "no host and no CIDR"),
        ("*.example.com", "no host and no CIDR"),
    ],
)
def test_a_wrong_egress_entry_is_named_with_the_way_out(entry: str, way_out: str) -> None:
    with pytest.raises(ValueError, match="has the entry") as refusal:
        parse_egress_rules(f"localhost {entry}")
    assert f'"{entry}"' in str(refusal.value)
    assert way_out in str(refusal.value)


def test_egress_entries_are_separated_by_commas_or_blanks() -> None:
    rules = parse_egress_rules("a, b:1,10.0.0.0/8  c\n")
    assert [str(rule) for rule in rules] == ["a", "b:1", "10.0.0.0/8", "c"]

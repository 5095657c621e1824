from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress_corpus import blocked_answers, blocked_urls, public_addresses
from onhook.egress.address_guard import (
    Guard,
    blocked_message,
    is_metadata,
    is_public,
    is_public_name,
    may_reach,
)
from onhook.egress.port import Fault, SendError
from onhook.egress.target import read_target
from onhook.settings.egress_rule import parse_egress_rules

BLOCKED_URLS = blocked_urls(8080)
NAMES = {"localhost", "localhost."}  # only their addresses tell
EVERYTHING = parse_egress_rules("0.0.0.0/0 ::/0 any-host")


def reach(rules: str, host: str, port: int, address: str) -> bool:
    return may_reach(parse_egress_rules(rules), host, port, ip_address(address))


@pytest.mark.parametrize("url", BLOCKED_URLS)
def test_no_spelling_of_a_closed_address_gets_through(url):
    try:
        target = read_target(url)
    except SendError as error:
        assert error.fault is Fault.INVALID
        assert "secret" not in error.message
        return
    if target.host in NAMES:
        assert target.address is None
        return
    assert target.address is not None, "a name was read out of an address"
    assert not may_reach((), target.host, target.port, target.address)


def test_the_corpus_is_not_shrinking():
    answers = blocked_answers()
    assert len(set(BLOCKED_URLS)) == len(BLOCKED_URLS) >= 390
    assert len(set(answers)) == len(answers) >= 60
    assert len(set(public_addresses())) == len(public_addresses()) >= 45


@pytest.mark.parametrize("answers", blocked_answers(), ids=" ".join)
def test_no_answer_of_dns_leads_to_a_closed_address(answers):
    for answer in answers:
        assert not may_reach((), "hooks.example.com", 443, ip_address(answer))


@pytest.mark.parametrize("address", public_addresses())
def test_public_addresses_need_no_rule(address):
    assert is_public(ip_address(address))
    assert reach("", "hooks.example.com", 443, address)
    literal = f"[{address}]" if ":" in address else address
    if "ffff:" not in address[:7]:  # a mapped address is no literal of ours
        assert read_target(f"http://{literal}/").address == ip_address(address)


def test_the_guard_remembers_what_it_judged_and_forgets_in_time(monkeypatch):
    monkeypatch.setattr("onhook.egress.address_guard._REMEMBERED", 3)
    guard = Guard(parse_egress_rules("erp.corp:80"))
    for _ in range(2):
        for number in range(5):
            assert guard.allows("erp.corp", 80, f"10.0.0.{number}")
            assert not guard.allows("erp.corp", 81, f"10.0.0.{number}")
            assert not guard.allows("crm.corp", 80, f"10.0.0.{number}")
            assert len(guard._judged) <= 3


@pytest.mark.parametrize(
    ("rules", "name", "is_open"),
    [
        ("", "hooks.example.com", True),
        ("", "hooks.example.com.", True),
        ("", "local.example.com", True),
        ("", "internal.example.com", True),
        ("", "xn--mnchen-3ya.example", True),
        ("", "localhost", False),
        ("", "a.b.localhost.", False),
        ("", "intranet", False),
        ("", "printer.local", False),
        ("", "db.internal", False),
        ("", "router.home.arpa", False),
        ("", "arpa.home.arpa.", False),
        ("", "site.onion", False),
        ("", "metadata.google.internal", False),
        ("", "metadata.tencentyun.com.", False),
        ("db.internal", "db.internal", True),
        ("db.internal", "db.internal.", True),
        ("db.internal:80", "db.internal", True),
        ("db.internal:81", "db.internal", False),
        ("db.internal", "a.db.internal", False),
        ("0.0.0.0/0", "db.internal", False),
        ("metadata.google.internal", "metadata.google.internal", False),
    ],
)
def test_a_proxy_is_asked_for_public_names_and_allowed_ones(rules, name, is_open):
    assert is_public_name(parse_egress_rules(rules), name, 80) is is_open


@pytest.mark.parametrize(
    ("rules", "host", "port", "address", "is_open"),
    [
        ("10.1.2.3", "10.1.2.3", 80, "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.4", 80, "10.1.2.4", False),
        ("10.1.2.3:8080", "10.1.2.3", 8080, "10.1.2.3", True),
        ("10.1.2.3:8080", "10.1.2.3", 80, "10.1.2.3", False),
        ("10.1.0.0/16", "erp.corp", 80, "10.1.9.9", True),
        ("10.1.0.0/16", "erp.corp", 80, "10.2.0.1", False),
        ("10.1.0.0/16:443", "erp.corp", 443, "10.1.9.9", True),
        ("10.1.0.0/16:443", "erp.corp", 80, "10.1.9.9", False),
        ("[fd00::/8]:443", "erp.corp", 443, "fd12::1", True),
        ("[fd00::/8]:443", "erp.corp", 444, "fd12::1", False),
        ("erp.corp", "erp.corp", 80, "10.1.2.3", True),
        ("erp.corp", "erp.corp.", 80, "10.1.2.3", True),
        ("ERP.corp.", "erp.corp", 80, "127.0.0.1", True),
        ("erp.corp:443", "erp.corp", 80, "10.1.2.3", False),
        ("erp.corp", "evil-erp.corp", 80, "10.1.2.3", False),
        ("erp.corp", "a.erp.corp", 80, "10.1.2.3", False),
        ("localhost", "127.0.0.1", 80, "127.0.0.1", False),
        ("10.0.0.0/8", "erp.corp", 80, "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "erp.corp", 80, "::ffff:127.0.0.1", False),
    ],
)
def test_a_rule_opens_what_it_names_and_no_more(rules, host, port, address, is_open):
    assert reach(rules, host, port, address) is is_open


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:a9fe:a9:fe00::",
        "2002:a9fe:a9fe::",
        "2001::5601:5601",
        "::a9fe:a9fe",
        "2001:db8::5efe:a9fe:a9fe",
        "::ffff:169.254.169.254",
        "fd00:ec2::254%eth0",
    ],
)
def test_only_an_entry_of_its_own_opens_a_metadata_address(address):
    parsed = ip_address(address)
    assert is_metadata(parsed)
    assert not may_reach((), "metadata", 80, parsed)
    assert not may_reach(EVERYTHING, "any-host", 80, parsed)
    plain = parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed
    own = f"{str(plain).partition('%')[0]}/{plain.max_prefixlen}"
    assert reach(own, "metadata", 80, address)
    assert reach(f"[{own}]:80", "metadata", 80, address)
    assert not reach(f"[{own}]:80", "metadata", 81, address)


def test_a_range_of_translated_addresses_does_not_open_the_private_ones_behind_it():
    assert reach("64:ff9b::/96", "hooks.example.com", 443, "64:ff9b::808:808")
    assert not reach("64:ff9b::/96", "hooks.example.com", 443, "64:ff9b::a00:1")
    assert not reach("64:ff9b::/96", "hooks.example.com", 443, "64:ff9b::7f00:1")
    assert reach("64:ff9b::/96 10.0.0.0/8", "hooks.example.com", 443, "64:ff9b::a00:1")


def test_the_error_prints_the_line_that_would_allow_it():
    assert blocked_message((), "127.0.0.1", 3000, IPv4Address("127.0.0.1")) == (
        "blocked: 127.0.0.1:3000 is not a public address; "
        "to allow it set ONHOOK_EGRESS_ALLOW=127.0.0.1:3000"
    )
    assert blocked_message((), "::1", 3000, IPv6Address("::1")).endswith(
        "[::1]:3000 is not a public address; to allow it set ONHOOK_EGRESS_ALLOW=[::1]:3000"
    )
    rules = parse_egress_rules("127.0.0.1:7003,erp.corp")
    assert blocked_message(rules, "crm.corp", 8443, IPv4Address("10.0.0.9")) == (
        "blocked: crm.corp:8443 resolves to 10.0.0.9, which is not a public address; "
        "to allow it set ONHOOK_EGRESS_ALLOW=127.0.0.1/32:7003,erp.corp,crm.corp:8443"
    )
    assert blocked_message((), "meta", 80, IPv4Address("169.254.169.254")) == (
        "blocked: meta:80 resolves to 169.254.169.254, which is a cloud metadata address, "
        "which only an entry of its own opens; "
        "to allow it set ONHOOK_EGRESS_ALLOW=169.254.169.254/32"
    )


@given(
    address=st.ip_addresses(),
    host=st.sampled_from(["hooks.example.com", "localhost", None]),
    port=st.integers(1, 65_535),
    kept=st.sampled_from(["", "10.0.0.0/8", "erp.corp:443,[fd00::/8]:80"]),
)
def test_the_printed_line_always_opens_what_was_blocked(address, host, port, kept):
    if host is None:  # a literal URL, which never holds mapped IPv4
        address = getattr(address, "ipv4_mapped", None) or address
        host = str(address)
    rules = parse_egress_rules(kept)
    if may_reach(rules, host, port, address):
        return
    line = blocked_message(rules, host, port, address).partition("ONHOOK_EGRESS_ALLOW=")[2]
    longer = parse_egress_rules(line)
    assert longer[: len(rules)] == rules
    assert may_reach(longer, host, port, address)


@given(st.ip_addresses(v=4))
def test_ipv4_inside_ipv6_is_never_more_open_than_by_itself(inner):
    number = int(inner)
    forms = [
        (0xFFFF << 32) | number,
        number,
        (0x64FF9B << 96) | number,
        (0x2002 << 112) | (number << 80),
        (0x20010000 << 96) | (number ^ 0xFFFF_FFFF),
    ]
    for form in forms:
        is_open = may_reach((), "h", 80, IPv6Address(form))
        assert is_open == (form == forms[0] and is_public(inner) and not is_metadata(inner))
        if is_metadata(inner):
            assert not may_reach(EVERYTHING, "any-host", 80, IPv6Address(form))


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://h", "h", 80, "/"),
        ("https://H.Example.COM", "h.example.com", 443, "/"),
        ("http://h:8080?x=1", "h", 8080, "/?x=1"),
        ("http://h/a/../b//c/./d", "h", 80, "/a/../b//c/./d"),
        ("http://h/%7e%zz?q=a+b&c=%2B", "h", 80, "/%7e%zz?q=a+b&c=%2B"),
        ("http://h/<a>\"'{b}|^`\\?[c]", "h", 80, "/<a>\"'{b}|^`\\?[c]"),
        ("http://h/p?a=1?b#frag?ment", "h", 80, "/p?a=1?b"),
        ("http://h/grün?wer=Zoë", "h", 80, "/gr%C3%BCn?wer=Zo%C3%AB"),
        ("http://h/p?", "h", 80, "/p"),
        ("http://my_service:3000/x", "my_service", 3000, "/x"),
        ("http://h.example./x", "h.example.", 80, "/x"),
        ("http://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example", 80, "/"),
        ("http://[2606:4700::1111]:8443/x", "2606:4700::1111", 8443, "/x"),
        ("http://[2606:4700::ABCD]/", "2606:4700::abcd", 80, "/"),
        ("http://1.1.1.1/x", "1.1.1.1", 80, "/x"),
    ],
)
def test_a_url_is_read_as_it_was_rendered(url, host, port, path):
    target = read_target(url)
    assert (target.host, target.port, target.path) == (host, port, path)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("", "http://"),
        ("h/x", "http://"),
        ("http://", "no host"),
        ("http://:80/", "no host"),
        ("http://h:/", "port"),
        ("http://h:0/", "port"),
        ("http://h:65536/", "65535"),
        ("http://h/a b", "position 11"),
        ("http://h/a\r\nX: y", "position 11"),
        ("http://h/\x7f", "position 10"),
        ("http://h/\ud800", "position 10"),
        ("http://-h/", "host name"),
        ("http://a..b/", "host name"),
        ("http://.h/", "host name"),
        ("http://h*/", "host name"),
        (f"http://{'a' * 64}/", "host name"),
        (f"http://{'a.' * 127}b/", "host name"),
        ("http://münchen.example/", "xn--"),
        ("http://\u212aey.example/", "xn--"),
        ("http://user@h/", "header instead"),
        ("http://[::ffff:1.2.3.4]/", "write 1.2.3.4"),
        ("http://[2606:4700:0::1]/", "write [2606:4700::1]"),
        ("http://01.1.1.1/", "four decimal numbers"),
    ],
)
def test_a_url_that_cannot_be_sent_is_refused_with_the_reason(url, hint):
    with pytest.raises(SendError) as caught:
        read_target(url)
    assert caught.value.fault is Fault.INVALID
    assert hint in caught.value.message


@given(st.text(min_size=1, max_size=30))
def test_any_text_after_the_scheme_is_read_one_way_or_refused(text):
    try:
        target = read_target(f"http://{text}")
    except SendError as error:
        assert error.fault is Fault.INVALID
        return
    assert target.path.isascii()
    assert target.path.startswith("/")
    again = read_target(target.url)
    assert (again.host, again.port, again.path) == (target.host, target.port, target.path)

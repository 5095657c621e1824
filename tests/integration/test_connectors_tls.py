"""Connectors with certificates, authorities and proxies of their own; real TLS throughout."""

from __future__ import annotations

from pathlib import Path

import pytest

from endpoint import Endpoint
from integration.connector_parts import (
    FLOW,
    Authority,
    a_post,
    connect_proxy,
    leaving,
    loaded,
    serving_tokens,
    tls_peer,
)
from onhook.egress.connector_client import Outgoing
from onhook.egress.connectors import ConnectorsError
from onhook.egress.port import Fault, Response, SendError


async def sent(outgoing: Outgoing, url: str, connector: str = "crm") -> Response:
    return await outgoing.way(connector, url, flow=FLOW, node="Tell").send(a_post(url))


async def test_an_authority_of_one_s_own_is_trusted_by_its_connector_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with tls_peer(authority.server()) as peer:
        text = (
            f"crm: {{url: '{peer.url('')}', ca_file: ca.pem, bearer: token-1}}\n"
            f"other: {{url: '{peer.url('')}', bearer: token-2}}\n"
        )
        async with leaving(loaded(tmp_path, text)) as outgoing:
            assert (await sent(outgoing, peer.url())).status == 200
            with pytest.raises(SendError) as refusal:
                await sent(outgoing, peer.url(), "other")
    assert refusal.value.fault is Fault.TLS
    assert "not trusted" in refusal.value.message
    assert len(peer.requests) == 1
    assert b"Bearer token-1" in peer.requests[0]


async def test_a_certificate_is_shown_and_a_renewed_one_at_the_next_attempt(tmp_path: Path) -> None:
    authority, clients = Authority(tmp_path), Authority(tmp_path, "clients")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    clients.issue("first", certificate, key)
    async with tls_peer(authority.server(asks_for=clients)) as peer:
        text = (
            f"crm: {{url: '{peer.url('')}', ca_file: ca.pem, client_cert: client.pem, "
            "client_key: client.key}\n"
            f"bare: {{url: '{peer.url('')}', ca_file: ca.pem}}\n"
        )
        async with leaving(loaded(tmp_path, text)) as outgoing:
            await sent(outgoing, peer.url())
            clients.issue("second", certificate, key)
            await sent(outgoing, peer.url())
            with pytest.raises(SendError) as refusal:
                await sent(outgoing, peer.url(), "bare")
    assert peer.names == ["first", "second"]
    assert refusal.value.fault in (Fault.TLS, Fault.RESET)


async def test_a_certificate_and_its_key_may_stand_in_one_file(tmp_path: Path) -> None:
    authority, clients = Authority(tmp_path), Authority(tmp_path, "clients")
    both, key = tmp_path / "both.pem", tmp_path / "key"
    clients.issue("first", both, key)
    both.write_bytes(key.read_bytes() + both.read_bytes())
    async with tls_peer(authority.server(asks_for=clients)) as peer:
        text = f"crm: {{url: '{peer.url('')}', ca_file: '{authority.file}', client_cert: both.pem}}"
        async with leaving(loaded(tmp_path, text)) as outgoing:
            await sent(outgoing, peer.url())
    assert peer.names == ["first"]


async def test_a_certificate_is_shown_to_the_connector_s_own_origin_alone(tmp_path: Path) -> None:
    authority, clients = Authority(tmp_path), Authority(tmp_path, "clients")
    clients.issue("ours", tmp_path / "c.pem", tmp_path / "k.pem")
    asking, curious = authority.server(asks_for=clients), authority.server(asks_for=clients)
    curious.verify_mode = 1  # ssl.CERT_OPTIONAL: it takes a certificate where it is shown one
    async with tls_peer(asking) as peer, tls_peer(curious) as tokens:
        tokens.body = b'{"access_token": "token-1"}'
        tls = "ca_file: ca.pem, client_cert: c.pem, client_key: k.pem"
        oauth = f"oauth2: {{token_url: '{tokens.url('/token')}', client_id: a, client_secret: b}}"
        text = f"crm: {{url: '{peer.url('')}', {tls}, {oauth}}}"
        async with leaving(loaded(tmp_path, text)) as outgoing:
            await sent(outgoing, peer.url())
    assert (tokens.names, peer.names) == ([None], ["ours"])
    assert b"Bearer token-1" in peer.requests[0]


async def test_requests_go_through_the_connector_s_proxy_and_so_does_the_asking_for_tokens(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "proxy-password").write_text("p:@/%ü\n")
    async with (
        connect_proxy("me", "p:@/%ü") as proxy,
        tls_peer(authority.server()) as peer,
        tls_peer(authority.server()) as tokens,
    ):
        tokens.body = b'{"access_token": "token-1"}'
        text = f"""
crm:
  url: {peer.url("")}
  ca_file: ca.pem
  proxy: {proxy.url}
  proxy_user: me
  proxy_password_file: proxy-password
  oauth2: {{token_url: '{tokens.url("/token")}', client_id: a, client_secret: b}}
"""
        async with leaving(loaded(tmp_path, text)) as outgoing:
            assert (await sent(outgoing, peer.url())).status == 200
    asked = [head.split(b"\r\n")[0] for head in proxy.heads]
    assert asked == [f"CONNECT localhost:{each.port} HTTP/1.1".encode() for each in (tokens, peer)]
    assert not any(b"token-1" in head for head in proxy.heads)
    assert b"proxy-authorization" not in peer.requests[0].lower()


async def test_a_proxy_that_does_not_know_us_is_named_without_the_password(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with connect_proxy("me", "right") as proxy, tls_peer(authority.server()) as peer:
        text = (
            f"crm: {{url: '{peer.url('')}', ca_file: ca.pem, proxy: '{proxy.url}', "
            "proxy_user: me, proxy_password: s3cret-s3cret}"
        )
        connectors = loaded(tmp_path, text)
        async with leaving(connectors) as outgoing:
            with pytest.raises(SendError) as refusal:
                await sent(outgoing, peer.url())
    assert f"the proxy 127.0.0.1:{proxy.port}" in refusal.value.message
    assert "407" in refusal.value.message
    assert "s3cret" not in refusal.value.message
    assert peer.requests == []


async def test_a_proxy_of_a_private_address_needs_the_guard_s_leave(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with connect_proxy("me", "right") as proxy, tls_peer(authority.server()) as peer:
        text = f"crm: {{url: '{peer.url('')}', ca_file: ca.pem, proxy: '{proxy.url}'}}"
        rules = f"localhost:{peer.port}"
        async with leaving(loaded(tmp_path, text), rules=rules) as outgoing:
            with pytest.raises(SendError) as refusal:
                await sent(outgoing, peer.url())
    assert refusal.value.fault is Fault.BLOCKED
    assert proxy.heads == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("client_key: k.pem", "client_key: belongs to a client_cert"),
        ("client_cert: gone.pem", "client_cert: {folder}/gone.pem: No such file"),
        ("client_cert: c.pem, client_key: gone.pem", "client_key: gone.pem"),
        ("client_cert: c.pem", "the key must be its own and have no password"),
        ("client_cert: c.pem, client_key: other.pem", "key values mismatch"),
        ("client_cert: empty.pem", "it must be PEM"),
        ("ca_file: gone.pem", "ca_file: {folder}/gone.pem: No such file"),
        ("ca_file: empty.pem", "ca_file: {folder}/empty.pem: "),
        ("ca_file: 5", "ca_file: must name a file"),
        ("proxy: 'https://127.0.0.1:1'", "must be http://host:port"),
        ("proxy: 'http://127.0.0.1:1/path'", "must be http://host:port"),
        ("proxy: 'http://me:s3cret@127.0.0.1:1'", "write its user as proxy_user"),
        ("proxy: 'http://127.0.0.1:1', proxy_user: me", "or neither"),
        ("proxy_password: s3cret", "there is no proxy"),
    ],
)
def test_certificates_and_proxies_that_cannot_be_used_are_named(
    tmp_path: Path, fields: str, words: str
) -> None:
    authority = Authority(tmp_path)
    authority.issue("us", tmp_path / "c.pem", tmp_path / "k.pem")
    authority.issue("them", tmp_path / "other-c.pem", tmp_path / "other.pem")
    (tmp_path / "empty.pem").touch()
    with pytest.raises(ConnectorsError) as refusal:
        loaded(tmp_path, f"crm: {{url: https://crm.example, {fields}}}")
    said = str(refusal.value).replace(f"{tmp_path}/gone.pem", "gone.pem")
    assert words.replace("{folder}/gone.pem", "gone.pem").format(folder=tmp_path) in said
    assert "s3cret" not in said


def test_a_certificate_for_an_address_without_tls_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConnectorsError, match="the url is no https"):
        loaded(tmp_path, "crm: {url: http://crm.example, client_cert: c.pem}")


async def test_a_token_over_plain_http_is_asked_for_without_the_certificate(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    authority = Authority(tmp_path)
    authority.issue("ours", tmp_path / "c.pem", tmp_path / "k.pem")
    async with tls_peer(authority.server()) as peer, serving_tokens() as tokens:
        tls = "ca_file: ca.pem, client_cert: c.pem, client_key: k.pem"
        oauth = f"oauth2: {{token_url: '{tokens.url}', client_id: a, client_secret: b}}"
        async with leaving(
            loaded(tmp_path, f"crm: {{url: '{peer.url('')}', {tls}, {oauth}}}")
        ) as out:
            await sent(out, peer.url())
    assert len(tokens.asked) == 1

"""Private authorities, client certificates and egress proxies: what a Transport asks for."""

import asyncio
import base64
import ssl
from contextlib import asynccontextmanager

import pytest

from egress_corpus import blocked_urls
from integration import egress_parts
from integration.egress_parts import Authority, answer_all, fault, lean, post
from integration.raw_peer import raw_peer
from onhook.egress.port import Fault, Transport

event_loop_policy = egress_parts.event_loop_policy
pytestmark = egress_parts.pytestmark


def trusting(authority, **more):
    return Transport(ca_file=str(authority.file), **more)


def https(peer, transport, **more):
    return post(peer.url(scheme="https", host="localhost"), transport=transport, **more)


# private authorities


async def test_a_private_authority_is_trusted_where_it_is_named_and_nowhere_else(tmp_path):
    authority = Authority(tmp_path)
    async with raw_peer(answer_all, tls=authority.server("localhost")) as peer, lean() as client:
        assert (await client.send(https(peer, trusting(authority)))).body == b"ok"
        error = await fault(client, https(peer, None))  # no kept connection of the other's
        assert error.fault is Fault.TLS
        assert len(peer.requests) == 1


async def test_a_private_authority_replaces_the_system_s(tmp_path):
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    async with raw_peer(answer_all, tls=authority.server("localhost")) as peer, lean() as client:
        error = await fault(client, https(peer, trusting(other)))
        assert error.fault is Fault.TLS
        assert "not trusted" in error.message


async def test_equal_transports_share_their_kept_connections(tmp_path):
    authority = Authority(tmp_path)
    async with raw_peer(answer_all, tls=authority.server("localhost")) as peer, lean() as client:
        for _ in range(3):
            await client.send(https(peer, trusting(authority)))
        assert peer.connections == 1


# client certificates


async def test_the_client_shows_its_certificate(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("worker")
    tls = authority.server("localhost", client_ca=authority.file)
    async with raw_peer(answer_all, tls=tls) as peer, lean() as client:
        shown = trusting(authority, client_cert=str(certificate), client_key=str(key))
        assert (await client.send(https(peer, shown))).body == b"ok"
        both = tmp_path / "both.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        assert (
            await client.send(https(peer, trusting(authority, client_cert=str(both))))
        ).body == b"ok"


async def test_a_peer_that_asks_for_a_certificate_and_gets_none_is_a_fault(tmp_path):
    authority = Authority(tmp_path)
    tls = authority.server("localhost", client_ca=authority.file)
    async with raw_peer(answer_all, tls=tls) as peer, lean() as client:
        error = await fault(client, https(peer, trusting(authority)))
        # TLS 1.3 says so only after the handshake, in the way of the response.
        assert error.fault in (Fault.TLS, Fault.RESET)
        assert not peer.requests


async def test_a_certificate_renewed_on_disk_is_the_one_shown(tmp_path):
    authority = Authority(tmp_path)
    expired = authority.issue("worker", days=-1)
    shown = trusting(authority, client_cert=str(expired[0]), client_key=str(expired[1]))
    tls = authority.server("localhost", client_ca=authority.file)
    async with raw_peer(answer_all, tls=tls) as peer, lean() as client:
        assert (await fault(client, https(peer, shown))).fault in (Fault.TLS, Fault.RESET)
        assert authority.issue("worker") == expired  # the same files, written anew
        assert (await client.send(https(peer, shown))).status == 200


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("missing authority", "no such file or directory"),
        ("missing certificate", "no such file or directory"),
        ("missing key", "no such file or directory"),
        ("no PEM", "no PEM"),
        ("another's key", "another certificate's"),
        ("key with a password", "without a password"),
    ],
)
async def test_a_certificate_file_that_cannot_be_used_is_named(tmp_path, broken, reason):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("worker")
    _, other_key = authority.issue("other")
    files = {
        "ca_file": str(authority.file),
        "client_cert": str(certificate),
        "client_key": str(key),
    }
    match broken:
        case "missing authority":
            named = files["ca_file"] = str(tmp_path / "gone.pem")
        case "missing certificate":
            named = files["client_cert"] = str(tmp_path / "gone.crt")
        case "missing key":
            named = files["client_key"] = str(tmp_path / "gone.key")
        case "no PEM":
            certificate.write_text("nothing")
            named = str(certificate)
        case "another's key":
            files["client_key"] = str(other_key)
            named = str(certificate)
        case _:
            authority.issue("worker", password=b"secret")
            named = str(certificate)
    async with raw_peer(answer_all, tls=authority.server("localhost")) as peer, lean() as client:
        error = await fault(client, https(peer, Transport(**files)))
        assert error.fault is Fault.TLS
        assert error.message.startswith(f"the certificate file {named} cannot be used: ")
        assert reason in error.message
        assert peer.connections == 0


# proxies


class Proxied:
    """A forward proxy; `asked` are the heads that came to it."""

    def __init__(self, answer: bytes | None, leads_to: int | None) -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._leads_to = leads_to

    async def serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head)
            if self._answer is not None:
                writer.write(self._answer)
            elif head.startswith(b"CONNECT "):
                await self._join(reader, writer)
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied")
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _join(self, reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._leads_to)
        writer.write(b"HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        finally:
            far_writer.close()

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def proxy(answer=None, leads_to=None):
    proxied = Proxied(answer, leads_to)
    server = await asyncio.start_server(proxied.serve, "127.0.0.1", 0)
    proxied.port = server.sockets[0].getsockname()[1]
    try:
        yield proxied
    finally:
        server.close()


async def test_http_goes_through_the_proxy_with_the_whole_url():
    async with proxy() as between, lean("127.0.0.1") as client:
        by = Transport(proxy=f"http://user:p%40ss%20word@127.0.0.1:{between.port}")
        url = "http://hooks.example.com/a/../b?c=1"
        assert (await client.send(post(url, b"", transport=by))).body == b"proxied"
    head = between.asked[0].decode()
    assert head.startswith("POST http://hooks.example.com/a/../b?c=1 HTTP/1.1\r\n")
    assert "\r\nHost: hooks.example.com\r\n" in head
    credentials = base64.b64encode(b"user:p@ss word").decode()
    assert f"\r\nProxy-Authorization: Basic {credentials}\r\n" in head


async def test_https_goes_through_a_tunnel_and_the_proxy_sees_none_of_it(tmp_path):
    authority = Authority(tmp_path)
    tls = authority.server("hooks.example.com")
    async with (
        raw_peer(answer_all, tls=tls) as peer,
        proxy(leads_to=peer.port) as between,
        lean("127.0.0.1") as client,
    ):
        by = trusting(authority, proxy=f"http://user:secret@127.0.0.1:{between.port}")
        for _ in range(3):
            response = await client.send(post("https://hooks.example.com/x", transport=by))
            assert response.body == b"ok"
        assert peer.connections == 1
        (head,) = between.asked
        credentials = base64.b64encode(b"user:secret")
        assert head == (
            b"CONNECT hooks.example.com:443 HTTP/1.1\r\nHost: hooks.example.com:443\r\n"
            b"Proxy-Authorization: Basic " + credentials + b"\r\n\r\n"
        )
        assert all(b"roxy-" not in request for request in peer.requests)


async def test_a_certificate_is_checked_through_the_tunnel_too(tmp_path):
    authority = Authority(tmp_path)
    async with (
        raw_peer(answer_all, tls=authority.server("other.example")) as peer,
        proxy(leads_to=peer.port) as between,
        lean("127.0.0.1") as client,
    ):
        by = trusting(authority, proxy=f"http://127.0.0.1:{between.port}")
        error = await fault(client, post("https://hooks.example.com/x", transport=by))
        assert error.fault is Fault.TLS
        assert "the TLS certificate of hooks.example.com:443 is not trusted" in error.message
        assert not peer.requests


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "refused a connection to hooks.example.com:443: status 407; check the user",
        ),
        (b"HTTP/1.1 403 Forbidden\r\n\r\nno", "refused a connection to hooks.example.com:443"),
        (b"HTTP/1.1 502\r\n\r\n", "status 502"),
        (b"HTTP/1.1 200 OK\r\n\r\n\x16\x03", "is no HTTP response"),
        (b"garbage\r\n\r\n", "is no HTTP response"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 10_000 + b"\r\n", "is no HTTP response"),
        (b"", "no connection to 127.0.0.1"),
        (b"HTTP/1.1 200 OK\r\nX-Half:", "no connection to 127.0.0.1"),
    ],
)
async def test_a_proxy_that_makes_no_tunnel_is_a_fault_of_the_connection(answer, reason):
    async with proxy(answer) as between, lean("127.0.0.1") as client:
        by = Transport(proxy=f"http://user:secret@127.0.0.1:{between.port}")
        error = await fault(client, post("https://hooks.example.com/x", transport=by))
        assert error.fault is Fault.CONNECT
        assert reason in error.message
        assert f"127.0.0.1:{between.port}" in error.message
        assert "secret" not in error.message


async def test_a_proxy_that_never_answers_ends_with_the_connect_timeout():
    async def script(talk):
        await talk.until_closed()

    async with raw_peer(script) as peer, lean("127.0.0.1", connect_timeout_s=0.2) as client:
        by = Transport(proxy=f"http://127.0.0.1:{peer.port}")
        error = await fault(client, post("https://hooks.example.com/x", transport=by))
        assert error.message == "no connection to hooks.example.com:443 within 0.2 s"


async def test_a_private_proxy_needs_an_entry_of_its_own():
    async with proxy() as between:
        by = Transport(proxy=f"http://user:secret@127.0.0.1:{between.port}")
        request = post("http://hooks.example.com/", transport=by)
        async with lean("hooks.example.com") as client:
            error = await fault(client, request)
            assert error.fault is Fault.BLOCKED
            assert error.message.endswith(f"hooks.example.com,127.0.0.1:{between.port}")
        named = Transport(proxy=f"http://proxy.corp:{between.port}")
        async with lean("", look_up=lambda host: ["127.0.0.1"]) as client:
            error = await fault(client, post("http://hooks.example.com/", transport=named))
            assert error.fault is Fault.BLOCKED
            assert error.message.endswith(f"ONHOOK_EGRESS_ALLOW=proxy.corp:{between.port}")
        assert between.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://10.0.0.1:8080/",
        "https://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://localhost/",
        "http://LOCALHOST./",
        "https://a.localhost/",
        "http://intranet/",
        "http://erp.corp/",
        "http://printer.local/",
        "http://router.home.arpa/",
        "http://db.internal:5432/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://metadata/",
        "http://instance-data.ec2.internal/",
        "http://metadata.tencentyun.com/",
    ],
)
async def test_a_proxy_is_not_asked_for_what_is_not_public(url):
    async with proxy() as between, lean(f"127.0.0.1:{between.port}") as client:
        by = Transport(proxy=f"http://127.0.0.1:{between.port}")
        assert (await fault(client, post(url, transport=by))).fault is Fault.BLOCKED
        assert between.asked == []


async def test_no_spelling_of_the_corpus_reaches_a_proxy():
    async with proxy() as between, lean(f"127.0.0.1:{between.port}") as client:
        by = Transport(proxy=f"http://127.0.0.1:{between.port}")
        for url in blocked_urls(9):
            error = await fault(client, post(url, transport=by))
            assert error.fault in (Fault.BLOCKED, Fault.INVALID), url
        assert between.asked == []


async def test_a_host_that_is_allowed_may_be_asked_of_a_proxy_and_metadata_never():
    async with proxy() as between:
        rules = f"127.0.0.1:{between.port},erp.corp:80,10.0.0.0/8,metadata.google.internal"
        async with lean(rules) as client:
            by = Transport(proxy=f"http://127.0.0.1:{between.port}")
            for url in ("http://erp.corp/", "http://10.1.2.3/", "http://hooks.example.com/"):
                assert (await client.send(post(url, b"", transport=by))).status == 200
            for url in ("http://erp.corp:81/", "http://metadata.google.internal/"):
                assert (await fault(client, post(url, transport=by))).fault is Fault.BLOCKED
            error = await fault(client, post("http://erp.corp:81/", transport=by))
            assert error.message.endswith(f"{rules.replace('1:', '1/32:', 1)},erp.corp:81")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:3128",
        "socks5://127.0.0.1:1080",
        "127.0.0.1:3128",
        "http://127.0.0.1:3128/path",
        "http://user:secret@",
        "http://user:secret@127.1:3128",
        "http://user:secret@evil@127.0.0.1:3128",
    ],
)
async def test_a_proxy_s_url_is_read_strictly_and_its_password_never_shown(url):
    async with lean() as client:
        error = await fault(
            client, post("http://hooks.example.com/", transport=Transport(proxy=url))
        )
        assert error.fault is Fault.INVALID
        assert error.message.startswith("the proxy's URL ")
        assert "secret" not in error.message
    assert "secret" not in repr(Transport(proxy=url))

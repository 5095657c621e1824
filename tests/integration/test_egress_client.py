"""What every adapter of the egress port promises, against peers that misbehave."""

import asyncio
import gzip
import socket
import ssl
import threading
import time
from pathlib import Path

import aiohappyeyeballs
import aiohttp
import pytest

from aiohttp_egress.connection import Attempt, GuardedConnector, current_attempt
from egress_corpus import blocked_answers, blocked_urls, public_addresses
from integration import egress_parts
from integration.egress_parts import answer_all, fault, post, say_once
from integration.raw_peer import raw_peer
from onhook import __version__
from onhook.egress.address_guard import Guard
from onhook.egress.port import Fault
from onhook.egress.target import read_target

HERE = Path(__file__).parent
CERTIFICATE = HERE / "self_signed.pem"
connected = egress_parts.connected
event_loop_policy = egress_parts.event_loop_policy
pytestmark = egress_parts.pytestmark


def server_tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def client_tls():
    return ssl.create_default_context(cafile=CERTIFICATE)


async def test_the_contract_is_kept_on_both_event_loops(request):
    loop = "uvloop" if "uvloop" in request.node.name else "asyncio"
    assert type(asyncio.get_running_loop()).__module__.partition(".")[0] == loop


# what goes out


async def test_the_request_is_on_the_wire_as_it_was_given(connected):
    async with raw_peer(answer_all) as peer, connected() as client:
        headers = (
            ("X-CaSe", "Kept"),
            ("content-type", "text/x; a=b"),
            ("webhook-id", "msg_1"),
            ("X-Twice", "1"),
            ("X-Twice", "2"),
            ("X-Name", "Zoë ✓"),
            ("X-Empty", ""),
        )
        body = bytes(range(256))
        path = "/a/../b//%7e%zz/{x}?q=a+b&c=%2B&d='\"<>|"
        await client.send(post(peer.url(path), body, headers=headers))
    (sent,) = peer.requests
    head, _, sent_body = sent.partition(b"\r\n\r\n")
    request_line, *lines = head.decode().split("\r\n")
    assert request_line == f"POST {path} HTTP/1.1"
    assert sent_body == body
    given = [f"{name}: {value}" for name, value in headers]
    assert [line for line in lines if line in given] == given
    assert sorted(set(lines) - set(given)) == [
        "Content-Length: 256",
        f"Host: 127.0.0.1:{peer.port}",
        f"User-Agent: onhook/{__version__}",
    ]


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("GET", b"", []),
        ("HEAD", b"", []),
        ("GET", b"x", ["Content-Length: 1"]),
        ("POST", b"", ["Content-Length: 0"]),
        ("PATCH", b"xy", ["Content-Length: 2"]),
    ],
)
async def test_nothing_is_added_to_the_headers_but_host_and_length(
    connected, method, body, expected
):
    async def script(talk):
        await talk.request()
        await talk.answer()

    async with raw_peer(script) as peer, connected() as client:
        request = post(peer.url(), body, method=method, headers=(("User-Agent", "mine"),))
        await client.send(request)
    lines = peer.requests[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert lines[0] == f"{method} /hook HTTP/1.1"
    assert sorted(lines[1:]) == sorted(
        [f"Host: 127.0.0.1:{peer.port}", "User-Agent: mine", *expected]
    )


async def test_no_cookie_comes_back(connected):
    async def script(talk):
        async for _ in talk.requests():
            await talk.answer(headers=b"Set-Cookie: a=b; Path=/\r\n")

    async with raw_peer(script) as peer, connected() as client:
        await client.send(post(peer.url()))
        await client.send(post(peer.url()))
    assert b"ookie" not in peer.requests[1]


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"headers": (("X-A", "b\r\nX-Evil: 1"),)}, '"X-A"'),
        ({"headers": (("X-A", "b\nc"),)}, '"X-A"'),
        ({"headers": (("X-A", "b\x00"),)}, '"X-A"'),
        ({"headers": (("X-A", "a\tb"),)}, '"X-A"'),
        ({"headers": (("X-A", "\x85"),)}, '"X-A"'),
        ({"headers": (("X-A", "\ud83d"),)}, '"X-A"'),
        ({"headers": (("X A", "b"),)}, '"X A"'),
        ({"headers": (("X-A:", "b"),)}, '"X-A:"'),
        ({"headers": (("", "b"),)}, "name"),
        ({"headers": (("X\r\nY", "b"),)}, r"X\r\nY"),
        ({"headers": (("Host", "evil"),)}, '"host"'),
        ({"headers": (("content-length", "0"),)}, '"content-length"'),
        ({"headers": (("Transfer-Encoding", "chunked"),)}, '"transfer-encoding"'),
        ({"headers": (("Connection", "close"),)}, '"connection"'),
        ({"method": "PO ST"}, "PO ST"),
        ({"method": "GET / HTTP/1.1\r\nX: y"}, "method"),
        ({"method": ""}, "method"),
        ({"method": "CONNECT"}, "CONNECT"),
        ({"timeout_s": 0.0}, "timeout"),
    ],
)
async def test_what_is_no_http_is_refused_before_anything_is_sent(connected, change, hint):
    async with raw_peer(answer_all) as peer, connected() as client:
        error = await fault(client, post(peer.url(), **change))
        assert error.fault is Fault.INVALID
        assert hint in error.message
        assert peer.connections == 0


# what comes back


async def test_the_response_is_handed_over_as_it_came(connected):
    body = gzip.compress(b"x" * 100)

    async def script(talk):
        await talk.request()
        await talk.answer(
            207, body, b"X-One: 1\r\nx-one: 2\r\nContent-Encoding: gzip\r\nX-Raw: \xc3\xa4\xff\r\n"
        )

    async with raw_peer(script) as peer, connected() as client:
        started = time.perf_counter()
        response = await client.send(post(peer.url()))
        assert 0 < response.elapsed_s <= time.perf_counter() - started
    assert response.status == 207
    assert response.body == body
    assert not response.is_cut
    assert response.headers[:3] == (("X-One", "1"), ("x-one", "2"), ("Content-Encoding", "gzip"))
    assert response.headers[3] == ("X-Raw", "ä\ufffd")


@pytest.mark.parametrize(
    ("data", "method", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", "POST", 204, b""),
        (b"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", "GET", 304, b""),
        (b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n", "HEAD", 200, b""),
        (b"HTTP/1.1 500\r\nContent-Length: 2\r\n\r\nno", "POST", 500, b"no"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil closed", "POST", 200, b"until closed"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx", "POST", 200, b"x"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            "POST",
            200,
            b"abcd",
        ),
        (
            b"HTTP/1.1 103 X\r\nLink: a\r\n\r\nHTTP/1.1 201 X\r\nContent-Length: 1\r\n\r\nz",
            "POST",
            201,
            b"z",
        ),
        (b"HTTP/1.1 101 X\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\nabc", "GET", 101, b""),
    ],
)
async def test_every_shape_of_response_is_understood(connected, data, method, status, body):
    async with raw_peer(say_once(data)) as peer, connected() as client:
        response = await client.send(post(peer.url(), b"", method=method))
    assert (response.status, response.body, response.is_cut) == (status, body, False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(connected, status):
    async def script(talk):
        async for _ in talk.requests():
            await talk.answer(status, headers=b"Location: http://169.254.169.254/\r\n")

    async with raw_peer(script) as peer, connected() as client:
        response = await client.send(post(peer.url()))
        assert response.status == status
        assert dict(response.headers)["Location"] == "http://169.254.169.254/"
        assert len(peer.requests) == 1


async def test_a_long_body_is_cut_and_its_connection_closed(connected):
    closed = asyncio.Event()

    async def script(talk):
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                await talk.say(b"x" * 10_000)
        except ConnectionError:
            closed.set()

    async with raw_peer(script) as peer, connected(largest_body=70_000) as client:
        response = await client.send(post(peer.url()))
        assert response.is_cut
        assert response.body == b"x" * 70_000
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_body_of_just_the_limit_is_not_cut(connected):
    async def script(talk):
        async for request in talk.requests():
            await talk.answer(body=b"y" * int(request.partition(b"?")[2].split()[0]))

    async with raw_peer(script) as peer, connected(largest_body=1000) as client:
        whole = await client.send(post(peer.url("/?1000")))
        cut = await client.send(post(peer.url("/?1001")))
    assert (len(whole.body), whole.is_cut) == (1000, False)
    assert (len(cut.body), cut.is_cut) == (1000, True)


# faults


async def test_a_peer_that_never_answers_times_out(connected):
    async def script(talk):
        await talk.request()
        await talk.until_closed()

    async with raw_peer(script) as peer, connected() as client:
        error = await fault(client, post(peer.url(), timeout_s=0.2))
        assert error.fault is Fault.TIMEOUT
        assert error.message == f"no response from 127.0.0.1:{peer.port} within 0.2 s"
        assert 0.19 <= error.elapsed_s < 3  # timers tick in milliseconds


async def test_a_body_that_drips_times_out_as_a_whole(connected):
    async def script(talk):
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            await talk.say(b"x")
            await asyncio.sleep(0.02)  # the drip itself

    async with raw_peer(script) as peer, connected() as client:
        error = await fault(client, post(peer.url(), timeout_s=0.3))
        assert error.fault is Fault.TIMEOUT
        assert "body" in error.message
        assert 0.29 <= error.elapsed_s < 3


async def test_a_head_that_drips_times_out(connected):
    async def script(talk):
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await talk.say(b"X-A: b\r\n")
            await asyncio.sleep(0.02)  # the drip itself

    async with raw_peer(script) as peer, connected() as client:
        error = await fault(client, post(peer.url(), timeout_s=0.3))
        assert error.fault is Fault.TIMEOUT


async def test_a_tls_handshake_that_hangs_ends_with_the_connect_timeout(connected):
    async def script(talk):
        await talk.until_closed()

    async with raw_peer(script) as peer, connected(connect_timeout_s=0.2) as client:
        error = await fault(client, post(peer.url(scheme="https")))
        assert error.fault is Fault.TIMEOUT
        assert error.message == f"no connection to 127.0.0.1:{peer.port} within 0.2 s"


async def test_a_port_that_nobody_listens_on_is_refused(connected):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with connected() as client:
        error = await fault(client, post(f"http://127.0.0.1:{port}/"))
        assert error.fault is Fault.CONNECT
        assert error.message == f"no connection to 127.0.0.1:{port}: connection refused"


async def test_a_name_that_does_not_resolve_is_a_dns_fault(connected):
    def look_up(host):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with connected(look_up=look_up) as client:
        error = await fault(client, post("http://nowhere.example/"))
        assert error.fault is Fault.DNS
        assert error.message == (
            'the name "nowhere.example" does not resolve: name or service not known'
        )


async def test_a_name_without_addresses_is_a_dns_fault(connected):
    async with connected(look_up=lambda host: []) as client:
        assert (await fault(client, post("http://empty.example/"))).fault is Fault.DNS


async def test_a_resolver_that_hangs_times_out_and_holds_nobody_else_up(connected):
    release = threading.Event()

    def look_up(host):
        if host == "slow.example":
            release.wait(10)
        return ["127.0.0.1"]

    rules = "slow.example,quick.example"
    async with raw_peer(answer_all) as peer, connected(rules, look_up=look_up) as client:
        slow = asyncio.create_task(
            fault(client, post(peer.url(host="slow.example"), timeout_s=0.3))
        )
        assert (await client.send(post(peer.url(host="quick.example")))).status == 200
        assert (await slow).fault is Fault.TIMEOUT
        release.set()


async def test_a_certificate_that_nobody_vouches_for_is_refused(connected):
    async with raw_peer(answer_all, tls=server_tls()) as peer, connected() as client:
        error = await fault(client, post(peer.url(scheme="https")))
        assert error.fault is Fault.TLS
        assert "not trusted: self-signed certificate" in error.message
        assert not peer.requests


async def test_a_certificate_of_another_host_is_refused(connected):
    rules = "other.example"
    options = {"tls": client_tls(), "look_up": lambda host: ["127.0.0.1"]}
    async with (
        raw_peer(answer_all, tls=server_tls()) as peer,
        connected(rules, **options) as client,
    ):
        error = await fault(client, post(peer.url(scheme="https", host="other.example")))
        assert error.fault is Fault.TLS
        assert "other.example" in error.message
        assert not peer.requests


async def test_a_peer_that_speaks_no_tls_is_a_tls_fault(connected):
    async def script(talk):
        await talk.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw_peer(script) as peer, connected() as client:
        error = await fault(client, post(peer.url(scheme="https")))
        assert error.fault is Fault.TLS


async def test_a_trusted_certificate_is_accepted_by_address_and_by_name(connected):
    async with (
        raw_peer(answer_all, tls=server_tls()) as peer,
        connected(tls=client_tls()) as client,
    ):
        for host in ("127.0.0.1", "localhost"):
            response = await client.send(post(peer.url(scheme="https", host=host)))
            assert response.body == b"ok"


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
async def test_a_fresh_connection_that_closes_silently_is_reset_and_not_tried_again(
    connected, method
):
    async with raw_peer(say_once(b"")) as peer, connected() as client:
        error = await fault(client, post(peer.url(), method=method))
        assert error.fault is Fault.RESET
        assert "closed the connection without a response" in error.message
        assert len(peer.requests) == 1


async def test_a_reset_is_a_reset(connected):
    async def script(talk):
        await talk.request()
        talk.reset()

    async with raw_peer(script) as peer, connected() as client:
        error = await fault(client, post(peer.url()))
        assert error.fault is Fault.RESET
        assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    ],
)
async def test_a_response_that_breaks_off_is_a_reset(connected, data):
    async with raw_peer(say_once(data)) as peer, connected() as client:
        error = await fault(client, post(peer.url()))
        assert error.fault is Fault.RESET
        assert error.message.endswith("in the middle of its response")
        assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff\xfe garbage \r\n\r\n",
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 20_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
    ],
)
async def test_what_is_no_http_response_is_a_protocol_fault(connected, data):
    async with raw_peer(say_once(data)) as peer, connected() as client:
        error = await fault(client, post(peer.url()))
        assert error.fault is Fault.PROTOCOL


# connections


async def test_one_connection_serves_many_requests(connected):
    async with raw_peer(answer_all) as peer, connected() as client:
        for _ in range(5):
            await client.send(post(peer.url()))
        assert peer.connections == 1


async def test_sixty_four_requests_in_flight_get_their_own_answers(connected):
    everyone = asyncio.Event()

    async def script(talk):
        async for request in talk.requests():
            if len(talk.peer.requests) == 64:
                everyone.set()
            await everyone.wait()
            await talk.answer(body=request.partition(b"\r\n\r\n")[2])

    async with raw_peer(script) as peer, connected() as client:
        bodies = [str(number).encode() for number in range(64)]
        answers = await asyncio.gather(*(client.send(post(peer.url(), body)) for body in bodies))
    assert [answer.body for answer in answers] == bodies


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_kept_connection_gone_stale_is_replaced_once(connected, how):
    async def script(talk):
        await talk.request()
        await talk.answer(body=b"first" if talk.number == 1 else b"second")
        await talk.request()
        if how == "reset":
            talk.reset()

    async with raw_peer(script) as peer, connected() as client:
        assert (await client.send(post(peer.url(), b"1"))).body == b"first"
        assert (await client.send(post(peer.url(), b"2"))).body == b"second"
        assert peer.connections == 2
        assert [request[-1:] for request in peer.requests] == [b"1", b"2", b"2"]
        assert peer.requests[1] == peer.requests[2]


async def test_a_second_silence_in_a_row_is_a_reset(connected):
    async def script(talk):
        await talk.request()
        if talk.number == 1:
            await talk.answer()
            await talk.request()

    async with raw_peer(script) as peer, connected() as client:
        await client.send(post(peer.url()))
        assert (await fault(client, post(peer.url()))).fault is Fault.RESET
        assert len(peer.requests) == 3


async def test_a_pool_full_of_stale_connections_costs_one_more_try(connected):
    everyone = asyncio.Event()

    async def script(talk):
        await talk.request()
        if talk.number <= 8:
            if talk.number == 8:
                everyone.set()
            await everyone.wait()
            await talk.answer(body=b"old")
            await talk.request()
        else:
            await talk.answer(body=b"new")
            await talk.until_closed()

    async with raw_peer(script) as peer, connected() as client:
        answers = await asyncio.gather(*(client.send(post(peer.url())) for _ in range(8)))
        assert {answer.body for answer in answers} == {b"old"}
        assert (await client.send(post(peer.url()))).body == b"new"
        assert len(peer.requests) == 8 + 2


async def test_a_kept_connection_that_broke_off_mid_answer_is_not_tried_again(connected):
    async def script(talk):
        await talk.request()
        await talk.answer()
        await talk.request()
        await talk.say(b"HTTP/1.1 2")

    async with raw_peer(script) as peer, connected() as client:
        await client.send(post(peer.url()))
        assert (await fault(client, post(peer.url()))).fault is Fault.RESET
        assert len(peer.requests) == 2


async def test_an_answer_that_nobody_asked_for_is_no_answer_to_the_next_request(connected):
    phantom_sent = asyncio.Event()
    go_on = asyncio.Event()

    async def script(talk):
        await talk.request()
        if talk.number == 1:
            await talk.answer(200)
            await go_on.wait()
            await talk.answer(200, b"phantom")
            phantom_sent.set()
            await talk.until_closed()
        else:
            await talk.answer(503)

    async with raw_peer(script) as peer, connected() as client:
        assert (await client.send(post(peer.url()))).status == 200
        go_on.set()
        await phantom_sent.wait()
        for _ in range(3):  # turns of the loop in which the client's side reads what came
            await asyncio.sleep(0)
        assert (await client.send(post(peer.url()))).status == 503


async def test_a_cancelled_send_closes_its_connection(connected):
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def script(talk):
        await talk.request()
        arrived.set()
        await talk.until_closed()
        closed.set()

    async with raw_peer(script) as peer, connected() as client:
        sending = asyncio.create_task(client.send(post(peer.url())))
        await asyncio.wait_for(arrived.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.wait_for(closed.wait(), 5)


# the guard


async def test_without_a_rule_no_spelling_reaches_a_listening_loopback(connected):
    async with raw_peer(answer_all) as peer, connected("") as client:
        for url in blocked_urls(peer.port):
            error = await fault(client, post(url))
            # Not every resolver knows "localhost" with a dot.
            known = Fault.DNS if "localhost." in url else Fault.BLOCKED
            assert error.fault in (Fault.BLOCKED, Fault.INVALID, known), url
        assert peer.connections == 0


async def test_without_a_rule_no_answer_of_dns_is_followed(connected):
    answers = {f"name{number}.example": each for number, each in enumerate(blocked_answers())}
    async with raw_peer(answer_all) as peer, connected("", look_up=answers.get) as client:
        for name, each in answers.items():
            error = await fault(client, post(peer.url(host=name)))
            assert error.fault is Fault.BLOCKED, each
            assert f"{name}:{peer.port} resolves to " in error.message
        assert peer.connections == 0


async def test_public_addresses_are_dialled(connected, monkeypatch):
    """Every one of them comes as far as the socket, which leads to our peer instead."""
    dialled = []
    dial = aiohappyeyeballs.start_connection

    async def led_home(addr_infos, **options):
        dialled.append(addr_infos[0][4][0])
        home = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", peer.port))
        return await dial([home], **options)

    monkeypatch.setattr("aiohappyeyeballs.start_connection", led_home)
    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", led_home)
    async with raw_peer(answer_all) as peer, connected("") as client:
        for address in public_addresses():
            host = f"[{address}]" if ":" in address else address
            if not address.startswith("::ffff:"):
                # The peer that it came to is loopback, which is the last thing to be checked.
                error = await fault(client, post(f"http://{host}:{peer.port}/"))
                assert "127.0.0.1" in error.message
        assert dialled == [each for each in public_addresses() if not each.startswith("::ffff:")]
        assert peer.requests == []


async def test_what_is_blocked_says_how_to_allow_it(connected):
    async with raw_peer(answer_all) as peer, connected("10.0.0.0/8") as client:
        error = await fault(client, post(peer.url("/secret-path?token=1")))
        assert error.fault is Fault.BLOCKED
        assert error.message == (
            f"blocked: 127.0.0.1:{peer.port} is not a public address; "
            f"to allow it set ONHOOK_EGRESS_ALLOW=10.0.0.0/8,127.0.0.1:{peer.port}"
        )
        line = error.message.partition("ONHOOK_EGRESS_ALLOW=")[2]
        async with connected(line) as allowed:
            assert (await allowed.send(post(peer.url()))).status == 200


@pytest.mark.parametrize(
    ("rule", "host", "is_open"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("127.0.0.1:{port}", "127.0.0.1", True),
        ("127.0.0.0/8:{port}", "127.0.0.1", True),
        ("127.0.0.0/8:1", "127.0.0.1", False),
        ("127.0.0.2", "127.0.0.1", False),
        ("localhost", "localhost", True),
        ("localhost:{port}", "LocalHost", True),
        ("localhost", "localhost.", True),
        ("localhost:1", "localhost", False),
        ("localhost", "127.0.0.1", False),
        ("127.0.0.0/8,::1", "localhost", True),
        ("internal.example", "internal.example", True),
        ("internal.example:{port}", "internal.example", True),
        ("internal.example:1", "internal.example", False),
        ("127.0.0.0/8:{port}", "internal.example", True),
        ("", "internal.example", False),
    ],
)
async def test_a_rule_opens_its_host_network_and_port(connected, rule, host, is_open):
    def look_up(name):
        return ["127.0.0.1"] if name.lower().startswith(("internal", "localhost")) else []

    async with (
        raw_peer(answer_all) as peer,
        connected(rule.format(port=peer.port), look_up=look_up) as client,
    ):
        if is_open:
            assert (await client.send(post(peer.url(host=host)))).status == 200
        else:
            assert (await fault(client, post(peer.url(host=host)))).fault is Fault.BLOCKED
            assert peer.connections == 0


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "::ffff:a9fe:a9fe"])
async def test_no_allowed_host_leads_to_a_metadata_address(connected, address):
    async with connected("meta.example", look_up=lambda host: [address]) as client:
        error = await fault(client, post("http://meta.example/"))
        assert error.fault is Fault.BLOCKED
        assert "metadata" in error.message


async def test_only_the_open_addresses_of_a_name_are_dialled(connected):
    async with raw_peer(answer_all) as peer:
        answers = ["169.254.169.254", "127.0.0.2", "10.0.0.1", "127.0.0.1"]
        rule = f"127.0.0.1:{peer.port}"
        async with connected(rule, look_up=lambda host: answers) as client:
            assert (await client.send(post(peer.url(host="mixed.example")))).status == 200


async def test_a_name_rebound_to_loopback_is_not_followed(connected):
    asked = []

    def look_up(host):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async def script(talk):
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    async with raw_peer(script) as peer:
        rule = f"127.0.0.1:{peer.port}"
        async with connected(rule, look_up=look_up) as client:
            for _ in range(3):
                assert (await client.send(post(peer.url(host="rebind.example")))).status == 200
            assert asked == ["rebind.example"]  # vetted answers are kept for a while
        async with connected(rule, look_up=look_up) as client:
            error = await fault(client, post(peer.url(host="rebind.example")))
            assert error.fault is Fault.BLOCKED
            assert "127.0.0.2" in error.message


# aiohttp alone


class LyingResolver(aiohttp.abc.AbstractResolver):
    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        return [
            {"hostname": host, "host": text, "port": port, "family": 0, "proto": 0, "flags": 0}
            for text in ("127.0.0.1", "::1")
        ]

    async def close(self):
        pass


async def test_aiohttp_dials_no_barred_address_even_if_its_resolver_lets_one_through():
    async with raw_peer(answer_all) as peer:
        url = peer.url(host="public.example")
        attempt = Attempt(read_target(url))
        current_attempt.set(attempt)
        connector = GuardedConnector(Guard(()), LyingResolver(), None)
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(url)
        assert attempt.barred is not None
        assert peer.connections == 0

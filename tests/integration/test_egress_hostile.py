"""The egress port's contract, against peers that mean harm or know no better.

Whatever a peer says, a send ends in time, in bounded memory, with a response or a named fault.
"""

import asyncio
import ssl

import pytest

from integration import egress_parts
from integration.egress_parts import Authority, answer_all, fault, post, say_once
from integration.raw_peer import raw_peer
from onhook.egress.port import Fault

connected = egress_parts.connected
event_loop_policy = egress_parts.event_loop_policy
pytestmark = egress_parts.pytestmark

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def say_for_ever(first: bytes, again: bytes):
    """A peer that says `again` until the client has had enough, and notes that it had."""
    gave_up = asyncio.Event()

    async def script(talk):
        await talk.request()
        await talk.say(first)
        try:
            while True:
                await talk.say(again)
        except ConnectionError:
            gave_up.set()

    return script, gave_up


# answers without an end


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Many: 1\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 10_000),
        (b"HTTP/1.1 200 ", b"O" * 10_000),
        (b"", b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\n" * 300),
        (b"", b"\x00" * 10_000),
        (CHUNKED + b"1;x=", b"x" * 10_000),
        (CHUNKED + b"1\r\na\r\n0\r\n", b"X-Trailer: 1\r\n" * 1000),
        (CHUNKED + b"1\r\na\r\n0\r\nX-Trailer: ", b"x" * 10_000),
    ],
    ids=[
        "headers",
        "one header",
        "reason",
        "interim responses",
        "zeros",
        "chunk extension",
        "trailers",
        "one trailer",
    ],
)
async def test_a_flood_around_the_body_ends_in_a_protocol_fault(connected, first, again):
    script, gave_up = say_for_ever(first, again)
    async with raw_peer(script) as peer, connected() as client:
        error = await fault(client, post(peer.url(), timeout_s=2))
        # aiohttp reads interim responses and chunk extensions for as long as there is time.
        waits = connected.adapter == "aiohttp" and error.fault is Fault.TIMEOUT
        assert waits or error.fault is Fault.PROTOCOL
        await asyncio.wait_for(gave_up.wait(), 5)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 10_000),
        (CHUNKED, b"2710\r\n" + b"x" * 10_000 + b"\r\n"),
        (CHUNKED, b"1\r\nx\r\n" * 1000),
    ],
    ids=["until closed", "announced", "chunks", "chunks of one byte"],
)
async def test_a_body_without_an_end_is_cut_at_the_limit(connected, first, again):
    script, gave_up = say_for_ever(first, again)
    async with raw_peer(script) as peer, connected(largest_body=70_000) as client:
        response = await client.send(post(peer.url()))
        assert (response.status, response.body, response.is_cut) == (200, b"x" * 70_000, True)
        await asyncio.wait_for(gave_up.wait(), 5)


async def test_ten_thousand_small_headers_are_too_many(connected):
    data = b"HTTP/1.1 200 OK\r\n" + b"a:b\r\n" * 10_000 + b"Content-Length: 0\r\n\r\n"
    async with raw_peer(say_once(data)) as peer, connected() as client:
        assert (await fault(client, post(peer.url()))).fault is Fault.PROTOCOL


async def test_a_hundred_headers_and_a_long_one_are_read(connected):
    data = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100 + b"X-Long: " + b"x" * 30_000
    data += b"\r\nContent-Length: 2\r\n\r\nok"
    async with raw_peer(say_once(data)) as peer, connected() as client:
        response = await client.send(post(peer.url()))
    assert response.body == b"ok"
    assert len(response.headers) == 102
    assert response.headers[100] == ("X-Long", "x" * 30_000)


# answers that stop


async def test_a_peer_that_falls_silent_in_its_body_is_not_waited_for_until_the_end(connected):
    async def script(talk):
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await talk.until_closed()

    async with raw_peer(script) as peer, connected(read_timeout_s=0.2) as client:
        error = await fault(client, post(peer.url(), timeout_s=30))
        assert error.fault is Fault.TIMEOUT
        assert error.message == (
            f"127.0.0.1:{peer.port} fell silent for 0.2 s in the middle of its response"
        )
        assert 0.19 <= error.elapsed_s < 5


async def test_a_peer_that_thinks_longer_than_the_silence_allowed_in_a_body_is_waited_for(
    connected,
):
    thought = asyncio.Event()

    async def script(talk):
        await talk.request()
        await thought.wait()
        await talk.answer(body=b"at last")

    async with raw_peer(script) as peer, connected(read_timeout_s=0.05) as client:
        sending = asyncio.create_task(client.send(post(peer.url())))
        _, waiting = await asyncio.wait({sending}, timeout=0.3)
        assert waiting
        thought.set()
        assert (await sending).body == b"at last"


async def test_a_drip_faster_than_the_silence_allowed_still_ends_with_the_total(connected):
    async def script(talk):
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            await talk.say(b"x")
            await asyncio.sleep(0.02)  # the drip itself

    async with raw_peer(script) as peer, connected(read_timeout_s=0.2) as client:
        error = await fault(client, post(peer.url(), timeout_s=0.6))
        assert error.message == (
            f"the body of the response from 127.0.0.1:{peer.port} did not end within 0.6 s"
        )
        assert error.elapsed_s >= 0.59


@pytest.mark.parametrize("timeout_s", [0.2, 10.0])
async def test_the_deadline_is_each_request_s_own_on_a_kept_connection(connected, timeout_s):
    async def script(talk):
        await talk.request()
        await talk.answer()
        await talk.request()
        await talk.until_closed()

    async with raw_peer(script) as peer, connected() as client:
        await client.send(post(peer.url(), timeout_s=timeout_s))
        error = await fault(client, post(peer.url(), timeout_s=0.3))
        assert error.message == f"no response from 127.0.0.1:{peer.port} within 0.3 s"
        assert 0.29 <= error.elapsed_s < 5
        assert peer.connections == 1


@pytest.mark.parametrize("said", [b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", CHUNKED])
async def test_a_reset_in_the_middle_of_an_answer_is_a_reset(connected, said):
    async def script(talk):
        await talk.request()
        await talk.say(said)
        talk.reset()

    async with raw_peer(script) as peer, connected() as client:
        assert (await fault(client, post(peer.url()))).fault is Fault.RESET
        assert len(peer.requests) == 1


async def test_a_reset_before_the_request_is_read_is_a_reset(connected):
    async def script(talk):
        talk.reset()

    async with raw_peer(script) as peer, connected() as client:
        error = await fault(client, post(peer.url(), b"x" * 1_000_000))
        assert error.fault in (Fault.RESET, Fault.CONNECT)


async def test_a_peer_that_reads_nothing_does_not_hold_a_send(connected):
    async def script(talk):
        await asyncio.Event().wait()

    async with raw_peer(script) as peer, connected() as client:
        error = await fault(client, post(peer.url(), b"x" * 20_000_000, timeout_s=0.3))
        assert error.fault is Fault.TIMEOUT


async def test_a_peer_that_answers_before_it_is_asked_is_heard(connected):
    async def script(talk):
        await talk.say(b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy")

    async with raw_peer(script) as peer, connected() as client:
        response = await client.send(post(peer.url()))
        assert (response.status, response.body) == (503, b"busy")


# answers of other kinds


async def test_an_answer_in_single_bytes_is_the_same_answer(connected):
    answer = CHUNKED.replace(b"\r\n\r\n", b"\r\nX-A: \xc3\xa4\r\n\r\n") + b"3\r\nabc\r\n0\r\n\r\n"

    async def script(talk):
        async for _ in talk.requests():
            for byte in answer:
                await talk.say(bytes([byte]))
                await asyncio.sleep(0)

    async with raw_peer(script) as peer, connected() as client:
        for _ in range(2):
            response = await client.send(post(peer.url()))
            assert (response.body, response.headers[1]) == (b"abc", ("X-A", "ä"))
        assert peer.connections == 1


async def test_a_continue_that_nobody_asked_for_is_passed_over(connected):
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 417 X\r\nContent-Length: 1\r\n\r\nz"
    async with raw_peer(say_once(data)) as peer, connected() as client:
        response = await client.send(post(peer.url()))
    assert (response.status, response.body) == (417, b"z")
    assert dict(response.headers) == {"Content-Length": "1"}


async def test_a_switch_of_protocols_ends_the_connection(connected):
    async def script(talk):
        await talk.request()
        await talk.say(b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n\x00\x01")
        await talk.until_closed()

    async with raw_peer(script) as peer, connected() as client:
        for _ in range(2):
            response = await client.send(post(peer.url()))
            assert (response.status, response.body) == (101, b"")
        assert peer.connections == 2


async def test_an_offer_to_upgrade_is_an_answer_like_any_other(connected):
    async def script(talk):
        async for _ in talk.requests():
            await talk.answer(200, b"ok", b"Upgrade: h2c\r\nConnection: Upgrade\r\n")

    async with raw_peer(script) as peer, connected() as client:
        assert (await client.send(post(peer.url()))).body == b"ok"


@pytest.mark.parametrize(
    ("head", "is_kept"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nCONNECTION: Close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: foo, close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
    ],
)
async def test_a_connection_is_kept_where_the_peer_keeps_it(connected, head, is_kept):
    async def script(talk):
        async for _ in talk.requests():
            await talk.say(head + b"Content-Length: 2\r\n\r\nok")

    async with raw_peer(script) as peer, connected() as client:
        for _ in range(3):
            assert (await client.send(post(peer.url()))).body == b"ok"
        assert peer.connections == (1 if is_kept else 3)


@pytest.mark.parametrize("status", [204, 304])
async def test_a_connection_outlives_answers_that_have_no_body(connected, status):
    async def script(talk):
        async for _ in talk.requests():
            await talk.say(b"HTTP/1.1 %d X\r\nETag: 1\r\n\r\n" % status)

    async with raw_peer(script) as peer, connected() as client:
        for _ in range(3):
            response = await client.send(post(peer.url()))
            assert (response.status, response.body) == (status, b"")
        assert peer.connections == 1


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2  \r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Latin: \xe9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length:2\r\nX-Empty:\r\n\r\nok",
    ],
    ids=["lone LF", "blanks behind a chunk's size", "no reason", "Latin-1", "no blanks"],
)
async def test_sloppy_answers_that_mean_one_thing_are_understood(connected, data):
    async with raw_peer(say_once(data)) as peer, connected() as client:
        response = await client.send(post(peer.url()))
    assert (response.status, response.body) == (200, b"ok")


async def test_two_answers_to_one_request_leave_none_for_the_next(connected):
    async def script(talk):
        await talk.request()
        one = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
        await talk.say(one + b"1" + (one + b"2" if talk.number == 1 else b""))
        await talk.until_closed()

    async with raw_peer(script) as peer, connected() as client:
        for _ in range(2):
            assert (await client.send(post(peer.url()))).body == b"1"
        assert peer.connections == 2


async def test_an_answer_before_the_request_is_out_counts_and_ends_the_connection(connected):
    async def script(talk):
        if talk.number == 1:
            await talk.answer(413, b"too large")
            await talk.until_closed()
        else:
            await talk.request()
            await talk.answer(200)

    async with raw_peer(script) as peer, connected() as client:
        assert (await client.send(post(peer.url(), b"x" * 20_000_000))).status == 413
        assert (await client.send(post(peer.url()))).status == 200
        assert peer.connections == 2


async def test_a_request_of_four_megabytes_arrives_whole(connected):
    body = bytes(range(256)) * 16 * 1024

    async with raw_peer(answer_all) as peer, connected() as client:
        assert (await client.send(post(peer.url(), body))).status == 200
        assert peer.requests[0].endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize(("method", "is_said"), [("DELETE", True), ("OPTIONS", False)])
async def test_the_length_of_no_body_is_said_where_one_could_be(connected, method, is_said):
    async with raw_peer(answer_all) as peer, connected() as client:
        await client.send(post(peer.url(), b"", method=method))
        assert (b"Content-Length: 0\r\n" in peer.requests[0]) is is_said


async def test_the_host_header_has_no_dot_at_its_end_and_no_usual_port(connected):
    look_up = {"look_up": lambda host: ["127.0.0.1"]}
    async with raw_peer(answer_all) as peer, connected("hooks.example", **look_up) as client:
        await client.send(post(peer.url(host="hooks.example.")))
        assert b"\r\nHost: hooks.example:%d\r\n" % peer.port in peer.requests[0]


# TLS


@pytest.mark.parametrize(
    ("name", "days", "reason"),
    [
        ("localhost", -1, "certificate has expired"),
        ("other.example", 1, "hostname mismatch"),
        ("127.0.0.1", 1, "hostname mismatch"),
    ],
    ids=["expired", "another host", "the address instead of the name"],
)
async def test_a_certificate_that_does_not_fit_is_refused(connected, tmp_path, name, days, reason):
    authority = Authority(tmp_path)
    trusting = ssl.create_default_context(cafile=authority.file)
    async with (
        raw_peer(answer_all, tls=authority.server(name, days=days)) as peer,
        connected(tls=trusting) as client,
    ):
        error = await fault(client, post(peer.url(scheme="https", host="localhost")))
        assert error.fault is Fault.TLS
        assert f"the TLS certificate of localhost:{peer.port} is not trusted" in error.message
        assert reason in error.message.lower()
        assert not peer.requests


async def test_the_name_asked_for_is_said_in_the_handshake(connected, tmp_path):
    authority = Authority(tmp_path)
    context = authority.server("hooks.example")
    asked = []
    context.sni_callback = lambda sock, name, _context: asked.append(name)
    options = {
        "tls": ssl.create_default_context(cafile=authority.file),
        "look_up": lambda host: ["127.0.0.1"],
    }
    async with (
        raw_peer(answer_all, tls=context) as peer,
        connected("hooks.example", **options) as client,
    ):
        for host in ("hooks.example", "hooks.example."):
            url = peer.url(scheme="https", host=host)
            assert (await client.send(post(url))).status == 200
    assert asked == ["hooks.example", "hooks.example"]


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_peer_that_leaves_the_handshake_is_a_fault_of_the_connection(connected, how):
    async def script(talk):
        if how == "reset":
            talk.reset()

    async with raw_peer(script) as peer, connected() as client:
        error = await fault(client, post(peer.url(scheme="https")))
        assert error.fault in (Fault.TLS, Fault.CONNECT, Fault.RESET)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_version_of_tls_is_refused(connected, tmp_path):
    authority = Authority(tmp_path)
    context = authority.server("localhost")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    trusting = ssl.create_default_context(cafile=authority.file)
    async with raw_peer(answer_all, tls=context) as peer, connected(tls=trusting) as client:
        error = await fault(client, post(peer.url(scheme="https", host="localhost")))
        assert error.fault is (Fault.TLS if connected.adapter == "lean" else Fault.CONNECT)
        assert not peer.requests


async def test_a_kept_tls_connection_gone_stale_is_replaced_once(connected, tmp_path):
    authority = Authority(tmp_path)

    async def script(talk):
        await talk.request()
        await talk.answer(body=b"%d" % talk.number)
        await talk.request()

    async with (
        raw_peer(script, tls=authority.server("localhost")) as peer,
        connected(tls=ssl.create_default_context(cafile=authority.file)) as client,
    ):
        url = peer.url(scheme="https", host="localhost")
        assert (await client.send(post(url, b"1"))).body == b"1"
        assert (await client.send(post(url, b"2"))).body == b"2"
        assert [request[-1:] for request in peer.requests] == [b"1", b"2", b"2"]

"""How the client that delivers keeps, checks and opens connections, and resolves names."""

import asyncio
import socket
import threading
import time
from ipaddress import ip_address

import pytest

from integration import egress_parts
from integration.egress_parts import answer_all, fault, lean, post
from integration.raw_peer import raw_peer
from onhook.egress import dialler as dialling
from onhook.egress import pool, resolver
from onhook.egress.address_guard import Guard
from onhook.egress.connection import Connection
from onhook.egress.dialler import Dialler, Origin
from onhook.egress.port import Fault, SendError
from onhook.egress.resolver import VettedNames
from onhook.egress.target import read_target
from onhook.egress.tls import TlsContexts
from onhook.settings.egress_rule import parse_egress_rules

event_loop_policy = egress_parts.event_loop_policy
pytestmark = egress_parts.pytestmark


# kept connections


async def test_an_idle_connection_is_closed_before_its_peer_would(monkeypatch):
    monkeypatch.setattr(pool, "IDLE_S", 0.05)
    monkeypatch.setattr(pool, "_SWEEP_S", 0.05)
    closed = asyncio.Event()

    async def script(talk):
        async for _ in talk.requests():
            await talk.answer()
        closed.set()

    async with raw_peer(script) as peer, lean() as client:
        await client.send(post(peer.url()))
        await asyncio.wait_for(closed.wait(), 10)
        await client.send(post(peer.url()))
        assert peer.connections == 2


async def test_a_connection_that_was_idle_too_long_is_not_written_to(monkeypatch):
    monkeypatch.setattr(pool, "IDLE_S", 0.0)
    async with raw_peer(answer_all) as peer, lean() as client:
        for _ in range(3):
            await client.send(post(peer.url()))
        assert peer.connections == 3


async def test_a_busy_connection_is_replaced_when_it_is_old(monkeypatch):
    monkeypatch.setattr(pool, "LIFE_S", 0.0)
    async with raw_peer(answer_all) as peer, lean() as client:
        for _ in range(3):
            await client.send(post(peer.url()))
        assert peer.connections == 3


async def test_no_more_connections_are_kept_than_the_limit(monkeypatch):
    monkeypatch.setattr(pool, "_MOST_IDLE", 2)
    everyone = asyncio.Event()

    async def script(talk):
        async for _ in talk.requests():
            if len(talk.peer.requests) == 5:
                everyone.set()
            await everyone.wait()
            await talk.answer()

    async with raw_peer(script) as peer, lean() as client:
        await asyncio.gather(*(client.send(post(peer.url())) for _ in range(5)))
        await asyncio.gather(*(client.send(post(peer.url())) for _ in range(5)))
        assert peer.connections == 5 + 3


async def test_a_kept_connection_to_a_barred_peer_is_not_used_again():
    guard = Guard(parse_egress_rules("10.0.0.0/8"))
    kept = pool.Pool(guard)
    origin = Origin("http", "hooks.example", 80, None)
    async with raw_peer(answer_all) as peer:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(1000, 1, kept.gone), "127.0.0.1", peer.port
        )
        kept.opened(connection)
        assert connection.peer == "127.0.0.1"
        kept.give_back(origin, connection)
        assert kept.take(origin, "hooks.example", 80) is None
        assert not connection.is_usable
        await kept.close()


async def test_another_host_or_port_behind_the_same_address_has_connections_of_its_own():
    look_up = {"look_up": lambda host: ["127.0.0.1"]}
    rules = "one.example,two.example"
    async with raw_peer(answer_all) as peer, lean(rules, **look_up) as client:
        for host in ("one.example", "two.example", "one.example", "two.example"):
            await client.send(post(peer.url(host=host)))
        assert peer.connections == 2


async def test_a_peer_s_end_of_an_idle_connection_is_noticed():
    async def script(talk):
        await talk.request()
        await talk.answer(body=b"%d" % talk.number)

    async with raw_peer(script) as peer, lean() as client:
        for number in (b"1", b"2", b"3"):
            assert (await client.send(post(peer.url()))).body == number
        assert len(peer.requests) == 3


async def test_when_the_client_closes_what_is_under_way_ends_and_nothing_stays_open():
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def script(talk):
        await talk.request()
        arrived.set()
        await talk.until_closed()
        closed.set()

    async with raw_peer(script) as peer:
        async with lean() as client:
            sending = asyncio.create_task(fault(client, post(peer.url())))
            await asyncio.wait_for(arrived.wait(), 5)
        assert (await sending).fault is Fault.RESET
        await asyncio.wait_for(closed.wait(), 5)


async def test_garbage_behind_an_answer_spoils_the_connection_and_not_the_answer():
    async def script(talk):
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\x00\x00garbage\r\n")
        await talk.until_closed()

    async with raw_peer(script) as peer, lean() as client:
        for _ in range(2):
            assert (await client.send(post(peer.url()))).body == b"ok"
        assert peer.connections == 2


async def test_a_thousand_urls_in_turn_leave_no_more_behind_than_their_limit():
    async with raw_peer(answer_all) as peer, lean() as client:
        for number in range(1100):
            await client.send(post(peer.url(f"/{number}")))
        assert len(client._routes) <= 1024
        assert peer.connections == 1


# names


async def test_a_name_is_asked_for_once_by_all_who_wait():
    asked = []
    loop, looking, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def look_up(host):
        asked.append(host)
        loop.call_soon_threadsafe(looking.set)
        release.wait(10)
        return ["127.0.0.1"]

    async with raw_peer(answer_all) as peer, lean("hooks.example", look_up=look_up) as client:
        sending = [
            asyncio.create_task(client.send(post(peer.url(host="hooks.example"))))
            for _ in range(20)
        ]
        await asyncio.wait_for(looking.wait(), 5)
        release.set()
        assert {response.status for response in await asyncio.gather(*sending)} == {200}
        assert asked == ["hooks.example"]


async def test_one_who_gives_up_on_a_name_leaves_the_look_up_to_the_others():
    asked = []
    release = threading.Event()

    def look_up(host):
        asked.append(host)
        release.wait(10)
        return ["127.0.0.1"]

    async with raw_peer(answer_all) as peer, lean("hooks.example", look_up=look_up) as client:
        url = peer.url(host="hooks.example")
        patient = asyncio.create_task(client.send(post(url)))
        assert (await fault(client, post(url, timeout_s=0.1))).fault is Fault.TIMEOUT
        release.set()
        assert (await patient).status == 200
        assert len(asked) == 1


async def test_a_name_that_failed_is_asked_for_again():
    answers = [OSError("no answer"), [], ["10.0.0.1"], ["127.0.0.1"]]

    def look_up(host):
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async with raw_peer(answer_all) as peer, lean("127.0.0.1", look_up=look_up) as client:
        request = post(peer.url(host="hooks.example"))
        assert (await fault(client, request)).fault is Fault.DNS
        assert (await fault(client, request)).fault is Fault.DNS
        assert (await fault(client, request)).fault is Fault.BLOCKED
        assert (await client.send(request)).status == 200


async def test_an_answer_is_kept_for_a_while_and_then_asked_for_again(monkeypatch):
    asked = []

    def look_up(host):
        asked.append(host)
        return ["127.0.0.1"]

    names = VettedNames(Guard(parse_egress_rules("127.0.0.1")), look_up)
    try:
        for _ in range(3):
            assert [str(each) for each in await names.resolve("hooks.example", 80)] == ["127.0.0.1"]
        assert len(asked) == 1
        await names.resolve("hooks.example", 81)  # another port is judged by itself
        assert len(asked) == 2
        monkeypatch.setattr(resolver, "_KEPT_S", 0.0)
        await names.resolve("other.example", 80)
        await names.resolve("other.example", 80)
        assert len(asked) == 4
    finally:
        names.close()


async def test_a_name_that_hangs_ends_with_the_connect_timeout():
    release = threading.Event()

    def look_up(host):
        release.wait(10)
        return ["127.0.0.1"]

    async with lean(look_up=look_up, connect_timeout_s=0.2) as client:
        error = await fault(client, post("http://hooks.example/"))
        assert error.message == "no connection to hooks.example:80 within 0.2 s"
        release.set()


async def test_a_name_that_answers_publicly_first_and_loopback_after_never_reaches_loopback():
    """A rebinding resolver: no answer of its reaches what it names, at any time."""
    answers = iter(["203.0.113.7", "127.0.0.1", "::ffff:127.0.0.1", "::1", "169.254.169.254"])

    async with raw_peer(answer_all) as peer:

        def look_up(host):
            return [next(answers)]

        async with lean("203.0.113.0/24", look_up=look_up, connect_timeout_s=0.1) as client:
            request = post(peer.url(host="rebind.example"))
            # The vetted answer is what is dialled, where nobody is: no second look-up between.
            assert (await fault(client, request)).fault in (Fault.TIMEOUT, Fault.CONNECT)
            client._dialler._names._known.clear()
            for _ in range(4):
                assert (await fault(client, request)).fault is Fault.BLOCKED
        assert peer.connections == 0


# addresses


async def test_the_next_address_is_tried_when_one_refuses():
    look_up = {"look_up": lambda host: ["127.0.0.3", "::1", "127.0.0.1"]}
    async with raw_peer(answer_all) as peer, lean("hooks.example", **look_up) as client:
        assert (await client.send(post(peer.url(host="hooks.example")))).status == 200


async def test_an_address_that_does_not_answer_holds_the_next_one_up_for_a_quarter_second():
    with socket.socket() as full:
        full.bind(("127.0.0.9", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        for _ in range(4):  # fill its queue, so that the next one hangs
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.9", port))
            waiting.append(one)
        server = await asyncio.start_server(_answer_once, "127.0.0.1", port)
        look_up = {"look_up": lambda host: ["127.0.0.9", "127.0.0.1"]}
        async with server, lean("hooks.example", **look_up) as client:
            started = time.perf_counter()
            response = await client.send(post(f"http://hooks.example:{port}/"))
            assert response.status == 200
            assert time.perf_counter() - started < 4
        for one in waiting:
            one.close()


async def _answer_once(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    writer.close()


class LyingNames(VettedNames):
    """A resolver that lets everything through."""

    async def resolve(self, host, port):
        found = self._look_up(host)
        return tuple(found)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_no_barred_address_is_dialled_even_if_the_resolver_lets_it_through(address):
    guard = Guard(())
    names = LyingNames(guard, lambda host: [ip_address("203.0.113.7"), ip_address(address)])
    async with raw_peer(answer_all) as peer:
        dialler = Dialler(guard, names, TlsContexts(None), lambda: Connection(1, 1, print))
        with pytest.raises(SendError) as caught:
            await dialler.dial(read_target(peer.url(host="public.example")), None, None)
        assert caught.value.fault is Fault.BLOCKED
        assert peer.connections == 0
    names.close()


async def test_a_socket_that_ended_up_at_a_barred_peer_is_closed_unused(monkeypatch):
    """A route or a proxy of the kernel's may lead elsewhere than was dialled."""
    async with raw_peer(answer_all) as peer:

        async def led_astray(infos, **options):
            sock = socket.socket()
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", peer.port))
            return sock

        monkeypatch.setattr(dialling.aiohappyeyeballs, "start_connection", led_astray)
        async with lean("", look_up=lambda host: ["93.184.215.14"]) as client:
            error = await fault(client, post(peer.url(host="public.example")))
            assert error.fault is Fault.BLOCKED
            assert "127.0.0.1" in error.message
        assert peer.requests == []

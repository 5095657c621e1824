"""Request heads at the sink: any method, any expectation, any byte, and not more than is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from onhook.sink import capture_table
from onhook.sink.connection import MOST_HEADERS, MOST_WAITING
from onhook.web.serving import HEAD_LIMIT_BYTES
from served_sink import TIMEOUT_S, Client, body_of, headers_of, request_of, served_sink

STATUS_431 = b"HTTP/1.0 431 "


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Client]:
    async with served_sink(tmp_path) as client:
        yield client


def error_of(answer: bytes) -> str:
    message: str = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])["error"]["message"]
    return message


@pytest.mark.parametrize(
    "method", ["FOO", "BREW", "X_Y", "custom", "post", "M-SEARCH", "a.b!c", "LONG" * 200]
)
async def test_methods_that_nobody_listed_are_captured_as_sent(sink: Client, method: str) -> None:
    target = f"/{sink.token}/m"
    answer = await sink.raw(request_of(target, method=method.encode(), body=b"\x00abc"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    capture = await sink.latest()
    assert capture["request_line"] == f"{method} {target} HTTP/1.1"
    assert capture["method"] == method
    assert body_of(capture) == b"\x00abc"


async def test_odd_and_known_methods_share_a_connection(sink: Client) -> None:
    lines = [b"GET", b"BREW", b"POST", b"x_y"]
    parts = [
        b"%b /%b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi" % (line, sink.token.encode())
        for line in lines
    ]
    closing = request_of(f"/{sink.token}", method=b"LAST")
    answers = await sink.raw(b"".join(parts) + closing)
    assert answers.count(b"HTTP/1.1 200 ") == 5
    methods = [capture["method"] for capture in (await sink.requests())["data"]]
    assert methods == ["GET", "BREW", "POST", "x_y", "LAST"]


async def test_many_requests_sent_at_once_are_all_captured(sink: Client) -> None:
    count = 5 * MOST_WAITING
    one = f"POST /{sink.token} HTTP/1.1\r\nHost: x\r\nX: {'y' * 3_000}\r\n\r\n".encode()
    answers = await sink.raw(one * count + request_of(f"/{sink.token}"))
    assert answers.count(b"HTTP/1.1 200 ") == count + 1
    assert (await sink.requests())["total"] == count + 1


async def test_an_odd_method_elsewhere_is_405(sink: Client) -> None:
    for method in (b"BREW", b"get"):
        host = f"Host: 127.0.0.1:{sink.port}\r\n".encode()
        answer = await sink.raw(
            method + b" /token HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 405 "), answer


def head_of(sink: Client, size: int) -> bytes:
    """Request line and headers of `size` bytes together, none of them long."""
    start = f"POST /{sink.token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()
    count, rest = divmod(size - len(start) - 2 - 20, 1_000)
    padding = b"".join(b"X-%03d: %b\r\n" % (n, b"v" * 991) for n in range(count))
    head = start + padding + b"Y: " + b"v" * (rest + 15) + b"\r\n\r\n"
    assert len(head) == size
    return head


async def test_a_head_of_64_kib_is_captured_and_a_byte_more_is_431(sink: Client) -> None:
    assert b" 200 " in await sink.raw(head_of(sink, HEAD_LIMIT_BYTES))
    assert len(headers_of(await sink.latest())) > 60
    answer = await sink.raw(head_of(sink, HEAD_LIMIT_BYTES + 1))
    assert answer.startswith(STATUS_431)
    assert str(HEAD_LIMIT_BYTES) in error_of(answer)
    assert (await sink.requests())["total"] == 1


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"v" * 70_000 + b"\r\n",
        b"".join(b"X-%d: 1\r\n" % n for n in range(MOST_HEADERS + 1)),
    ],
)
async def test_a_long_field_and_too_many_fields_are_431(sink: Client, head: bytes) -> None:
    answer = await sink.raw(request_of(f"/{sink.token}", head=head))
    assert answer.startswith(STATUS_431), answer[:100]
    assert (await sink.requests())["total"] == 0


async def test_a_head_without_an_end_is_refused_once_it_is_too_large(sink: Client) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", sink.port)
        writer.write(f"POST /{sink.token} HTTP/1.1\r\nHost: x\r\n".encode())
        for n in range(HEAD_LIMIT_BYTES // 1_000 + 2):
            writer.write(b"X-%03d: %b\r\n" % (n, b"v" * 991))
            await writer.drain()
        assert (await reader.readline()).startswith(STATUS_431)
        writer.close()
    assert (await sink.requests())["total"] == 0


@pytest.mark.parametrize(
    "trailers", [b"X: %b\r\n" % (b"v" * 5_000), b"".join(b"X-%d: 1\r\n" % n for n in range(50))]
)
async def test_what_follows_a_chunked_body_is_bounded_too(sink: Client, trailers: bytes) -> None:
    head = f"POST /{sink.token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", sink.port)
        writer.write(head + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"3\r\nabc\r\n0\r\n" + trailers + b"\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
    assert (await sink.requests())["total"] == 0


async def test_a_head_that_trickles_in_is_captured(sink: Client) -> None:
    head = head_of(sink, 6_000)
    answer = await sink.raw(*[head[at : at + 7] for at in range(0, len(head), 7)])
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_request_that_is_none_is_refused_in_the_shape_of_all_errors(sink: Client) -> None:
    answer = await sink.raw(b"caf\xe9 \x16\x03 nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 400 "), answer
    assert error_of(answer)


async def test_a_page_counts_what_heads_take(sink: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_table, "PAGE_BYTES", 10_000)
    for _ in range(3):
        await sink.raw(request_of(f"/{sink.token}", head=b"X: %b\r\n" % (b"v" * 6_000), body=b"x"))
    captures = (await sink.requests())["data"]
    assert [capture["truncated"] for capture in captures] == [False, False, True]


@pytest.mark.parametrize("expected", [b"200-ok", b"something", b"\xe9"])
async def test_an_unknown_expectation_is_captured(sink: Client, expected: bytes) -> None:
    head = b"Expect: %b\r\n" % expected
    answer = await sink.raw(request_of(f"/{sink.token}", head=head, body=b"abc"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert (b"Expect", expected) in headers_of(await sink.latest())


async def test_who_waits_for_100_continue_is_told_to_go_on(sink: Client) -> None:
    request = request_of(f"/{sink.token}", head=b"Expect: 100-Continue\r\n", body=b"abc")
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", sink.port)
        writer.write(request.removesuffix(b"abc"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
    assert body_of(await sink.latest()) == b"abc"


async def test_a_user_agent_of_any_bytes_makes_a_token(sink: Client) -> None:
    head = f"Host: 127.0.0.1:{sink.port}\r\nConnection: close\r\n".encode()
    answer = await sink.raw(
        b"POST /token HTTP/1.1\r\n" + head + b"User-Agent: caf\xe9/1\r\nContent-Length: 0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])["user_agent"] == "caf\ufffd/1"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Host: caf\xe9\r\n", 421),
        (b"Host: localhost\r\nOrigin: http://caf\xe9\r\n", 403),
    ],
)
async def test_foreign_names_of_any_bytes_are_refused_in_words(
    sink: Client, head: bytes, status: int
) -> None:
    answer = await sink.raw(b"GET /token HTTP/1.1\r\n" + head + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert "caf\ufffd" in error_of(answer)


async def test_a_query_of_any_bytes_is_refused_in_words(sink: Client) -> None:
    line = f"GET /token/{sink.token}/requests?".encode() + b"\xe9=1&%ff=2 HTTP/1.1\r\n"
    answer = await sink.raw(line + b"Host: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert error_of(answer)

"""The sink over real sockets: what it captures is what was sent, to the byte."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import random
import string
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onhook.sink.capture import Captured
from served_sink import Client, body_of, headers_of, new_id, request_of, served_sink


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Client]:
    async with served_sink(tmp_path) as client:
        yield client


async def test_header_names_keep_their_order_case_and_repeats(sink: Client) -> None:
    head = b"x-ODD-Case: 1\r\nX-odd-case: 2\r\nAccept: a\r\nx-ODD-Case: 1\r\nX_under-score:\r\n"
    answer = await sink.raw(request_of(f"/{sink.token}", head=head))
    assert answer.startswith(b"HTTP/1.1 200 ")
    capture = await sink.latest()
    assert headers_of(capture) == [
        (b"Host", b"sink.example"),
        (b"x-ODD-Case", b"1"),
        (b"X-odd-case", b"2"),
        (b"Accept", b"a"),
        (b"x-ODD-Case", b"1"),
        (b"X_under-score", b""),
        (b"Content-Length", b"0"),
        (b"Connection", b"close"),
    ]
    assert capture["headers"]["x-odd-case"] == ["1", "2", "1"]


async def test_header_values_that_are_no_utf_8_keep_their_bytes(sink: Client) -> None:
    await sink.raw(request_of(f"/{sink.token}", head=b"X-Bytes: \xff\xfe caf\xe9\r\n"))
    capture = await sink.latest()
    assert (b"X-Bytes", b"\xff\xfe caf\xe9") in headers_of(capture)


async def test_a_header_field_of_60_kb_is_captured(sink: Client) -> None:
    value = b"v" * 60_000
    assert b" 200 " in await sink.raw(request_of(f"/{sink.token}", head=b"X: %b\r\n" % value))
    assert (b"X", value) in headers_of(await sink.latest())


async def test_five_hundred_headers_are_captured(sink: Client) -> None:
    head = b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(500))
    assert b" 200 " in await sink.raw(request_of(f"/{sink.token}", head=head))
    assert len(headers_of(await sink.latest())) == 503


@pytest.mark.parametrize(
    "rest",
    [
        "?",
        "?a=1&a=2&b",
        "/x/../y/./z",
        "//double//slash",
        "/%41%2f%zz%",
        "/%0A%00",
        "/;a=b:c@d!$&'()*+,=",
        '/"<>\\^`{|}',
        "?q=\"<>'&x=%F0%9F%98%80#fragment",
    ],
)
async def test_a_target_is_kept_exactly_as_sent(sink: Client, rest: str) -> None:
    target = f"/{sink.token}{rest}"
    assert b" 200 " in await sink.raw(request_of(target))
    capture = await sink.latest()
    assert capture["request_line"] == f"POST {target} HTTP/1.1"
    assert capture["url"] == f"http://sink.example{target}"


async def test_a_target_with_scheme_and_host_is_kept_as_sent(sink: Client) -> None:
    target = f"http://other.example/{sink.token}/x?y"
    assert b" 200 " in await sink.raw(request_of(target))
    capture = await sink.latest()
    assert capture["request_line"] == f"POST {target} HTTP/1.1"
    assert capture["url"] == target


async def test_the_tokens_case_and_slashes_before_it_do_not_matter(sink: Client) -> None:
    token = await sink.make_token()
    assert b" 200 " in await sink.raw(request_of(f"//{token.upper()}"))
    assert (await sink.latest(token))["request_line"].startswith(f"POST //{token.upper()} ")


@pytest.mark.parametrize(
    "method",
    ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "QUERY"],
)
async def test_any_method_is_captured_there_and_below(sink: Client, method: str) -> None:
    for target in (f"/{sink.token}", f"/{sink.token}/a/b"):
        answer = await sink.raw(request_of(target, method=method.encode(), body=b"abc"))
        assert answer.startswith(b"HTTP/1.1 200 ")
        capture = await sink.latest()
        assert capture["request_line"] == f"{method} {target} HTTP/1.1"
        assert capture["method"] == method
        assert body_of(capture) == b"abc"


async def test_http_1_0_without_a_host_is_captured(sink: Client) -> None:
    assert b" 200 " in await sink.raw(f"GET /{sink.token} HTTP/1.0\r\n\r\n".encode())
    capture = await sink.latest()
    assert capture["request_line"].endswith(" HTTP/1.0")
    assert capture["raw_headers"] == []


async def test_a_chunked_body_is_captured_without_its_frames(sink: Client) -> None:
    head = (
        f"POST /{sink.token} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        "Connection: close\r\n\r\n"
    ).encode()
    answer = await sink.raw(
        head, b"3\r\na\x00b\r\n", b"5;ext=1\r\n", b"\r\n\r\nc\r\n0\r\nTrailer: x\r\n\r\n"
    )
    assert b" 200 " in answer
    capture = await sink.latest()
    assert body_of(capture) == b"a\x00b\r\n\r\nc"
    assert (b"Transfer-Encoding", b"chunked") in headers_of(capture)


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd", b"unheard-of"])
async def test_a_compressed_body_stays_compressed(sink: Client, encoding: bytes) -> None:
    body = gzip.compress(b"zip" * 1_000)
    head = b"Content-Encoding: %b\r\n" % encoding
    assert b" 200 " in await sink.raw(request_of(f"/{sink.token}", head=head, body=body))
    assert body_of(await sink.latest()) == body


async def test_a_body_that_only_claims_to_be_gzip_is_captured(sink: Client) -> None:
    request = request_of(f"/{sink.token}", head=b"Content-Encoding: gzip\r\n", body=b"no gzip")
    assert b" 200 " in await sink.raw(request)
    assert body_of(await sink.latest()) == b"no gzip"


async def test_an_empty_body_is_empty(sink: Client) -> None:
    await sink.raw(request_of(f"/{sink.token}"))
    capture = await sink.latest()
    assert (capture["size"], capture["content"], capture["content_base64"]) == (0, "", "")


async def test_every_byte_value_comes_back_from_raw(sink: Client) -> None:
    body = bytes(range(256)) * 3
    head = b"Content-Type: image/x-odd; a=b\r\n"
    await sink.raw(request_of(f"/{sink.token}", head=head, body=body))
    identity = (await sink.latest())["uuid"]
    for path in ("request/latest/raw", f"request/{identity}/raw", f"requests/{identity}/raw"):
        raw = await sink.get(f"/token/{sink.token}/{path}")
        assert raw.body == body
        assert raw.headers["Content-Type"] == "image/x-odd; a=b"
        assert raw.headers["Content-Security-Policy"] == "sandbox"
        assert raw.headers["X-Content-Type-Options"] == "nosniff"


async def test_ten_mebibytes_are_captured(sink: Client) -> None:
    body = random.Random(1).randbytes(10 * 1024 * 1024)
    assert (await sink.post(f"/{sink.token}", body)).status == 200
    raw = await sink.get(f"/token/{sink.token}/request/latest/raw")
    assert hashlib.sha256(raw.body).digest() == hashlib.sha256(body).digest()


async def test_a_client_that_expects_100_continue_is_told_to(sink: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sink.port)
    head = f"POST /{sink.token} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    writer.write(f"{head}Content-Length: 3\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(10):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
    assert body_of(await sink.latest()) == b"abc"


async def test_a_body_that_breaks_off_is_not_captured(sink: Client) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", sink.port)
    writer.write(f"POST /{sink.token} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert b" 400 " in await sink.raw(
        f"POST /{sink.token} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        "Connection: close\r\n\r\nzz\r\n".encode()
    )
    assert (await sink.requests())["total"] == 0


async def test_a_body_beyond_the_limit_is_refused_with_413(tmp_path: Path) -> None:
    async with served_sink(tmp_path, sink_max_body="1000") as sink:
        assert (await sink.post(f"/{sink.token}", b"x" * 1_000)).status == 200
        refused = await sink.post(f"/{sink.token}", b"x" * 1_001)
        assert refused.status == 413
        assert "ONHOOK_SINK_MAX_BODY" in refused.json["error"]["message"]
        chunks = [b"190\r\n" + b"x" * 400 + b"\r\n"] * 3
        head = (
            f"POST /{sink.token} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            "Connection: close\r\n\r\n"
        ).encode()
        assert b" 413 " in await sink.raw(head, *chunks, b"0\r\n\r\n")
        assert (await sink.requests())["total"] == 1


header_names = st.text(string.ascii_letters + string.digits + "-_!#$%&'*+.^`|~", min_size=1)
header_values = st.binary(max_size=50).map(
    lambda value: bytes(byte for byte in value if byte >= 32 and byte != 127).strip()
)
odd_headers = st.lists(
    st.tuples(header_names.map(lambda name: f"X-{name}".encode()), header_values)
)


@given(body=st.binary(max_size=2_000), headers=odd_headers)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_body_and_any_headers_come_back_exactly(
    body: bytes, headers: list[tuple[bytes, bytes]], tmp_path: Path
) -> None:
    async def run() -> None:
        async with served_sink(tmp_path / "sink") as sink:
            head = b"".join(b"%b: %b\r\n" % header for header in headers)
            answer = await sink.raw(request_of(f"/{sink.token}", head=head, body=body))
            assert b" 200 " in answer
            capture = await sink.latest()
            assert body_of(capture) == body
            assert headers_of(capture)[1:-2] == headers

    asyncio.run(run())


async def test_the_answer_is_an_empty_200_that_names_the_capture(sink: Client) -> None:
    answer = await sink.post(f"/{sink.token}", b"x")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["X-Token-Id"] == sink.token
    assert answer.headers["X-Request-Id"] == (await sink.latest())["uuid"]
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_token_says_what_its_captures_are_answered(sink: Client) -> None:
    token = await sink.make_token(
        default_status=418,
        default_content="<b>né</b>",
        default_content_type="text/x-tea; charset=utf-8",
        cors=True,
    )
    answer = await sink.post(f"/{token}/below")
    assert (answer.status, answer.body.decode()) == (418, "<b>né</b>")
    assert answer.headers["Content-Type"] == "text/x-tea; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    preflight = await sink.send("OPTIONS", f"/{token}", headers={"Origin": "http://a.example"})
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert (await sink.requests(token))["total"] == 2


@pytest.mark.parametrize("status", [200, 204, 304, 404, 503, 599])
async def test_a_status_in_the_path_overrides_the_tokens(sink: Client, status: int) -> None:
    assert (await sink.post(f"/{sink.token}/{status}", b"x")).status == status
    assert (await sink.latest())["url"].endswith(f"/{status}")


async def test_an_informational_status_does_not_leave_the_client_waiting(sink: Client) -> None:
    request = request_of(f"/{sink.token}/103").replace(b"Connection: close\r\n", b"")
    assert (await sink.raw(request)).startswith(b"HTTP/1.1 103 ")


@pytest.mark.parametrize("rest", ["/99", "/600", "/2000", "/200/", "/200/x", "/0200"])
async def test_other_numbers_in_the_path_are_just_paths(sink: Client, rest: str) -> None:
    token = await sink.make_token(default_status=202)
    assert (await sink.post(f"/{token}{rest}")).status == 202


async def test_a_delayed_answer_is_captured_before_the_delay(sink: Client) -> None:
    token = await sink.make_token(timeout=1)
    answering = asyncio.create_task(sink.post(f"/{token}"))
    async with asyncio.timeout(10):
        while (await sink.requests(token))["total"] == 0:
            assert not answering.done()
        assert (await answering).status == 200


async def test_an_unknown_token_is_410_and_what_is_no_uuid_404(sink: Client) -> None:
    unknown = await sink.post(f"/{new_id()}")
    assert unknown.status == 410
    assert unknown.json == {"success": False, "error": {"message": "Token not found", "id": None}}
    assert (await sink.post("/not-a-uuid")).status == 404
    assert (await sink.post(f"/{sink.token}x")).status == 404


async def test_a_full_token_is_410_until_there_is_room(sink: Client) -> None:
    token = await sink.make_token(request_limit=2)
    assert [(await sink.post(f"/{token}")).status for _ in range(3)] == [200, 200, 410]
    full = await sink.post(f"/{token}")
    assert full.json["error"]["message"].startswith("Too many requests")
    latest = await sink.latest(token)
    await sink.send("DELETE", f"/token/{token}/request/{latest['uuid']}")
    assert (await sink.post(f"/{token}")).status == 200


async def test_a_token_with_limit_zero_answers_and_stores_nothing(sink: Client) -> None:
    token = await sink.make_token(request_limit=0, default_status=202)
    assert (await sink.post(f"/{token}", b"x")).status == 202
    assert (await sink.requests(token))["total"] == 0


async def test_ids_sort_by_arrival_and_sequences_have_no_gap(sink: Client) -> None:
    other = await sink.make_token()
    await asyncio.gather(
        *(sink.post(f"/{token}") for _ in range(40) for token in (sink.token, other))
    )
    for token in (sink.token, other):
        captures = (await sink.requests(token))["data"]
        ids = [capture["uuid"] for capture in captures]
        sorting = [capture["sorting"] for capture in captures]
        assert [capture["sequence"] for capture in captures] == list(range(1, 41))
        assert ids == sorted(ids)
        assert {uuid.UUID(identity).version for identity in ids} == {7}
        assert sorting == sorted(set(sorting))


async def test_an_observer_is_told_of_each_capture_and_cannot_break_it(tmp_path: Path) -> None:
    seen: list[Captured] = []

    def observe(captured: Captured) -> None:
        seen.append(captured)
        raise ValueError("an observer's fault")

    async with served_sink(tmp_path, observe=observe) as sink:
        assert (await sink.post(f"/{sink.token}/x", b"abc")).status == 200
        await sink.post(f"/{new_id()}")
    assert [(one.token, one.sequence, one.capture.body) for one in seen] == [
        (sink.token, 1, b"abc")
    ]

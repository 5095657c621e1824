"""Lists and look-ups as clients of the hosted product ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from served_sink import Client, served_sink


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Client]:
    async with served_sink(tmp_path) as client:
        yield client


async def test_an_empty_query_lists_everything_and_deletes_nothing(sink: Client) -> None:
    await sink.post(f"/{sink.token}")
    assert (await sink.requests(query=""))["total"] == 1
    refused = await sink.send("DELETE", f"/token/{sink.token}/requests?query=")
    assert refused.status == 422
    assert (await sink.requests())["total"] == 1


@pytest.mark.parametrize("asked", ["101", "500", "9" * 30])
async def test_more_than_100_a_page_are_100(sink: Client, asked: str) -> None:
    assert (await sink.requests(per_page=asked))["per_page"] == 100
    assert (await sink.get(f"/token?per_page={asked}")).json["per_page"] == 100


@pytest.mark.parametrize("word", ["request", "requests"])
@pytest.mark.parametrize("name", ["not-a-uuid", "0", "{x}", "latest2", "urn:uuid:" + "0" * 32])
async def test_what_is_no_id_is_a_request_not_found(sink: Client, word: str, name: str) -> None:
    for method, rest in (("GET", ""), ("GET", "/raw"), ("DELETE", "")):
        answer = await sink.send(method, f"/token/{sink.token}/{word}/{name}{rest}")
        assert answer.status == 404
        assert answer.json["error"]["message"] == "Request not found"


async def test_the_latest_is_not_deleted_by_that_name(sink: Client) -> None:
    assert (await sink.send("DELETE", f"/token/{sink.token}/request/latest")).status == 405


async def test_head_tells_what_get_would_without_the_body(sink: Client) -> None:
    await sink.post(f"/{sink.token}", b"abc")
    for path in (
        "/token",
        f"/token/{sink.token}",
        f"/token/{sink.token}/request/latest/raw",
        "/readyz",
        "/openapi.json",
    ):
        got = await sink.get(path)
        head = await sink.send("HEAD", path)
        assert (head.status, head.body) == (got.status, b"")
        assert head.headers["Content-Length"] == str(len(got.body))
    assert (await sink.send("HEAD", f"/{sink.token}")).status == 200
    assert (await sink.latest())["method"] == "HEAD"

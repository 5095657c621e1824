"""What the sink promises of its store: nothing answered is lost, nothing grows without bound."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from onhook.sink import capture_table
from onhook.sink.capture import Capture
from onhook.sink.errors import TokenGone
from onhook.sink.identity import uuid7
from onhook.sink.store import Store
from onhook.sink.token import TokenSettings
from served_sink import Client, body_of, new_id, served_sink

START_TIMEOUT_S = 20
SINK = """
import asyncio, resource, sys
from onhook.settings import load
from onhook.sink.app import running
from onhook.web.serving import bind, port_of

async def main(data, largest_file):
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    listener = bind("127.0.0.1", 0, "ONHOOK_SINK_PORT")
    async with running(load({}, {"data": data}), listener, public_url=""):
        print(port_of(listener), flush=True)
        await asyncio.Event().wait()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@asynccontextmanager
async def sink_process(
    folder: Path, largest_file: int = 0
) -> AsyncIterator[tuple[Client, asyncio.subprocess.Process]]:
    """A sink in a process of its own, killed at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", SINK, str(folder), str(largest_file)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            port = int(await process.stdout.readline())
        async with aiohttp.ClientSession() as session:
            yield Client(session, f"http://127.0.0.1:{port}", port), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def everything(sink: Client) -> list[dict[str, Any]]:
    captures: list[dict[str, Any]] = []
    number = 1
    while True:
        page = await sink.requests(per_page=100, page=number)
        captures += page["data"]
        if page["is_last_page"]:
            return captures
        number += 1


@pytest.mark.parametrize("round_", [1, 2])
async def test_a_kill_under_load_loses_nothing_that_was_answered(
    tmp_path: Path, round_: int
) -> None:
    answered: dict[str, bytes] = {}
    sent = 0
    enough = asyncio.Event()

    async def deliver(sink: Client) -> None:
        nonlocal sent
        try:
            while True:
                sent += 1
                body = f"{sent} ".encode() * 50
                answer = await sink.post(f"/{sink.token}", body)
                assert answer.status == 200
                answered[answer.headers["X-Request-Id"]] = body
                if len(answered) >= 700 * round_:
                    enough.set()
        except aiohttp.ClientError:
            return

    async with sink_process(tmp_path) as (sink, process), asyncio.TaskGroup() as tasks:
        for _ in range(32):
            tasks.create_task(deliver(sink))
        async with asyncio.timeout(60):
            await enough.wait()
        process.send_signal(signal.SIGKILL)
    async with sink_process(tmp_path) as (sink, _):
        kept = await everything(sink)
        found = {capture["uuid"]: body_of(capture) for capture in kept}
        assert {identity: found.get(identity) for identity in answered} == answered
        assert len(found) == len(kept) <= sent
        assert [capture["sequence"] for capture in kept] == list(range(1, len(kept) + 1))
        await sink.post(f"/{sink.token}")
        assert (await sink.latest())["sequence"] == len(kept) + 1


async def test_a_full_disk_is_503_and_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    answered = []
    async with sink_process(tmp_path, largest_file=3_000_000) as (sink, _):
        for number in range(1_000):
            answer = await sink.post(f"/{sink.token}", b"%d" % number * 5_000)
            if answer.status != 200:
                break
            answered.append(answer.headers["X-Request-Id"])
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json["success"] is False
        ready = await sink.get("/readyz")
        assert (ready.status, list(ready.json["troubles"])) == (503, ["store"])
        assert (await sink.requests())["total"] == len(answered) > 10
    async with sink_process(tmp_path) as (sink, _):
        assert [capture["uuid"] for capture in await everything(sink)] == answered
        assert (await sink.post(f"/{sink.token}")).status == 200
        assert (await sink.get("/readyz")).status == 200


async def test_the_oldest_are_evicted_and_the_list_says_so(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with served_sink(tmp_path, sink_max_captures="10") as sink:
            other = await sink.make_token()
            for number in range(4):
                await sink.post(f"/{other}", b"%d" % number)
            for _ in range(9):
                await sink.post(f"/{sink.token}")
            page = await sink.requests(other)
            assert [body_of(capture) for capture in page["data"]] == [b"3"]
            assert (page["total"], page["evicted"], page["oldest_sequence"]) == (1, 3, 4)
            page = await sink.requests()
            assert (page["total"], page["evicted"], page["oldest_sequence"]) == (9, 0, 1)
            await asyncio.gather(*(sink.post(f"/{sink.token}") for _ in range(50)))
            page = await sink.requests()
            assert (page["total"], page["evicted"], page["oldest_sequence"]) == (10, 49, 50)
            assert (await sink.requests(other))["data"] == []
    evictions = [entry for entry in logs if entry["event"] == "oldest captures evicted"]
    assert len(evictions) == 1
    assert (evictions[0]["log_level"], evictions[0]["kept"]) == ("warning", 10)


async def test_a_smaller_limit_takes_hold_after_a_restart(tmp_path: Path) -> None:
    async with served_sink(tmp_path) as sink:
        for _ in range(30):
            await sink.post(f"/{sink.token}")
    async with served_sink(tmp_path, sink_max_captures="5") as sink:
        await sink.post(f"/{sink.token}")
        page = await sink.requests()
        assert (page["total"], page["evicted"], page["oldest_sequence"]) == (5, 26, 27)


async def test_a_restart_keeps_tokens_captures_and_sequences(tmp_path: Path) -> None:
    async with served_sink(tmp_path) as sink:
        token = await sink.make_token(default_status=202)
        await sink.send("PUT", f"/token/{sink.token}", json={"default_status": 203})
        ids = [(await sink.post(f"/{token}")).headers["X-Request-Id"] for _ in range(3)]
        await sink.send("DELETE", f"/token/{token}/requests/{ids[2]}")
    async with served_sink(tmp_path) as sink:
        assert (await sink.post(f"/{sink.token}")).status == 203
        assert (await sink.post(f"/{token}")).status == 202
        page = await sink.requests(token)
        assert [capture["sequence"] for capture in page["data"]] == [1, 2, 4]


async def test_a_deleted_seeded_token_is_back_after_a_restart(tmp_path: Path) -> None:
    async with served_sink(tmp_path) as sink:
        await sink.post(f"/{sink.token}")
        assert (await sink.send("DELETE", f"/token/{sink.token}")).status == 204
        assert (await sink.post(f"/{sink.token}")).status == 410
    async with served_sink(tmp_path) as sink:
        assert (await sink.requests())["total"] == 0


async def test_a_page_reads_a_bounded_amount_of_bodies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_table, "PAGE_BYTES", 2_500)
    async with served_sink(tmp_path) as sink:
        for _ in range(4):
            await sink.post(f"/{sink.token}", b"x" * 1_000)
        captures = (await sink.requests())["data"]
        assert [capture["truncated"] for capture in captures] == [False, False, True, True]
        assert [capture["size"] for capture in captures] == [1_000] * 4
        assert [len(capture["content"]) for capture in captures] == [1_000, 1_000, 0, 0]
        whole = await sink.get(f"/token/{sink.token}/request/{captures[3]['uuid']}")
        assert (whole.json["truncated"], len(whole.json["content"])) == (False, 1_000)


def capture_at(store: Store) -> Capture:
    received_us = store.clock.tick()
    return Capture(
        id=uuid7(received_us),
        received_us=received_us,
        reading_us=0,
        method="POST",
        target=b"/",
        version="HTTP/1.1",
        scheme="http",
        remote="127.0.0.1",
        headers=(),
        size=0,
        body=b"",
    )


async def test_an_expired_token_is_gone_with_its_captures(tmp_path: Path) -> None:
    path = tmp_path / "sink.sqlite"
    now = 1_000_000_000
    async with Store.opened(path, max_captures=100, now_us=lambda: now) as store:
        expiring = TokenSettings(expiry=60)
        token = await store.make_token(expiring, ip="", user_agent=None)
        unseen = await store.make_token(expiring, ip="", user_agent=None)
        kept = await store.make_token(TokenSettings(), ip="", user_agent=None)
        for each in (token, unseen, kept):
            await store.record(each, capture_at(store))
        now += 59_000_000
        assert await store.token(token.uuid) == token
        now += 1_000_000
        with pytest.raises(TokenGone):
            await store.token(token.uuid)
        assert await store.stored() == 2
    async with Store.opened(path, max_captures=100, now_us=lambda: now) as store:
        assert await store.stored() == 1
        with pytest.raises(TokenGone):
            await store.token(unseen.uuid)


async def test_large_deletes_go_in_parts_and_leave_what_comes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_table, "LARGEST_CUT", 7)
    async with Store.opened(tmp_path / "sink.sqlite", max_captures=1_000) as store:
        token = await store.make_token(TokenSettings(), ip="", user_agent=None)
        gone = await store.make_token(TokenSettings(), ip="", user_agent=None)
        for _ in range(50):
            await store.record(token, capture_at(store))
            await store.record(gone, capture_at(store))
        deleting = asyncio.create_task(store.delete_captures(token))
        await asyncio.sleep(0)  # it has now fixed what it deletes
        late = await store.record(token, capture_at(store))
        await asyncio.gather(deleting, store.remove_token(gone))
        page = await store.page(token, limit=10)
        assert ([captured.sequence for captured in page.captures], page.total) == ([51], 1)
        assert page.captures[0].capture.id == late.capture.id
        assert await store.stored() == 1


async def test_a_token_that_is_changed_while_it_is_fetched_is_not_kept_stale(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sink.sqlite"
    async with Store.opened(path, max_captures=10) as store:
        made = await store.make_token(TokenSettings(), ip="", user_agent=None)
        for status in range(200, 260):
            changed = TokenSettings(default_status=status)
            await asyncio.gather(
                store.token(made.uuid),
                store.change_token(made, lambda _, changed=changed: changed),
                store.token(made.uuid),
            )
            assert (await store.token(made.uuid)).settings.default_status == status
        with pytest.raises(TokenGone):
            await store.token(new_id())

"""What captures hold in memory: while a body is under way, and not a moment longer."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from onhook.sink import recorder as recorder_room
from onhook.sink.connection import Connection
from onhook.sink.recorder import CAPTURE_PATH, Recorder
from onhook.sink.store import Store
from onhook.sink.token import TokenSettings
from onhook.web.problem import problems
from onhook.web.serving import address_of, bind, port_of, serving
from served_sink import TIMEOUT_S

BODY = b"what nobody else holds " * 500_000


async def test_an_answer_that_waits_holds_no_body(tmp_path: Path) -> None:
    stored = asyncio.Event()
    async with Store.opened(tmp_path / "sink.sqlite", max_captures=10) as store:
        token = await store.make_token(TokenSettings(timeout=30), ip="", user_agent=None)
        recorder = Recorder(store, max_body=2**24, observe=lambda _captured: stored.set())
        app = web.Application()
        app.router.add_route("*", CAPTURE_PATH, recorder.record)
        listener = bind("127.0.0.1", 0, "ONHOOK_SINK_PORT")
        address = address_of(listener, "127.0.0.1")
        async with serving(app, listener, grace_s=0.1), ClientSession() as session:
            tracemalloc.start()
            sending = asyncio.create_task(session.post(f"{address}/{token.uuid}", data=BODY))
            async with asyncio.timeout(TIMEOUT_S):
                await stored.wait()
                await store.stored()  # the recorder goes on before this is answered
            assert not sending.done()
            assert recorder._held_bytes == 0
            held_bytes, most_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert held_bytes < len(BODY) / 2 < most_bytes
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending


async def test_a_body_that_breaks_off_or_is_refused_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_room, "BODY_MEMORY_BYTES", 0)
    async with Store.opened(tmp_path / "sink.sqlite", max_captures=10) as store:
        token = await store.make_token(TokenSettings(), ip="", user_agent=None)
        recorder = Recorder(store, max_body=1_000)
        app = web.Application(middlewares=[problems])
        app.router.add_route("*", CAPTURE_PATH, recorder.record)
        listener = bind("127.0.0.1", 0, "ONHOOK_SINK_PORT")
        head = f"POST /{token.uuid} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
        async with serving(app, listener, grace_s=5, connection=Connection):
            for request, answer in (
                (chunked + b"3\r\nabc\r\nzz\r\n", b" 400 "),
                (chunked + b"7d0\r\n" + b"x" * 2_000 + b"\r\n0\r\n\r\n", b" 413 "),
                (head + b"Content-Length: 3\r\n\r\nabc", b" 200 "),
            ):
                async with asyncio.timeout(TIMEOUT_S):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(listener))
                    writer.write(request)
                    assert answer in await reader.readline()
                    writer.close()
                assert recorder._held_bytes == 0

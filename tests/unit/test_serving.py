"""Binding a port and serving on it: what is known early, what is refused, how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from onhook.web.serving import PortTaken, address_of, bind, port_of, serving


@pytest.fixture
async def listener() -> AsyncIterator[socket.socket]:
    opened = bind("127.0.0.1", 0, "ONHOOK_SINK_PORT")
    yield opened
    opened.close()


async def test_a_free_port_is_known_before_anything_is_served(listener: socket.socket) -> None:
    assert port_of(listener) > 0
    assert address_of(listener, "127.0.0.1") == f"http://127.0.0.1:{port_of(listener)}"
    assert address_of(listener, "0.0.0.0") == f"http://127.0.0.1:{port_of(listener)}"
    assert address_of(listener, "::") == f"http://[::1]:{port_of(listener)}"


async def test_a_taken_port_is_one_line_with_the_way_out(listener: socket.socket) -> None:
    with pytest.raises(PortTaken) as refusal:
        bind("127.0.0.1", port_of(listener), "ONHOOK_SINK_PORT")
    text = str(refusal.value)
    assert text.startswith(f"port {port_of(listener)} on 127.0.0.1 is taken")
    assert "ONHOOK_SINK_PORT" in text
    assert "\n" not in text


def test_an_address_that_is_not_ours_is_one_line_too() -> None:
    with pytest.raises(PortTaken, match=r"cannot listen on 192\.0\.2\.1:0.*ONHOOK_HOST"):
        bind("192.0.2.1", 0, "ONHOOK_HOST")


async def test_a_request_under_way_is_answered_when_the_service_stops(
    listener: socket.socket,
) -> None:
    started, finish = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        started.set()
        await finish.wait()
        return web.Response(text="done")

    app = web.Application()
    app.router.add_get("/slow", slow)
    address = address_of(listener, "127.0.0.1")

    async def fetch() -> str:
        async with ClientSession() as session, session.get(f"{address}/slow") as response:
            return await response.text()

    async with asyncio.TaskGroup() as tasks, serving(app, listener, grace_s=10):
        answer = tasks.create_task(fetch())
        await started.wait()
        finish.set()
    assert answer.result() == "done"

"""Binding a port and serving an application on it.

The socket is bound before anything else is opened, so that a taken port is one clear line and
port 0 is known early.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

HEAD_LIMIT_BYTES = 65_536
BACKLOG = 1_024


class PortTaken(Exception):
    """The address to listen on is in use."""


def bind(host: str, port: int, setting: str) -> socket.socket:
    """Bind `host:port`; port 0 picks a free one. Raises PortTaken naming `setting`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} on {host} is taken; stop what listens there, or choose another "
                f"with {setting} (0 picks a free one)"
            ) from None
        raise PortTaken(
            f"cannot listen on {host}:{port}: {error.strerror}; see {setting}"
        ) from None
    listener.setblocking(False)
    return listener


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def address_of(listener: socket.socket, host: str) -> str:
    """The base address, without a final slash, under which this machine reaches the listener."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - a look-up
    name = f"[{reachable}]" if ":" in reachable and not reachable.startswith("[") else reachable
    return f"http://{name}:{port_of(listener)}"


@asynccontextmanager
async def serving(
    app: web.Application,
    listener: socket.socket,
    *,
    grace_s: float,
    connection: Callable[..., RequestHandler] = RequestHandler,
) -> AsyncIterator[None]:
    """Serve until the context ends; requests under way then get `grace_s` seconds.

    `connection` makes the protocol of each connection, given what aiohttp's own is given.
    """
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=grace_s,
        max_line_size=HEAD_LIMIT_BYTES,
        max_field_size=HEAD_LIMIT_BYTES,
    )
    await runner.setup()
    server = runner.server
    assert server is not None
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = server._kwargs  # noqa: SLF001 - what aiohttp gives its own
    try:
        listening = await loop.create_server(
            lambda: connection(server, loop=loop, **options), sock=listener, backlog=BACKLOG
        )
        try:
            yield
        finally:
            listening.close()
    finally:
        await runner.cleanup()

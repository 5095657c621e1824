"""Opens connections: names resolved, addresses asked of the guard, TCP, proxy, TLS.

Every step ends in an open Connection or in a SendError that says where it failed. No HTTP but the
proxy's CONNECT, and no pool.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from ipaddress import ip_address

import aiohappyeyeballs
from msgspec import Struct

from onhook.egress.address_guard import (
    Address,
    Guard,
    blocked_message,
    blocked_name_message,
    is_public_name,
)
from onhook.egress.connection import Connection
from onhook.egress.fault_text import no_connection, no_handshake
from onhook.egress.port import Fault, SendError, Transport
from onhook.egress.proxy import Proxy, open_tunnel
from onhook.egress.resolver import VettedNames
from onhook.egress.target import Target
from onhook.egress.tls import TlsContexts

_HAPPY_EYEBALLS_S = 0.25  # RFC 8305, section 8
_TLS_SHUTDOWN_S = 1.0


class Origin(Struct, frozen=True):
    """What a kept connection belongs to: requests of one origin may share it."""

    scheme: str
    host: str
    port: int
    transport: Transport | None


class Dialler:
    """Opens a connection for a target, by whatever way its transport asks for."""

    def __init__(
        self,
        guard: Guard,
        names: VettedNames,
        contexts: TlsContexts,
        made: Callable[[], Connection],
    ) -> None:
        self._guard = guard
        self._names = names
        self._contexts = contexts
        self._made = made

    def admit(self, target: Target, proxy: Proxy | None) -> None:
        """Refuse what can be refused before anything is asked. Raises SendError (BLOCKED)."""
        rules = self._guard.rules
        if target.address is not None:
            self._check(target, str(target.address))
        elif proxy is not None and not is_public_name(rules, target.host, target.port):
            message = blocked_name_message(rules, target.host, target.port)
            raise SendError(Fault.BLOCKED, message, 0.0)
        if proxy is not None and proxy.target.address is not None:
            self._check(proxy.target, str(proxy.target.address))

    async def dial(
        self, target: Target, proxy: Proxy | None, transport: Transport | None
    ) -> Connection:
        """Open a connection. Raises SendError; whoever calls bounds it in time."""
        context = await self._contexts.context(transport) if target.scheme == "https" else None
        nearest = target if proxy is None else proxy.target
        sock = await self._connect(nearest)
        try:
            if proxy is not None and context is not None:
                await open_tunnel(sock, proxy, target)
        except OSError as error:
            sock.close()
            raise no_connection(nearest.where, error) from error
        except BaseException:
            sock.close()
            raise
        connection = await self._speak(sock, target, context)
        # What the kernel dialled, whatever was meant to be.
        if connection.peer and not self._guard.allows(nearest.host, nearest.port, connection.peer):
            connection.abort()
            self._check(nearest, connection.peer)
        return connection

    async def _connect(self, nearest: Target) -> socket.socket:
        if nearest.address is not None:
            addresses: tuple[Address, ...] = (nearest.address,)
        else:
            addresses = await self._names.resolve(nearest.host, nearest.port)
        for address in addresses:
            self._check(nearest, str(address))
        try:
            return await aiohappyeyeballs.start_connection(
                [_info(address, nearest.port) for address in addresses],
                happy_eyeballs_delay=_HAPPY_EYEBALLS_S,
            )
        except OSError as error:
            raise no_connection(nearest.where, error) from error

    async def _speak(
        self, sock: socket.socket, target: Target, context: ssl.SSLContext | None
    ) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            if context is None:
                _, connection = await loop.create_connection(self._made, sock=sock)
            else:
                _, connection = await loop.create_connection(
                    self._made,
                    sock=sock,
                    ssl=context,
                    server_hostname=target.host.removesuffix("."),
                    ssl_shutdown_timeout=_TLS_SHUTDOWN_S,
                )
        except ssl.CertificateError as error:
            raise no_connection(target.where, error) from error
        except OSError as error:
            if context is None:
                raise no_connection(target.where, error) from error
            raise no_handshake(target.where, error) from error
        return connection

    def _check(self, target: Target, address: str) -> None:
        if not self._guard.allows(target.host, target.port, address):
            raise _blocked(self._guard, target, address)


def _blocked(guard: Guard, target: Target, address: str) -> SendError:
    """The fault for an address that the guard barred."""
    message = blocked_message(guard.rules, target.host, target.port, ip_address(address))
    return SendError(Fault.BLOCKED, message, 0.0)


def _info(
    address: Address, port: int
) -> tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]:
    if address.version == 4:
        where: tuple[str, int] | tuple[str, int, int, int] = (str(address), port)
        return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where
    where = (str(address), port, 0, 0)
    return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where

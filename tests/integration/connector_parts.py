"""What connectors meet: a token server, TLS peers with a CA of the test's own, a CONNECT proxy."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import trustme

from endpoint import Answer, Endpoint, Plan, Received, serving_endpoint
from onhook.egress.client import connected
from onhook.egress.connector_client import Outgoing
from onhook.egress.connectors import Connectors, load_connectors
from onhook.egress.port import Request
from onhook.settings.egress_rule import parse_egress_rules

FLOW = ("id-F", "F")
LOOPBACK = "127.0.0.1,localhost"


def loaded(folder: Path, text: str, **environment: str) -> Connectors:
    """The connectors of this YAML."""
    path = folder / "connectors.yaml"
    path.write_text(text)
    return load_connectors(path, environment)


@asynccontextmanager
async def leaving(
    connectors: Connectors, *, rules: str = LOOPBACK, **options: Any
) -> AsyncIterator[Outgoing]:
    """The ways out, over a real client."""
    async with connected(parse_egress_rules(rules)) as client:
        yield Outgoing(client, connectors, **options)


def a_post(url: str, body: bytes = b"{}", timeout_s: float = 10) -> Request:
    headers = (("Content-Type", "application/json"), ("webhook-id", "msg_1"))
    return Request(method="POST", url=url, headers=headers, body=body, timeout_s=timeout_s)


class TokenServer:
    """Gives out `token-1`, `token-2`, ...; `answer` says otherwise."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._given = 0
        self.answer: Callable[[Received], Plan | None] = lambda _received: None
        self.fields: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600}
        endpoint.decide = self._decide

    @property
    def url(self) -> str:
        return self._endpoint.url("/token")

    @property
    def asked(self) -> list[Received]:
        return self._endpoint.requests

    def form(self, number: int = 0) -> dict[str, str]:
        return dict(parse_qsl(self.asked[number].body.decode(), strict_parsing=True))

    def _decide(self, received: Received) -> Plan:
        planned = self.answer(received)
        if planned is not None:
            return planned
        self._given += 1
        body = {"access_token": f"token-{self._given}", **self.fields}
        return Answer(200, {"Content-Type": "application/json"}, msgspec.json.encode(body))


@asynccontextmanager
async def serving_tokens() -> AsyncIterator[TokenServer]:
    async with serving_endpoint() as endpoint:
        yield TokenServer(endpoint)


class Authority:
    """A CA of its own; every file is PEM."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._ca = trustme.CA()
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(self.file)

    def server(self, *, asks_for: Authority | None = None) -> ssl.SSLContext:
        """For localhost; with `asks_for` a client must show a certificate of that CA's."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert("localhost").configure_cert(context)
        if asks_for is not None:
            asks_for._ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def issue(self, name: str, certificate: Path, key: Path) -> None:
        """Write a client's certificate and key."""
        issued = self._ca.issue_cert(f"{name}@example.com", common_name=name)
        key.write_bytes(issued.private_key_pem.bytes())
        certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))


class TlsPeer:
    """Answers 200 over TLS; remembers requests, and the name in each client's certificate."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.body = b"{}"

    def url(self, path: str = "/hook") -> str:
        return f"https://localhost:{self.port}{path}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subject = dict(sum((writer.get_extra_info("peercert") or {}).get("subject", ()), ()))
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                self.names.append(subject.get("commonName"))
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(self.body), self.body)
                )
                await writer.drain()
        writer.close()


@asynccontextmanager
async def tls_peer(context: ssl.SSLContext) -> AsyncIterator[TlsPeer]:
    peer = TlsPeer()
    server = await asyncio.start_server(peer.talk, "127.0.0.1", 0, ssl=context)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()


class ConnectProxy:
    """Joins clients to where they ask to go, if they know the password; remembers the asking."""

    def __init__(self, user: str, password: str) -> None:
        both = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._wanted = f"proxy-authorization: basic {both}".lower().encode()
        self.heads: list[bytes] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            if self._wanted not in head.lower():
                writer.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
                return
            host, _, port = head.split(b" ")[1].decode().rpartition(":")
            there, back = await asyncio.open_connection("127.0.0.1", int(port))
            assert host == "localhost"
            writer.write(b"HTTP/1.1 200 Joined\r\n\r\n")
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def connect_proxy(user: str, password: str) -> AsyncIterator[ConnectProxy]:
    proxy = ConnectProxy(user, password)
    server = await asyncio.start_server(proxy.talk, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()

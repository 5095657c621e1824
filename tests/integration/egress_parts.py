"""What the tests of the egress port share: the adapters, requests, faults and certificates.

A test module takes `connected`, `event_loop_policy` and `pytestmark` from here by assignment, and
then runs for each adapter and on both event loops.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
import time
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aiohttp_egress import client as aiohttp_client
from integration.raw_peer import Talk
from onhook.egress import client as lean_client
from onhook.egress.port import Request, SendError
from onhook.settings.egress_rule import parse_egress_rules

LOOPBACK = "127.0.0.1,localhost"
JSON = (("Content-Type", "application/json"), ("webhook-id", "msg_1"))
WORDS_OF_PYTHON = ("Error", "Exception", "errno", "Errno", "object at", "None", "ssl:", "<", "(")
ADAPTERS = {"aiohttp": aiohttp_client.connected, "lean": lean_client.connected}

# The hook that pytest-asyncio recommends instead would rename every test of the project.
pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture")


@pytest.fixture(params=["asyncio", "uvloop"])
def event_loop_policy(request):
    """The worker runs on uvloop where there is one, and everything else as well on asyncio."""
    if request.param == "uvloop":
        return uvloop.EventLoopPolicy()
    return asyncio.DefaultEventLoopPolicy()


@pytest.fixture(params=sorted(ADAPTERS))
def connected(request):
    """The adapter under test, open to loopback unless a test says otherwise.

    `connected.adapter` is its name.
    """

    def connect(rules=LOOPBACK, **options):
        return ADAPTERS[request.param](parse_egress_rules(rules), **options)

    connect.adapter = request.param
    return connect


def lean(rules=LOOPBACK, **options):
    """The product's client, for what is promised by it alone."""
    return lean_client.connected(parse_egress_rules(rules), **options)


def post(url, body=b'{"a":1}', method="POST", headers=JSON, timeout_s=10.0, transport=None):
    return Request(
        method=method,
        url=url,
        headers=headers,
        body=body,
        timeout_s=timeout_s,
        transport=transport,
    )


async def fault(client, request):
    """The SendError of a request that must fail, its sentence checked for what none may hold."""
    started = time.perf_counter()
    with pytest.raises(SendError) as caught:
        await client.send(request)
    error = caught.value
    assert 0 <= error.elapsed_s <= time.perf_counter() - started
    assert len(error.message) < 300
    assert str(error) == error.message
    assert not [word for word in WORDS_OF_PYTHON if word in error.message], error.message
    return error


async def answer_all(talk: Talk) -> None:
    async for _ in talk.requests():
        await talk.answer(body=b"ok")


def say_once(data: bytes):
    """A peer that says this after the first request, whatever it is, and closes."""

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.say(data)

    return script


class Authority:
    """A private certificate authority that writes PEM files into a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        certificate = self._signed(self._name, self._key, days=1, is_authority=True)
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, days: float = 1, password: bytes | None = None):
        """A certificate for a host name or address and its key, as the paths of two files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._signed(subject, key, days=days, host=name)
        certificate_file = self._folder / f"{name}.crt"
        key_file = self._folder / f"{name}.key"
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(password)
                if password
                else serialization.NoEncryption(),
            )
        )
        return certificate_file, key_file

    def server(self, name: str, *, days: float = 1, client_ca: Path | None = None):
        """The context of a server with a certificate for this name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, days=days))
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _signed(self, subject, key, *, days, host=None, is_authority=False):
        now = dt.datetime.now(dt.UTC)
        start = min(now, now + dt.timedelta(days=days)) - dt.timedelta(days=2)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if host is not None:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(host)]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


def _general_name(host: str):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

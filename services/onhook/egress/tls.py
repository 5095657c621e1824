"""TLS contexts: whose certificates are trusted, and which one we show.

Making and keeping contexts lives here; connections are the dialler's. Every context verifies the
peer's certificate and its host name, and offers HTTP/1.1 alone.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from onhook.egress.fault_text import no_certificate
from onhook.egress.port import Transport

_Files = tuple[str | None, str | None, str | None]
_MOST_KEPT = 256


class TlsContexts:
    """Contexts by the files they are made of; a file that changes makes a new one."""

    def __init__(self, usual: ssl.SSLContext | None) -> None:
        self._usual = usual
        self._made: dict[_Files, tuple[tuple[int, ...], ssl.SSLContext]] = {}
        self._making = asyncio.Lock()

    async def context(self, transport: Transport | None) -> ssl.SSLContext:
        """The context for a transport. Raises SendError (TLS) where a file cannot be used."""
        files: _Files = (None, None, None)
        if transport is not None:
            files = (transport.ca_file, transport.client_cert, transport.client_key)
        if files == (None, None, None) and self._usual is not None:
            return self._usual
        written = tuple(_written_at(file) for file in files if file is not None)
        async with self._making:  # once, however many wait
            made = self._made.get(files)
            if made is not None and made[0] == written:
                return made[1]
            # Reading the system's authorities takes tens of milliseconds.
            context = await asyncio.to_thread(_make, *files)
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            self._made[files] = written, context
            return context


def _written_at(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns
    except OSError as error:
        raise no_certificate(file, error) from error


def _make(ca_file: str | None, client_cert: str | None, client_key: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # the system's authorities have no file to name
        raise no_certificate(ca_file or "", error) from error
    context.set_alpn_protocols(["http/1.1"])
    if client_cert is not None:
        _show(context, client_cert, client_key)
    return context


def _show(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    try:
        # Without a password of its own OpenSSL would ask the terminal for one.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:
        raise no_certificate(certificate, error) from error

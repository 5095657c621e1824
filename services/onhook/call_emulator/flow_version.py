"""Which version of its flow an arriving contact starts with: the worker is asked, briefly.

A worker that is away, slow or does not know is no error: the contact then carries no version, and
the label decides when its events are run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import quote

import aiohttp
import msgspec
import structlog
from msgspec import Meta, Struct

log = structlog.get_logger()

TIMEOUT_S = 0.5


class _Flow(Struct, frozen=True):
    version: Annotated[int, Meta(ge=1)]


_flows = msgspec.json.Decoder(_Flow)


class FlowVersions:
    """Asks one worker. Use `async with FlowVersions.opened(worker_url) as versions`."""

    def __init__(self, session: aiohttp.ClientSession, worker_url: str) -> None:
        self._session = session
        self._worker_url = worker_url.rstrip("/")

    @classmethod
    @asynccontextmanager
    async def opened(cls, worker_url: str) -> AsyncIterator[FlowVersions]:
        """An empty `worker_url` is a worker that never knows."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            yield cls(session, worker_url)

    async def __call__(self, flow: str, label: str) -> int | None:
        if not self._worker_url:
            return None
        address = f"{self._worker_url}/flows/{quote(flow, safe='')}"
        try:
            async with self._session.get(address, params={"label": label}) as response:
                if response.status != 200:
                    log.info("flow version unknown", flow=flow, label=label, status=response.status)
                    return None
                return _flows.decode(await response.read()).version
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, ValueError) as error:
            log.info("flow version unknown", flow=flow, label=label, reason=repr(error))
            return None

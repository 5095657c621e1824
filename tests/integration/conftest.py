"""Fixtures of the integration tests: an endpoint, and a workplace on each kind of bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from endpoint import Endpoint, serving_endpoint
from onhook.bus import embedded, rabbitmq
from workplace import OpenBus, Workplace


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with serving_endpoint() as serving:
        yield serving


@pytest.fixture(params=["embedded", "rabbitmq"])
def workplace(request: pytest.FixtureRequest, tmp_path: Path, endpoint: Endpoint) -> Workplace:
    """The same bus each time a worker opens it: the same file, or the same virtual host."""
    open_bus: OpenBus
    if request.param == "embedded":
        file = tmp_path / "bus.sqlite"
        open_bus = lambda: embedded.opened(file, synchronous="normal")  # noqa: E731
    else:
        url = request.getfixturevalue("amqp_vhost_url")
        open_bus = lambda: rabbitmq.connect(url, name="worker test")  # noqa: E731
    return Workplace(request.param, open_bus, tmp_path, endpoint)

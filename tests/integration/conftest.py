"""Fixtures of the integration tests: an endpoint, a workplace on each kind of bus, a journal in each store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from endpoint import Endpoint, serving_endpoint
from journal_records import OpenJournal
from onhook.bus import embedded, rabbitmq
from onhook.journal.opening import opened
from onhook.journal.port import Journal
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


@pytest.fixture(params=["sqlite", "postgres"])
def open_journal(request: pytest.FixtureRequest, tmp_path: Path) -> OpenJournal:
    """The same store each time it is opened."""
    if request.param == "postgres":
        where: Path | str = request.getfixturevalue("postgres_url")
    else:
        where = tmp_path / "journal.sqlite"
    return partial(opened, where, synchronous="OFF")


@pytest.fixture
async def journal(open_journal: OpenJournal) -> AsyncIterator[Journal]:
    async with open_journal() as opened_journal:
        yield opened_journal

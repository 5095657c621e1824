"""Fixtures that more than one test module needs: a real RabbitMQ and a virtual host of one's own, a
real PostgreSQL and a database of one's own."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from broker import Broker, running_broker
from postgres import Postgres, running_postgres

# How long an example takes says more about a busy machine than about the code.
hypothesis.settings.register_profile(
    "onhook", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("onhook")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Time these tests without their fixtures: the first may have to install the broker."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        is_started = "broker" in names or "postgres" in names
        if is_started or "[rabbitmq" in item.nodeid or "[postgres" in item.nodeid:
            item.add_marker(pytest.mark.timeout(func_only=True))


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    with running_broker() as running:
        yield running


@pytest.fixture(scope="session")
def amqp_url(broker: Broker) -> str:
    """The broker's own virtual host, shared by the whole session."""
    return broker.amqp_url


@pytest.fixture
def amqp_vhost_url(broker: Broker) -> Iterator[str]:
    """A broker without any queue of ours: a new virtual host, or where we may not make one, the
    named one with our queues deleted."""
    try:
        vhost = broker.new_vhost()
    except PermissionError:
        broker.delete_queues(broker.vhost_of(broker.amqp_url))
        yield broker.amqp_url
        return
    yield broker.url_of(vhost)
    broker.delete_vhost(vhost)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A database that nothing is in."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)

"""Fixtures that more than one test module needs: a real RabbitMQ, and a virtual host of one's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from broker import Broker, running_broker


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
    """A broker without any queue of ours: a new virtual host, or ours deleted from a foreign one."""
    if not broker.is_ours:
        broker.delete_queues(broker.vhost_of(broker.amqp_url))
        yield broker.amqp_url
        return
    vhost = broker.new_vhost()
    yield broker.url_of(vhost)
    broker.delete_vhost(vhost)

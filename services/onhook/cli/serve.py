"""What the services alone have in common: they need a broker, and say when they serve."""

from __future__ import annotations

import structlog

from onhook import __version__
from onhook.cli.failure import Failure
from onhook.settings import Settings


def announce(service: str, address: str) -> None:
    structlog.get_logger().info("serving", service=service, address=address, version=__version__)


def found(line: str) -> None:
    structlog.get_logger().warning("found at start", what=line)


def need_broker(settings: Settings, command: str) -> None:
    """Raises Failure without a broker: the embedded bus lives inside one process."""
    if not settings.amqp_url:
        raise Failure(
            f"`onhook {command}` alone needs a broker: set ONHOOK_AMQP_URL to "
            "amqp://user:password@host:5672/, or run `onhook up` for all three without one"
        )

"""Publishing to RabbitMQ: persistent, mandatory, confirmed, on several channels in turn.

May live here: one publish and every way in which it can end. It must not open connections, nor
know the topology: who calls it decides what an unroutable message means.
"""

from __future__ import annotations

import asyncio

from aiormq.channel import Channel
from aiormq.connection import Connection
from aiormq.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError, PublishError
from pamqp.commands import Basic
from pamqp.common import FieldTable

from onhook.bus import limits
from onhook.bus.port import (
    BusUnavailable,
    Message,
    PublishRefused,
    PublishUncertain,
    Unroutable,
)
from onhook.bus.rabbitmq.faults import describe, was_cancelled
from onhook.bus.rabbitmq.link import Link, open_channel

CHANNELS = 4
"""A channel is locked while a message is written to it; several keep publishers from queueing."""
PUBLISH_TIMEOUT_S = 10.0
PERSISTENT = 2


class Publisher:
    """The publishing channels of the present connection, used in turn."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._channels: list[Channel] = []
        self._turn = 0

    async def open_channels(self, connection: Connection) -> list[Channel]:
        self._channels = [await open_channel(connection, confirms=True) for _ in range(CHANNELS)]
        return self._channels

    async def publish(self, link: Link, exchange: str, routing_key: str, message: Message) -> None:
        """Publish and wait for the confirm. Raises what the port's `publish` raises."""
        connection = link.connection()
        self._turn = (self._turn + 1) % CHANNELS
        channel = self._channels[self._turn]
        is_on_its_way = False
        try:
            async with asyncio.timeout(self._timeout_s):
                await connection.ready()
                is_on_its_way = True
                await channel.basic_publish(
                    message.body,
                    exchange=exchange,
                    routing_key=routing_key,
                    properties=_properties(message),
                    mandatory=True,
                    wait=False,  # the confirm says more than a drained socket
                )
        except PublishError as error:
            raise Unroutable(
                f'no queue takes routing key "{routing_key}" from '
                f"{f'exchange {exchange}' if exchange else 'the default exchange'}"
            ) from error
        except DeliveryError as error:
            raise PublishRefused(
                f'the broker refused message {message.message_id} for "{routing_key}": '
                "a queue is full, or the broker is short of disk or memory"
            ) from error
        except ChannelInvalidStateError as error:
            raise BusUnavailable(link.trouble or "the channel is closed") from error
        except asyncio.CancelledError as error:
            if was_cancelled():
                raise
            raise _uncertain(message, "the connection was closed") from error
        except TimeoutError as error:
            if not is_on_its_way:
                raise BusUnavailable(
                    "the broker blocks publishers: it is short of memory or disk"
                ) from error
            raise _uncertain(message, f"no confirmation within {self._timeout_s:g} s") from error
        except (AMQPError, OSError, RuntimeError) as error:
            raise _uncertain(message, describe(error)) from error


def _properties(message: Message) -> Basic.Properties:
    headers: FieldTable = {**limits.own_headers(message)}
    return Basic.Properties(
        delivery_mode=PERSISTENT,
        message_id=message.message_id,
        message_type=message.type,
        content_type=message.content_type,
        headers=headers or None,
    )


def _uncertain(message: Message, why: str) -> PublishUncertain:
    return PublishUncertain(f"message {message.message_id} may or may not be stored: {why}")

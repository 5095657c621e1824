"""One message as RabbitMQ delivered it.

May live here: the port's Delivery over aiormq's message. It must not decide when an
acknowledgement is sent: that is its channel's Settlement.
"""

from __future__ import annotations

from typing import Any

from aiormq.abc import DeliveredMessage

from onhook.bus.port import HeaderValue
from onhook.bus.rabbitmq.foreign import (
    delivery_count,
    plain_headers,
    plain_properties,
    whole_headers,
)
from onhook.bus.rabbitmq.settlement import Settlement


class RabbitDelivery:
    __slots__ = ("_headers", "_message", "_queue", "_settlement", "tag")

    def __init__(
        self, message: DeliveredMessage, queue: str, tag: int, settlement: Settlement
    ) -> None:
        self._message = message
        self._queue = queue
        self._settlement = settlement
        self._headers: dict[str, HeaderValue] | None = None
        self.tag = tag
        settlement.handed(tag)

    @property
    def body(self) -> bytes:
        return self._message.body

    @property
    def message_id(self) -> str | None:
        return self._message.header.properties.message_id or None

    @property
    def type(self) -> str | None:
        return self._message.header.properties.message_type or None

    @property
    def content_type(self) -> str | None:
        return self._message.header.properties.content_type or None

    @property
    def headers(self) -> dict[str, HeaderValue]:
        if self._headers is None:
            self._headers = plain_headers(self._message.header.properties.headers)
        return self._headers

    @property
    def properties(self) -> dict[str, Any]:
        """Every AMQP property that is set, as JSON values."""
        return plain_properties(self._message.header.properties)

    @property
    def whole_headers(self) -> dict[str, Any]:
        """The headers as they came, as JSON values: nested ones, and the broker's own."""
        return whole_headers(self._message.header.properties.headers)

    @property
    def queue(self) -> str:
        return self._queue

    @property
    def exchange(self) -> str:
        return self._message.exchange or ""

    @property
    def routing_key(self) -> str:
        return self._message.routing_key or ""

    @property
    def delivery_count(self) -> int:
        return delivery_count(self._message.header.properties.headers)

    @property
    def is_stale(self) -> bool:
        """Its channel is gone, so it is already on its way to us or to another consumer again."""
        return self._settlement.is_lost

    async def ack(self) -> None:
        self._settlement.ack(self.tag)

    async def give_back(self) -> None:
        await self._settlement.give_back(self.tag)

"""Another system on the same broker: its queues, and what it puts into them, by plain AMQP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiormq
import msgspec
from pamqp.commands import Basic


class ForeignSystem:
    def __init__(self, channel: Any) -> None:
        self._channel = channel

    async def declare(self, queue: str, **arguments: Any) -> None:
        await self._channel.queue_declare(queue, durable=True, arguments=arguments)

    async def delete(self, queue: str) -> None:
        await self._channel.queue_delete(queue)

    async def depth(self, queue: str) -> int:
        """Messages that wait; those that are handed out are not counted."""
        found = await self._channel.queue_declare(queue, passive=True)
        return int(found.message_count)

    async def put(
        self, queue: str, body: Any, *, headers: dict[str, Any] | None = None, **properties: Any
    ) -> None:
        """A message; what is no bytes goes as JSON."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        await self._channel.basic_publish(
            content,
            routing_key=queue,
            properties=Basic.Properties(headers=headers, delivery_mode=2, **properties),
        )

    async def publish(self, exchange: str, routing_key: str, content: bytes) -> None:
        await self._channel.basic_publish(content, exchange=exchange, routing_key=routing_key)


@asynccontextmanager
async def foreign_system(url: str) -> AsyncIterator[ForeignSystem]:
    connection = await aiormq.connect(url)
    try:
        yield ForeignSystem(await connection.channel(publisher_confirms=True))
    finally:
        await connection.close()

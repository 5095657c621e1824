"""One message as the embedded bus hands it out.

May live here: the port's Delivery over a stored row. It must not know SQL or tasks: settling is
its lender's business.
"""

from __future__ import annotations

from typing import Protocol

from onhook.bus.embedded.store import Stored
from onhook.bus.port import HeaderValue


class Lender(Protocol):
    """Whoever handed the message out, and takes it back."""

    def acknowledged(self, row_id: int) -> None: ...

    async def given_back(self, row_id: int) -> None: ...


class EmbeddedDelivery:
    __slots__ = ("_headers", "_is_settled", "_lender", "_queue", "_stored")

    def __init__(self, stored: Stored, queue: str, lender: Lender) -> None:
        self._stored = stored
        self._queue = queue
        self._lender = lender
        self._headers: dict[str, HeaderValue] | None = None
        self._is_settled = False

    @property
    def row_id(self) -> int:
        return self._stored.id

    @property
    def body(self) -> bytes:
        return self._stored.body

    @property
    def message_id(self) -> str | None:
        return self._stored.message_id

    @property
    def type(self) -> str | None:
        return self._stored.type

    @property
    def content_type(self) -> str | None:
        return self._stored.content_type

    @property
    def headers(self) -> dict[str, HeaderValue]:
        if self._headers is None:
            self._headers = self._stored.headers()
        return self._headers

    @property
    def queue(self) -> str:
        return self._queue

    @property
    def exchange(self) -> str:
        return self._stored.exchange

    @property
    def routing_key(self) -> str:
        return self._stored.routing_key

    @property
    def delivery_count(self) -> int:
        return self._stored.deliveries

    async def ack(self) -> None:
        if not self._is_settled:
            self._is_settled = True
            self._lender.acknowledged(self._stored.id)

    async def give_back(self) -> None:
        if not self._is_settled:
            self._is_settled = True
            await self._lender.given_back(self._stored.id)

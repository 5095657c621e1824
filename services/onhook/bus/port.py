"""The bus as the services see it: publish, consume, acknowledge, take one.

Only the promises live here; no client library, no SQL. Two adapters keep them, and one shared
contract test in tests/integration/ holds both to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias

from msgspec import Struct, field

HeaderValue: TypeAlias = str | int | bool | None


class BusError(Exception):
    """The bus could not do what was asked."""


class BusUnavailable(BusError):
    """The bus does not answer, and nothing was sent."""


class PublishUncertain(BusError):
    """The bus did not confirm in time: the message may have been stored, assume that it was."""


class Unroutable(BusError):
    """The bus has no queue for this message; nothing was stored."""


class PublishRefused(BusError):
    """The bus refused to store the message (queue full, or its disk is)."""


class NeverAccepted(PublishRefused):
    """No bus takes this message, however often it is sent."""


class TopologyMismatch(BusError):
    """A queue or exchange of ours has other arguments than ours, or is missing and may not be made."""


class AccessRefused(BusError):
    """The broker refuses our user, password or virtual host, or what we may do there."""


class Message(Struct, frozen=True, kw_only=True):
    """What is published. `message_id` must be unique to this publish."""

    body: bytes
    message_id: str
    type: str | None = None
    content_type: str | None = "application/json"
    headers: dict[str, HeaderValue] = field(default_factory=dict)


class Delivery(Protocol):
    """One message as consumed. Until `ack` it is ours; without it, it comes again."""

    @property
    def body(self) -> bytes: ...
    @property
    def message_id(self) -> str | None: ...
    @property
    def type(self) -> str | None: ...
    @property
    def content_type(self) -> str | None: ...
    @property
    def headers(self) -> dict[str, HeaderValue]: ...
    @property
    def queue(self) -> str: ...
    @property
    def exchange(self) -> str:
        """The exchange that it came through; empty when it was put straight into a queue."""
        ...

    @property
    def routing_key(self) -> str: ...
    @property
    def delivery_count(self) -> int:
        """How many times it was handed out before without being acknowledged."""
        ...

    async def ack(self) -> None:
        """Settle it; again is nothing. Acknowledgements travel in groups, a few ms later.

        When its connection is gone it will come again; that is no error here.
        """
        ...

    async def give_back(self) -> None:
        """Return it to its queue, to be handed out again. Its count goes up."""
        ...


class ForeignDelivery(Delivery, Protocol):
    """A message of another system's, with all that it carries."""

    @property
    def properties(self) -> dict[str, Any]:
        """AMQP's properties that are set, by name (`correlation_id`), as JSON values."""
        ...

    @property
    def whole_headers(self) -> dict[str, Any]:
        """The headers as they came, nested ones too, as JSON values."""
        ...


class Consumer(Protocol):
    """Whatever messages can be consumed from."""

    def consume(
        self, queue: str, prefetch: int
    ) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """As the Bus's."""
        ...


class ForeignQueues(Consumer, Protocol):
    """Queues that are consumed and never declared: readiness says what is missing, for ever tried.

    `consume` gives ForeignDeliveries.
    """

    @property
    def trouble(self) -> str | None:
        """Why something is not consumed now, in one line; None while all is."""
        ...


class Bus(Protocol):
    """A durable topic bus.

    Every method that reaches the broker raises BusUnavailable while it is away, except `consume`,
    which waits; the adapter reconnects by itself, with jitter, for ever.
    """

    @property
    def is_ready(self) -> bool:
        """True while connected, with the topology in place."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why it is not ready, in one line; None when it is."""
        ...

    async def wait_ready(self) -> None:
        """Return once it is ready.

        Raises TopologyMismatch or AccessRefused when the broker answered with that before it was
        ever ready: nobody has set it right yet, so that waiting would only hide it.
        """
        ...

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        """Store `message`, durably, and return when that is confirmed.

        Exchange "" puts it straight into the queue named `routing_key`. Raises BusUnavailable,
        PublishUncertain, Unroutable or PublishRefused. Headers that are the broker's own books
        (`x-death`, `x-delivery-count` and their like) are left out.
        """
        ...

    def consume(
        self, queue: str, prefetch: int
    ) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """Iterate over a queue's messages, across reconnections.

        At most `prefetch` are handed out and unacknowledged at a time. Leaving the context
        stops new messages; deliveries already handed out can still be acknowledged, and what was
        prefetched but never yielded returns to the queue.
        """
        ...

    async def take(self, queue: str, message_id: str) -> Delivery | None:
        """Find one message by id in a queue, leaving the others as they are; None if absent."""
        ...

    async def take_all(self, queue: str, message_ids: Collection[str]) -> list[Delivery]:
        """Like `take`, for many in one pass: those that are there, in the queue's order."""
        ...

    async def depths(self) -> dict[str, int]:
        """Messages by queue, for every queue of the topology.

        The embedded bus counts those that are out for work too; AMQP tells only those that wait,
        so on RabbitMQ what is prefetched or being worked on is not in it.
        """
        ...

    async def close(self) -> None:
        """Stop consuming and close. What is unacknowledged comes again."""
        ...

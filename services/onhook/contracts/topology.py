"""The bus: every exchange, queue, binding and argument, and nothing else in the code names them.

This module is data and pure look-ups; it must not know any client library or adapter.
RabbitMQ's reasons for each argument: https://www.rabbitmq.com/docs/quorum-queues and .../docs/dlx.
"""

from __future__ import annotations

from msgspec import Struct, field

EVENTS_EXCHANGE = "onhook.events"

EVENT_FLOW = "onhook.event-flow"
NEXT = "onhook.event-flow.next"
RESUME = "onhook.event-flow.resume"
REPLAY = "onhook.event-flow.replay"
ORDERED = "onhook.event-flow.ordered"
SUSPECT = "onhook.event-flow.suspect"
EVICTED = "onhook.event-flow.evicted"
UNDELIVERED = "onhook.dead.undelivered"
UNPROCESSABLE = "onhook.dead.unprocessable"
CALL_EMULATOR = "onhook.call-emulator"
SHADOW = "onhook.shadow.event-flow"
"""A shadow worker's copy of the events. Only a shadow declares it, so it is not in TOPOLOGY."""

WORK_DELIVERY_LIMIT = 1_000
DEAD_DELIVERY_LIMIT = 1_000_000_000
"""Merely looking at a message 21 times drops it at RabbitMQ 4's default of 20."""

SCREEN_POPS_KEPT = 10_000
SHADOW_EVENTS_KEPT = 100_000
SHADOW_EXPIRES_S = 1_800
"""After so long without a shadow the broker deletes its queue."""

LONGEST_KEY_BYTES = 255
"""Of a routing key: AMQP 0-9-1 has it as a short string."""


class Queue(Struct, frozen=True, kw_only=True):
    """One durable quorum queue. Delays are seconds; `expires_to` and `evicts_to` are queue names."""

    name: str
    delivery_limit: int = WORK_DELIVERY_LIMIT
    delay_s: int | None = None
    """A retry tier: messages stay this long, then move to `expires_to`."""
    expires_to: str | None = None
    evicts_to: str | None = None
    """Where the broker puts what was returned more than `delivery_limit` times."""
    max_length: int | None = None
    """Bounded: beyond this the oldest is dropped."""
    single_active_consumer: bool = False
    unused_s: int | None = None
    """The broker deletes the queue after so long without a consumer."""

    @property
    def arguments(self) -> dict[str, str | int | bool]:
        """The queue's `x-` arguments, as RabbitMQ takes them."""
        arguments: dict[str, str | int | bool] = {
            "x-queue-type": "quorum",
            "x-delivery-limit": self.delivery_limit,
        }
        leaves_to = self.expires_to or self.evicts_to
        if self.delay_s is not None:
            arguments["x-message-ttl"] = self.delay_s * 1000
        if leaves_to:
            arguments["x-dead-letter-exchange"] = ""
            arguments["x-dead-letter-routing-key"] = leaves_to
            arguments["x-dead-letter-strategy"] = "at-least-once"
            arguments["x-overflow"] = "reject-publish"
        if self.max_length is not None:
            arguments["x-max-length"] = self.max_length
            arguments["x-overflow"] = "drop-head"
        if self.single_active_consumer:
            arguments["x-single-active-consumer"] = True
        if self.unused_s is not None:
            arguments["x-expires"] = self.unused_s * 1000
        return arguments


class Binding(Struct, frozen=True):
    exchange: str
    routing_key: str
    queue: str


class Tier(Struct, frozen=True):
    """A retry tier: a queue whose messages come back after `delay_s` seconds."""

    name: str
    delay_s: int

    @property
    def queue(self) -> str:
        return f"onhook.retry.{self.name}"


TIERS = (
    Tier("5s", 5),
    Tier("30s", 30),
    Tier("2m", 120),
    Tier("10m", 600),
    Tier("30m", 1_800),
    Tier("2h", 7_200),
    Tier("5h", 18_000),
    Tier("10h", 36_000),
)
"""Shortest first. Other waits travel through several of them with a not-before time."""

SMALLEST_TIER_S = TIERS[0].delay_s


class Topology(Struct, frozen=True):
    exchanges: tuple[str, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    by_name: dict[str, Queue] = field(default_factory=dict)

    def queue(self, name: str) -> Queue:
        return self.by_name[name]


def _build() -> Topology:
    queues = (
        Queue(name=EVENT_FLOW, evicts_to=EVICTED),
        Queue(name=NEXT, evicts_to=EVICTED),
        Queue(name=RESUME, evicts_to=EVICTED),
        Queue(name=REPLAY, evicts_to=EVICTED),
        Queue(name=ORDERED, evicts_to=EVICTED, single_active_consumer=True),
        Queue(name=SUSPECT, evicts_to=EVICTED),
        Queue(name=EVICTED, delivery_limit=DEAD_DELIVERY_LIMIT),
        *(
            Queue(
                name=tier.queue,
                delay_s=tier.delay_s,
                expires_to=RESUME,
                delivery_limit=DEAD_DELIVERY_LIMIT,
            )
            for tier in TIERS
        ),
        Queue(name=UNDELIVERED, delivery_limit=DEAD_DELIVERY_LIMIT),
        Queue(name=UNPROCESSABLE, delivery_limit=DEAD_DELIVERY_LIMIT),
        Queue(name=CALL_EMULATOR, max_length=SCREEN_POPS_KEPT),
    )
    bindings = (
        Binding(EVENTS_EXCHANGE, "contact.#", EVENT_FLOW),
        Binding(EVENTS_EXCHANGE, "agent.*.ScreenPop", CALL_EMULATOR),
    )
    return Topology((EVENTS_EXCHANGE,), queues, bindings, {queue.name: queue for queue in queues})


TOPOLOGY = _build()

SHADOW_QUEUE = Queue(name=SHADOW, max_length=SHADOW_EVENTS_KEPT, unused_s=SHADOW_EXPIRES_S)
SHADOW_BINDING = Binding(EVENTS_EXCHANGE, "contact.#", SHADOW)


def event_key(event_type: str, channel: str = "voice") -> str:
    """The routing key an event is published with: `contact.<channel>.<EventName>`."""
    return f"contact.{channel}.{event_type}"


def screen_pop_key(agent_id: str) -> str:
    """The routing key a screen pop is published with: one word for the agent, dots in it as %2E."""
    return f"agent.{agent_id.replace('.', '%2E')}.ScreenPop"


def tier_for(wait_s: float) -> Tier | None:
    """The longest tier that does not overshoot `wait_s`; None when it is below the smallest."""
    return next((tier for tier in reversed(TIERS) if tier.delay_s <= wait_s), None)


def routes(exchange: str, routing_key: str) -> tuple[str, ...]:
    """The queues that a message goes to; none when nothing takes it. Exchange "" is by name."""
    if not exchange:
        return (routing_key,) if routing_key in TOPOLOGY.by_name else ()
    found = (
        binding.queue
        for binding in TOPOLOGY.bindings
        if binding.exchange == exchange and key_matches(binding.routing_key, routing_key)
    )
    return tuple(dict.fromkeys(found))  # once each, however many bindings match


def key_matches(pattern: str, routing_key: str) -> bool:
    """AMQP topic matching: `*` is one word, `#` any number of words (AMQP 0-9-1, 3.1.3.3)."""
    return _words_match(pattern.split("."), routing_key.split("."))


def _words_match(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return any(_words_match(rest, words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and head in ("*", words[0]) and _words_match(rest, words[1:])

"""Reading a message as consumed: an event, or a run on its way. What is neither is unprocessable."""

from __future__ import annotations

from onhook.bus.port import Delivery
from onhook.contracts.event import (
    EVENT_NAMES,
    Event,
    MalformedEvent,
    canonical_name,
    decode_event,
)
from onhook.contracts.run import MalformedRun, RunMessage, decode_run
from onhook.contracts.topology import EVENT_FLOW, EVENTS_EXCHANGE, SHADOW
from onhook.event_flow.dead_letter import Unprocessable, cut
from onhook.event_flow.tracing import with_context

MALFORMED = "malformed"
UNKNOWN_EVENT = "unknown event"


class UnknownEvent(Unprocessable):
    """An event that can be read, of a type that nobody knows."""

    def __init__(self, event: Event, reason: str) -> None:
        super().__init__(UNKNOWN_EVENT, reason)
        self.event = event


def read(delivery: Delivery) -> Event | RunMessage:
    """Raises Unprocessable, whose reason names the fault, and UnknownEvent of it."""
    if delivery.queue not in (EVENT_FLOW, SHADOW):
        try:
            return decode_run(delivery.body)
        except MalformedRun as error:
            raise Unprocessable(MALFORMED, str(error)) from None
    try:
        event = decode_event(delivery.body)
    except MalformedEvent as error:
        raise Unprocessable(MALFORMED, str(error)) from None
    _check_type(event, delivery)
    return with_context(event, delivery.headers)


def recognised(body: bytes) -> Event | RunMessage | None:
    """What a message of any queue holds; None when it cannot be read."""
    try:
        return decode_run(body)
    except MalformedRun:
        pass
    try:
        return decode_event(body)
    except MalformedEvent:
        return None


def _check_type(event: Event, delivery: Delivery) -> None:
    if event.type not in EVENT_NAMES:
        known = canonical_name(event.type)
        hint = (
            f"on the bus it is {known}"
            if known in EVENT_NAMES
            else "known are " + ", ".join(EVENT_NAMES)
        )
        raise UnknownEvent(event, f'unknown event type "{cut(event.type, 80)}"; {hint}')
    last_word = delivery.routing_key.rpartition(".")[2]
    if delivery.exchange == EVENTS_EXCHANGE and last_word != event.type:
        raise Unprocessable(
            UNKNOWN_EVENT,
            f'type "{cut(event.type, 80)}" came by the routing key "{cut(delivery.routing_key, 80)}"; '
            f"publish it as contact.<channel>.{event.type}",
        )

"""Events as CloudEvents 1.0 JSON, structured mode: reading foreign ones, writing ours.

Message shapes and their checks live here; no bus, no flow. CloudEvents 1.0.2:
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from onhook.contracts.outputs import EventData

SPEC_VERSION = "1.0"
EMULATOR_SOURCE = "/onhook/call-emulator"
CONTENT_TYPE = "application/cloudevents+json"

EVENT_NAMES: dict[str, tuple[str, ...]] = {
    "NewPhoneContact": ("NewContact", "ContactStartWorkflow"),
    "AgentOffered": ("AgentOfferContact",),
    "AgentAnswered": ("AgentAccepted", "AgentContactAssigned"),
    "AgentDisconnect": ("AgentDisconnected", "FCAsk(ContactLastAgentRemoved)"),
    "PhoneContactEnded": ("ContactEnded",),
    "PreDial": ("ContactPredial",),
    "CallbackFailed": ("ContactCallbackFailed",),
    "ContactAniUpdated": (),
    "OutboundCampaignCallResult": ("ContactOutboundCampaignResult",),
}
"""Every event known, by the name it has on the bus, with its other names in flow files."""

ERROR_EVENT = "OnGlobalError"
ERROR_SPECIFICATION = "GlobalErrorHandling"

_CANONICAL = {
    alias: name for name, aliases in EVENT_NAMES.items() for alias in (name, *aliases)
} | {ERROR_EVENT: ERROR_EVENT, ERROR_SPECIFICATION: ERROR_EVENT}

TEMPLATE_ALIASES: dict[str, str] = {
    "NewContact": "NewPhoneContact",
    "AgentAccepted": "AgentAnswered",
    "AgentDisconnected": "AgentDisconnect",
}
"""Names that templates may use for the outputs of another."""

Text = Annotated[str, Meta(min_length=1)]
_TRACE = "W3C trace context; it goes on with the run's requests. Anything else is ignored"


class MalformedEvent(Exception):
    """The message is no event that can be read."""


class Event(Struct, frozen=True, kw_only=True):
    """A contact event. `data` is the template context; `data.variables` maps name to value."""

    id: Text
    source: Text
    type: Text
    specversion: str
    data: dict[str, Any]
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    flowversion: int | str | None = None
    traceparent: Annotated[Any, Meta(description=_TRACE)] = None
    """W3C trace context, by CloudEvents' distributed tracing extension. What is none is no error."""
    tracestate: Annotated[Any, Meta(description=_TRACE)] = None

    @property
    def interaction_id(self) -> str | None:
        """The contact's id: the subject, else what NewPhoneContact says."""
        if self.subject:
            return self.subject
        contact = self.data.get("NewPhoneContact")
        found = contact.get("InteractionId") if isinstance(contact, dict) else None
        return found if isinstance(found, str) and found else None


class PublishedEvent(Struct, frozen=True, kw_only=True):
    """What the call emulator publishes: the same message with its outputs typed."""

    id: str
    type: str
    subject: str
    time: str
    data: EventData
    flowversion: int | UnsetType = UNSET
    source: str = EMULATOR_SOURCE
    specversion: str = SPEC_VERSION
    datacontenttype: str = "application/json"


def canonical_name(name: str) -> str | None:
    """The bus's name for an event, from any of its names or specifications; None if unknown."""
    return _CANONICAL.get(name)


_decoder = msgspec.json.Decoder(Event)


def decode_event(body: bytes) -> Event:
    """Read a structured CloudEvent. Raises MalformedEvent, which names the fault."""
    try:
        event = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise MalformedEvent(f"not a CloudEvent: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedEvent(f"not JSON: {error}") from None
    except RecursionError:
        raise MalformedEvent("not JSON that can be read: nested too deeply") from None
    if event.specversion != SPEC_VERSION:
        raise MalformedEvent(
            f'not a CloudEvent 1.0: specversion is "{event.specversion[:40]}", not "1.0"'
        )
    variables = event.data.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise MalformedEvent("not an event of ours: data.variables must be an object")
    return event


def encode_event(event: Event | PublishedEvent) -> bytes:
    return msgspec.json.encode(event)


def new_event_id() -> str:
    return str(uuid4())


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as CloudEvents wants it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

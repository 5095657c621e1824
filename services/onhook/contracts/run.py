"""A run as a message: `onhook.run.v1`, what waits in a retry tier or moves between requests.

Shapes and ids live here; deciding what a run does next is the engine's and the worker's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha1
from typing import Annotated, Any
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta, Struct, field

from onhook.contracts.event import Event

RUN_TYPE = "onhook.run.v1"
RUN_NAMESPACE = UUID("6f6e686f-6f6b-5275-8e73-000000000001")
LARGEST_RUN_BYTES = 4 * 1024 * 1024
LARGEST_RESPONSE_BYTES = 256 * 1024

LARGEST_COUNT = 2**31 - 1
"""A larger number is forged: nothing that counts it, or keeps it in a table, has to expect it."""
Count = Annotated[int, Meta(ge=0, le=LARGEST_COUNT)]
VersionNumber = Annotated[int, Meta(ge=1, le=LARGEST_COUNT)]
RunId = Annotated[str, Meta(min_length=1, max_length=200)]
"""Ours have 36 characters; a forged one must fit every store's index."""
Instant = Annotated[datetime, Meta(tz=True)]
"""A time with its offset: one without cannot be compared with now."""


class MalformedRun(Exception):
    """The message is no run that can be read."""


class Caller(Struct, frozen=True, kw_only=True):
    """A flow that called another by a Subflow node and goes on when that one ends.

    `node` is the calling node's id; the rest is the progress that stood there, as in Progress.
    """

    flow_id: str | None
    version: VersionNumber | None
    in_main: bool
    prefix: str
    node: str
    variables: dict[str, Any]
    outputs: dict[str, Any]
    visits: dict[str, Count]
    in_error_handler: bool
    tainted: tuple[str, ...] | None = None


class Progress(Struct, frozen=True, kw_only=True):
    """Where a run stands: everything that the engine needs to go on."""

    node: str | None = None
    """Id of the node to perform next; None before the start and after the end."""
    variables: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    """Outputs of finished nodes, by node name."""
    visits: dict[str, Count] = field(default_factory=dict)
    """How often each node was entered, by node id."""
    in_error_handler: bool = False
    """True once OnGlobalError has taken over: an error there ends the run."""
    flow_id: str | None = None
    """The flow that is performed now; None while it is the run's own. `version` likewise."""
    version: VersionNumber | None = None
    in_main: bool = False
    """The node belongs to that flow's main graph, as in a subflow, not to its event flows."""
    prefix: str = ""
    """What stands before node ids in the addresses of a flow that was called."""
    callers: tuple[Caller, ...] = ()
    """The flows that wait for this one to end, the run's own first."""
    tainted: tuple[str, ...] | None = None
    """Variables of the flow that is performed now that came by a value of the event's, before its
    nodes set others from them. None: not known, so it may be any."""


class WaitingRequest(Struct, frozen=True, kw_only=True):
    """A rendered request that was tried and waits. Headers and body are sent again as they are."""

    node: str
    """The node's address: its id, in a flow that was called with what stands before it."""
    visit: Count
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    attempts: Count
    """Attempts that count against the budget."""
    position: Count
    """Where the run stands in the schedule of waits."""
    first_attempt_at: Instant
    requests_sent: Count
    """All attempts, also those that cost none."""
    refusals: Count = 0
    """Answers 4xx with the short budget so far."""
    endpoint: str = ""
    """Id of the endpoint that it was held back from, or tried at, last."""
    is_held: bool = False
    """It was held back, not tried, when it began to wait."""


class RunMessage(Struct, frozen=True, kw_only=True):
    """One execution of a flow on its way. `step` grows by one with each message of the run."""

    run_id: RunId
    step: Count
    event: Event
    flow_id: str
    flow_name: str
    version: VersionNumber
    progress: Progress | None = None
    """None: the run has not begun, and starts from its event."""
    request: WaitingRequest | None = None
    not_before: Instant | None = None
    published_at: Instant | None = None
    """When this message was made; templates that ask for the time read the same at each reading."""
    sealed: bytes | None = None
    """What is taken out of `progress` and `request` of a run with secure values: see Hidden."""
    is_by_hand: bool = False
    """An operator sent it on: an endpoint that is left alone is asked once all the same."""
    type: str = RUN_TYPE


class Hidden(Struct, frozen=True, kw_only=True):
    """What of a run is encrypted together, once it holds a secure value."""

    variables: dict[str, Any]
    outputs: dict[str, Any]
    callers: tuple[tuple[dict[str, Any], dict[str, Any]], ...]
    """Variables and outputs of each caller."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    held: tuple[str, ...] | None = ()
    """What secure variables held before, to be masked from now on; None: more than is kept."""


_decoder = msgspec.json.Decoder(RunMessage)
_hidden_decoder = msgspec.json.Decoder(Hidden)


def decode_run(body: bytes) -> RunMessage:
    """Read a run message. Raises MalformedRun, which names the fault."""
    try:
        message = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRun(f"not a run: {error}") from None
    if message.type != RUN_TYPE:
        raise MalformedRun(f'not a run: type is "{message.type[:40]}", not "{RUN_TYPE}"')
    return message


def encode_run(message: RunMessage) -> bytes:
    return msgspec.json.encode(message)


def sealed_run(
    message: RunMessage, seal: Callable[[bytes], bytes], held: tuple[str, ...] | None = ()
) -> RunMessage:
    """The message with its secure parts taken out and, sealed, put beside."""
    progress, request = message.progress, message.request
    if progress is None:
        return message
    hidden = Hidden(
        variables=progress.variables,
        outputs=progress.outputs,
        callers=tuple((caller.variables, caller.outputs) for caller in progress.callers),
        headers=() if request is None else request.headers,
        body=b"" if request is None else request.body,
        held=held,
    )
    bare = [msgspec.structs.replace(each, variables={}, outputs={}) for each in progress.callers]
    return msgspec.structs.replace(
        message,
        progress=msgspec.structs.replace(progress, variables={}, outputs={}, callers=tuple(bare)),
        request=request and msgspec.structs.replace(request, headers=(), body=b""),
        sealed=seal(msgspec.json.encode(hidden)),
    )


def opened_run(
    message: RunMessage, unseal: Callable[[bytes], bytes]
) -> tuple[RunMessage, tuple[str, ...] | None]:
    """The message whole again, and what was held. Raises MalformedRun, and what `unseal` raises."""
    progress, request = message.progress, message.request
    if message.sealed is None or progress is None:
        return message, ()
    try:
        hidden = _hidden_decoder.decode(unseal(message.sealed))
    except msgspec.DecodeError as error:
        raise MalformedRun(f"not a run: what was sealed in it cannot be read: {error}") from None
    if len(hidden.callers) != len(progress.callers):
        raise MalformedRun("not a run: what was sealed in it belongs to another")
    callers = tuple(
        msgspec.structs.replace(caller, variables=variables, outputs=outputs)
        for caller, (variables, outputs) in zip(progress.callers, hidden.callers, strict=True)
    )
    opened = msgspec.structs.replace(
        message,
        progress=msgspec.structs.replace(
            progress, variables=hidden.variables, outputs=hidden.outputs, callers=callers
        ),
        request=request
        and msgspec.structs.replace(request, headers=hidden.headers, body=hidden.body),
        sealed=None,
    )
    return opened, hidden.held


def flow_id_of(name: str) -> str:
    """The id of a flow whose file has none."""
    return str(uuid5(RUN_NAMESPACE, f"flow {name}"))


def run_id_of(source: str, event_id: str, flow_id: str) -> str:
    """The same event and flow are the same run, however often the event comes."""
    return _uuid5([source, event_id, flow_id])


def webhook_id_of(run_id: str, address: str, visit: int) -> str:
    """Stable over retries, redeliveries and replays (Standard Webhooks, `webhook-id`).

    The address of a node of the run's own flow is its id.
    """
    return f"msg_{_uuid5([run_id, address, visit])}"


def screen_pop_id_of(run_id: str, address: str, visit: int) -> str:
    """The id of the event that asks for a screen pop; stable likewise."""
    return _uuid5(["screen pop", run_id, address, visit])


def _uuid5(name: list[str | int]) -> str:
    """As uuid.uuid5 of the name's JSON, at a third of its cost: two are made for each event."""
    made = sha1(RUN_NAMESPACE.bytes + msgspec.json.encode(name), usedforsecurity=False).digest()
    text = made[:16].hex()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

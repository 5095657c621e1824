"""One HTTP attempt: what is sent, how the answer is recorded. Uses the egress client, no bus.

Deciding what follows a failed attempt is retry.py's; this module only performs and describes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from onhook.contracts.run import WaitingRequest
from onhook.egress.port import Client, Request, Response, SendError
from onhook.egress.shadow import NOT_SENT
from onhook.event_flow.dead_letter import Unprocessable
from onhook.event_flow.retry import retry_after_s
from onhook.flow.effect import SendRequest
from onhook.flow.mask import NOTHING, Mask
from onhook.journal.port import Attempt

EXCERPT_BYTES = 1_024
LONGEST_URL_CHARS = 2_000
LONGEST_DETAIL_CHARS = 1_000
LONGEST_HEADER_CHARS = 500
HEADERS_KEPT = 30
WEBHOOK_ID = "webhook-id"
SHADOW_FAULT = "shadow"
NOT_SENT_DETAIL = "not sent: shadow"


class Rendered(Struct, frozen=True, kw_only=True):
    """A request as it is sent at every attempt; the URL is made anew each time."""

    method: str
    headers: tuple[tuple[str, str], ...]
    """With our ids."""
    body: bytes


class Tried(Struct, frozen=True, kw_only=True):
    """An attempt made: its row, and the response if one came."""

    attempt: Attempt
    response: Response | None
    retry_after_s: float | None

    @property
    def status(self) -> int | None:
        """As the flow reads it: of what a shadow did not send, 200."""
        return None if self.response is None else self.response.status

    @property
    def note(self) -> str | None:
        """What the trace says of it."""
        return NOT_SENT_DETAIL if self.response is NOT_SENT else None

    @property
    def summary(self) -> str:
        """In a few words, for reasons."""
        if self.attempt.status is not None:
            hint = ", and redirects are not followed" if 300 <= self.attempt.status < 400 else ""
            return f"answered {self.attempt.status}{hint}"
        return self.attempt.detail or self.attempt.fault or "failed"


def rendered_before(waiting: WaitingRequest) -> Rendered:
    """Raises Unprocessable for one that no worker of ours ever tried."""
    if not any(name == WEBHOOK_ID for name, _value in waiting.headers):
        raise Unprocessable("malformed", f"not a run: the request that waits has no {WEBHOOK_ID}")
    return Rendered(method=waiting.method, headers=waiting.headers, body=waiting.body)


def with_ids(
    headers: tuple[tuple[str, str], ...], run_id: str, webhook_id: str
) -> tuple[tuple[str, str], ...]:
    """The headers with our ids, which replace any of the same name."""
    ours = ((WEBHOOK_ID, webhook_id), ("onhook-run-id", run_id))
    names = {name for name, _ in ours}
    return (*(pair for pair in headers if pair[0].lower() not in names), *ours)


async def attempt(
    client: Client,
    effect: SendRequest,
    run_id: str,
    rendered: Rendered,
    url: str,
    number: int,
    clock: Callable[[], datetime],
    timeout_s: float | None = None,
    mask_for: Callable[[Response | None], Mask] = lambda _response: NOTHING,
) -> Tried:
    """Send once and describe what came of it, masked before it is cut.

    `timeout_s` goes before the node's own.
    """
    started_at = clock()
    response: Response | None = None
    fault: SendError | None = None
    try:
        response = await client.send(
            Request(
                method=rendered.method,
                url=url,
                headers=rendered.headers,
                body=rendered.body,
                timeout_s=timeout_s or effect.timeout_s,
            )
        )
        elapsed_s = response.elapsed_s
    except SendError as error:
        fault, elapsed_s = error, error.elapsed_s
    is_shadow = response is NOT_SENT
    mask = mask_for(None if is_shadow else response)
    row = Attempt(
        run_id=run_id,
        node=effect.node.name,
        visit=effect.visit,
        number=number,
        webhook_id=next(value for name, value in rendered.headers if name == WEBHOOK_ID),
        started_at=started_at,
        elapsed_ms=round(elapsed_s * 1000, 3),
        method=rendered.method,
        url=mask.cut(url, LONGEST_URL_CHARS),
        status=None if response is None or is_shadow else response.status,
        fault=SHADOW_FAULT if is_shadow else None if fault is None else fault.fault.value,
        detail=_detail(fault, mask, is_shadow=is_shadow),
        response_headers={} if response is None else _kept_headers(response, mask),
        response_excerpt="" if response is None else excerpt(response.body, EXCERPT_BYTES, mask),
    )
    return Tried(attempt=row, response=response, retry_after_s=_asked_wait_s(response, clock))


def _detail(fault: SendError | None, mask: Mask, *, is_shadow: bool) -> str | None:
    if is_shadow:
        return NOT_SENT_DETAIL
    return None if fault is None else mask.cut(fault.message, LONGEST_DETAIL_CHARS)


def _asked_wait_s(response: Response | None, clock: Callable[[], datetime]) -> float | None:
    if response is None:
        return None
    for name, value in response.headers:
        if name.lower() == "retry-after":
            return retry_after_s(value, clock())
    return None


def _kept_headers(response: Response, mask: Mask) -> dict[str, str]:
    kept = response.headers[:HEADERS_KEPT]
    if not mask:
        return {name.lower(): value[:LONGEST_HEADER_CHARS] for name, value in kept}
    return {mask.text(name.lower()): mask.cut(value, LONGEST_HEADER_CHARS) for name, value in kept}


def excerpt(body: bytes, longest_bytes: int, mask: Mask) -> str:
    """The first so many bytes of a body, masked: a value that stands across the end is, whole."""
    if not mask or len(body) <= longest_bytes:
        return mask.text(body[:longest_bytes].decode("utf-8", "replace"))
    whole = body.decode("utf-8", "replace")
    shown = len(body[:longest_bytes].decode("utf-8", "ignore"))
    return mask.cut(whole, shown)

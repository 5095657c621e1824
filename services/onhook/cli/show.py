"""What `onhook up` and `onhook demo` print: the start, then a line each way as it happens. No I/O."""

from __future__ import annotations

import shlex

import msgspec

from onhook import __version__
from onhook.event_flow.notice import (
    AttemptMade,
    BreakerChanged,
    EventReceived,
    MessageSetAside,
    Notice,
)
from onhook.settings import Settings
from onhook.settings.contact_centre import ContactCentre

PLAYED = {"variables": {"WhoIsCalling": "Ada Lovelace"}}


def start_lines(
    settings: Settings,
    centre: ContactCentre,
    webhook_url: str,
    found: tuple[str, ...],
    trouble: str | None,
    ready_ms: int,
) -> list[str]:
    """What a person needs to go on, ready to copy. `trouble` is why it is not ready, if so."""
    point = centre.entry_points[0]
    agents = ", ".join(f"{agent.id} ({agent.name})" for agent in centre.agents) or "none"
    rows = [
        ("call emulator", settings.emulator_public_url),
        ("worker", settings.worker_public_url),
        ("sink", settings.sink_public_url),
        ("agent", agents),
        ("entry point", f"{point.name} {', '.join(point.dial_numbers)} -> {point.flow}"),
        ("webhook", webhook_url),
        ("bus", "RabbitMQ" if settings.amqp_url else "embedded"),
        ("data", str(settings.data)),
    ]
    state = f"not ready: {trouble}" if trouble else f"ready in {ready_ms / 1000:.1f} s"
    lines = [f"onhook {__version__}, {state}", ""]
    lines += [f"  {name:<14} {value}" for name, value in rows]
    if found:
        lines += ["", "Found:", *(f"  {line}" for line in found)]
    body = shlex.quote(msgspec.json.encode(PLAYED).decode())
    curl = f"curl -H 'Content-Type: application/json' -d {body}"
    lines += [
        "",
        "Play a whole call:",
        f"  {curl} {settings.emulator_public_url}/calls/play",
    ]
    if webhook_url.startswith(settings.sink_url):
        lines += ["", "See what arrived:", f"  curl {latest_capture_url(settings)}/raw"]
    lines += ["", "Ctrl-C stops. Enter tries what waits now.", ""]
    return lines


def latest_capture_url(settings: Settings) -> str:
    return f"{settings.sink_public_url}/token/{settings.sink_token}/request/latest"


class Notices:
    """Lines for notices as they come: a reason that was just told is not told again."""

    def __init__(self) -> None:
        self._last: Notice | None = None

    def line(self, notice: Notice) -> str | None:
        """None for what is not worth a line."""
        line = notice_line(notice)
        if line is None:
            return None
        is_same = isinstance(notice, MessageSetAside) and notice == self._last
        self._last = notice
        return "xxx set aside too, for the same reason" if is_same else line


def notice_line(notice: Notice) -> str | None:
    """One line for what happened; None for what is not worth one."""
    if isinstance(notice, EventReceived):
        return _event_line(notice) if notice.is_handled else None
    if isinstance(notice, AttemptMade):
        return _attempt_line(notice)
    if isinstance(notice, BreakerChanged):
        return _breaker_line(notice)
    return _set_aside_line(notice)


def _breaker_line(notice: BreakerChanged) -> str | None:
    if notice.state == "half-open":
        return None
    if notice.state == "closed":
        return f"    {notice.origin} answers again; what waits for it is sent"
    until = "" if notice.until is None else f" until {notice.until.astimezone():%H:%M:%S}"
    return f"    {notice.origin} is left alone{until}: {notice.after}"


def _event_line(notice: EventReceived) -> str:
    return f"--> {notice.event_type} {short(notice.interaction_id)}"


def _attempt_line(notice: AttemptMade) -> str:
    if notice.status is None:
        answer = notice.detail or notice.fault or "failed"
    else:
        hint = " (redirects are not followed)" if 300 <= notice.status < 400 else ""
        answer = f"{notice.status}{hint}"
    if notice.again_in_s is not None:
        return f"<-- {answer}, again in {duration(notice.again_in_s)}"
    if notice.gave_up is not None:
        return f"<-- {answer}, {notice.gave_up}"
    return f"<-- {answer} {notice.elapsed_ms:.0f} ms"


def _set_aside_line(notice: MessageSetAside) -> str:
    return f"xxx set aside in {notice.queue}: {notice.reason}"


def short(identifier: str | None) -> str:
    """The start of an id, which `onhook trace` takes too."""
    if not identifier:
        return "(no interaction id)"
    return identifier if len(identifier) <= 11 else f"{identifier[:8]}..."


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.0f} h"

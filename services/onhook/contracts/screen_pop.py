"""A screen pop as an event: the page that a run wants an agent's desktop to show.

Message shape only; who publishes it and how it is shown is not known here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from onhook.contracts.event import SPEC_VERSION

SCREEN_POP = "ScreenPop"
WORKER_SOURCE = "/onhook/event-flow"


class ScreenPopData(Struct, frozen=True, kw_only=True):
    """What to show, to whom, and for which run."""

    agentId: str  # noqa: N815 - the events' own spelling
    interactionId: str | None  # noqa: N815
    runId: str  # noqa: N815
    url: str
    label: str
    target: str
    """`insideDesktop`, `outsideDesktop`: a new tab of the browser, or an existing tab."""


class ScreenPopEvent(Struct, frozen=True, kw_only=True):
    """A CloudEvent. Its `id` is the same each time: a desktop shows it once, and reports it by it."""

    id: str
    subject: str | None
    time: str
    data: ScreenPopData
    type: Literal["ScreenPop"] = "ScreenPop"
    source: str = WORKER_SOURCE
    specversion: str = SPEC_VERSION
    datacontenttype: str = "application/json"

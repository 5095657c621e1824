"""What a step of the engine comes to: on to the next node, or something for the driver to do.

Shapes only. The driver performs an effect and hands its result to engine.succeeded or
engine.failed; the same step gives the same effect again.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from onhook.contracts.run import Progress
from onhook.flow.http_request import CONTINUE_TIMEOUT_S, DELIVER_TIMEOUT_S, HttpRequest
from onhook.flow.screen_pop import Pop, ScreenPop
from onhook.flow.subflow import CallNode
from onhook.flow.trace import TraceEntry
from onhook.flow.wait import WaitNode


class Moved(Struct, frozen=True):
    """The node is done; `progress` stands behind it."""

    progress: Progress
    trace: TraceEntry


class SendRequest(Struct, frozen=True, kw_only=True):
    """Perform the HTTP Request `node`; this is its `visit`th time."""

    node: HttpRequest
    visit: int
    address: str
    continues: bool

    @property
    def timeout_s(self) -> float:
        return self.node.timeout_s or (CONTINUE_TIMEOUT_S if self.continues else DELIVER_TIMEOUT_S)


class PopScreen(Struct, frozen=True, kw_only=True):
    """Show `pop` on an agent's desktop."""

    node: ScreenPop
    visit: int
    address: str
    pop: Pop


class Wait(Struct, frozen=True, kw_only=True):
    """Go on in `seconds`."""

    node: WaitNode
    visit: int
    address: str
    seconds: float


class CallFlow(Struct, frozen=True, kw_only=True):
    """Go into another flow, and come back where it `returns`.

    `flow` is a name or an id, `label` that of a version. The driver says which version that is.
    """

    node: CallNode
    visit: int
    address: str
    flow: str
    label: str
    returns: bool
    given: dict[str, Any]
    """Values for the other flow's variables, by their names there."""


class Finished(Struct, frozen=True):
    """The run is over."""

    progress: Progress


Effect = SendRequest | PopScreen | Wait | CallFlow
Step = Moved | Effect | Finished

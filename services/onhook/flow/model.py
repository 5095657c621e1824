"""The flow file, in the shape that Flow Designer's API v2 reads and writes.

Shapes only: what the file holds, not whether it can run. Fields that only the hosted product needs
are left out of the model.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from onhook.settings.contact_centre import VariableType

GLOBAL_EVENTS = "GLOBAL_EVENTS"

Named = Annotated[str, Meta(min_length=1)]


class FlowType(Enum):
    """FLOW handles contacts; SUBFLOW is called by flows."""

    FLOW = "FLOW"
    SUBFLOW = "SUBFLOW"


class Variable(Struct, frozen=True, kw_only=True, rename="camel"):
    """A flow variable, or the flow's use of a global one (`source`). `value` is its default."""

    name: Named
    type: VariableType = VariableType.STRING
    value: str | None = None
    description: str | None = None
    desktop_label: str | None = None
    is_agent_viewable: bool = field(default=False, name="isCAD")
    is_agent_editable: bool = False
    is_reportable: bool = False
    is_secure: bool = False
    is_externalized: bool = False
    source: str | None = None
    id: str | None = None
    overwrite: bool = False

    @property
    def is_global(self) -> bool:
        return (self.source or "").startswith("GLOBAL")

    @property
    def is_input(self) -> bool:
        """Whether a subflow takes it from the flow that calls."""
        return self.source == "SUBFLOW_INPUT"

    @property
    def is_output(self) -> bool:
        """Whether a subflow hands it back to the flow that called."""
        return self.source == "SUBFLOW_OUTPUT"


class Point(Struct, frozen=True):
    """Where a node stands in the drawing, in pixels."""

    x: float = 0
    y: float = 0


class Node(Struct, frozen=True, kw_only=True, rename="camel"):
    """An activity. `name` is how templates reach its outputs."""

    id: Named
    name: Named
    activity_type: str = "action"
    group: str | None = None
    properties: dict[str, Any] = {}
    point: Point | None = None

    @property
    def activity(self) -> str:
        """Which activity it is: `activityName`, else what its group says."""
        name = self.properties.get("activityName")
        return name if isinstance(name, str) and name else (self.group or self.activity_type)


class Edge(Struct, frozen=True, kw_only=True):
    """From one node's output port (`condition`) to another node; ends are ids or names."""

    id: str | None = None
    from_: str = field(name="from")
    to: str
    condition: str | None = None
    properties: dict[str, Any] = {}


class EventFlow(Struct, frozen=True, kw_only=True, rename="camel"):
    """The handlers that run beside the call. `onEvents` maps an event to its event node's id."""

    id: str | None = None
    name: str | None = None
    description: str | None = None
    on_events: dict[str, str] = {}
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()


class DesktopPlace(Struct, frozen=True, kw_only=True, rename="camel"):
    """A variable's place on the agent's desktop; the lowest number stands first."""

    name: Named
    variable_seq: int = 0


class FlowFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """A flow as it is written down."""

    name: Named
    id: str | None = None
    flow_type: FlowType = FlowType.FLOW
    description: str | None = None
    variables: tuple[Variable, ...] = ()
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    event_flows: dict[str, EventFlow] = {}
    schema: str | None = field(default=None, name="$schema")
    comment: str | None = None
    variable_orders: dict[str, tuple[DesktopPlace, ...]] = {}
    """By part of the desktop: `pop-over` (3 to 6) and `interaction-panel` (up to 30)."""
    is_ordered: bool = False
    """Events of one interaction run one after another."""

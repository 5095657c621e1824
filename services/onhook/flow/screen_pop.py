"""The Screen Pop activity: which page to show on which agent's desktop. It asks; others show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from onhook.contracts.event import TEMPLATE_ALIASES, Event
from onhook.flow import expression
from onhook.flow.activity import Activity, Moment
from onhook.flow.address import compile_address, pairs_of
from onhook.flow.errors import RunError
from onhook.flow.expression import Reference, Template
from onhook.flow.properties import VALUE, Properties
from onhook.flow.url import UrlError, UrlTemplate

INSIDE = "insideDesktop"
TARGETS = (INSIDE, "outsideDesktop", "existingTab")
_SPELLINGS = ("AgentId", "AgentID", "agentId", "agentID")
_HOLDERS = ("AgentDisconnect", "AgentAnswered", "AgentOffered", "PhoneContactEnded")
"""Events that name an agent, the one that knows best first."""


class Pop(Struct, frozen=True, kw_only=True):
    """What an agent's desktop is to show."""

    agent_id: str
    url: str
    label: str
    target: str


class ScreenPop(Activity, frozen=True, kw_only=True):
    url: UrlTemplate
    label: Template
    target: str

    @property
    def references(self) -> tuple[Reference, ...]:
        return (*self.url.references, *self.label.references)

    @property
    def steering(self) -> tuple[Reference, ...]:
        return self.url.origin_references

    def pop(self, moment: Moment, event: Event) -> Pop:
        """Raises RunError, PebbleError."""
        agent_id = agent_of(event)
        if agent_id is None:
            raise RunError(self.name, f"{event.type} names no agent whose desktop could show it")
        try:
            url = self.url.render(moment.context, now=moment.now)
        except UrlError as problem:
            raise RunError(self.name, f"{problem}; correct screenPopUrl") from None
        label = expression.text_of(self.label, moment.context, moment.now)
        return Pop(agent_id=agent_id, url=url, label=label, target=self.target)


def compile_screen_pop(properties: Properties) -> ScreenPop | None:
    source = properties.required("screenPopUrl").strip()
    url = compile_address(
        properties, "screenPopUrl", source, pairs_of(properties, "queryParameters")
    )
    label = properties.template("screenPopDesktopLabel", properties.text("screenPopDesktopLabel"))
    target = properties.text("target") or INSIDE
    if target not in TARGETS:
        properties.warn(VALUE, f'target "{target}" is none of {", ".join(TARGETS)}', "correct it")
    if url is None or label is None or properties.is_broken:
        return None
    node = properties.node
    return ScreenPop(
        node_id=node.id, name=node.name, kind=node.activity, url=url, label=label, target=target
    )


def agent_of(event: Event) -> str | None:
    """The agent that the event speaks of, in any spelling of the output; else an earlier event's."""
    names = (event.type, *(name for name in _HOLDERS if name != event.type))
    aliases = {name: alias for alias, name in TEMPLATE_ALIASES.items()}
    for name in names:
        outputs = event.data.get(name) or event.data.get(aliases.get(name, name))
        if isinstance(outputs, Mapping) and (found := _spelt(outputs)) is not None:
            return found
    return None


def _spelt(outputs: Mapping[str, Any]) -> str | None:
    for spelling in _SPELLINGS:
        found = outputs.get(spelling)
        if isinstance(found, str) and found:
            return found
    return None

"""What a worker that stands alone asks before it starts: can the published flows' requests go anywhere?

Pure look-ups over compiled flows and configured values.
"""

from __future__ import annotations

from onhook.event_flow.catalogue import Catalogue, MissingVersion
from onhook.event_flow.overrides import WEBHOOK_VARIABLE, Overrides
from onhook.flow.compiled import Flow
from onhook.flow.http_request import HttpRequest


class WebhookUnset(Exception):
    """The flow's WebhookUrl has no value; set ONHOOK_WEBHOOK_URL."""


def check_webhooks(catalogue: Catalogue, overrides: Overrides) -> None:
    """Raises WebhookUnset, naming every published flow whose URLs have no value, and what to set.

    Of every version that a label points to: an event may name any label.
    """
    lines: dict[str, None] = {}
    for version in catalogue.labelled():
        try:
            flow = catalogue.flow(version.flow_id, version.number)
        except MissingVersion:
            continue  # its runs wait, and say why
        if overrides.lock_of(flow.id) is None:  # else what is set cannot be read now
            lines |= dict.fromkeys(_unset(flow, overrides))
    if lines:
        raise WebhookUnset("; ".join(lines))


def _unset(flow: Flow, overrides: Overrides) -> list[str]:
    values = overrides.of(flow.name, flow.id)
    nodes = (*flow.events.nodes.values(), *flow.main.nodes.values())
    assigned = {each.variable for node in nodes for each in node.assigned}
    decides: dict[str, list[str]] = {}
    for node in nodes:
        if isinstance(node, HttpRequest):
            for reference in node.steering:
                decides.setdefault(reference.path[0], []).append(node.name)
    return [
        f'flow "{flow.name}": {variable.name} has no value, so {_requests(decides, variable.name)} '
        f"could go nowhere; set {_where(flow, variable.name)}"
        for variable in flow.variables
        if variable.is_externalized
        and (variable.name in decides or variable.name == WEBHOOK_VARIABLE)
        and variable.name not in assigned
        and not str(values.get(variable.name) or variable.value or "").strip()
    ]


def _requests(decides: dict[str, list[str]], variable: str) -> str:
    names = list(dict.fromkeys(decides.get(variable, [])))
    return f"the requests of {', '.join(names)}" if names else "its requests"


def _where(flow: Flow, variable: str) -> str:
    if variable == WEBHOOK_VARIABLE:
        return "ONHOOK_WEBHOOK_URL"
    return f"it in ONHOOK_OVERRIDES: {flow.name}: {{{variable}: https://...}}"

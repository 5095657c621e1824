"""What there is to say of a value that was just set for a variable: what it will not do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from onhook.event_flow.overrides import Layer
from onhook.flow.address import Whole
from onhook.flow.compiled import Flow
from onhook.flow.http_request import HttpRequest
from onhook.flow.model import Variable
from onhook.flow.url import UrlError, UrlTemplate
from onhook.pebble import PebbleError


def notes_on(variable: Variable, value: Any, origin: Layer, flow: Flow | None) -> Iterator[str]:
    """`value` is what was stored, `origin` whose value holds; `flow` None where it cannot run."""
    if origin is Layer.COMMAND_LINE:
        yield "stored, and not in force: --to holds as long as this process runs"
    if flow is None:
        return
    if variable.name in flow.settable:
        yield "an event's value goes before it: the variable is not externalized"
    unfit = [
        name for name, url in _whole_urls(flow, variable.name) if not _fits(url, variable, value)
    ]
    if unfit:
        nodes = ", ".join(f'"{name}"' for name in unfit)
        yield (
            "it is no http:// or https:// address, and stands alone as the URL of "
            f"{nodes}: such a request will fail"
        )


def _whole_urls(flow: Flow, variable: str) -> Iterator[tuple[str, UrlTemplate]]:
    """Requests whose URL is this variable and nothing else, by name."""
    for node in (*flow.events.nodes.values(), *flow.main.nodes.values()):
        if not isinstance(node, HttpRequest) or not isinstance(node.address, Whole):
            continue
        template = node.address.url.template
        paths = {reference.path for reference in template.references}
        if template.expression is not None and paths == {(variable,)}:
            yield node.name, msgspec.structs.replace(node.address.url, query=())


def _fits(url: UrlTemplate, variable: Variable, value: Any) -> bool:
    try:
        url.render({variable.name: value})
    except (UrlError, PebbleError):
        return False
    return True

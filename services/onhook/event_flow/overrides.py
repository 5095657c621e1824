"""Values of flow variables from configuration: ONHOOK_OVERRIDES over ONHOOK_WEBHOOK_URL.

Reading and look-up only; which variables take an override is the flow's business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from onhook.settings.plain_yaml import NotPlain, read_yaml

WEBHOOK_VARIABLE = "WebhookUrl"


class OverridesError(Exception):
    """The overrides file cannot be used."""


class Overrides:
    """Look-up by flow name or id. `to` is where this process delivers whatever is configured."""

    def __init__(
        self, webhook_url: str, by_flow: dict[str, dict[str, Any]], to: str | None = None
    ) -> None:
        self._everywhere = {WEBHOOK_VARIABLE: webhook_url} if webhook_url else {}
        self._by_flow = by_flow
        self._above = {WEBHOOK_VARIABLE: to} if to else {}

    @property
    def flow_names(self) -> tuple[str, ...]:
        """Names or ids of flows that the file speaks of."""
        return tuple(self._by_flow)

    def names_for(self, flow: str) -> frozenset[str]:
        return frozenset(self._by_flow.get(flow, {}))

    def of(self, flow_name: str, flow_id: str) -> dict[str, Any]:
        """For the flow's externalized variables."""
        return {**self._everywhere, **self.given(flow_name, flow_id), **self._above}

    def given(self, flow_name: str, flow_id: str) -> dict[str, Any]:
        """For any variable of the flow: what ONHOOK_OVERRIDES says of it."""
        return {**self._by_flow.get(flow_id, {}), **self._by_flow.get(flow_name, {})}


def load_overrides(path: Path | None, webhook_url: str, to: str | None = None) -> Overrides:
    """Read the YAML file, flow -> variable -> value. Raises OverridesError naming the place."""
    if not _is_text(webhook_url):
        raise OverridesError("ONHOOK_WEBHOOK_URL: holds bytes that are no UTF-8; set it anew")
    if path is None:
        return Overrides(webhook_url, {}, to)
    try:
        plain = read_yaml(path.read_bytes())
        by_flow = msgspec.convert({} if plain is None else plain, dict[str, dict[str, Any] | None])
    except (OSError, NotPlain, msgspec.ValidationError) as error:
        raise OverridesError(f"ONHOOK_OVERRIDES: {path}: {error}") from None
    return Overrides(webhook_url, {flow: values or {} for flow, values in by_flow.items()}, to)


def _is_text(value: str) -> bool:
    """False for what the environment held in another encoding."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

"""Values of flow variables from configuration: stored over ONHOOK_OVERRIDES over ONHOOK_WEBHOOK_URL.

Reading and look-up only; which variables take an override is the flow's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from onhook.settings.plain_yaml import NotPlain, read_yaml

WEBHOOK_VARIABLE = "WebhookUrl"


class OverridesError(Exception):
    """The overrides file cannot be used."""


class Layer(Enum):
    """Where a value comes from, the strongest first."""

    COMMAND_LINE = "command line"
    STORED = "stored"
    FILE = "file"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


class Overrides:
    """Look-up by flow name or id. `to` is where this process delivers whatever is configured."""

    def __init__(
        self, webhook_url: str, by_flow: dict[str, dict[str, Any]], to: str | None = None
    ) -> None:
        self._everywhere = {WEBHOOK_VARIABLE: webhook_url} if webhook_url else {}
        self._by_flow = by_flow
        self._above = {WEBHOOK_VARIABLE: to} if to else {}
        self._stored: dict[str, dict[str, Any]] = {}
        """By flow id."""
        self._locked: dict[str, str] = {}
        """Flow id -> why a stored value of it cannot be read."""

    @property
    def flow_names(self) -> tuple[str, ...]:
        """Names or ids of flows that the file speaks of."""
        return tuple(self._by_flow)

    def names_for(self, flow: str) -> frozenset[str]:
        return frozenset(self._by_flow.get(flow, {}))

    def store(self, stored: dict[str, dict[str, Any]], locked: dict[str, str]) -> None:
        """From now on these are the values that operators set, and the flows that are locked."""
        self._stored, self._locked = stored, locked

    def lock_of(self, flow_id: str) -> str | None:
        """Why the flow's values are not known now; None when they are."""
        return self._locked.get(flow_id)

    def of(self, flow_name: str, flow_id: str) -> dict[str, Any]:
        """For the flow's externalized variables."""
        return {**self._everywhere, **self.given(flow_name, flow_id), **self._above}

    def given(self, flow_name: str, flow_id: str) -> dict[str, Any]:
        """For any variable of the flow: what was stored, else what ONHOOK_OVERRIDES says of it."""
        return {**self._of_file(flow_name, flow_id), **self._stored.get(flow_id, {})}

    def _of_file(self, flow_name: str, flow_id: str) -> dict[str, Any]:
        """By id over by name, since another flow may have the name too."""
        return {**self._by_flow.get(flow_name, {}), **self._by_flow.get(flow_id, {})}

    def origin(
        self, flow_name: str, flow_id: str, variable: str, *, is_externalized: bool
    ) -> tuple[Layer, Any]:
        """The layer whose value holds, and the value; null is absent, so that the default holds."""
        layers: list[tuple[Layer, Mapping[str, Any]]] = [
            (Layer.STORED, self._stored.get(flow_id, {})),
            (Layer.FILE, self._of_file(flow_name, flow_id)),
        ]
        if is_externalized:
            layers.insert(0, (Layer.COMMAND_LINE, self._above))
            layers.append((Layer.ENVIRONMENT, self._everywhere))
        layer, values = next(
            ((layer, values) for layer, values in layers if variable in values),
            (Layer.DEFAULT, {}),
        )
        value = values.get(variable)
        return (Layer.DEFAULT, None) if value is None else (layer, value)


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

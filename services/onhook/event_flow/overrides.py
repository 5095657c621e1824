"""Values of externalized variables from configuration: ONHOOK_OVERRIDES over ONHOOK_WEBHOOK_URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

WEBHOOK_VARIABLE = "WebhookUrl"


class OverridesError(Exception):
    """The overrides file cannot be used."""


class Overrides:
    """Look-up by flow name or id."""

    def __init__(self, webhook_url: str, by_flow: dict[str, dict[str, Any]]) -> None:
        self._everywhere = {WEBHOOK_VARIABLE: webhook_url} if webhook_url else {}
        self._by_flow = by_flow

    def of(self, flow_name: str, flow_id: str) -> dict[str, Any]:
        given = self._by_flow.get(flow_name) or self._by_flow.get(flow_id) or {}
        return {**self._everywhere, **given}


def load_overrides(path: Path | None, webhook_url: str) -> Overrides:
    """Read the YAML file, flow -> variable -> value. Raises OverridesError naming the place."""
    if path is None:
        return Overrides(webhook_url, {})
    try:
        by_flow = msgspec.yaml.decode(path.read_bytes(), type=dict[str, dict[str, Any]])
    except (OSError, msgspec.DecodeError) as error:
        raise OverridesError(f"ONHOOK_OVERRIDES: {path}: {error}") from None
    return Overrides(webhook_url, by_flow)

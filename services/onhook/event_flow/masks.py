"""Several masks as one: a run's secure values, and the credentials of connectors."""

from __future__ import annotations

from typing import Any

from onhook.flow.mask import Mask

Headers = tuple[tuple[str, str], ...]


class Masks:
    """Each is laid over what the one before it left."""

    def __init__(self, *masks: Mask) -> None:
        self._masks = [mask for mask in masks if mask]

    def text(self, text: str) -> str:
        for mask in self._masks:
            text = mask.text(text)
        return text

    def data(self, value: Any) -> Any:
        """JSON values."""
        for mask in self._masks:
            value = mask.data(value)
        return value

    def headers(self, headers: Headers) -> Headers:
        return tuple((name, self.text(value)) for name, value in headers)

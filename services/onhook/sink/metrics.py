"""The sink's metrics: captures taken, kept and evicted."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from onhook.sink.capture import Captured
from onhook.sink.store import Store
from onhook.web.metrics import Registry

LASTS_S = 10.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Observe = Callable[[Captured], None]


class SinkMetrics:
    def __init__(self, registry: Registry, store: Store, limit: int) -> None:
        self._store = store
        self._looked_at = -LASTS_S
        self._captures = registry.counter("captures", "Requests captured, by method", "method")
        self._bytes = registry.counter("captured_bytes", "Bytes of their bodies")
        self._evicted = registry.counter("captures_evicted", "Captures that went for newer ones")
        self._kept = registry.gauge("captures_kept", "Captures in the store")
        registry.gauge("captures_limit", "Captures that are kept at most").set(limit)
        registry.before_reading(self._refresh)

    def told(self, observe: Observe | None) -> Observe:
        """Counts, and passes on."""

        def tell(captured: Captured) -> None:
            method = captured.capture.method
            self._captures.add((method if method in METHODS else "other",))
            self._bytes.add(amount=captured.capture.size)
            if observe is not None:
                observe(captured)

        return tell

    async def _refresh(self) -> None:
        self._evicted.set((), self._store.evicted)
        if monotonic() - self._looked_at >= LASTS_S:
            self._looked_at = monotonic()
            self._kept.clear()
            self._kept.set(await self._store.stored())

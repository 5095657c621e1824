"""Metrics of a service: counters, gauges and histograms in a registry of its own.

Plain numbers in dictionaries, because one is changed several times per event; only the event loop's
thread touches them. What they look like to a scraper is exposition.py's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

import structlog
from msgspec import Struct

log = structlog.get_logger()

T = TypeVar("T", bound="Instrument")

OTHER = "other"
NAMES_KEPT = 100
"""Different values of a label; whatever comes after them is counted as `other`."""

Values = tuple[str, ...]
"""Of the labels, in the order of their names."""


class Sample(Struct, frozen=True):
    suffix: str
    labels: tuple[tuple[str, str], ...]
    value: float


class Family(Struct, frozen=True):
    """A metric with its samples, as it is shown. `kind` is counter, gauge or histogram."""

    name: str
    kind: str
    what: str
    samples: list[Sample]


class Instrument(Protocol):
    def family(self) -> Family: ...


class Count:
    """One counter's number for one set of label values."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0.0


class Counter:
    def __init__(self, name: str, what: str, labels: Values) -> None:
        self.name, self.what, self.labels = name, what, labels
        self._counts: dict[Values, Count] = {}
        if not labels:
            self.of(())

    def of(self, values: Values) -> Count:
        """To be kept by whoever adds to it often."""
        count = self._counts.get(values)
        if count is None:
            count = self._counts[values] = Count()
        return count

    def add(self, values: Values = (), amount: float = 1.0) -> None:
        self.of(values).total += amount

    def set(self, values: Values, total: float) -> None:
        """For what is counted elsewhere, and read when the metrics are."""
        self.of(values).total = total

    def family(self) -> Family:
        totals = {values: count.total for values, count in self._counts.items()}
        return _plain(self, "counter", "_total", totals)


class Gauge:
    def __init__(self, name: str, what: str, labels: Values) -> None:
        self.name, self.what, self.labels = name, what, labels
        self._values: dict[Values, float] = {}

    def set(self, value: float, values: Values = ()) -> None:
        self._values[values] = value

    def add(self, amount: float, values: Values = ()) -> None:
        self._values[values] = self._values.get(values, 0.0) + amount

    def clear(self) -> None:
        """Forget every value: what is unknown now is not shown."""
        self._values.clear()

    def family(self) -> Family:
        return _plain(self, "gauge", "", self._values)


class Spread:
    """One histogram's numbers for one set of label values."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Histogram:
    """`bounds` are the buckets' upper ends, in order, without infinity."""

    def __init__(self, name: str, what: str, labels: Values, bounds: tuple[float, ...]) -> None:
        self.name, self.what, self.labels = name, what, labels
        self.bounds = bounds
        self._spreads: dict[Values, Spread] = {}

    def of(self, values: Values = ()) -> Spread:
        """To be kept by whoever observes often."""
        spread = self._spreads.get(values)
        if spread is None:
            spread = self._spreads[values] = Spread(self.bounds)
        return spread

    def family(self) -> Family:
        samples: list[Sample] = []
        ends = [*(repr(float(bound)) for bound in self.bounds), "+Inf"]
        for values, spread in self._spreads.items():
            labels = tuple(zip(self.labels, values, strict=True))
            below = 0
            for end, count in zip(ends, spread.counts, strict=True):
                below += count
                samples.append(Sample("_bucket", (*labels, ("le", end)), below))
            samples.append(Sample("_sum", labels, spread.total))
            samples.append(Sample("_count", labels, below))
        return Family(self.name, "histogram", self.what, samples)


def _plain(of: Counter | Gauge, kind: str, suffix: str, values: dict[Values, float]) -> Family:
    samples = [
        Sample(suffix, tuple(zip(of.labels, each, strict=True)), value)
        for each, value in values.items()
    ]
    return Family(of.name, kind, of.what, samples)


class Names:
    """Values of a label: the first that come, each as itself; what comes after them as `other`."""

    def __init__(self, most: int = NAMES_KEPT) -> None:
        self._most = most
        self._known: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        known = self._known.get(name)
        if known is not None:
            return known
        if len(self._known) >= self._most:
            return OTHER
        self._known[name] = name
        return name


Refresh = Callable[[], Awaitable[None]]


class Registry:
    """A service's metrics. `onhook_` stands before every name."""

    def __init__(self) -> None:
        self._instruments: list[Instrument] = []
        self._refreshing: list[Refresh] = []

    def counter(self, name: str, what: str, *labels: str) -> Counter:
        return self._kept(Counter(f"onhook_{name}", what, labels))

    def gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return self._kept(Gauge(f"onhook_{name}", what, labels))

    def histogram(self, name: str, what: str, *labels: str, bounds: Iterable[float]) -> Histogram:
        return self._kept(Histogram(f"onhook_{name}", what, labels, tuple(bounds)))

    def _kept(self, instrument: T) -> T:
        self._instruments.append(instrument)
        return instrument

    def add(self, instrument: Instrument) -> None:
        """One that makes its own family, under any name."""
        self._instruments.append(instrument)

    def before_reading(self, refresh: Refresh) -> None:
        """Await this each time before the metrics are read. It sets what it can know."""
        self._refreshing.append(refresh)

    async def families(self) -> list[Family]:
        for refresh in self._refreshing:
            try:
                await refresh()
            except Exception as error:  # noqa: BLE001 - one that fails must not hide the others
                log.warning("metrics not refreshed", reason=f"{type(error).__name__}: {error}")
        return [instrument.family() for instrument in self._instruments]

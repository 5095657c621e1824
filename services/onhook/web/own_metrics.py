"""What every service tells of itself at `/metrics`: version, readiness, what troubles it, its process.

Process metrics have the names that Prometheus's own clients use.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from onhook import __version__
from onhook.web.exposition import OPEN, PLAIN, exposed, wants_open
from onhook.web.health import Check
from onhook.web.metrics import Family, Registry, Sample
from onhook.web.operation import Call, Operation

_STATM = Path("/proc/self/statm")
_DESCRIPTORS = Path("/proc/self/fd")
_STARTED_AT = time.time()
_Read = Callable[[], float | None]


def add_own(registry: Registry, checks: dict[str, Check]) -> None:
    """`checks` are those of readiness."""
    build = registry.gauge("build_info", "Always 1; the version is in a label", "version", "python")
    build.set(1, (__version__, platform.python_version()))
    ready = registry.gauge("ready", "1 while /readyz answers 200")
    trouble = registry.gauge(
        "trouble", "1 while this part, which readiness looks at, is not as it should be", "part"
    )

    async def refresh() -> None:
        troubled = {name: bool(check()) for name, check in checks.items()}
        ready.set(not any(troubled.values()))
        for name, is_troubled in troubled.items():
            trouble.set(is_troubled, (name,))

    registry.before_reading(refresh)
    for kind, name, what, read in _PROCESS:
        registry.add(_Own(kind, name, what, read))


class _Own:
    """A number of the process, read when it is shown; None where the system does not tell."""

    def __init__(self, kind: str, name: str, what: str, read: _Read) -> None:
        self._kind, self._name, self._what, self._read = kind, name, what, read

    def family(self) -> Family:
        value = self._read()
        suffix = "_total" if self._kind == "counter" else ""
        samples = [] if value is None else [Sample(suffix, (), value)]
        return Family(self._name, self._kind, self._what, samples)


def _resident_bytes() -> float | None:
    try:
        return int(_STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):
        return None


def _open_files() -> float | None:
    try:
        return sum(1 for _ in _DESCRIPTORS.iterdir())
    except OSError:
        return None


_PROCESS: tuple[tuple[str, str, str, _Read], ...] = (
    (
        "counter",
        "process_cpu_seconds",
        "CPU time of the process, user and system",
        time.process_time,
    ),
    ("gauge", "process_resident_memory_bytes", "Memory that the process holds", _resident_bytes),
    ("gauge", "process_open_fds", "Open files and connections", _open_files),
    (
        "gauge",
        "process_start_time_seconds",
        "When the process began, as Unix time",
        lambda: _STARTED_AT,
    ),
)


def metrics_operation(registry: Registry | None = None) -> Operation:
    """The row. Without a registry it only describes."""

    async def metrics(call: Call) -> web.Response:
        assert registry is not None
        is_open = wants_open(call.request.headers.get("Accept", ""))
        text = exposed(await registry.families(), is_open=is_open)
        return web.Response(
            body=text.encode(), headers={"Content-Type": OPEN if is_open else PLAIN}
        )

    return Operation(
        method="GET",
        path="/metrics",
        name="metrics",
        summary="Metrics for Prometheus, or in OpenMetrics where Accept asks for it",
        handler=metrics,
        media_type="text/plain",
    )

"""Attempts as OpenTelemetry spans, sent by its own exporter: an observer of the worker's notices.

Only where the standard variables name a collector, and `onhook[otel]` is installed. The ids are
those that the request carried. Batches are sent by the SDK's thread; the worker waits for none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from onhook import __version__
from onhook.event_flow.delivery import SHADOW_FAULT
from onhook.event_flow.notice import AttemptMade, Notice, Observer
from onhook.journal.port import Attempt

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SERVICE = "onhook-event-flow"
FLUSH_MS = 3_000


def wanted_at(environment: Mapping[str, str]) -> str | None:
    """Where spans are to be sent; None where nobody asks for that.

    https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    """
    is_off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_off or environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() not in ("", "otlp"):
        return None
    return next((value for name in ENDPOINTS if (value := environment.get(name, "").strip())), None)


@contextmanager
def exporting(
    environment: Mapping[str, str], say: Callable[[str], None]
) -> Iterator[Observer | None]:
    """An observer that exports until the context ends, then sends what is left; None where nothing
    is asked for or can be. `say` gets a line for whoever starts the worker."""
    endpoint = wanted_at(environment)
    if endpoint is None:
        yield None
        return
    protocol = next((value for name in PROTOCOLS if (value := environment.get(name))), None)
    if protocol not in (None, "http/protobuf"):
        say(f"no traces are exported: the protocol {protocol} is not ours, http/protobuf is")
        yield None
        return
    try:
        processor, resource = _sdk(environment)
    except ImportError:
        say(
            f"no traces are exported to {endpoint}: OpenTelemetry is not installed; "
            "pip install 'onhook[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT"
        )
        yield None
        return
    try:
        yield SpanExport(processor, resource)
    finally:
        processor.force_flush(FLUSH_MS)
        processor.shutdown()


def _sdk(environment: Mapping[str, str]) -> tuple[SpanProcessor, Resource]:
    """Imported only here: the SDK takes its time, and need not be installed."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    own = {"service.version": __version__}
    is_named = environment.get("OTEL_SERVICE_NAME") or "service.name=" in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    if not is_named:
        own["service.name"] = SERVICE
    return BatchSpanProcessor(OTLPSpanExporter()), Resource.create(own)


class SpanExport:
    """An Observer."""

    def __init__(self, processor: SpanProcessor, resource: Resource) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

        self._trace = trace
        self._readable = ReadableSpan
        self._scope = InstrumentationScope("onhook", __version__)
        self._processor = processor
        self._resource = resource

    def __call__(self, notice: Notice) -> None:
        if isinstance(notice, AttemptMade) and notice.span is not None and notice.attempt:
            if not notice.span.context.is_sampled or notice.fault == SHADOW_FAULT:
                return
            self._processor.on_end(self._span(notice, notice.attempt))

    def _span(self, notice: AttemptMade, attempt: Attempt) -> Any:
        assert notice.span is not None
        context, parent_id = notice.span.context, notice.span.parent_id
        trace, began = self._trace, _nanoseconds(attempt.started_at)
        is_good = attempt.fault is None and (attempt.status or 0) < 400
        return self._readable(
            name=attempt.method,
            context=self._context(context.trace_id, context.span_id, is_remote=False),
            parent=None
            if parent_id is None
            else self._context(context.trace_id, parent_id, is_remote=True),
            resource=self._resource,
            attributes=_attributes(notice, attempt),
            kind=trace.SpanKind.CLIENT,
            instrumentation_scope=self._scope,
            status=trace.Status(
                trace.StatusCode.UNSET if is_good else trace.StatusCode.ERROR, attempt.detail
            )
            if not is_good
            else trace.Status(),
            start_time=began,
            end_time=began + int(attempt.elapsed_ms * 1_000_000),
        )

    def _context(self, trace_id: str, span_id: str, *, is_remote: bool) -> Any:
        return self._trace.SpanContext(
            int(trace_id, 16),
            int(span_id, 16),
            is_remote=is_remote,
            trace_flags=self._trace.TraceFlags(self._trace.TraceFlags.SAMPLED),
        )


def _attributes(notice: AttemptMade, attempt: Attempt) -> dict[str, str | int]:
    """https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and our own."""
    error = attempt.fault or (str(attempt.status) if (attempt.status or 0) >= 400 else None)
    found: dict[str, str | int | None] = {
        "http.request.method": attempt.method,
        "url.full": attempt.url,
        "http.response.status_code": attempt.status,
        "http.request.resend_count": attempt.number - 1 or None,
        "error.type": error,
        "onhook.run_id": attempt.run_id,
        "onhook.flow": notice.flow_name,
        "onhook.node": attempt.node,
        "onhook.webhook_id": attempt.webhook_id,
        "onhook.interaction_id": notice.interaction_id,
    }
    return {name: value for name, value in found.items() if value is not None}


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000

"""Trace context from an event to the requests of its run, and spans at a collector."""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import structlog
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from endpoint import Endpoint, Received
from flows import a_flow, a_request, an_event
from onhook.bus.port import Bus, Message
from onhook.contracts.topology import EVENTS_EXCHANGE, event_key
from onhook.contracts.trace_context import TraceContext, read_context
from workplace import Workplace, run_of, until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def context(request: Received) -> TraceContext:
    found = read_context(request.header("traceparent"))
    assert found is not None
    return found


def names(request: Received) -> set[str]:
    return {name.lower() for name, _ in request.headers}


async def publish_with(bus: Bus, event: dict[str, Any], **headers: str) -> None:
    message = Message(body=msgspec.json.encode(event), message_id=str(uuid4()), headers=headers)
    await bus.publish(EVENTS_EXCHANGE, event_key(event["type"]), message)


async def test_every_attempt_carries_the_events_trace_and_a_span_of_its_own(
    workplace: Workplace, endpoint: Endpoint
):
    endpoint.plan(503, 503, 410, 204)
    event = an_event() | {"traceparent": PARENT, "tracestate": "rojo=1"}
    async with workplace.working() as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "dead")
        (letter,) = await working.api.dead_letters(1)
        path = f"/dead-letters/{letter['message_id']}/replay"
        await until(lambda: working.api.ask("POST", path), lambda answer: answer[0] == 200)
        await working.api.until_run(run_of(event), "done")
    contexts = [context(request) for request in endpoint.requests]
    assert {each.trace_id for each in contexts} == {TRACE}
    assert len({each.span_id for each in contexts} | {SPAN}) == 5
    assert {request.header("tracestate") for request in endpoint.requests} == {"rojo=1"}


async def test_a_context_in_the_messages_headers_counts_too_also_for_a_replay(
    workplace: Workplace, endpoint: Endpoint
):
    flows = workplace.flow_folder(a_flow("Main_Flow", a_request("Post", endpoint.url())))
    event = an_event()
    async with workplace.working(flows=flows) as working:
        await publish_with(working.bus, event, traceparent=PARENT)
        await endpoint.arrived(1)
        bad = an_event()
        bad["data"] = bad["data"] | {"NewPhoneContact": {"FlowId": "Later"}}
        await publish_with(working.bus, bad, traceparent=PARENT)
        (letter,) = await working.api.dead_letters(1)
        later = a_flow("Later", a_request("Post", endpoint.url()))
        await working.api.post("/flows", later)
        path = f"/dead-letters/{letter['message_id']}/replay"
        await until(lambda: working.api.ask("POST", path), lambda answer: answer[0] == 200)
        requests = await endpoint.arrived(2)
    assert [context(request).trace_id for request in requests] == [TRACE, TRACE]


async def test_without_a_context_nothing_is_added(workplace: Workplace, endpoint: Endpoint):
    async with workplace.working() as working:
        for event in (
            an_event(),
            an_event() | {"traceparent": 5},
            an_event() | {"traceparent": "x"},
        ):
            await working.publish(event)
        requests = await endpoint.arrived(3)
    assert not any({"traceparent", "tracestate"} & names(request) for request in requests)


async def test_log_lines_of_a_run_carry_its_trace(workplace: Workplace, endpoint: Endpoint):
    endpoint.plan(410)
    lines: list[dict[str, Any]] = []

    def keep(_logger: Any, _name: str, line: Any) -> Any:
        lines.append(dict(line))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, keep])
    try:
        async with workplace.working() as working:
            traced, plain = an_event() | {"traceparent": PARENT}, an_event()
            for event in (traced, plain):
                await working.publish(event)
                await working.api.until_run(run_of(event), "dead")
    finally:
        structlog.configure(**before)
    told = [line for line in lines if line["event"] == "request not delivered"]
    assert [line.get("trace_id") for line in told] == [TRACE, None]


class Collector:
    """An OTLP collector that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        self.url = ""

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {
                each.value.string_value
                for each in resource.resource.attributes
                if each.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response(body=b"", content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield collector
    await runner.cleanup()


async def test_attempts_are_spans_at_the_collector_with_the_ids_that_were_sent(
    workplace: Workplace, endpoint: Endpoint, collector: Collector, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    endpoint.plan(503, 204, 204, 204)
    traced, unsampled, plain = an_event(), an_event(), an_event()
    async with workplace.working() as working:
        for event in (
            traced | {"traceparent": PARENT},
            unsampled | {"traceparent": f"00-{TRACE[::-1]}-{SPAN}-00"},
            plain,
        ):
            await working.publish(event)
            await working.api.until_run(run_of(event), "done")

        async def sent() -> int:
            return len(collector.spans)

        await until(sent, lambda count: count == 3)
    by_span = {span.span_id.hex(): span for span in collector.spans}
    requests = {context(request).span_id: request for request in endpoint.requests}
    assert len(requests) == 4
    assert by_span.keys() < requests.keys()
    for span_id, span in by_span.items():
        assert span.trace_id.hex() == context(requests[span_id]).trace_id
        assert span.end_time_unix_nano >= span.start_time_unix_nano
    of_trace = [span for span in collector.spans if span.trace_id.hex() == TRACE]
    assert [span.parent_span_id.hex() for span in of_trace] == [SPAN, SPAN]
    facts = [
        {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
        for span in of_trace
    ]
    assert [each["http.response.status_code"] for each in facts] == [503, 204]
    assert facts[0]["onhook.run_id"] == run_of(traced)
    assert facts[0]["url.full"] == endpoint.url()
    assert collector.services == {"onhook-event-flow"}


@pytest.mark.parametrize("missing", [True, False], ids=["not installed", "another protocol"])
async def test_what_cannot_be_exported_is_told_and_the_worker_works(
    workplace: Workplace, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, missing: bool
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    if missing:
        monkeypatch.setitem(
            sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None
        )
    else:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    async with workplace.working() as working:
        (line,) = [line for line in working.worker.lines if "trace" in line]
        assert ("pip install 'onhook[otel]'" if missing else "protocol grpc is not ours") in line
        await working.publish(an_event())
        await endpoint.arrived(1)


async def test_a_collector_that_is_away_keeps_nobody(
    workplace: Workplace, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    event = an_event()
    async with workplace.working() as working:
        await working.publish(event)
        await working.api.until_run(run_of(event), "done")
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 15

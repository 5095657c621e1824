"""The worker, wired by hand, top to bottom."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import structlog
from msgspec import Struct

from onhook.bus.port import Bus
from onhook.egress.client import connected
from onhook.egress.connector_client import Outgoing, keys_of
from onhook.egress.connectors import load_connectors
from onhook.egress.shadow import ShadowOutgoing
from onhook.event_flow.api import SUMMARY, TITLE, operations
from onhook.event_flow.catalogue import Catalogue
from onhook.event_flow.dead_api import DeadApi
from onhook.event_flow.endpoint_api import EndpointApi
from onhook.event_flow.endpoint_desk import EndpointDesk
from onhook.event_flow.endpoint_rule import EndpointRules, everywhere
from onhook.event_flow.endpoints import Endpoints
from onhook.event_flow.flow_api import FlowApi
from onhook.event_flow.gauges import add_gauges
from onhook.event_flow.handover import Handover
from onhook.event_flow.journal_api import JournalApi
from onhook.event_flow.metrics import WorkerMetrics
from onhook.event_flow.notice import Observer, ignore, together
from onhook.event_flow.override_desk import OverrideDesk
from onhook.event_flow.overrides import WEBHOOK_VARIABLE, Overrides, load_overrides
from onhook.event_flow.publishing import Publishing
from onhook.event_flow.rehearsal_api import RehearsalApi
from onhook.event_flow.replay import Replay
from onhook.event_flow.retry import Policy
from onhook.event_flow.run_api import RunApi
from onhook.event_flow.run_lock import RunLocks
from onhook.event_flow.runner import Parts, Runner
from onhook.event_flow.sealing import keys_for
from onhook.event_flow.shadow import shadow_lines, shadowed
from onhook.event_flow.source_feed import Feeds, feeding, shadowing
from onhook.event_flow.sources import Sources, load_sources
from onhook.event_flow.span_export import exporting
from onhook.event_flow.start_check import without_effect
from onhook.event_flow.start_publishing import publish_at_start
from onhook.event_flow.suspect import Suspects
from onhook.event_flow.suspect_link import Begin
from onhook.event_flow.watch import watching
from onhook.event_flow.webhook_check import check_webhooks
from onhook.event_flow.worker import Worker
from onhook.journal.bounds import Limits
from onhook.journal.opening import opened as journal_opened
from onhook.settings.contact_centre import ContactCentre, load_contact_centre
from onhook.settings.egress_rule import EgressRule
from onhook.settings.settings import Settings
from onhook.sqlite.folder_lock import held
from onhook.web.app import Api, build_app
from onhook.web.guard import own_hosts
from onhook.web.serving import serving

log = structlog.get_logger()


DRAIN_PART = 0.85
"""Of the grace, for what is under way; the rest is for closing bus, journal and server."""


class EventFlowWorker(Struct, frozen=True, kw_only=True):
    """A running worker."""

    replay: Replay
    catalogue: Catalogue
    endpoints: Endpoints
    webhook_url: str
    """Where the first entry point's flow delivers, as configured; empty when that is unset."""
    lines: tuple[str, ...]
    """What whoever starts it should read, such as a flow file that is not the latest version."""


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def running(
    settings: Settings,
    bus: Bus,
    listener: socket.socket,
    *,
    egress_allow: tuple[EgressRule, ...],
    public_url: str,
    observe: Observer = ignore,
    needs_webhook: bool = False,
    to: str | None = None,
) -> AsyncIterator[EventFlowWorker]:
    """Run the worker until the context ends, then drain within the grace.

    With ONHOOK_SHADOW, `bus` must be a shadow's own: see event_flow.shadow.

    `to` delivers there, whatever is configured.

    Raises FolderHeld, JournalError, FlowError, ContactCentreError, OverridesError, WebhookUnset,
    and SettingError for connectors, signing secret and run key.
    """
    sources = load_sources(settings.sources, settings.amqp_url, os.environ)
    centre = load_contact_centre(settings.contact_centre)
    overrides = load_overrides(settings.overrides, settings.webhook_url, to)
    connectors = load_connectors(settings.connectors, os.environ)
    signing = keys_of(settings.signing_secret)
    policy = Policy(scale=settings.retry_scale)
    rules = EndpointRules(everywhere(settings, policy), connectors.rules)
    settings = shadowed(settings) if settings.shadow else settings
    folder = settings.data / "event-flow"
    async with AsyncExitStack() as stack:
        stack.enter_context(held(folder, "the event-flow worker"))
        keys = keys_for(
            settings.run_key, folder, makes_one=not settings.amqp_url or settings.shadow
        )
        journal = await stack.enter_async_context(
            journal_opened(
                settings.journal_database(),
                synchronous=settings.synchronous,
                limits=Limits(
                    max_age_s=settings.journal_max_age, max_rows=settings.journal_max_rows
                ),
            )
        )
        catalogue = await Catalogue.loaded(
            journal,
            centre,
            connectors.urls,
            can_seal=keys.can_seal,
            event_types=sources.event_types,
        )
        publishing = Publishing(journal, catalogue, centre.entry_points)
        lines = await publish_at_start(publishing, catalogue, settings.flows)
        desk = await OverrideDesk.opened(journal, catalogue, overrides, keys, _now)
        lines += without_effect(catalogue, centre, overrides)
        if needs_webhook:
            check_webhooks(catalogue, overrides)
        client = await stack.enter_async_context(connected(egress_allow))
        outgoing = (ShadowOutgoing if settings.shadow else Outgoing)(
            client, connectors, signing, _now
        )
        handover = Handover(bus, journal, _now)
        metrics = WorkerMetrics(settings.metrics_names)
        spans = stack.enter_context(exporting(os.environ, lines.append))
        told = together(metrics, spans or ignore, observe)
        locks = RunLocks()
        endpoints = Endpoints(rules, _now, told)
        replay = Replay(
            bus=bus,
            journal=journal,
            catalogue=catalogue,
            locks=locks,
            clock=_now,
        )
        add_gauges(metrics.registry, bus, journal, endpoints, settings.metrics_names, _now)
        endpoint_desk = EndpointDesk(journal, endpoints, replay, _now)
        runner = Runner(
            Parts(
                journal=journal,
                catalogue=catalogue,
                overrides=overrides,
                keys=keys,
                outgoing=outgoing,
                endpoints=endpoints,
                note_endpoint=endpoint_desk.noted,
                handover=handover,
                locks=locks,
                policy=policy,
                observe=told,
                clock=_now,
                jitter=random.random,
                begins_traces=spans is not None,
                is_shadow=settings.shadow,
            )
        )
        feeds = await stack.enter_async_context(_feeds(settings, sources))
        lines += shadow_lines(settings)
        begin = Begin(settings=settings, egress_allow=egress_allow, to=to)
        suspects = Suspects(bus, journal, begin, told)
        worker = Worker(
            bus=bus,
            runner=runner,
            handover=handover,
            observe=told,
            clock=_now,
            sources=sources,
            feeds=feeds,
            ignores_unknown=settings.unknown_events == "ignore",
            suspects=suspects,
            watch=metrics.counting,
        )
        rows = operations(
            FlowApi(journal=journal, catalogue=catalogue, publishing=publishing, desk=desk),
            RunApi(bus=bus, journal=journal, replay=replay),
            JournalApi(journal, catalogue),
            DeadApi.made(bus, journal, replay, _now),
            RehearsalApi(
                catalogue=catalogue,
                overrides=overrides,
                outgoing=outgoing,
                policy=policy,
                clock=_now,
            ),
            EndpointApi(endpoint_desk),
        )
        app = build_app(
            Api(title=TITLE, summary=SUMMARY, operations=rows),
            hosts=own_hosts(settings.host, (settings.worker_url, public_url)),
            checks={
                "bus": lambda: bus.trouble,
                "journal": lambda: journal.trouble,
                "queues elsewhere": lambda: feeds.trouble,
            },
            registry=metrics.registry,
        )

        async def refresh() -> None:
            await catalogue.refresh()
            await desk.refresh()
            await endpoint_desk.refresh()

        await stack.enter_async_context(endpoint_desk.working())
        await stack.enter_async_context(watching(journal, refresh))
        await stack.enter_async_context(serving(app, listener, grace_s=2))
        await stack.enter_async_context(suspects.working())
        await stack.enter_async_context(
            worker.consuming(settings.in_flight, settings.grace * DRAIN_PART)
        )
        yield EventFlowWorker(
            replay=replay,
            catalogue=catalogue,
            endpoints=endpoints,
            webhook_url=_webhook_url(catalogue, centre, overrides),
            lines=tuple(lines),
        )


def _feeds(settings: Settings, sources: Sources) -> AbstractAsyncContextManager[Feeds]:
    """What is consumed besides the bus: a shadow takes nothing that is meant for others."""
    if not settings.shadow or not settings.amqp_url:
        return feeding(Sources() if settings.shadow else sources)
    return shadowing(settings.amqp_url, declare=settings.declare)


def _webhook_url(catalogue: Catalogue, centre: ContactCentre, overrides: Overrides) -> str:
    point = centre.entry_points[0]
    version = catalogue.version(point.flow, point.flow_label)
    name, flow_id = (version.name, version.flow_id) if version else (point.flow, "")
    return str(overrides.of(name, flow_id).get(WEBHOOK_VARIABLE) or "")

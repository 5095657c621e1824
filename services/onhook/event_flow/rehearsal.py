"""One run of a flow, here and now, with every step told: the same engine, the same activities.

It waits for nothing and keeps nothing: a retry is told, not awaited, a Wait is passed over, a
screen pop shown. Who sends a request is handed in; it must not know the bus or the journal.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from onhook.contracts.event import Event
from onhook.contracts.run import (
    LARGEST_RESPONSE_BYTES,
    Progress,
    run_id_of,
    webhook_id_of,
)
from onhook.egress.connector_client import Outgoing
from onhook.egress.connectors import NotItsOrigin
from onhook.egress.port import Client, Fault, Request, Response, SendError
from onhook.event_flow.delivery import with_ids
from onhook.event_flow.flows_at_hand import VERSION, FlowsAtHand
from onhook.event_flow.masks import Masks
from onhook.event_flow.rehearsed import Exchange, Rehearsed, StepTaken, masked, would_follow
from onhook.event_flow.retry import Kind, Policy, kind_of
from onhook.flow import engine
from onhook.flow.compiled import Flow
from onhook.flow.effect import Effect, Finished, Moved, PopScreen, SendRequest, Wait
from onhook.flow.engine import World
from onhook.flow.errors import RunError, VariableError
from onhook.flow.secrecy import Secrets, holds_secure
from onhook.flow.trace import TraceEntry

MOST_STEPS = 10_000
_NOTHING: Mapping[str, Any] = {}


class Stopped(Exception):
    """The run cannot go on, and nothing of the flow handles that."""


class Done(Struct, frozen=True):
    """A step performed, and what there is to tell of it beside the engine's words."""

    moved: Moved
    note: str | None = None
    exchanges: tuple[Exchange, ...] = ()


class Ready(Struct, frozen=True):
    """A request, the way that it leaves by, and its headers with what the way adds, masked."""

    request: Request
    way: Client
    shown: tuple[tuple[str, str], ...]


class Surface(Struct, frozen=True, kw_only=True):
    """What a rehearsal touches: how requests leave, what the clock says, who is told."""

    outgoing: Outgoing
    answer: Callable[[SendRequest, Request], Awaitable[Response]] | None
    """Answers in place of the endpoints, when nothing is to be sent. May raise SendError."""
    overrides: Callable[[Flow], tuple[Mapping[str, Any], Mapping[str, Any]]]
    """Of a flow: what is given for any variable at the start, and for externalized ones when used."""
    policy: Policy
    clock: Callable[[], datetime]
    observe: Callable[[StepTaken], None]


class Rehearsal:
    """One run; `perform` it once."""

    def __init__(self, flow: Flow, flows: FlowsAtHand, event: Event, surface: Surface) -> None:
        self._flow = flow
        self._flows = flows
        self._event = event
        self._surface = surface
        self._run_id = run_id_of(event.source, event.id, flow.id)
        self._now = surface.clock()
        self._progress = Progress()
        self._secrets: Secrets | None = None
        """Of a run in whose flows are secure variables: it is told when every value is known."""
        self._steps: list[StepTaken] = []
        self._told = 0
        """How many steps."""
        self._began, self._started_at = time.perf_counter(), self._now
        """Of the step under way."""

    async def perform(self) -> Rehearsed:
        """The run to its end or its failure; what a flow does is never an exception."""
        began = time.perf_counter()
        reason: str | None = None
        try:
            given, _ = self._surface.overrides(self._flow)
            self._progress = engine.begin(self._flow, self._event, given, now=self._now)
            await self._walk()
        except (RunError, VariableError, Stopped) as error:
            reason = str(error)
        self._note()
        mask = self._credentials
        if self._secrets is not None:
            mask = Masks(self._secrets.mask, self._surface.outgoing.connectors.mask)
            self._steps = [masked(step, mask) for step in self._steps]
            for step in self._steps[self._told :]:
                self._surface.observe(step)
        return Rehearsed(
            flow=self._flow.name,
            event_type=self._event.type,
            event_id=self._event.id,
            run_id=self._run_id,
            is_finished=reason is None,
            reason=None if reason is None else mask.text(reason),
            steps=tuple(self._steps),
            variables=mask.data(dict(self._progress.variables)),
            elapsed_ms=_ms_since(began),
        )

    async def _walk(self) -> None:
        while len(self._steps) < MOST_STEPS:
            self._began, self._started_at = time.perf_counter(), self._surface.clock()
            self._note()
            flow = self._performed()
            try:
                step = engine.step(self._flow, self._flows.lookup, self._progress, self._world())
            except RunError as error:
                raise self._stopped(error.message) from None
            if isinstance(step, Finished):
                self._progress = step.progress
                return
            done = Done(step) if isinstance(step, Moved) else await self._effect(step)
            self._progress = done.moved.progress
            self._tell(flow, done)
        raise Stopped(f"stopped after {MOST_STEPS} steps; does the flow go in circles?")

    def _performed(self) -> Flow:
        """The flow whose nodes are performed now."""
        called, version = self._progress.flow_id, self._progress.version
        return self._flow if called is None else self._flows.lookup(called, version or VERSION)

    def _world(self) -> World:
        _, overrides = self._surface.overrides(self._performed())
        return World(event=self._event, overrides=overrides, now=self._now, run_id=self._run_id)

    async def _effect(self, effect: Effect) -> Done:
        if isinstance(effect, SendRequest):
            return await self._send(effect)
        if isinstance(effect, PopScreen):
            pop = effect.pop
            note = f"{pop.agent_id} would be shown {pop.url} ({pop.target}); nothing is shown here"
            return self._succeeded(effect, {}, note)
        if isinstance(effect, Wait):
            return self._succeeded(
                effect, {}, f"would wait {effect.seconds:g} s; not waited for here"
            )
        called = self._flows.find(effect.flow, effect.label)
        if called is None:
            return self._failed(effect, f'flow "{effect.flow}" is not at hand; give its file too')
        flow, version = called
        entered, _ = self._surface.overrides(flow)
        return self._succeeded(effect, {"flow_id": flow.id, "version": version}, entered=entered)

    async def _send(self, effect: SendRequest) -> Done:
        try:
            ready = self._ready(effect)
        except RunError as error:
            return self._failed(effect, error.message)
        exchanges: list[Exchange] = []
        for _ in range(1 + (effect.node.retry_attempts if effect.continues else 0)):
            answer, exchange = await self._exchange(effect, ready)
            exchanges.append(exchange)
            if exchange.status is not None and exchange.status < 500:
                break
        self._now = self._surface.clock()
        if exchange.is_invalid:
            return self._failed(effect, str(exchange.fault), tuple(exchanges))
        if effect.continues or kind_of(exchange.status) is Kind.DELIVERED:
            return self._succeeded(effect, _outputs(answer), None, tuple(exchanges))
        what = exchange.fault or f"answered {exchange.status}"
        again = would_follow(self._surface.policy, exchange.status)
        return self._failed(effect, f"{what}; {again}", tuple(exchanges))

    def _ready(self, effect: SendRequest) -> Ready:
        """Raises RunError."""
        context = engine.context_of(self._flow, self._flows.lookup, self._progress, self._world())
        node, now, run_id = effect.node, self._now, self._run_id
        url = node.render_url(context, now=now)
        webhook_id = webhook_id_of(run_id, effect.address, effect.visit)
        headers = with_ids(node.render_headers(context, now=now), run_id, webhook_id)
        connector = node.connector(context, now=now)
        flow, outgoing = (self._flow.id, self._flow.name), self._surface.outgoing
        try:
            way = outgoing.way(connector, url, flow=flow, node=node.name)
            shown = outgoing.shown_headers(connector, url, headers, flow=flow, node=node.name)
        except NotItsOrigin as error:
            raise RunError(node.name, str(error)) from None
        request = Request(
            method=node.method,
            url=url,
            headers=headers,
            body=node.render_body(context, now=now),
            timeout_s=effect.timeout_s,
        )
        return Ready(request, way, shown)

    async def _exchange(
        self, effect: SendRequest, ready: Ready
    ) -> tuple[Response | None, Exchange]:
        began, request, answer = time.perf_counter(), ready.request, self._surface.answer
        response: Response | None = None
        error: SendError | None = None
        try:
            response = await (
                ready.way.send(request) if answer is None else answer(effect, request)
            )
        except SendError as fault:
            error = fault
        mask = self._credentials
        return response, Exchange(
            method=request.method,
            url=mask.text(request.url),
            headers=mask.headers(ready.shown),
            body=mask.text(request.body.decode("utf-8", "replace")),
            status=None if response is None else response.status,
            response_headers=() if response is None else mask.headers(response.headers),
            response_body="" if response is None else mask.text(_text(response.body)),
            fault=None if error is None else mask.text(error.message),
            is_invalid=error is not None and error.fault is Fault.INVALID,
            elapsed_ms=_ms_since(began),
            was_sent=answer is None,
        )

    def _succeeded(
        self,
        effect: Effect,
        outputs: dict[str, Any],
        note: str | None = None,
        exchanges: tuple[Exchange, ...] = (),
        entered: Mapping[str, Any] = _NOTHING,
    ) -> Done:
        moved = engine.succeeded(
            self._flow,
            self._flows.lookup,
            self._progress,
            effect,
            outputs,
            self._world(),
            entered=entered,
        )
        return Done(moved, note, exchanges)

    def _failed(self, effect: Effect, reason: str, exchanges: tuple[Exchange, ...] = ()) -> Done:
        """Raises Stopped where nothing of the flow handles it."""
        moved = engine.failed(
            self._flow, self._flows.lookup, self._progress, effect, reason, self._world()
        )
        if moved is not None:
            return Done(moved, None, exchanges)
        raise self._stopped(reason, exchanges)

    def _stopped(self, reason: str, exchanges: tuple[Exchange, ...] = ()) -> Stopped:
        """Tells the node at which the run ends."""
        progress, flow = self._progress, self._performed()
        node = flow.graph(in_main=progress.in_main).nodes[progress.node or ""]
        entry = TraceEntry(
            node=node.node_id,
            name=node.name,
            activity=node.kind,
            visit=progress.visits.get(node.node_id, 0) + 1,
            address=engine.address_of(progress, node.node_id),
            note=reason,
        )
        self._tell(flow, Done(Moved(progress, entry), None, exchanges))
        return Stopped(f'node "{node.name}": {reason}')

    def _tell(self, flow: Flow, done: Done) -> None:
        entry, mask = done.moved.trace, self._credentials
        notes = (note for note in (entry.note, done.note) if note)
        step = StepTaken(
            number=len(self._steps) + 1,
            flow=flow.name,
            node=entry.node,
            name=entry.name,
            activity=entry.activity,
            visit=entry.visit,
            address=entry.address,
            inputs=mask.data(entry.inputs),
            outputs=mask.data(entry.outputs),
            edge=entry.edge,
            notes=tuple(mask.text(note) for note in notes),
            requests=done.exchanges,
            started_at=self._started_at,
            elapsed_ms=_ms_since(self._began),
        )
        self._steps.append(step)
        if self._secrets is None:
            self._told += 1
            self._surface.observe(step)

    @property
    def _credentials(self) -> Masks:
        """Over what connectors send now, tokens included."""
        return Masks(self._surface.outgoing.connectors.mask)

    def _note(self) -> None:
        """The secure values that the run holds now."""
        flow = self._performed()
        if self._secrets is None and holds_secure(flow):
            self._secrets = Secrets()
        if self._secrets is not None:
            _, overrides = self._surface.overrides(flow)
            self._secrets.note_run(self._flow, self._flows.lookup, self._progress, overrides)


def _outputs(response: Response | None) -> dict[str, Any]:
    if response is None:
        return engine.response_outputs(0, (), b"")
    return engine.response_outputs(response.status, response.headers, response.body)


def _text(body: bytes) -> str:
    return body[:LARGEST_RESPONSE_BYTES].decode("utf-8", "replace")


def _ms_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1_000, 3)

"""The HTTP Request of a run: attempts made and recorded, then on, a wait, or given up."""

from __future__ import annotations

import time
from datetime import datetime

import msgspec
import structlog

from onhook.contracts.run import Progress, WaitingRequest, webhook_id_of
from onhook.contracts.topology import UNDELIVERED
from onhook.egress.connectors import NotItsOrigin
from onhook.egress.port import Fault, Response
from onhook.event_flow.admission import admitted, outcome_of
from onhook.event_flow.dead_letter import About
from onhook.event_flow.delivery import (
    Rendered,
    Tried,
    attempt,
    excerpt,
    rendered_before,
    with_ids,
)
from onhook.event_flow.handover import encoded
from onhook.event_flow.in_flight import Gate, Held, Permit, Why
from onhook.event_flow.notice import AttemptMade, MessageSetAside
from onhook.event_flow.performance import Performance, Reached
from onhook.event_flow.recording import masked_attempt
from onhook.event_flow.retry import (
    GiveUp,
    History,
    Kind,
    Retry,
    is_past,
    kind_of,
    next_attempt,
    too_late,
)
from onhook.event_flow.tracing import Span, span_of, with_trace
from onhook.flow import engine
from onhook.flow.effect import SendRequest
from onhook.flow.errors import RunError
from onhook.flow.mask import NOTHING, Mask
from onhook.journal.port import Result, RunState

log = structlog.get_logger()

SHOWN_BODY_BYTES = 4_096
"""Of a request's body, in the trace."""


class Sending:
    """Performs one SendRequest; `waiting` is the request as it was tried before."""

    def __init__(
        self,
        performance: Performance,
        progress: Progress,
        effect: SendRequest,
        waiting: WaitingRequest | None,
    ) -> None:
        is_ours = waiting is not None and (waiting.node, waiting.visit) == (
            effect.address,
            effect.visit,
        )
        self._run = performance
        self._parts = performance.parts
        self._progress = progress
        self._effect = effect
        self._waiting = waiting if is_ours else None
        self._mask = NOTHING
        """Over what is told of the last attempt."""
        self._started_at = self._parts.clock()
        self._began = time.perf_counter()
        self._url = ""
        self._origin = ""
        self._span: Span | None = None
        self._connector: str | None = None

    async def perform(self) -> Reached | None:
        """Where the run stands behind it; None when it waits or is dead. Raises Unprocessable."""
        run, effect = self._run, self._effect
        try:
            rendered = self._rendered()
            gate = self._parts.endpoints.gate(
                run.flow.id, run.flow.name, effect.node.name, self._url
            )
            self._origin = gate.endpoint.origin
            if not gate.is_noted:
                await self._parts.note_endpoint(gate.endpoint)
                gate.is_noted = True
            if effect.continues:
                return await self._continuing(rendered, gate)
            return await self._delivered(rendered, gate)
        except RunError as error:
            return await run.fail(self._progress, effect, error.message)

    def _rendered(self) -> Rendered:
        """URL and connector anew, headers and body as they were sent before. Raises RunError."""
        world, node = self._run.world(self._progress), self._effect.node
        context = engine.context_of(self._run.flow, self._run.lookup, self._progress, world)
        self._url = node.render_url(context, now=world.now)
        self._connector = node.connector(context, now=world.now)
        if self._waiting is not None:
            return rendered_before(self._waiting)  # raises Unprocessable
        run_id = self._run.message.run_id
        webhook_id = webhook_id_of(run_id, self._effect.address, self._effect.visit)
        return Rendered(
            method=node.method,
            headers=with_ids(node.render_headers(context, now=world.now), run_id, webhook_id),
            body=node.render_body(context, now=world.now),
        )

    async def _continuing(self, rendered: Rendered, gate: Gate) -> Reached | None:
        """Its own few attempts at once, then on, whatever came.

        It waits where it is held back, but for nothing that does not answer.
        """
        sent = 0 if self._waiting is None else self._waiting.requests_sent
        left, number = self._effect.node.retry_attempts - sent, sent + 1
        tried: Tried | None = None
        while True:
            leave = await self._leave(gate)
            if isinstance(leave, Held):
                if leave.why is not Why.BREAKER:
                    return await self._hold_back(rendered, gate, leave, number - 1)
                if tried is None:
                    return await self._pass_by(rendered, leave)
                break
            tried = await self._attempt(rendered, number, gate, leave)
            is_fault = tried.status is None or tried.status >= 500
            if not is_fault or left <= 0:
                break
            await self._run.record.save(self._run.record.row, attempt=tried.attempt)
            self._notify(tried, again_in_s=0.0)
            left, number = left - 1, number + 1
        reached = await self._succeed(rendered, tried)
        gave_up = None if kind_of(tried.status) is Kind.DELIVERED else "the flow goes on"
        self._notify(tried, gave_up=gave_up)
        return reached

    async def _delivered(self, rendered: Rendered, gate: Gate) -> Reached | None:
        waiting = self._waiting
        sent = 0 if waiting is None else waiting.requests_sent
        leave = await self._leave(gate)
        if isinstance(leave, Held):
            return await self._hold_back(rendered, gate, leave, sent)
        started_at, number = self._parts.clock(), sent + 1
        tried = await self._attempt(rendered, number, gate, leave)
        policy = gate.policy.retry
        if kind_of(tried.status, policy.success) is Kind.DELIVERED:
            reached = await self._succeed(rendered, tried)
            self._notify(tried)
            return reached
        history = History(
            attempts=0 if waiting is None else waiting.attempts,
            position=0 if waiting is None else waiting.position,
            refusals=0 if waiting is None else waiting.refusals,
            # What was paused, and is sent before its time, does not begin in the future.
            first_attempt_at=started_at
            if waiting is None
            else min(started_at, waiting.first_attempt_at),
        )
        decision = next_attempt(
            policy,
            history,
            tried.status,
            tried.retry_after_s,
            self._parts.clock(),
            self._parts.jitter(),
        )
        request = WaitingRequest(
            node=self._effect.address,
            visit=self._effect.visit,
            method=rendered.method,
            headers=rendered.headers,
            body=rendered.body,
            attempts=history.attempts + 1 if isinstance(decision, GiveUp) else decision.attempts,
            position=history.position if isinstance(decision, GiveUp) else decision.position,
            refusals=history.refusals if isinstance(decision, GiveUp) else decision.refusals,
            first_attempt_at=history.first_attempt_at,
            requests_sent=number,
            endpoint=gate.endpoint.id,
        )
        if isinstance(decision, Retry):
            await self._wait(request, decision.at, tried)
            return None
        self._notify(tried, gave_up=decision.reason)
        return await self._give_up(request, f"{tried.summary}; {decision.reason}", tried)

    async def _leave(self, gate: Gate) -> Permit | Held:
        return await admitted(gate, self._run.place, forced=self._run.message.is_by_hand)

    async def _hold_back(
        self, rendered: Rendered, gate: Gate, held: Held, sent: int
    ) -> Reached | None:
        """Into a tier, unsent. It costs no attempt, and while paused no time either."""
        waiting, now = self._waiting, self._parts.clock()
        first_at = now if waiting is None else min(now, waiting.first_attempt_at)
        at = gate.later(held, self._parts.jitter())
        request = WaitingRequest(
            node=self._effect.address,
            visit=self._effect.visit,
            method=rendered.method,
            headers=rendered.headers,
            body=rendered.body,
            attempts=0 if waiting is None else waiting.attempts,
            position=0 if waiting is None else waiting.position,
            refusals=0 if waiting is None else waiting.refusals,
            first_attempt_at=first_at + (at - now) if held.why is Why.PAUSED else first_at,
            requests_sent=sent,
            endpoint=gate.endpoint.id,
            is_held=True,
        )
        reason = self._run.record.mask.text(held.reason)
        policy = gate.policy.retry
        if held.why is Why.BREAKER and is_past(policy, first_at, now):
            return await self._give_up(request, f"{reason}; {too_late(policy)}", None)
        is_news = waiting is None or not waiting.is_held
        if is_news:
            self._run.tell_stop(self._effect, f"not sent: {reason}", method=request.method)
            log.info(
                "request held back",
                run=self._run.message.run_id,
                node=self._effect.node.name,
                reason=reason,
                until=at.isoformat(timespec="seconds"),
            )
        message = self._run.record.continuation(self._progress, not_before=at, request=request)
        await self._run.record.wait(message, f"not sent: {reason}", is_traced=is_news)
        return None

    async def _pass_by(self, rendered: Rendered, held: Held) -> Reached:
        """On without a request, as if nobody had answered."""
        reason = self._run.record.mask.text(held.reason)
        log.info(
            "request not sent, the flow goes on",
            run=self._run.message.run_id,
            node=self._effect.node.name,
            reason=reason,
        )
        return await self._run.conclude(
            self._progress,
            self._effect,
            Result(outputs=engine.response_outputs(0, (), b""), at=self._parts.clock()),
            started_at=self._started_at,
            began=self._began,
            inputs=self._inputs(rendered),
            note=f"not sent: {reason}",
        )

    async def _succeed(self, rendered: Rendered, tried: Tried) -> Reached:
        return await self._run.conclude(
            self._progress,
            self._effect,
            Result(outputs=self._outputs(tried), at=self._parts.clock()),
            attempt=tried.attempt,
            started_at=self._started_at,
            began=self._began,
            inputs=self._inputs(rendered),
            note=tried.note,
        )

    def _outputs(self, tried: Tried) -> dict[str, object]:
        """Of the response; a credential that the endpoint repeats is not the flow's to read."""
        response = tried.response
        if response is None:
            return engine.response_outputs(0, (), b"")
        outputs = engine.response_outputs(response.status, response.headers, response.body)
        if self._connector is None:
            return outputs
        masked: dict[str, object] = self._parts.outgoing.connectors.outputs_mask.data(outputs)
        return masked

    def _inputs(self, rendered: Rendered) -> dict[str, object]:
        """What the trace shows of the request."""
        return {
            "method": rendered.method,
            "url": self._url,
            "headers": dict(rendered.headers),
            "body": excerpt(rendered.body, SHOWN_BODY_BYTES, self._mask),
        }

    async def _attempt(self, rendered: Rendered, number: int, gate: Gate, leave: Permit) -> Tried:
        """Send once, and tell the gate. Raises RunError when it can never be sent as it is."""
        try:
            tried = await self._sent(rendered, number, gate.policy.timeout_s)
            policy, continues = gate.policy.retry, self._effect.continues
            leave.end(outcome_of(policy, tried, continues=continues), tried.summary)
        finally:
            leave.end()
        if tried.attempt.fault == Fault.INVALID.value:
            await self._run.record.save(self._run.record.row, attempt=tried.attempt)
            raise RunError(self._effect.node.name, tried.summary)
        return tried

    async def _sent(self, rendered: Rendered, number: int, timeout_s: float | None) -> Tried:
        flow, node = self._run.flow, self._effect.node.name
        try:
            way = self._parts.outgoing.way(
                self._connector, self._url, flow=(flow.id, flow.name), node=node
            )
        except NotItsOrigin as error:
            raise RunError(node, str(error)) from None
        self._span = span_of(
            self._run.message,
            self._effect.address,
            self._effect.visit,
            number,
            begins=self._parts.begins_traces,
        )
        if self._span is not None:
            headers = with_trace(rendered.headers, self._span)
            rendered = msgspec.structs.replace(rendered, headers=headers)
        return await attempt(
            way,
            self._effect,
            self._run.message.run_id,
            rendered,
            self._url,
            number,
            self._parts.clock,
            timeout_s,
            self._mask_for,
        )

    def _mask_for(self, response: Response | None) -> Mask:
        """Over what the run holds, what the response brings, and a connector's credentials."""
        if response is not None:
            self._run.note_response(self._progress, self._effect, response)
        if self._connector is not None:
            self._run.record.also_masked = self._parts.outgoing.connectors.mask
        self._mask = self._run.record.mask
        return self._mask

    async def _wait(self, request: WaitingRequest, at: datetime, tried: Tried) -> None:
        row_of_attempt = msgspec.structs.replace(tried.attempt, next_at=at)
        await self._run.record.save(self._run.record.row, attempt=row_of_attempt)
        self._run.tell_stop(
            self._effect,
            f"{tried.summary}; tried again at {at.isoformat(timespec='milliseconds')}",
            method=request.method,
            url=tried.attempt.url,
        )
        message = self._run.record.continuation(self._progress, not_before=at, request=request)
        await self._run.record.wait(message, tried.summary)
        self._notify(tried, again_in_s=max(0.0, (at - self._parts.clock()).total_seconds()))

    async def _give_up(
        self, request: WaitingRequest, reason: str, tried: Tried | None
    ) -> Reached | None:
        """`tried` is None where it was not even tried."""
        run, effect = self._run, self._effect
        attempt = None if tried is None else tried.attempt
        url = self._url if attempt is None else attempt.url
        if run.is_handled(self._progress, effect, reason):
            inputs = {"method": request.method, "url": url}
            return await run.fail(self._progress, effect, reason, attempt=attempt, inputs=inputs)
        await run.record.save(run.record.row, attempt=attempt)
        run.tell_stop(effect, reason, method=request.method, url=url)
        message = msgspec.structs.replace(
            run.message,
            step=run.record.row.step,
            progress=self._progress,
            request=request,
            not_before=None,
        )
        about = About(
            fault="undelivered",
            reason=f'flow "{run.flow.name}": node "{effect.node.name}": {reason}',
            run_id=message.run_id,
            event_type=message.event.type,
            interaction_id=message.event.interaction_id,
            flow_name=run.flow.name,
            node=effect.node.name,
            attempts=request.requests_sent,
            status=None if tried is None else tried.status,
        )
        body = encoded(run.record.sealed(message))
        entry = await self._parts.handover.set_aside(UNDELIVERED, body, about)
        await run.record.save(
            msgspec.structs.replace(
                run.record.row,
                results={},
                state=RunState.DEAD,
                reason=entry.reason,
                continuation=None,
                next_at=None,
            ),
            is_last=True,
        )
        self._parts.observe(
            MessageSetAside(queue=UNDELIVERED, reason=entry.reason, fault=entry.fault)
        )
        return None

    def _notify(
        self, tried: Tried, *, again_in_s: float | None = None, gave_up: str | None = None
    ) -> None:
        row = masked_attempt(tried.attempt, self._run.record.mask)
        self._parts.observe(
            AttemptMade(
                run_id=row.run_id,
                interaction_id=self._run.message.event.interaction_id,
                status=row.status,
                fault=row.fault,
                detail=row.detail,
                elapsed_ms=row.elapsed_ms,
                again_in_s=again_in_s,
                gave_up=gave_up,
                response_headers=row.response_headers,
                flow_name=self._run.flow.name,
                origin=self._origin,
                event_time=self._run.message.event.time,
                attempt=row,
                span=self._span,
            )
        )
        if again_in_s is None and gave_up is None:
            log.debug("request delivered", run=row.run_id, node=row.node, status=row.status)
            return
        log.info(
            "request not delivered",
            run=row.run_id,
            node=row.node,
            attempt=row.number,
            status=row.status,
            fault=row.fault,
            detail=row.detail,
            again_in_s=None if again_in_s is None else round(again_in_s, 1),
            gave_up=gave_up,
        )

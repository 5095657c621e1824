"""One message of a run, performed: effects of the engine done, results recorded, the rest handed on.

At most one request is sent for one message; before a second, the run goes through a queue, so
that a crash between two requests never repeats the first.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import structlog

from onhook.contracts.run import Progress, RunMessage, WaitingRequest, webhook_id_of
from onhook.contracts.topology import UNDELIVERED
from onhook.egress.port import Fault
from onhook.event_flow.dead_letter import About, Unprocessable
from onhook.event_flow.delivery import Rendered, Tried, attempt, rendered_before, with_ids
from onhook.event_flow.handover import encoded
from onhook.event_flow.insist import insist
from onhook.event_flow.notice import AttemptMade, MessageSetAside
from onhook.event_flow.retry import GiveUp, History, Kind, Retry, kind_of, next_attempt
from onhook.flow import engine
from onhook.flow.compiled import Flow
from onhook.flow.engine import Effect, Finished, SendRequest
from onhook.flow.errors import RunError, VariableError
from onhook.journal.port import Attempt, Result, Run, RunState, visit_key

if TYPE_CHECKING:
    from onhook.event_flow.runner import Parts

log = structlog.get_logger()

TEMPLATE = "template error"
VARIABLE = "variable error"


class RunStep:
    def __init__(self, parts: Parts, flow: Flow, message: RunMessage, row: Run) -> None:
        self._parts = parts
        self._flow = flow
        self._message = message
        self._row = row
        self._has_sent = False

    async def perform(self) -> None:
        """Returns when the message may be acknowledged. Raises Unprocessable."""
        progress = self._begun()
        waiting = self._message.request
        while True:
            progress, effect = self._next(progress)
            if isinstance(effect, Finished):
                await self._finish()
                return
            result = self._row.results.get(visit_key(effect.node.node_id, effect.visit))
            if result is None:
                if self._has_sent:
                    await self._hand_on(progress)
                    return
                result = await self._send(progress, effect, waiting)
                if result is None:
                    return
            self._has_sent, waiting = True, None
            progress = self._after(progress, effect, result)

    def _begun(self) -> Progress:
        if self._message.progress is not None:
            return self._message.progress
        if self._message.event.type not in self._flow.handlers:
            raise Unprocessable(
                "unknown flow",
                f'flow "{self._flow.name}" v{self._message.version} has no handler for '
                f"{self._message.event.type}",
            )
        try:
            overrides = self._parts.overrides.given(self._flow.name, self._flow.id)
            return engine.begin(self._flow, self._message.event, overrides)
        except VariableError as error:
            raise Unprocessable(VARIABLE, f'flow "{self._flow.name}": {error}') from None

    def _next(self, progress: Progress) -> tuple[Progress, Effect]:
        try:
            return engine.next_effect(self._flow, progress)
        except RunError as error:
            raise Unprocessable(TEMPLATE, f'flow "{self._flow.name}": {error}') from None

    def _after(self, progress: Progress, effect: SendRequest, result: Result) -> Progress:
        if result.failure is None:
            return engine.succeeded(self._flow, progress, effect, result.outputs)
        handled = engine.failed(self._flow, progress, effect.node, result.failure)
        if handled is None:
            raise Unprocessable(TEMPLATE, f'flow "{self._flow.name}": {result.failure}')
        return handled

    async def _send(
        self, progress: Progress, effect: SendRequest, waiting: WaitingRequest | None
    ) -> Result | None:
        """Send the node's request; None when the run now waits or is dead."""
        if waiting is not None and (waiting.node, waiting.visit) != (
            effect.node.node_id,
            effect.visit,
        ):
            waiting = None
        try:
            context = engine.context_of(
                self._flow,
                self._message.event,
                progress,
                self._parts.overrides.of(self._flow.name, self._flow.id),
            )
            url = effect.node.render_url(context)
            rendered = rendered_before(waiting) if waiting else self._rendered(effect, context)
            if effect.continues:
                return await self._send_continuing(progress, effect, rendered, url)
            return await self._send_delivered(progress, effect, rendered, url, waiting)
        except RunError as error:
            return await self._fail_template(progress, effect, str(error))

    def _rendered(self, effect: SendRequest, context: dict[str, object]) -> Rendered:
        run_id = self._message.run_id
        webhook_id = webhook_id_of(run_id, effect.node.node_id, effect.visit)
        return Rendered(
            method=effect.node.method,
            headers=with_ids(effect.node.render_headers(context), run_id, webhook_id),
            body=effect.node.render_body(context),
        )

    async def _fail_template(self, progress: Progress, effect: SendRequest, reason: str) -> Result:
        if engine.failed(self._flow, progress, effect.node, reason) is None:
            raise Unprocessable(TEMPLATE, f'flow "{self._flow.name}": {reason}')
        result = Result(failure=reason)
        await self._record(effect, result)
        return result

    async def _send_continuing(
        self, progress: Progress, effect: SendRequest, rendered: Rendered, url: str
    ) -> Result:
        """Its own few attempts at once, then on, whatever came."""
        left = effect.node.retry_attempts
        number = 1
        while True:
            tried = await self._attempt(effect, rendered, url, number)
            is_fault = tried.status is None or tried.status >= 500
            if not is_fault or left <= 0:
                break
            await self._save(self._row, attempt=tried.attempt)
            self._notify(tried, again_in_s=0.0)
            left, number = left - 1, number + 1
        result = Result(outputs=_outputs(tried))
        await self._record(effect, result, tried.attempt, progress)
        gave_up = None if kind_of(tried.status) is Kind.DELIVERED else "the flow goes on"
        self._notify(tried, gave_up=gave_up)
        return result

    async def _send_delivered(
        self,
        progress: Progress,
        effect: SendRequest,
        rendered: Rendered,
        url: str,
        waiting: WaitingRequest | None,
    ) -> Result | None:
        started_at = self._parts.clock()
        number = 1 if waiting is None else waiting.requests_sent + 1
        tried = await self._attempt(effect, rendered, url, number)
        if kind_of(tried.status) is Kind.DELIVERED:
            result = Result(outputs=_outputs(tried))
            await self._record(effect, result, tried.attempt, progress)
            self._notify(tried)
            return result
        history = History(
            attempts=0 if waiting is None else waiting.attempts,
            position=0 if waiting is None else waiting.position,
            refusals=0 if waiting is None else waiting.refusals,
            first_attempt_at=started_at if waiting is None else waiting.first_attempt_at,
        )
        decision = next_attempt(
            self._parts.policy,
            history,
            tried.status,
            tried.retry_after_s,
            self._parts.clock(),
            self._parts.jitter(),
        )
        request = WaitingRequest(
            node=effect.node.node_id,
            visit=effect.visit,
            method=rendered.method,
            headers=rendered.headers,
            body=rendered.body,
            attempts=history.attempts + 1 if isinstance(decision, GiveUp) else decision.attempts,
            position=history.position if isinstance(decision, GiveUp) else decision.position,
            refusals=history.refusals if isinstance(decision, GiveUp) else decision.refusals,
            first_attempt_at=history.first_attempt_at,
            requests_sent=number,
        )
        if isinstance(decision, Retry):
            await self._wait(progress, request, decision.at, tried)
            return None
        return await self._give_up(progress, effect, request, decision.reason, tried)

    async def _attempt(
        self, effect: SendRequest, rendered: Rendered, url: str, number: int
    ) -> Tried:
        """Send once. Raises RunError when the request can never be sent as it is."""
        tried = await attempt(
            self._parts.client,
            effect,
            self._message.run_id,
            rendered,
            url,
            number,
            self._parts.clock,
        )
        if tried.attempt.fault == Fault.INVALID.value:
            await self._save(self._row, attempt=tried.attempt)
            raise RunError(effect.node.name, tried.summary)
        return tried

    async def _wait(
        self, progress: Progress, request: WaitingRequest, at: datetime, tried: Tried
    ) -> None:
        row_of_attempt = msgspec.structs.replace(tried.attempt, next_at=at)
        await self._save(self._row, attempt=row_of_attempt)
        message = msgspec.structs.replace(
            self._message,
            step=self._row.step + 1,
            progress=progress,
            request=request,
            not_before=at,
        )
        body = await self._parts.handover.wait(message)
        await self._save(
            msgspec.structs.replace(
                self._row,
                step=message.step,
                state=RunState.WAITING,
                continuation=body,
                next_at=at,
                reason=tried.summary,
            )
        )
        self._notify(tried, again_in_s=max(0.0, (at - self._parts.clock()).total_seconds()))

    async def _give_up(
        self,
        progress: Progress,
        effect: SendRequest,
        request: WaitingRequest,
        reason: str,
        tried: Tried,
    ) -> Result | None:
        self._notify(tried, gave_up=reason)
        reason = f"{tried.summary}; {reason}"
        if engine.failed(self._flow, progress, effect.node, reason) is not None:
            result = Result(failure=reason)
            await self._record(effect, result, tried.attempt)
            return result
        await self._save(self._row, attempt=tried.attempt)
        message = msgspec.structs.replace(
            self._message, step=self._row.step, progress=progress, request=request, not_before=None
        )
        about = About(
            fault="undelivered",
            reason=f'flow "{self._flow.name}": node "{effect.node.name}": {reason}',
            run_id=message.run_id,
            event_type=message.event.type,
            interaction_id=message.event.interaction_id,
            flow_name=self._flow.name,
            node=effect.node.name,
            attempts=request.requests_sent,
            status=tried.status,
        )
        entry = await self._parts.handover.set_aside(UNDELIVERED, encoded(message), about)
        await self._save(
            msgspec.structs.replace(
                self._row,
                state=RunState.DEAD,
                reason=entry.reason,
                continuation=None,
                next_at=None,
            )
        )
        self._parts.observe(MessageSetAside(queue=UNDELIVERED, reason=entry.reason))
        return None

    async def _record(
        self,
        effect: SendRequest,
        result: Result,
        attempt_row: Attempt | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Record a finished node; with `progress`, the run's end in the same write if it is that."""
        key = visit_key(effect.node.node_id, effect.visit)
        row = msgspec.structs.replace(
            self._row,
            results={**self._row.results, key: result},
            state=RunState.RUNNING,
            continuation=None,
            next_at=None,
        )
        if progress is not None:
            following = engine.succeeded(self._flow, progress, effect, result.outputs)
            if self._ends(following):
                row = _done(row)
        await self._save(row, attempt=attempt_row)

    def _ends(self, progress: Progress) -> bool:
        try:
            return isinstance(engine.next_effect(self._flow, progress)[1], Finished)
        except RunError:  # said once what was done is recorded
            return False

    async def _hand_on(self, progress: Progress) -> None:
        """Through a queue to the next request."""
        message = msgspec.structs.replace(
            self._message,
            step=self._row.step + 1,
            progress=progress,
            request=None,
            not_before=None,
        )
        await self._parts.handover.next(message)
        await self._save(
            msgspec.structs.replace(self._row, step=message.step, state=RunState.RUNNING)
        )

    async def _finish(self) -> None:
        if self._row.state is not RunState.DONE:
            await self._save(_done(self._row))

    async def _save(self, row: Run, *, attempt: Attempt | None = None) -> None:
        row = msgspec.structs.replace(row, updated_at=self._parts.clock())
        await insist(
            lambda: self._parts.journal.save(row, attempt=attempt),
            "record a run",
        )
        self._row = row

    def _notify(
        self, tried: Tried, *, again_in_s: float | None = None, gave_up: str | None = None
    ) -> None:
        row = tried.attempt
        self._parts.observe(
            AttemptMade(
                run_id=row.run_id,
                interaction_id=self._message.event.interaction_id,
                status=row.status,
                fault=row.fault,
                detail=row.detail,
                elapsed_ms=row.elapsed_ms,
                again_in_s=again_in_s,
                gave_up=gave_up,
                response_headers=row.response_headers,
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


def _outputs(tried: Tried) -> dict[str, object]:
    if tried.response is None:
        return engine.response_outputs(0, (), b"")
    response = tried.response
    return engine.response_outputs(response.status, response.headers, response.body)


def _done(row: Run) -> Run:
    """A run that is over needs neither results nor continuation."""
    return msgspec.structs.replace(
        row, state=RunState.DONE, results={}, continuation=None, next_at=None, reason=None
    )

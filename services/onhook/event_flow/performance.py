"""One message of a run being performed: walking the flow between effects, and behind each of them.

Secure values are kept out of whatever is told. Performing effects is run_step.py's and sending.py's,
storing is recording.py's.
"""

from __future__ import annotations

import functools
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from onhook.contracts.run import Progress, RunMessage
from onhook.egress.port import Response
from onhook.event_flow.dead_letter import Unprocessable
from onhook.event_flow.recording import Recording
from onhook.event_flow.sealing import MissingKey
from onhook.flow import engine
from onhook.flow.compiled import Flow
from onhook.flow.effect import CallFlow, Effect, Finished, Moved, SendRequest
from onhook.flow.engine import World
from onhook.flow.errors import RunError, VariableError
from onhook.flow.secrecy import Secrets, holds_secure
from onhook.flow.trace import TraceEntry
from onhook.journal.port import Attempt, Result, Run, ScreenPop

if TYPE_CHECKING:
    from onhook.event_flow.lane import Place
    from onhook.event_flow.runner import Parts

TEMPLATE = "template error"
VARIABLE = "variable error"

Reached = tuple[Progress, Effect | Finished]
"""Where a run stands, and what is to be done there."""


class Performance:
    """`message` and `row` are open: nothing in them is sealed."""

    def __init__(
        self,
        parts: Parts,
        flow: Flow,
        message: RunMessage,
        row: Run,
        *,
        is_secure: bool,
        place: Place | None = None,
        held: tuple[str, ...] | None = (),
    ) -> None:
        self.parts = parts
        self.place = place
        """Of its lane; lent to others while its request stands in line."""
        self.flow = flow
        self.message = message
        self.record = Recording(
            parts, message, row, Secrets(held), is_secure=is_secure or holds_secure(flow)
        )
        self._now = message.published_at or row.created_at
        """Moved on by each result as it is walked: the same however often the message comes."""
        self._worlds: dict[tuple[str | None, int | None], World] = {}
        """By the flow that is performed, as in Progress."""

    # Walking

    def begun(self) -> Progress:
        """Raises Unprocessable, MissingKey."""
        event, flow = self.message.event, self.flow
        if self.message.progress is not None:
            return self.message.progress
        if event.type not in flow.handlers:
            raise Unprocessable(
                "unknown flow",
                f'flow "{flow.name}" v{self.message.version} has no handler for {event.type}',
            )
        self._check_lock(flow)
        try:
            given = self.parts.overrides.given(flow.name, flow.id)
            return engine.begin(flow, event, given, now=self._now)
        except VariableError as error:
            raise Unprocessable(VARIABLE, f'flow "{flow.name}": {error}') from None

    def advance(self, progress: Progress) -> Reached:
        """Perform nodes up to the next effect, or to the end.

        Raises Unprocessable, MissingVersion, MissingKey.
        """
        at, first = self.parts.clock(), time.perf_counter()
        while True:
            began = time.perf_counter()
            started_at = at + timedelta(seconds=began - first)
            world = self.world(progress)
            if self.record.is_secure:
                self.record.secrets.note_run(self.flow, self.lookup, progress, world.overrides)
            try:
                step = engine.step(self.flow, self.lookup, progress, world)
            except RunError as error:
                raise self.unprocessable(error) from None
            if not isinstance(step, Moved):
                return progress, step
            self.record.trace.add(step.trace, started_at, _ms_since(began))
            progress = step.progress

    def after(
        self,
        progress: Progress,
        effect: Effect,
        result: Result,
        *,
        started_at: datetime | None = None,
        began: float | None = None,
        inputs: dict[str, Any] | None = None,
        note: str | None = None,
    ) -> Progress:
        """Behind an effect whose result is in. Raises Unprocessable where nothing handles it."""
        if result.at is not None:
            self._now = max(self._now, result.at)
            for key, world in self._worlds.items():
                self._worlds[key] = msgspec.structs.replace(world, now=self._now)
        moved = self._moved(progress, effect, result, inputs or {})
        entry = moved.trace
        if note:
            entry = msgspec.structs.replace(entry, note=note)
        at = started_at or result.at or self.parts.clock()
        self.record.trace.add(entry, at, 0.0 if began is None else _ms_since(began))
        return moved.progress

    def _moved(
        self,
        progress: Progress,
        effect: Effect,
        result: Result,
        inputs: dict[str, Any],
    ) -> Moved:
        flow, lookup, world = self.flow, self.lookup, self.world(progress)
        try:
            if result.failure is None:
                return engine.succeeded(
                    flow,
                    lookup,
                    progress,
                    effect,
                    result.outputs or {},
                    world,
                    inputs=inputs,
                    entered=self._given_to_called(effect, result),
                )
            handled = engine.failed(
                flow, lookup, progress, effect, result.failure, world, inputs=inputs
            )
        except RunError as error:
            raise self.unprocessable(error) from None
        if handled is None:
            raise self._unhandled(effect, result.failure)
        return handled

    def _given_to_called(self, effect: Effect, result: Result) -> dict[str, Any]:
        """Overrides of the flow that a CallFlow enters."""
        if not isinstance(effect, CallFlow) or result.outputs is None:
            return {}
        called = self.lookup(result.outputs["flow_id"], result.outputs["version"])
        self._check_lock(called)
        return self.parts.overrides.given(called.name, called.id)

    def is_handled(self, progress: Progress, effect: Effect, reason: str) -> bool:
        """Whether the flow goes on where the effect fails."""
        world = self.world(progress)
        return engine.failed(self.flow, self.lookup, progress, effect, reason, world) is not None

    def lookup(self, flow_id: str, version: int) -> Flow:
        """Raises MissingVersion."""
        return self.parts.catalogue.flow(flow_id, version)

    def world(self, progress: Progress) -> World:
        """Raises MissingVersion, MissingKey."""
        key = (progress.flow_id, progress.version)
        world = self._worlds.get(key)
        if world is None:
            flow = engine.performed(self.flow, self.lookup, progress)
            self._check_lock(flow)
            world = World(
                event=self.message.event,
                overrides=self.parts.overrides.of(flow.name, flow.id),
                now=self._now,
                run_id=self.message.run_id,
            )
            self._worlds[key] = world
        return world

    def _check_lock(self, flow: Flow) -> None:
        locked = self.parts.overrides.lock_of(flow.id)
        if locked is not None:
            raise MissingKey(locked)

    # Masking

    def note_response(self, progress: Progress, effect: SendRequest, response: Response) -> None:
        """The secure values that it brings: they are masked in what is told of it already."""
        if self.record.is_secure:
            outputs = engine.response_outputs(response.status, response.headers, response.body)
            current = engine.performed(self.flow, self.lookup, progress)
            self.record.secrets.note(current, effect.node.read(outputs)[0])

    def unprocessable(self, reason: object) -> Unprocessable:
        """For a node that failed, and nothing in the flow handles it."""
        text = self.record.mask.text(str(reason))
        return Unprocessable(TEMPLATE, f'flow "{self.flow.name}": {text}')

    def _unhandled(self, effect: Effect, reason: str) -> Unprocessable:
        self.tell_stop(effect, reason)
        return self.unprocessable(RunError(effect.node.name, reason))

    def tell_stop(self, effect: Effect, note: str, **inputs: Any) -> None:
        """Trace an effect behind which the run does not go on in this message."""
        node = effect.node
        entry = TraceEntry(
            node=node.node_id,
            name=node.name,
            activity=node.kind,
            visit=effect.visit,
            address=effect.address,
            inputs=inputs,
            note=note,
        )
        self.record.trace.add(entry, self.parts.clock(), 0.0)

    # Recording

    def result_of(self, effect: Effect) -> Result | None:
        """What the journal knows of it already."""
        return self.record.result(effect.address, effect.visit)

    async def conclude(
        self,
        progress: Progress,
        effect: Effect,
        result: Result,
        *,
        attempt: Attempt | None = None,
        pop: ScreenPop | None = None,
        **told: Any,
    ) -> Reached:
        """Record a finished effect; the run's end in the same write, if it is that.

        `told` is for `after`. Raises what that and `advance` raise, once it is recorded.
        """
        keep = functools.partial(
            self.record.keep, effect.address, effect.visit, result, attempt=attempt, pop=pop
        )
        try:
            reached = self.advance(self.after(progress, effect, result, **told))
        except Exception:  # said once what was done is recorded
            await keep()
            raise
        if isinstance(reached[1], Finished):
            await self.record.finish(attempt=attempt, pop=pop)
        else:
            await keep()
        return reached

    async def fail(
        self,
        progress: Progress,
        effect: Effect,
        reason: str,
        *,
        attempt: Attempt | None = None,
        inputs: dict[str, Any] | None = None,
    ) -> Reached:
        """The effect cannot be done. Raises Unprocessable where nothing handles that."""
        reason = self.record.mask.text(reason)
        if not self.is_handled(progress, effect, reason):
            if attempt is not None:
                await self.record.save(self.record.row, attempt=attempt)
            raise self._unhandled(effect, reason)
        result = Result(failure=reason, at=self.parts.clock())
        return await self.conclude(progress, effect, result, attempt=attempt, inputs=inputs)


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1_000

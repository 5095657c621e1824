"""One message of a run, performed: the engine's effects done, results recorded, the rest handed on.

At most one request or screen pop leaves for one message; before a second, the run goes through a
queue, so that a crash between two never repeats the first.
"""

from __future__ import annotations

import time
from datetime import timedelta

from onhook.contracts.event import timestamp
from onhook.contracts.run import Progress, screen_pop_id_of
from onhook.contracts.screen_pop import ScreenPopData, ScreenPopEvent
from onhook.contracts.topology import LONGEST_KEY_BYTES, screen_pop_key
from onhook.event_flow.insist import insist
from onhook.event_flow.performance import Performance, Reached
from onhook.event_flow.sending import Sending
from onhook.event_flow.trace import UNDISPLAYED
from onhook.flow.effect import CallFlow, Effect, Finished, PopScreen, SendRequest, Wait
from onhook.flow.secrecy import holds_secure
from onhook.journal.port import Result, RunState, ScreenPop

NOT_SHOWN = "not shown: shadow"
LEAVING = SendRequest | PopScreen
"""Effects that others see."""


async def perform(run: Performance) -> None:
    """Returns when the message may be acknowledged.

    Raises Unprocessable, MissingVersion, MissingKey.
    """
    has_left = False
    progress, effect = run.advance(run.begun())
    while not isinstance(effect, Finished):
        result = run.result_of(effect)
        if result is not None:
            reached: Reached | None = run.advance(run.after(progress, effect, result))
        elif has_left and isinstance(effect, LEAVING):
            await run.record.hand_on(progress)
            return
        else:
            reached = await _performed(run, progress, effect)
        if reached is None:
            return
        has_left = has_left or isinstance(effect, LEAVING)
        progress, effect = reached
    if run.record.row.state is not RunState.DONE:
        await run.record.finish()


async def _performed(run: Performance, progress: Progress, effect: Effect) -> Reached | None:
    """Where the run stands behind the effect; None when it goes on in another message, or not."""
    if isinstance(effect, SendRequest):
        return await Sending(run, progress, effect, run.message.request).perform()
    if isinstance(effect, PopScreen):
        return await _pop(run, progress, effect)
    if isinstance(effect, CallFlow):
        return await _call(run, progress, effect)
    await _wait(run, progress, effect)
    return None


async def _pop(run: Performance, progress: Progress, effect: PopScreen) -> Reached:
    """Ask the agent's desktop to show a page."""
    started_at, began = run.parts.clock(), time.perf_counter()
    pop, message = effect.pop, run.message
    key = screen_pop_key(pop.agent_id)
    if len(key.encode()) > LONGEST_KEY_BYTES:
        return await run.fail(progress, effect, "the agent's id is too long to be addressed")
    pop_id = screen_pop_id_of(message.run_id, effect.address, effect.visit)
    event = ScreenPopEvent(
        id=pop_id,
        subject=message.event.interaction_id,
        time=timestamp(started_at),
        data=ScreenPopData(
            agentId=pop.agent_id,
            interactionId=message.event.interaction_id,
            runId=message.run_id,
            url=pop.url,
            label=pop.label,
            target=pop.target,
        ),
    )
    if run.parts.is_shadow:
        return await run.conclude(
            progress,
            effect,
            Result(outputs={}, at=run.parts.clock()),
            started_at=started_at,
            began=began,
            note=NOT_SHOWN,
        )
    await run.parts.handover.pop(key, event)
    row = ScreenPop(
        id=pop_id,
        run_id=message.run_id,
        address=effect.address,
        visit=effect.visit,
        agent_id=pop.agent_id,
        url=pop.url,
        label=pop.label,
        target=pop.target,
        published_at=started_at,
    )
    return await run.conclude(
        progress,
        effect,
        Result(outputs={}, at=run.parts.clock()),
        pop=row,
        started_at=started_at,
        began=began,
        note=UNDISPLAYED,
    )


async def _call(run: Performance, progress: Progress, effect: CallFlow) -> Reached:
    """Into another flow, at the version that its label means now; recorded before anything else."""
    catalogue = run.parts.catalogue
    version = catalogue.version(effect.flow, effect.label)
    if version is None:
        await insist(catalogue.refresh, "look for a flow")
        version = catalogue.version(effect.flow, effect.label)
    if version is None:
        reason = f'flow "{effect.flow}" has no version labelled "{effect.label}"; publish one'
        return await run.fail(progress, effect, reason)
    run.record.is_secure |= holds_secure(catalogue.flow(version.flow_id, version.number))
    outputs = {"flow_id": version.flow_id, "version": version.number}
    return await run.conclude(progress, effect, Result(outputs=outputs, at=run.parts.clock()))


async def _wait(run: Performance, progress: Progress, effect: Wait) -> None:
    """Go on behind the node once the time is over."""
    now = run.parts.clock()
    at = now + timedelta(seconds=effect.seconds * run.parts.policy.scale)
    until = at.isoformat(timespec="milliseconds")
    behind = run.after(progress, effect, Result(outputs={}), started_at=now, note=f"until {until}")
    await run.record.wait(
        run.record.continuation(behind, not_before=at),
        f'waits in node "{effect.node.name}" until {until}',
    )

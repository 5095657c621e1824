"""After a restart: finish the steps that were under way, then end the calls that were open.

Steps are finished with the event ids they were stored with. Nothing here is known to the running
emulator, whose own calls begin only with this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from msgspec.structs import replace

from onhook.bus.port import Bus, BusError
from onhook.call_emulator import lifecycle
from onhook.call_emulator.bus_wait import AGAIN_S, bus_ready
from onhook.call_emulator.contact import Contact, ContactState, ContactStep
from onhook.call_emulator.lifecycle import NewId, Step
from onhook.call_emulator.pending_step import OpenCall, PendingStep, StepRunner
from onhook.call_emulator.store import CallStore, LeftOpen
from onhook.sqlite import StorageError

log = structlog.get_logger()

AT_ONCE = 64
"""Calls ended at once, so that their commits and confirms are shared."""


class Recovery:
    """What an earlier process left, and how far its end has come."""

    def __init__(
        self, store: CallStore, bus: Bus, *, clock: Callable[[], datetime], new_id: NewId
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._new_id = new_id
        self._runner = StepRunner(store, bus, new_id, _count_later)
        self._left: list[OpenCall] = []
        self._ended = 0
        self.found: str | None = None
        """What was found and done, in one line, once it is done; None when there was nothing."""

    @property
    def trouble(self) -> str | None:
        """Why the service is not ready yet; None when all is done."""
        if not self._left:
            return None
        return f"{_calls(len(self._left))} left open by an earlier process; waiting for the bus"

    async def load(self) -> None:
        """Read what is left, before this process begins calls of its own."""
        self._left.extend(_as_open(left) for left in await self._store.left_open())

    async def run(self) -> None:
        """Go on until all is done, for as long as the bus needs."""
        while self._left:
            await bus_ready(self._bus)
            if not await self.attempt():
                await asyncio.sleep(AGAIN_S)

    async def attempt(self) -> bool:
        """Do what can be done now; True when nothing is left."""
        while self._left:
            some = self._left[:AT_ONCE]
            failures = await asyncio.gather(*(self._try_to_end(call) for call in some))
            undone = [call for call, failed in zip(some, failures, strict=True) if failed]
            self._left[:AT_ONCE] = undone
            if undone:
                return False
        if self._ended:
            verb = "was open and has" if self._ended == 1 else "were open and have"
            self.found = f"{_calls(self._ended)} {verb} been ended"
            log.info("calls recovered", recovered=self.found)
            self._ended = 0
        return True

    async def _try_to_end(self, call: OpenCall) -> bool:
        """Whether that failed."""
        try:
            await self._end(call)
        except (BusError, StorageError) as error:
            interaction = call.contact.interaction_id
            log.warning("recovery postponed", interaction=interaction, reason=str(error))
            return True
        return False

    async def _end(self, call: OpenCall) -> None:
        async with call.turn:
            await self._runner.settle(call)
            if call.contact.state not in (ContactState.NEW, ContactState.ENDED):
                await self._runner.take(call, ContactStep.HANG_UP.value, self._hang_up)
        if call.contact.state is ContactState.ENDED:
            self._ended += 1

    def _hang_up(self, contact: Contact) -> Step:
        return lifecycle.hang_up(contact, None, at=self._clock(), new_id=self._new_id)


def _count_later(_call: OpenCall, _step: PendingStep) -> None:
    """A call counts once it has ended, not with each step."""


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _as_open(left: LeftOpen) -> OpenCall:
    pending = PendingStep(stored=left.step, agent=None) if left.step else None
    if left.contact is not None:
        return OpenCall(left.contact, pending)
    assert left.step is not None  # the store gives at least one of the two
    return OpenCall(replace(left.step.contact, state=ContactState.NEW), pending)

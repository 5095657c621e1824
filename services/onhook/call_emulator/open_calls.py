"""The calls that have not ended, in their order of arrival, and what of their steps went wrong.

Finding and settling failed steps lives here; which steps there are does not.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from datetime import datetime

from onhook.call_emulator.agent import AgentState
from onhook.call_emulator.contact import Contact, ContactState
from onhook.call_emulator.owed import Owed
from onhook.call_emulator.pending_step import OpenCall, StepRunner


class OpenCalls:
    """By interaction id. A call in state NEW is there for its arrival to be repeated only."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._calls: dict[str, OpenCall] = {}
        self._owed: Owed[str, OpenCall] = Owed(clock)
        """By their arrivals' keys: calls whose arrival failed and was settled for another's."""

    def __iter__(self) -> Iterator[OpenCall]:
        return iter(list(self._calls.values()))

    def get(self, interaction: str) -> OpenCall | None:
        return self._calls.get(interaction)

    def add(self, contact: Contact) -> OpenCall:
        call = self._calls[contact.interaction_id] = OpenCall(contact)
        return call

    def forget(self, call: OpenCall) -> None:
        self._calls.pop(call.contact.interaction_id, None)

    def contacts(self) -> list[Contact]:
        return [call.contact for call in self]

    async def settle_arrivals(self, runner: StepRunner, key: str) -> Contact | None:
        """Settle arrivals that failed; the contact, when `key` repeats one of them.

        Also when it was settled before, for another request. Arrivals under way are left alone:
        the same request twice at once is two calls.
        """
        for call in self:
            if _has_arrived(call) or call.turn.locked():
                continue
            async with call.turn:
                if (failed := call.pending) is not None and failed.key == key:
                    await runner.finish(call)
                    return call.contact
                await runner.settle(call)
                if not _has_arrived(call):
                    self.forget(call)
                elif failed is not None:
                    self._owed.add(failed.key, call)
        settled = self._owed.take(key)
        return settled.contact if settled else None

    def owed(self, key: str, usable: Container[ContactState]) -> Contact | None:
        """The call that was settled before, if `key` repeats its arrival.

        One that is in no `usable` state by now is owed no more.
        """
        while (settled := self._owed.find(key)) is not None:
            if settled.contact.state in usable:
                return settled.contact
            self._owed.take(key)
        return None

    async def offer_again(self, runner: StepRunner) -> None:
        """Finish offers that failed; nobody may offer meanwhile.

        Their agents are Available still: no agent takes a step before `settle_offers_to`.
        """
        for call in self:
            if _failed_offer(call) is not None:
                async with call.turn:
                    if _failed_offer(call) is not None:
                        await runner.finish(call)

    async def settle_offers_to(self, runner: StepRunner, agent_id: str) -> None:
        """Settle what failed to ring at an agent, who is about to take another step."""
        for call in self:
            if _failed_offer(call) == agent_id:
                async with call.turn:
                    if _failed_offer(call) == agent_id:
                        await runner.settle(call)


def _failed_offer(call: OpenCall) -> str | None:
    """The agent whom the call's pending step would ring."""
    agent = call.pending.agent if call.pending is not None else None
    if call.contact.state is not ContactState.QUEUED or agent is None:
        return None
    return agent.profile.id if agent.state is AgentState.ENGAGED else None


def _has_arrived(call: OpenCall) -> bool:
    return call.contact.state is not ContactState.NEW

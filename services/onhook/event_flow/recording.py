"""How a run is recorded while one of its messages is performed: row, trace, and the message after.

What is stored or published of a run that holds secure values is sealed here. When to record what
is decided elsewhere.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from onhook.contracts.run import Progress, RunMessage
from onhook.event_flow.insist import insist
from onhook.event_flow.run_sealing import seal_message, seal_row
from onhook.event_flow.trace import Trace
from onhook.flow.mask import NOTHING, Mask
from onhook.flow.secrecy import Secrets
from onhook.journal.port import Attempt, Result, Run, RunState, ScreenPop, TraceRow, visit_key

if TYPE_CHECKING:
    from onhook.event_flow.runner import Parts


class Recording:
    """`message` and `row` are open: nothing in them is sealed."""

    def __init__(
        self, parts: Parts, message: RunMessage, row: Run, secrets: Secrets, *, is_secure: bool
    ) -> None:
        self._parts = parts
        self._message = message
        self.row = row
        self.secrets = secrets
        self.is_secure = is_secure
        """The run holds secure values, or did."""
        self.also_masked = NOTHING
        """Credentials of a connector that it used."""
        self._walked: set[str] = set()
        """Keys of results."""
        self.trace = Trace(message.run_id, message.step)

    async def save(
        self,
        row: Run,
        *,
        attempt: Attempt | None = None,
        pop: ScreenPop | None = None,
        is_last: bool = False,
    ) -> None:
        """`is_last`: of this message, so that its trace goes with it."""
        row = msgspec.structs.replace(row, updated_at=self._parts.clock())
        stored = seal_row(row, self._parts.keys) if self.is_secure else row
        trace = self.trace_row() if is_last else None
        if mask := self.mask:
            attempt = attempt and masked_attempt(attempt, mask)
            pop = pop and masked_pop(pop, mask)
        await insist(
            lambda: self._parts.journal.save(stored, attempt=attempt, trace=trace, pop=pop),
            "record a run",
        )
        self.row = row

    @property
    def mask(self) -> Mask:
        """Over every secure value that is known by now."""
        if not self.is_secure:
            return self.also_masked
        return self.secrets.mask | self.also_masked

    def trace_row(self) -> TraceRow:
        return self.trace.row(self.mask)

    def result(self, address: str, visit: int) -> Result | None:
        """What is recorded of a node."""
        key = visit_key(address, visit)
        self._walked.add(key)
        return self.row.results.get(key)

    def _walked_results(self) -> dict[str, Result]:
        """Those that this message came by. Whatever has the next step stands there or behind.

        After a crash there may be two of that step, one in front of what the other has done.
        Results of messages before this one can be met by nothing any more.
        """
        return {key: each for key, each in self.row.results.items() if key in self._walked}

    async def keep(
        self,
        address: str,
        visit: int,
        result: Result,
        *,
        attempt: Attempt | None = None,
        pop: ScreenPop | None = None,
    ) -> None:
        """A finished node's result, with what led to it."""
        self._walked.add(visit_key(address, visit))
        row = msgspec.structs.replace(
            self.row,
            results={**self.row.results, visit_key(address, visit): result},
            state=RunState.RUNNING,
            continuation=None,
            next_at=None,
        )
        await self.save(row, attempt=attempt, pop=pop)

    async def finish(self, *, attempt: Attempt | None = None, pop: ScreenPop | None = None) -> None:
        """The run is done: it needs neither results nor continuation."""
        row = msgspec.structs.replace(
            self.row,
            state=RunState.DONE,
            results={},
            continuation=None,
            next_at=None,
            reason=None,
        )
        await self.save(row, attempt=attempt, pop=pop, is_last=True)

    def continuation(
        self, progress: Progress, *, not_before: datetime | None = None, **changes: Any
    ) -> RunMessage:
        """The run's next message. What waits reads its wait's end as the time."""
        return msgspec.structs.replace(
            self._message,
            step=self.row.step + 1,
            progress=progress,
            not_before=not_before,
            published_at=not_before or self._parts.clock(),
            is_by_hand=False,
            **({"request": None} | changes),
        )

    async def wait(
        self, message: RunMessage, reason: str | None, *, is_traced: bool = True
    ) -> None:
        """Into a tier until `not_before`; recorded as waiting."""
        body = await self._parts.handover.wait(self.sealed(message))
        row = msgspec.structs.replace(
            self.row,
            step=message.step,
            results=self._walked_results(),
            state=RunState.WAITING,
            continuation=body,
            next_at=message.not_before,
            reason=reason,
        )
        await self.save(row, is_last=is_traced)

    async def hand_on(self, progress: Progress) -> None:
        """Through a queue to what follows."""
        message = self.continuation(progress)
        await self._parts.handover.next(self.sealed(message))
        row = msgspec.structs.replace(
            self.row,
            step=message.step,
            results=self._walked_results(),
            state=RunState.RUNNING,
        )
        await self.save(row, is_last=True)

    def sealed(self, message: RunMessage) -> RunMessage:
        """Raises Unprocessable."""
        if not self.is_secure:
            return message
        return seal_message(message, self._parts.keys, self.secrets.kept())


def masked_attempt(attempt: Attempt, mask: Mask) -> Attempt:
    if not mask:
        return attempt
    return msgspec.structs.replace(
        attempt,
        url=mask.text(attempt.url),
        detail=attempt.detail and mask.text(attempt.detail),
        response_headers=mask.data(attempt.response_headers),
        response_excerpt=mask.text(attempt.response_excerpt),
    )


def masked_pop(pop: ScreenPop, mask: Mask) -> ScreenPop:
    return msgspec.structs.replace(pop, url=mask.text(pop.url), label=mask.text(pop.label))

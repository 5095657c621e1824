"""What failed requests are owed: each was answered with a failure, and succeeded afterwards.

Another request finished it, so its own repeat finds nothing pending and would do it all again.
Nothing here knows what was asked or what came of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from msgspec import Struct

Request = TypeVar("Request")
Result = TypeVar("Result")

OWED_FOR = timedelta(seconds=60)
"""How long a repeat is expected; the same request later is a new one."""
OWED_AT_MOST = 256


class _Debt(Struct, Generic[Request, Result], frozen=True, kw_only=True):
    request: Request
    result: Result
    since: datetime


class Owed(Generic[Request, Result]):
    """Results by request, oldest first; equal requests are owed a result each."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._debts: deque[_Debt[Request, Result]] = deque(maxlen=OWED_AT_MOST)

    def add(self, request: Request, result: Result) -> None:
        self._drop_old()
        self._debts.append(_Debt(request=request, result=result, since=self._clock()))

    def find(self, request: Request) -> Result | None:
        """What the next `take` gives."""
        debt = self._debt(request)
        return debt.result if debt else None

    def take(self, request: Request) -> Result | None:
        """The oldest result owed to such a request, which is owed no more; None without one."""
        debt = self._debt(request)
        if debt is None:
            return None
        self._debts.remove(debt)
        return debt.result

    def _debt(self, request: Request) -> _Debt[Request, Result] | None:
        self._drop_old()
        return next((debt for debt in self._debts if debt.request == request), None)

    def _drop_old(self) -> None:
        oldest = self._clock() - OWED_FOR if self._debts else None
        while oldest is not None and self._debts and self._debts[0].since < oldest:
            self._debts.popleft()

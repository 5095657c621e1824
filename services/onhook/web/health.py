"""`/livez` and `/readyz`: is the process there, and can it do its job now.

`/readyz` answers 503 with the reasons while anything that the service needs is missing.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from onhook.web.operation import Call, Operation, json_response

Check = Callable[[], str | None]
"""None when all is well, else why not, in one line."""


class Readiness(Struct, frozen=True):
    ready: bool
    troubles: dict[str, str]


class Liveness(Struct, frozen=True):
    live: bool = True


def health_operations(checks: dict[str, Check]) -> list[Operation]:
    """The two rows; `checks` names what the service needs."""

    async def live(_call: Call) -> Liveness:
        return Liveness()

    async def ready(_call: Call) -> object:
        troubles = {name: trouble for name, check in checks.items() if (trouble := check())}
        return json_response(Readiness(not troubles, troubles), 503 if troubles else 200)

    return [
        Operation(
            method="GET",
            path="/livez",
            name="livez",
            summary="Whether the process answers",
            handler=live,
            response=Liveness,
        ),
        Operation(
            method="GET",
            path="/readyz",
            name="readyz",
            summary="Whether the service can do its job; 503 with the reasons when not",
            handler=ready,
            response=Readiness,
            others={503: Readiness},
        ),
    ]

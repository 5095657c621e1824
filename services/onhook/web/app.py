"""An HTTP application out of operations: routes, guard, errors, health, its own description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from msgspec import Struct

from onhook.web.guard import guard
from onhook.web.health import Check, health_operations
from onhook.web.metrics import Registry
from onhook.web.openapi import describe
from onhook.web.operation import Call, Operation, register
from onhook.web.own_metrics import add_own, metrics_operation
from onhook.web.problem import problems


class Api(Struct, frozen=True, kw_only=True):
    """A service's HTTP API: its title, summary and rows, without health and description."""

    title: str
    summary: str
    operations: Sequence[Operation]

    def document(self) -> dict[str, Any]:
        """Its OpenAPI document, health and metrics included."""
        common = [*health_operations({}), metrics_operation()]
        return describe(self.title, self.summary, [*self.operations, *common])


def _never(_request: web.Request) -> bool:
    return False


def build_app(
    api: Api,
    *,
    hosts: frozenset[str],
    checks: dict[str, Check],
    is_open: Callable[[web.Request], bool] = _never,
    registry: Registry | None = None,
) -> web.Application:
    """`hosts` are the service's own names; requests where `is_open` are not guarded.

    `registry` holds the service's metrics; what every service tells of itself is added to it.
    """
    registry = Registry() if registry is None else registry
    add_own(registry, checks)
    document = api.document()

    async def openapi(_call: Call) -> dict[str, Any]:
        return document

    description = Operation(
        method="GET",
        path="/openapi.json",
        name="openapi",
        summary="This API, described",
        handler=openapi,
    )
    app = web.Application(middlewares=[problems, guard(hosts, is_open)])
    register(
        app, [*health_operations(checks), metrics_operation(registry), description, *api.operations]
    )
    return app

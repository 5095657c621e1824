"""The sink as a running service: its parts, wired by hand, top to bottom."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct, structs

from onhook.settings import SettingError, Settings
from onhook.settings.settings import LOOPBACK_HOSTS
from onhook.sink.api import REQUEST, describe
from onhook.sink.capture import Captured
from onhook.sink.connection import Connection
from onhook.sink.errors import CaptureGone, TokenFull, TokenGone
from onhook.sink.handlers import RECORDER, SEEDED, STORE
from onhook.sink.invalid import Invalid, invalid_response
from onhook.sink.metrics import SinkMetrics
from onhook.sink.recorder import CAPTURE_PATH, Recorder, is_capture
from onhook.sink.store import Store
from onhook.sqlite import StorageError
from onhook.sqlite.folder_lock import held
from onhook.web.app import build_app
from onhook.web.guard import own_hosts
from onhook.web.metrics import Registry
from onhook.web.operation import Operation, go_on, register
from onhook.web.problem import Problem
from onhook.web.serving import serving

ANY_REQUEST = "{request:(?!latest(?:/|$))[^/]+}"
"""What is no id is no request of the token: answered as one that is not there."""


class Running(Struct, frozen=True):
    """What a sink that serves found when it started."""

    stored: int
    """Captures from before."""


@asynccontextmanager
async def running(
    settings: Settings,
    listener: socket.socket,
    *,
    public_url: str,
    observe: Callable[[Captured], None] | None = None,
) -> AsyncIterator[Running]:
    """Serve until the context ends. `observe` is told of each capture that is on disk.

    Raises SettingError, FolderHeld or StorageError, each with one line that says what to do.
    """
    check_token(settings, token_is_given="sink_token" in settings.given)
    with held(settings.data / "sink", "the sink"):
        async with Store.opened(
            settings.sink_database(),
            max_captures=settings.sink_max_captures,
            synchronous=settings.synchronous,
        ) as store:
            await store.seed(settings.sink_token)
            app = _app(settings, store, public_url, observe)
            async with serving(app, listener, grace_s=settings.grace, connection=Connection):
                yield Running(await store.stored())


def check_token(settings: Settings, *, token_is_given: bool) -> None:
    """Refuse a token that everyone knows where others could reach it. Raises SettingError."""
    if settings.host not in LOOPBACK_HOSTS and not token_is_given:
        raise SettingError(
            f"the sink is bound to {settings.host}, where others reach it, and its token is the "
            "default that everyone knows; set ONHOOK_SINK_TOKEN to a UUID of your own"
        )


def _app(
    settings: Settings,
    store: Store,
    public_url: str,
    observe: Callable[[Captured], None] | None,
) -> web.Application:
    api = describe()
    registry = Registry()
    metrics = SinkMetrics(registry, store, settings.sink_max_captures)
    app = build_app(
        api,
        hosts=own_hosts(settings.host, [public_url, settings.sink_public_url, settings.sink_url]),
        checks={"store": lambda: store.trouble},
        is_open=is_capture,
        registry=registry,
    )
    app[STORE] = store
    app[SEEDED] = settings.sink_token
    app[RECORDER] = recorder = Recorder(
        store, max_body=settings.sink_max_body, observe=metrics.told(observe)
    )
    app.middlewares.append(faults)
    app.router.add_route("*", CAPTURE_PATH, recorder.record, expect_handler=go_on)
    register(app, [_routed(operation) for operation in api.operations])
    return app


@web.middleware
async def faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The store's exceptions as answers."""
    try:
        return await handler(request)
    except TokenGone:
        raise Problem(410, "Token not found") from None
    except TokenFull:
        raise Problem(410, "Too many requests, please create a new URL/token") from None
    except CaptureGone:
        raise Problem(404, "Request not found") from None
    except Invalid as invalid:
        return invalid_response(invalid)
    except StorageError as error:
        raise Problem(
            503, f"The store cannot be used now: {error}", headers={"Retry-After": "1"}
        ) from None


def _routed(operation: Operation) -> Operation:
    """The row for more than is published: doubled slashes, and ids that cannot be any.

    Clients join `http://host/` and `/token`.
    """
    slash = iter(range(operation.path.count("/")))
    path = re.sub("/", lambda _: f"/{{slashes{next(slash)}:/*}}", operation.path)
    return structs.replace(operation, path=path.replace(REQUEST, ANY_REQUEST))

"""Errors of the HTTP APIs and the middleware that turns exceptions into them.

One shape for all services: `{"success": false, "error": {"message", "id", ...}}`, which is
webhook.site's, with `possible` where the caller can do something else instead.
"""

from __future__ import annotations

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import UNSET, Struct, UnsetType

log = structlog.get_logger()


class ErrorDetail(Struct, frozen=True, kw_only=True):
    message: str
    id: str | None = None
    possible: list[str] | UnsetType = UNSET


class ErrorBody(Struct, frozen=True, kw_only=True):
    """What an error answer holds."""

    error: ErrorDetail
    success: bool = False


class Problem(Exception):
    """An answer that says what was wrong. Raise it from any handler."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        possible: list[str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.possible = possible
        self.headers = headers


def encodable(text: str) -> str:
    """`text` without surrogates, which stand for bytes that were no UTF-8 and fit in no JSON."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def error_response(problem: Problem) -> web.Response:
    detail = ErrorDetail(
        message=encodable(problem.message),
        possible=UNSET
        if problem.possible is None
        else [encodable(text) for text in problem.possible],
    )
    return web.Response(
        status=problem.status,
        body=msgspec.json.encode(ErrorBody(error=detail)),
        content_type="application/json",
        headers=problem.headers,
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as JSON; what nobody foresaw as 500, with its traceback in the log."""
    try:
        return await handler(request)
    except Problem as problem:
        return error_response(problem)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return error_response(Problem(error.status, _sentence(error, request), headers=headers))
    except Exception:
        log.exception("request failed", method=request.method, path=request.path)
        return error_response(Problem(500, "Internal error; the service's log has the traceback"))


def _sentence(error: web.HTTPException, request: web.Request) -> str:
    if error.status == 404:
        return f"Nothing at {request.path}; GET /openapi.json lists what there is"
    if error.status == 405:
        return f"{request.method} is not possible on {request.path}; see the Allow header"
    return error.reason or str(error.status)

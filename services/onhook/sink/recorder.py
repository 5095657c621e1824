"""Capturing: reads a request to its last byte, stores it, then answers as its token says.

The one place where anyone's request comes in: unguarded, so what it holds in memory is bounded.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable

import structlog
from aiohttp import web

from onhook.sink.capture import Capture, Captured
from onhook.sink.identity import uuid7
from onhook.sink.store import Store
from onhook.sink.token import UUID_PATTERN, Token
from onhook.web.problem import Problem

CAPTURE_PATH = rf"/{{slashes:/*}}{{token:{UUID_PATTERN}}}{{rest:(?s:/.*)?}}"
"""For aiohttp's router."""
SANDBOXED = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
"""What was captured, or chosen by whoever made a token, shares an origin with our own pages."""
BODY_MEMORY_BYTES = 256 * 1024 * 1024

_CAPTURED = re.compile(rf"/+{UUID_PATTERN}(?:/|\Z)")
_STATUS = re.compile(r"/([1-5][0-9][0-9])")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, PUT, PATCH, POST, OPTIONS",
    "Access-Control-Allow-Headers": "DNT,User-Agent,X-Requested-With,If-Modified-Since,"
    "Cache-Control,Content-Type,Range",
    "Access-Control-Expose-Headers": "Content-Length,Content-Range",
}

log = structlog.get_logger()


def is_capture(request: web.Request) -> bool:
    """Whether the path is under a token: open to all."""
    return _CAPTURED.match(request.rel_url.path_safe) is not None


class _Body:
    """What was read of a body so far."""

    def __init__(self) -> None:
        self.size = 0
        self._chunks: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._chunks.append(chunk)

    def taken(self) -> bytes:
        """The whole, which nothing here holds any more."""
        whole = b"".join(self._chunks)
        self._chunks.clear()
        return whole


class Recorder:
    """Records requests into a store; `observe` is told of each one that is on disk."""

    def __init__(
        self, store: Store, *, max_body: int, observe: Callable[[Captured], None] | None = None
    ) -> None:
        self._store = store
        self._max_body = max_body
        self._observe = observe
        self._memory = max(BODY_MEMORY_BYTES, max_body)
        self._held_bytes = 0

    async def record(self, request: web.Request) -> web.StreamResponse:
        """Capture and answer. Raises TokenGone, TokenFull, StorageError, or Problem 400 to 503."""
        began = time.monotonic_ns()
        token = await self._store.token(request.match_info["token"])
        self._check_size(request.content_length or 0)
        capture_id = await self._take(request, token, began)
        if token.settings.timeout:
            await asyncio.sleep(token.settings.timeout)
        return _answer(request, token, capture_id)

    async def _take(self, request: web.Request, token: Token, began: int) -> uuid.UUID:
        """Read and store. The body is gone from memory when this returns."""
        body = _Body()
        try:
            await self._read(request, body)
            capture = self._capture(request, body.taken(), began)
            if token.settings.request_limit != 0:
                self._tell(await self._store.record(token, capture))
            return capture.id
        finally:
            self._held_bytes -= body.size

    async def _read(self, request: web.Request, body: _Body) -> None:
        try:
            while chunk := await request.content.readany():
                body.add(chunk)
                self._held_bytes += len(chunk)
                self._check_size(body.size)
                if self._held_bytes > self._memory:
                    raise Problem(
                        503,
                        "Too many large bodies are under way; try again",
                        headers={"Retry-After": "1"},
                    )
        except (web.RequestPayloadError, ConnectionError):
            raise Problem(400, "The body broke off or its chunks are malformed") from None

    def _check_size(self, size: int) -> None:
        if size > self._max_body:
            raise Problem(
                413,
                f"The body is larger than {self._max_body} bytes, which is as much as this sink "
                "captures; see ONHOOK_SINK_MAX_BODY",
            )

    def _capture(self, request: web.Request, body: bytes, began: int) -> Capture:
        received_us = self._store.clock.tick()
        return Capture(
            id=uuid7(received_us),
            received_us=received_us,
            reading_us=(time.monotonic_ns() - began) // 1_000,
            method=request.method,
            target=request.raw_path.encode("utf-8", "surrogateescape"),
            version=f"HTTP/{request.version.major}.{request.version.minor}",
            scheme=request.scheme,
            remote=request.remote or "",
            headers=request.raw_headers,
            size=len(body),
            body=body,
        )

    def _tell(self, captured: Captured) -> None:
        if self._observe is None:
            return
        try:
            self._observe(captured)
        except Exception:
            log.exception("observer failed", capture=str(captured.capture.id))


def _answer(request: web.Request, token: Token, capture_id: uuid.UUID) -> web.Response:
    settings = token.settings
    override = _STATUS.fullmatch(request.match_info.get("rest", ""))
    response = web.Response(
        status=int(override[1]) if override else settings.default_status,
        body=settings.default_content.encode(),
        headers={
            "Content-Type": settings.default_content_type,
            "X-Request-Id": str(capture_id),
            "X-Token-Id": token.uuid,
            **SANDBOXED,
            **(_CORS if settings.cors else {}),
        },
    )
    if response.status < 200:
        response.force_close()  # no final answer follows an informational one: do not keep waiting
    return response

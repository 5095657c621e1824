"""A connection of the sink: takes any method there could be, and heads of a bounded size.

aiohttp's fast parser knows a list of methods and refuses others; its other one, of which this is
a kind, takes any. What is on the paths is not known here.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.http_parser import HttpRequestParserPy, RawRequestMessage
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from onhook.web.problem import Problem, error_response
from onhook.web.serving import HEAD_LIMIT_BYTES

MOST_HEADERS = 1_024
LONGEST_TRAILER = 4_096
MOST_TRAILERS = HEAD_LIMIT_BYTES // LONGEST_TRAILER
MOST_WAITING = 32
"""Pipelined requests that are read ahead."""

log = structlog.get_logger()


class HeadTooLarge(HttpProcessingError):
    """Request line and headers are larger together than what is captured."""

    def __init__(self) -> None:
        super().__init__(
            code=431,
            message=f"The request line and headers are more than {HEAD_LIMIT_BYTES} bytes or "
            f"{MOST_HEADERS} headers, which is as much as this sink captures",
        )


class Connection(RequestHandler):
    """aiohttp's, with a parser of our own and refusals in the shape of all other errors."""

    def __init__(self, *args: Any, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(*args, loop=loop, max_headers=MOST_HEADERS, **options)
        self._parser = _Parser(
            self,
            loop,
            self._read_bufsize,
            max_line_size=HEAD_LIMIT_BYTES,
            max_field_size=HEAD_LIMIT_BYTES,
            max_headers=MOST_HEADERS,
            payload_exception=RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=MOST_WAITING,
        )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        status = exc.code if isinstance(exc, HeadTooLarge) else status
        log.info("malformed request refused", status=status, kind=type(exc).__name__)
        response = error_response(Problem(status, exc.message or "The request is malformed"))
        response.force_close()
        return response


class _Parser(HttpRequestParserPy):
    """Keeps methods in the case they were sent in. Its heads are refused as soon as too large."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unfinished_bytes = 0

    def parse_message(self, lines: list[bytes]) -> RawRequestMessage:
        if sum(map(len, lines)) + 2 * len(lines) > HEAD_LIMIT_BYTES:
            raise HeadTooLarge
        return super().parse_message(lines)._replace(method=lines[0].partition(b" ")[0].decode())

    def feed_data(self, data: bytes, *args: Any) -> Any:
        try:
            parsed = super().feed_data(data, *args)
        except LineTooLong:
            if self._payload_parser is None:
                raise HeadTooLarge from None
            raise
        except HttpProcessingError:
            if len(self._lines) > self.max_headers:
                raise HeadTooLarge from None
            raise
        if self._payload_parser is not None:
            # What follows a chunked body counts as little as a head does.
            self._payload_parser._max_field_size = LONGEST_TRAILER  # noqa: SLF001 - no option
            self._payload_parser._max_trailers = MOST_TRAILERS  # noqa: SLF001 - no option
        self._count_unfinished(len(data), began_here=bool(parsed[0]))
        return parsed

    def _count_unfinished(self, size: int, *, began_here: bool) -> None:
        """Refuse a head that grows too large before it ends."""
        is_waiting = self._msg_in_flight >= self._max_msg_queue_size  # the rest is not looked at
        if self._payload_parser is not None or is_waiting or not (self._lines or self._tail):
            self._unfinished_bytes = 0
        elif began_here or not self._unfinished_bytes:
            self._unfinished_bytes = sum(map(len, self._lines)) + len(self._tail)
        else:
            self._unfinished_bytes += size
        # What was whole before it in the same data is answered first.
        if self._unfinished_bytes > HEAD_LIMIT_BYTES and not began_here:
            raise HeadTooLarge

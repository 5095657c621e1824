"""One HTTP/1.1 connection: a request's bytes out, a response in, one at a time.

Bytes, limits and the deadline live here. It knows no URL and no address rule, and never dials: it
says what ended it, and whoever sent the request says where.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from onhook.egress.end import End, Ended

LARGEST_HEAD = 64 * 1024
"""Bytes of a response's head, the interim responses before it included."""
MOST_HEADERS = 128
# Framing (chunk sizes, extensions, trailers) that a body may bring along, beside 8 for a byte.
_LARGEST_FRAMING = 64 * 1024
_SLOW_TO_WRITE = 16 * 1024


class Answer:
    """A response as it came, while it comes."""

    __slots__ = ("body", "headers", "is_cut", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.is_cut = False


class Connection(asyncio.Protocol):
    """A connection that was opened for one endpoint, and is kept for its next requests."""

    def __init__(
        self,
        largest_body: int,
        read_timeout_s: float,
        when_gone: Callable[[Connection], object],
    ) -> None:
        self.peer = ""
        """The address that it is connected to; empty when it was lost before anybody could ask."""
        self.opened_at = 0.0
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._largest_body = largest_body
        self._read_timeout_s = read_timeout_s
        self._when_gone = when_gone
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        # What aiohttp and most clients accept: a lone LF, blanks behind a chunk's size.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._waiter: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._give_up_at = 0.0
        self._is_open = False
        self._is_fresh = True
        self._must_close = False
        self._early = b""
        self._lost_by: Exception | None = None
        self._reset(is_head=False)

    @property
    def is_usable(self) -> bool:
        """Whether the next request may go out on it."""
        return self._is_open and not self._must_close

    async def exchange(self, request: bytes, *, is_head: bool, deadline: float) -> Answer:
        """Send a request and read its response until `deadline`, a time of the loop's clock.

        Raises Ended; then, and after a cancellation, the connection is closed.
        """
        transport = self._transport
        early, self._early = self._early, b""
        if transport is None or not (self.is_usable or early):
            raise Ended(End.CLOSED)
        self._is_fresh = False
        self._reset(is_head=is_head)
        self._waiter = waiter = self._loop.create_future()
        self._give_up_at = self._deadline = deadline
        if self._timer is None or self._timer.when() > deadline:
            self._watch(deadline)
        if self._is_open:
            transport.write(request)
        if early:
            self._hear_early(early)
        try:
            answer: Answer = await waiter
        except BaseException:
            self._waiter = None
            self.abort()
            raise
        # An answer that came before the request was out leaves the rest of it in the way.
        if len(request) > _SLOW_TO_WRITE and transport.get_write_buffer_size():
            self._must_close = True
        if self._must_close:
            self.abort()
        return answer

    def close(self) -> None:
        """End politely, after what was written."""
        self._must_close = True
        self._stop_timer()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End at once."""
        self._must_close = True
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._is_open = True
        self.opened_at = self._loop.time()
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if peer else ""

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            if self._is_fresh and len(self._early) + len(data) <= LARGEST_HEAD:
                self._early += data  # a peer that is overloaded answers before it is asked
            else:
                self.abort()  # it would be taken for the answer to the next request
            return
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._must_close = self._is_complete = True
        except httptools.HttpParserError:
            self._must_close = True
            if not self._is_complete:
                self._end(End.BADLY_FRAMED if self._has_head else End.NO_HTTP)
                return
        if self._is_complete:
            self._complete()
        elif not self._is_within_limits():
            self._end(End.BADLY_FRAMED if self._has_head else End.NO_HTTP)
        else:
            # The timer that runs may be too late for this.
            self._give_up_at = min(self._deadline, self._loop.time() + self._read_timeout_s)
            if self._timer is None or self._timer.when() > self._give_up_at:
                self._watch(self._give_up_at)

    def eof_received(self) -> bool:
        return False  # close: connection_lost says the rest

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_open = False
        self._stop_timer()
        self._when_gone(self)
        if self._waiter is None:
            self._lost_by = exc
        else:
            self._end_lost(exc)

    # what the parser calls

    def on_message_begin(self) -> None:
        if self._is_complete:
            self._must_close = True  # more than one answer to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:
            self._answer.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._is_complete:
            return
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self._answer.headers.clear()  # an interim response
            return
        self._answer.status = status
        self._has_head = True
        if self._is_head:
            # The parser waits for a body that a response to HEAD announces and never has.
            self._must_close = self._is_complete = True

    def on_body(self, data: bytes) -> None:
        if self._is_complete:
            return
        self._size += len(data)
        if self._size <= self._largest_body:
            self._chunks.append(data)
        else:
            self._chunks.append(data[: self._largest_body - self._size])
            self._answer.is_cut = True
            self._must_close = self._is_complete = True

    def on_message_complete(self) -> None:
        if self._has_head and not self._is_complete:
            self._is_complete = True
            if not self._parser.should_keep_alive():
                self._must_close = True

    # inside

    def _hear_early(self, data: bytes) -> None:
        self.data_received(data)
        if not self._is_open and self._waiter is not None:
            self._end_lost(self._lost_by)

    def _end_lost(self, exc: Exception | None) -> None:
        if exc is None and self._has_head and self._lasts_until_close():
            self._complete()
        elif self._fed:
            self._end(End.BROKE_OFF)
        else:
            self._end(End.CLOSED if exc is None else End.RESET)

    def _reset(self, *, is_head: bool) -> None:
        self._answer = Answer()
        self._chunks: list[bytes] = []
        self._size = 0
        self._fed = 0
        self._has_head = False
        self._is_complete = False
        self._is_head = is_head

    def _complete(self) -> None:
        answer = self._answer
        is_long = self._fed > LARGEST_HEAD and self._head_size() > LARGEST_HEAD
        if is_long or len(answer.headers) > MOST_HEADERS:
            self._end(End.NO_HTTP)
            return
        answer.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    def _end(self, end: End) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(Ended(end))
        self.abort()

    def _is_within_limits(self) -> bool:
        if not self._has_head:
            return self._fed <= LARGEST_HEAD
        if len(self._answer.headers) > MOST_HEADERS or self._head_size() > LARGEST_HEAD:
            return False
        return self._fed - self._size <= LARGEST_HEAD + _LARGEST_FRAMING + 8 * self._size

    def _head_size(self) -> int:
        return sum([len(name) + len(value) + 4 for name, value in self._answer.headers])

    def _lasts_until_close(self) -> bool:
        for name, value in self._answer.headers:
            match name.lower():
                case b"content-length":
                    return False
                case b"transfer-encoding" if b"chunked" in value.lower():
                    return False
        return True

    def _watch(self, at: float) -> None:
        self._stop_timer()
        self._timer = self._loop.call_at(at, self._look_at_clock)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at_clock(self) -> None:
        # The timer outlives its request, so that most requests start none.
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._give_up_at:
            self._watch(self._give_up_at)
        elif self._give_up_at < self._deadline:
            self._end(End.SILENT)
        else:
            self._end(End.NO_END_IN_TIME if self._has_head else End.NO_RESPONSE_IN_TIME)

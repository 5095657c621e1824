"""An API's operations as a table: one row registers the route, checks its input and describes it.

Routing, decoding and encoding live here; `openapi.py` turns the same rows into a document.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, get_origin, get_type_hints

import msgspec
from aiohttp import ClientPayloadError, HttpVersion11, web
from msgspec import Struct

from onhook.web.problem import Problem

LARGEST_JSON_BYTES = 4 * 1024 * 1024


class Empty(Struct, frozen=True, forbid_unknown_fields=True):
    """A request without a body, or with an empty object."""


class Call(Struct, frozen=True, kw_only=True):
    """One request, read: `path` parts by name, `query` and `body` as the operation types them."""

    request: web.Request
    path: dict[str, str]
    query: Any
    body: Any


class Operation(Struct, frozen=True, kw_only=True):
    """One row. `errors` maps statuses to when they occur; 400, 403, 421 and 500 need no row."""

    method: str
    path: str
    name: str
    summary: str
    handler: Callable[[Call], Awaitable[Any]]
    status: int = 200
    response: Any = None
    """Type of the answer's JSON; None: no body, or the handler returns a web.Response."""
    media_type: str = "application/json"
    body: Any = None
    """Type of the request's JSON; None: the body is not read."""
    body_is_optional: bool = False
    body_media_type: str = "application/json"
    """Another one, with `body` None, says what the handler reads by itself."""
    query: type[Struct] | None = None
    """Fields of a tuple or list type take every value of their name, others the first."""
    takes_bytes: bool = False
    """`body` only describes: the handler gets the body's bytes, and refuses what it cannot read."""
    checks_itself: bool = False
    """`query` and `body` only describe: the handler gets any JSON and a dict of texts."""
    others: dict[int, Any] = {}
    """Answers of other statuses that are no errors in shape: their types."""
    errors: dict[int, str] = {}


def register(app: web.Application, operations: Sequence[Operation]) -> None:
    """Route the rows. What GET answers, HEAD answers without the body (RFC 9110, section 9.3.2)."""
    heads = {operation.path for operation in operations if operation.method == "HEAD"}
    for operation in operations:
        handler = _handler(operation)
        app.router.add_route(operation.method, operation.path, handler, expect_handler=go_on)
        if operation.method == "GET" and operation.path not in heads:
            app.router.add_route("HEAD", operation.path, handler, expect_handler=go_on)


async def go_on(request: web.Request) -> None:
    """Send 100 Continue to who waits for it; other expectations are no reason to refuse.

    Source: RFC 9110, section 10.1.1.
    """
    expected = request.headers.get("Expect", "")
    if request.version == HttpVersion11 and expected.lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


def _handler(operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    typed = Any if operation.checks_itself else operation.body
    decoder = msgspec.json.Decoder(typed) if operation.body is not None else None
    repeated = _repeated(operation.query)

    async def handle(request: web.Request) -> web.StreamResponse:
        call = Call(
            request=request,
            path=dict(request.match_info),
            query=_read_query(operation, request, repeated),
            body=await _read_body(operation, decoder, request) if decoder else None,
        )
        answer = await operation.handler(call)
        if isinstance(answer, web.StreamResponse):
            return answer
        return json_response(answer, operation.status)

    return handle


def json_response(answer: Any, status: int = 200) -> web.Response:
    if answer is None:
        return web.Response(status=status)
    return web.Response(
        status=status, body=msgspec.json.encode(answer), content_type="application/json"
    )


def _repeated(query: type[Struct] | None) -> frozenset[str]:
    """Names of the fields that take several values."""
    if query is None:
        return frozenset()
    hints = get_type_hints(query)
    return frozenset(name for name, kind in hints.items() if get_origin(kind) in (tuple, list))


def _read_query(
    operation: Operation, request: web.Request, repeated: frozenset[str]
) -> Struct | dict[str, str] | None:
    if operation.checks_itself:
        return dict(request.query)
    if operation.query is None:
        return None
    given: dict[str, Any] = dict(request.query)
    given |= {name: request.query.getall(name) for name in repeated & given.keys()}
    try:
        return msgspec.convert(given, operation.query, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(400, f"Query: {error}") from None


async def _read_body(
    operation: Operation, decoder: msgspec.json.Decoder[Any], request: web.Request
) -> Any:
    content = await _read_content(request)
    if not content:
        if not operation.body_is_optional:
            raise Problem(400, "Body: empty; JSON is needed")
        content = bytearray(b"{}")
    if operation.takes_bytes:
        return bytes(content)
    try:
        return decoder.decode(bytes(content))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, f"Body: {error}") from None
    except RecursionError:
        raise Problem(400, "Body: nested too deeply") from None


async def _read_content(request: web.Request) -> bytearray:
    content = bytearray()
    try:
        async for chunk in request.content.iter_chunked(65_536):
            content += chunk
            if len(content) > LARGEST_JSON_BYTES:
                raise Problem(413, f"Body: larger than {LARGEST_JSON_BYTES} bytes")
    except (web.RequestPayloadError, ClientPayloadError) as error:
        raise Problem(400, f"Body: it broke off or is not encoded as it says ({error})") from None
    return content


_PARAMETER = re.compile(r"\{(\w+)(?::([^{}]*(?:\{[^{}]*\}[^{}]*)*))?\}")


def path_parameters(path: str) -> list[str]:
    """Names in `/calls/{interaction_id}`; a pattern after a colon is left out."""
    return [name for name, _ in path_patterns(path)]


def path_patterns(path: str) -> list[tuple[str, str]]:
    """Names in a path, each with the pattern after its colon, empty when there is none."""
    return _PARAMETER.findall(path)


def documented_path(path: str) -> str:
    """The path as OpenAPI writes it: without patterns."""
    return _PARAMETER.sub(r"{\1}", path)

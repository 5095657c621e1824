"""What each of the API's operations does: check what is asked, ask the store, shape the answer.

Handlers are functions that find the store in the application, so that the rows, and with them
the published description, exist without one. Routes are `api.py`'s.
"""

from __future__ import annotations

import asyncio
import re
import uuid

from aiohttp import web
from msgspec import Struct

from onhook.sink.capture import Captured
from onhook.sink.errors import CaptureGone
from onhook.sink.invalid import Invalid
from onhook.sink.listing import read_capture_listing, read_capture_span, read_token_listing
from onhook.sink.recorder import SANDBOXED, Recorder
from onhook.sink.request_json import request_json, request_list_json
from onhook.sink.store import Store
from onhook.sink.token import UUID_PATTERN, Token, TokenSettings
from onhook.sink.token_fields import read_token_fields
from onhook.sink.token_json import TokenJson, TokenListJson, token_json, token_list_json
from onhook.web.operation import Call, json_response
from onhook.web.problem import encodable

STORE = web.AppKey("store", Store)
RECORDER = web.AppKey("recorder", Recorder)
SEEDED = web.AppKey("seeded", str)


class Done(Struct, frozen=True):
    status: bool = True


async def capture(call: Call) -> web.StreamResponse:
    return await call.request.app[RECORDER].record(call.request)


async def create_token(call: Call) -> TokenJson:
    settings = read_token_fields(call.body, TokenSettings())
    request = call.request
    user_agent = request.headers.get("User-Agent")
    return token_json(
        await request.app[STORE].make_token(
            settings,
            ip=request.remote or "",
            user_agent=None if user_agent is None else encodable(user_agent),
        )
    )


async def list_tokens(call: Call) -> TokenListJson:
    listing = read_token_listing(call.query)
    tokens, total = await call.request.app[STORE].tokens(
        order=listing.order_by,
        descending=listing.order_direction == "desc",
        limit=listing.per_page,
        offset=(listing.page - 1) * listing.per_page,
    )
    return token_list_json(tokens, total, listing, f"{call.request.url.origin()}/token")


async def get_token(call: Call) -> TokenJson:
    return token_json(await _token(call))


async def change_token(call: Call) -> TokenJson:
    read_token_fields(call.body, TokenSettings())  # what is wrong is said whatever the token
    token = await _token(call)
    is_seeded = token.uuid == call.request.app[SEEDED]

    def change(settings: TokenSettings) -> TokenSettings:
        changed = read_token_fields(call.body, settings)
        if is_seeded and (changed.expiry is not None or changed.request_limit is not None):
            raise Invalid({"token": "this one is ONHOOK_SINK_TOKEN: it has no expiry and no limit"})
        return changed

    return token_json(await call.request.app[STORE].change_token(token, change))


async def delete_token(call: Call) -> None:
    await call.request.app[STORE].remove_token(await _token(call))


async def list_requests(call: Call) -> web.Response:
    listing = read_capture_listing(call.query)
    span = listing.span()
    page = await call.request.app[STORE].page(
        await _token(call),
        span,
        newest_first=listing.sorting == "newest",
        limit=listing.per_page,
        offset=(listing.page - 1) * listing.per_page,
    )
    # A page can hold tens of megabytes of bodies: encoding it must not hold up captures.
    return await asyncio.to_thread(
        lambda: json_response(request_list_json(page, listing.page, listing.per_page))
    )


async def delete_requests(call: Call) -> Done:
    span = read_capture_span(call.query)
    await call.request.app[STORE].delete_captures(await _token(call), span)
    return Done()


async def latest_request(call: Call) -> web.Response:
    return await _shown(await _latest(call))


async def latest_request_raw(call: Call) -> web.Response:
    return _raw(await _latest(call))


async def get_request(call: Call) -> web.Response:
    return await _shown(await _captured(call))


async def get_request_raw(call: Call) -> web.Response:
    return _raw(await _captured(call))


async def delete_request(call: Call) -> Done:
    await call.request.app[STORE].delete_capture(await _token(call), _request_id(call))
    return Done()


async def _token(call: Call) -> Token:
    return await call.request.app[STORE].token(call.path["token"])


async def _latest(call: Call) -> Captured:
    return await call.request.app[STORE].latest(await _token(call))


async def _captured(call: Call) -> Captured:
    return await call.request.app[STORE].capture(await _token(call), _request_id(call))


def _request_id(call: Call) -> uuid.UUID:
    text = call.path["request"]
    if not re.fullmatch(UUID_PATTERN, text):
        raise CaptureGone
    return uuid.UUID(text)


async def _shown(captured: Captured) -> web.Response:
    return await asyncio.to_thread(lambda: json_response(request_json(captured)))


def _raw(captured: Captured) -> web.Response:
    content_type = (captured.capture.header(b"content-type") or b"").decode("latin-1")
    is_legal = content_type.isascii() and content_type.isprintable() and "/" in content_type
    return web.Response(
        body=captured.capture.body,
        headers={
            "Content-Type": content_type if is_legal else "application/octet-stream",
            **SANDBOXED,
        },
    )

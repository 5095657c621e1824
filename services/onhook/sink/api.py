"""The sink's HTTP API as a table: webhook.site's paths, and what each takes and gives.

Routes and their description; what happens there is `handlers.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from onhook.sink import handlers
from onhook.sink.handlers import Done
from onhook.sink.listing import CaptureListing, CaptureSpan, TokenListing
from onhook.sink.request_json import RequestJson, RequestListJson
from onhook.sink.token import UUID_PATTERN
from onhook.sink.token_fields import TokenFields
from onhook.sink.token_json import TokenJson, TokenListJson
from onhook.web.app import Api
from onhook.web.operation import Operation

INVALID = {422: "A value is wrong or not supported; the answer names each by field"}
STORAGE = {503: "The store cannot be used now; try again"}
NO_TOKEN = {410: "There is no such token: never made, deleted or expired", **STORAGE}
NO_REQUEST = {404: "The token has no such request", **NO_TOKEN}
REQUEST = f"{{request:{UUID_PATTERN}}}"
CAPTURE_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")


def describe() -> Api:
    """The sink's API, for serving and for the published description alike."""
    return Api(
        title="Onhook sink",
        summary="Captures every request byte for byte and hands it out in webhook.site's shapes.",
        operations=[*_token_rows(), *_request_rows(), *_capture_rows()],
    )


def _token_rows() -> Iterator[Operation]:
    yield Operation(
        method="POST",
        path="/token",
        name="create_token",
        summary="Make a token",
        handler=handlers.create_token,
        status=201,
        response=TokenJson,
        body=TokenFields,
        body_is_optional=True,
        checks_itself=True,
        errors=INVALID | STORAGE,
    )
    yield Operation(
        method="GET",
        path="/token",
        name="list_tokens",
        summary="The tokens, a page at a time",
        handler=handlers.list_tokens,
        response=TokenListJson,
        query=TokenListing,
        checks_itself=True,
        errors=INVALID | STORAGE,
    )
    yield Operation(
        method="GET",
        path="/token/{token}",
        name="get_token",
        summary="A token",
        handler=handlers.get_token,
        response=TokenJson,
        errors=NO_TOKEN,
    )
    yield Operation(
        method="PUT",
        path="/token/{token}",
        name="change_token",
        summary="Change what is sent, keep what is not",
        handler=handlers.change_token,
        response=TokenJson,
        body=TokenFields,
        checks_itself=True,
        errors=INVALID | NO_TOKEN,
    )
    yield Operation(
        method="DELETE",
        path="/token/{token}",
        name="delete_token",
        summary="Delete a token and all it holds; it then answers 410",
        handler=handlers.delete_token,
        status=204,
        errors=NO_TOKEN,
    )


def _request_rows() -> Iterator[Operation]:
    """Each in the plural and in the singular: clients use both."""
    for word, suffix in (("requests", ""), ("request", "_singular")):
        base = f"/token/{{token}}/{word}"
        yield Operation(
            method="GET",
            path=base,
            name=f"list_requests{suffix}",
            summary="The captured requests, whole, a page at a time",
            handler=handlers.list_requests,
            response=RequestListJson,
            query=CaptureListing,
            checks_itself=True,
            errors=INVALID | NO_TOKEN,
        )
        yield Operation(
            method="DELETE",
            path=base,
            name=f"delete_requests{suffix}",
            summary="Delete the captured requests: all, or those between two times",
            handler=handlers.delete_requests,
            response=Done,
            query=CaptureSpan,
            checks_itself=True,
            errors=INVALID | NO_TOKEN,
        )
        yield Operation(
            method="GET",
            path=f"{base}/latest",
            name=f"latest_request{suffix}",
            summary="The newest captured request",
            handler=handlers.latest_request,
            response=RequestJson,
            errors=NO_REQUEST,
        )
        yield Operation(
            method="GET",
            path=f"{base}/latest/raw",
            name=f"latest_request_raw{suffix}",
            summary="The newest captured body, exactly, with its content type",
            handler=handlers.latest_request_raw,
            media_type="*/*",
            errors=NO_REQUEST,
        )
        yield Operation(
            method="GET",
            path=f"{base}/{REQUEST}",
            name=f"get_request{suffix}",
            summary="A captured request",
            handler=handlers.get_request,
            response=RequestJson,
            errors=NO_REQUEST,
        )
        yield Operation(
            method="GET",
            path=f"{base}/{REQUEST}/raw",
            name=f"get_request_raw{suffix}",
            summary="A captured body, exactly, with its content type",
            handler=handlers.get_request_raw,
            media_type="*/*",
            errors=NO_REQUEST,
        )
        yield Operation(
            method="DELETE",
            path=f"{base}/{REQUEST}",
            name=f"delete_request{suffix}",
            summary="Delete a captured request",
            handler=handlers.delete_request,
            response=Done,
            errors=NO_REQUEST,
        )


def _capture_rows() -> Iterator[Operation]:
    for method in CAPTURE_METHODS:
        yield Operation(
            method=method,
            path=f"/{{token:{UUID_PATTERN}}}",
            name=f"capture_{method.lower()}",
            summary="Capture this request, and any other method or path below; the answer is as "
            "the token says",
            handler=handlers.capture,
            media_type="*/*",
            body_media_type="*/*",
            errors={
                404: "The path is no token's",
                410: "There is no such token, or it holds as much as it may",
                413: "The body is larger than ONHOOK_SINK_MAX_BODY",
                **STORAGE,
            },
        )

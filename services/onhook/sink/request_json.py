"""A capture as the API gives it: webhook.site's request object, and what that would lose.

Pure: a capture in, JSON types out. Text is for reading (bytes that are not UTF-8 are replaced);
`content_base64`, `raw_headers` and `request_line` hold every byte.
"""

from __future__ import annotations

import base64
import uuid
from typing import Any

from msgspec import Struct, field

from onhook.sink.capture import Capture, Captured
from onhook.sink.capture_table import Page
from onhook.sink.form import Fields, Form, FormFile, read_form, read_urlencoded
from onhook.sink.token import shown_time


class FileJson(Struct, frozen=True, kw_only=True):
    """A file of a multipart body; its bytes are in `content_base64` and /raw."""

    id: str
    filename: str
    name: str
    size: int
    content_type: str


class RequestJson(Struct, frozen=True, kw_only=True):
    """One captured request. `sorting` is in microseconds, `time` in seconds, `size` in bytes.

    `raw_headers` and `request_line` are one character a byte (ISO 8859-1). `truncated` says that
    the list it stands in had no room for its body: ask for the request itself, or its /raw.
    """

    uuid: str
    type: str = "web"
    token_id: str
    team_id: int | None = None
    ip: str
    country: str | None = None
    country_code: str | None = None
    region: str | None = None
    city: str | None = None
    hostname: str
    method: str
    user_agent: str | None
    content: str
    query: Fields | None
    request: Fields | None
    files: list[FileJson] | dict[str, FileJson]
    headers: dict[str, list[str]]
    url: str
    size: int
    note: str | None = None
    time: float
    custom_action_output: list[str] = []
    custom_action_errors: list[str] = []
    created_at: str
    updated_at: str
    sorting: int
    sequence: int
    request_line: str
    raw_headers: list[tuple[str, str]]
    content_base64: str
    truncated: bool


class RequestListJson(Struct, frozen=True, kw_only=True):
    """A page of requests. `evicted` counts those that made room for newer ones."""

    data: list[RequestJson]
    total: int
    per_page: int
    current_page: int
    is_last_page: bool
    from_: int = field(name="from")
    to: int
    evicted: int
    oldest_sequence: int | None


def request_list_json(page: Page, number: int, per_page: int) -> RequestListJson:
    """Page `number`, counted from 1; one past the end is empty, with `to` below `from`."""
    return RequestListJson(
        data=[request_json(captured) for captured in page.captures],
        total=page.total,
        per_page=per_page,
        current_page=number,
        is_last_page=number * per_page >= page.total,
        from_=(number - 1) * per_page + 1,
        to=min(number * per_page, page.total),
        evicted=page.evicted,
        oldest_sequence=page.oldest_sequence,
    )


def request_json(captured: Captured) -> RequestJson:
    capture = captured.capture
    body = b"" if capture.body is None else capture.body
    headers = _headers(capture)
    host = headers.get("host", [""])[0]
    target = capture.target.decode("utf-8", "replace")
    form = Form() if "content-encoding" in headers else read_form(_content_type(headers), body)
    received = shown_time(capture.received_us)
    return RequestJson(
        uuid=str(capture.id),
        token_id=captured.token,
        ip=capture.remote,
        hostname=_host_name(host),
        method=capture.method,
        user_agent=headers.get("user-agent", [None])[0],
        content=body.decode("utf-8", "replace"),
        query=read_urlencoded(target.partition("#")[0].partition("?")[2]),
        request=form.fields,
        files=_files(capture, form.files),
        headers=headers,
        url=f"{capture.scheme}://{host}{target}" if target.startswith("/") else target,
        size=capture.size,
        time=capture.reading_us / 1_000_000,
        created_at=received,
        updated_at=received,
        sorting=capture.received_us,
        sequence=captured.sequence,
        request_line=capture.request_line.decode("latin-1"),
        raw_headers=[
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in capture.headers
        ],
        content_base64=base64.b64encode(body).decode(),
        truncated=capture.body is None,
    )


def _headers(capture: Capture) -> dict[str, list[Any]]:
    headers: dict[str, list[Any]] = {}
    for name, value in capture.headers:
        key = name.decode("utf-8", "replace").lower()
        headers.setdefault(key, []).append(value.decode("utf-8", "replace"))
    return headers


def _content_type(headers: dict[str, list[Any]]) -> str:
    return str(headers.get("content-type", [""])[0])


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _files(capture: Capture, files: tuple[FormFile, ...]) -> list[FileJson] | dict[str, FileJson]:
    shown: dict[str, FileJson] = {}
    for number, file in enumerate(files):
        name = file.field
        if name in shown:
            name = f"{file.field}[{number}]"
        shown[name] = FileJson(
            id=str(uuid.uuid5(capture.id, str(number))),
            filename=file.filename,
            name=file.field,
            size=file.size,
            content_type=file.content_type,
        )
    return shown or []

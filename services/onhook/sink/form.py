"""Form fields in a query or a body: urlencoded and multipart, as text for the API's JSON.

Only a view: the capture keeps the bytes. Sources: the URL Standard's
application/x-www-form-urlencoded, RFC 7578 and RFC 2046 section 5.1.1 for multipart/form-data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from itertools import islice
from urllib.parse import parse_qsl

from msgspec import Struct

LARGEST_URLENCODED = 1024 * 1024
"""Bytes; a larger form is left to the reader of the body."""
MOST_PARTS = 1_000
LARGEST_HEAD = 4_096
MOST_PARAMETERS = 32
"""Reading parameters takes time by the square of these: longer heads are not read."""
LARGEST_HEADS = 256 * 1024
"""Bytes of heads that are read in one body; the parts beyond them are not shown."""

Fields = dict[str, str | list[str]]


class FormFile(Struct, frozen=True):
    """A file in a multipart body. `field` is the form field that it came in."""

    field: str
    filename: str
    content_type: str
    size: int


class Form(Struct, frozen=True):
    """What a body held; `fields` None when it was no form."""

    fields: Fields | None = None
    files: tuple[FormFile, ...] = ()


def read_form(content_type: str, body: bytes) -> Form:
    """The form in a body, if its content type says that it is one."""
    if not _is_readable(content_type.encode("utf-8", "replace")):
        return Form()
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded" and len(body) <= LARGEST_URLENCODED:
        return Form(read_urlencoded(body.decode("utf-8", "replace")))
    if kind == "multipart/form-data":
        return _read_multipart(content_type, body)
    return Form()


def read_urlencoded(text: str) -> Fields | None:
    """Fields by name; one that is repeated, or named `x[]`, is a list. None when there are none."""
    pairs = parse_qsl(text, keep_blank_values=True, errors="replace")
    fields: Fields = {}
    for name, value in pairs:
        _add(fields, name, value)
    return fields or None


def _add(fields: Fields, name: str, value: str) -> None:
    is_list = name.endswith("[]") and name != "[]"
    key = name.removesuffix("[]") if is_list else name
    before = fields.get(key)
    if before is None:
        fields[key] = [value] if is_list else value
    elif isinstance(before, list):
        before.append(value)
    else:
        fields[key] = [before, value]


def _read_multipart(content_type: str, body: bytes) -> Form:
    declared = Message()
    declared["Content-Type"] = content_type
    boundary = declared.get_boundary()
    if not boundary:
        return Form()
    fields: Fields = {}
    files = []
    head_bytes = 0
    for part in _parts(b"\r\n" + body, boundary.encode("utf-8", "replace")):
        head, content = _split_part(part)
        if not _is_readable(head):
            continue
        head_bytes += len(head)
        if head_bytes > LARGEST_HEADS:
            break
        headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
        name = _parameter(headers, "name")
        filename = headers.get_filename()
        if filename is None:
            _add(fields, name, content.decode("utf-8", "replace"))
        else:
            files.append(FormFile(name, filename, headers.get_content_type(), len(content)))
    return Form(fields or None, tuple(files))


def _parts(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between delimiters, each part with the line end of the one before it."""
    delimiter = re.compile(rb"\r\n--%b(?:(--)|[ \t]*(?=\r\n))" % re.escape(boundary))
    starts = None
    for found in islice(delimiter.finditer(body), MOST_PARTS + 1):
        if starts is not None:
            yield body[starts : found.start()]
        if found[1]:
            return
        starts = found.end()


def _split_part(part: bytes) -> tuple[bytes, bytes]:
    """A part's head and content, divided by the first empty line."""
    if part.startswith(b"\r\n\r\n"):
        return b"", part[4:]
    head, _, content = part[2:].partition(b"\r\n\r\n")
    return head, content


def _is_readable(head: bytes) -> bool:
    return len(head) <= LARGEST_HEAD and head.count(b";") <= MOST_PARAMETERS


def _parameter(headers: Message, name: str) -> str:
    value = headers.get_param(name, "", "content-disposition")
    return value[2] if isinstance(value, tuple) else str(value or "")

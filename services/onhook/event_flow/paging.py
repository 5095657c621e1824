"""A page of a list over HTTP: the rows as JSON, the way to the next page in a Link header.

RFC 8288, https://www.rfc-editor.org/rfc/rfc8288.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from onhook.web.operation import json_response


def paged(request: web.Request, rows: list[Any], after: str | None) -> web.Response:
    """`after` is the next page's cursor, which the same path takes in its query."""
    response = json_response(rows)
    if after is not None:
        path = str(request.rel_url.update_query(after=after))
        response.headers["Link"] = f'<{path}>; rel="next"'
    return response

"""Values that a client sent and the sink refuses: 422, by field, and nothing ignored.

The answer holds Laravel's map (`{"timeout": ["..."]}`), which webhook.site's clients read, beside
the error that every API here has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from onhook.web.problem import ErrorBody, ErrorDetail, encodable


class Invalid(Exception):
    """Refused, with the reasons by field."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = reasons
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in reasons.items()))


def converted(values: Mapping[str, Any], shape: type[Struct], *, strict: bool) -> dict[str, Any]:
    """The values as `shape`'s fields type them. Raises Invalid for wrong and for unknown ones."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    known: dict[str, Any] = {}
    reasons = {}
    for name, value in values.items():
        if name not in fields:
            reasons[name[:100]] = "is not supported by this version of the sink"
            continue
        whole = isinstance(value, float) and value.is_integer()  # 200.0 is an integer in JSON
        try:
            known[fields[name].name] = msgspec.convert(
                int(value) if whole else value, fields[name].type, strict=strict
            )
        except msgspec.ValidationError as error:
            reasons[name] = str(error)
    if reasons:
        raise Invalid(reasons)
    return known


def invalid_response(invalid: Invalid) -> web.Response:
    body: dict[str, Any] = {
        encodable(name): [encodable(reason)] for name, reason in invalid.reasons.items()
    }
    body |= msgspec.to_builtins(ErrorBody(error=ErrorDetail(message=encodable(str(invalid)))))
    return web.Response(status=422, body=msgspec.json.encode(body), content_type="application/json")

"""What a client may send to make or change a token, and what becomes of it.

Pure: JSON in, TokenSettings out. What belongs to the hosted product and is not here is accepted
while it is switched off, as clients send whole tokens back, and refused when it is asked for.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from onhook.sink.invalid import Invalid, converted
from onhook.sink.token import TokenSettings

LONGEST_EXPIRY_S = 604_800
LONGEST_TIMEOUT_S = 30
LONGEST_TEXT = 2_000_000
_WORD = "[!#$%&'*+.^_|~0-9A-Za-z-]+"
MEDIA_TYPE = f'^({_WORD}/{_WORD}( *; *{_WORD}=({_WORD}|"[ !#-~]*"))*)?$'
"""Empty stands for the default, as null does."""

Ignored = Annotated[
    Any, Meta(description="Ours to say: ignored", extra_json_schema={"readOnly": True})
]
Off = Annotated[bool, Meta(extra_json_schema={"const": False})]
Zero = Annotated[int, Meta(ge=0, le=0)]


class TokenFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST and PUT /token. Null stands for the default; PUT keeps what is absent."""

    default_status: Annotated[int, Meta(ge=200, le=599)] | None = None
    default_content: Annotated[str, Meta(max_length=LONGEST_TEXT)] | None = None
    default_content_type: Annotated[str, Meta(max_length=255, pattern=MEDIA_TYPE)] | None = None
    timeout: Annotated[int, Meta(ge=0, le=LONGEST_TIMEOUT_S)] | None = None
    expiry: Annotated[int, Meta(ge=1, le=LONGEST_EXPIRY_S)] | Off | None = None
    request_limit: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    cors: bool | None = None
    description: Annotated[str, Meta(max_length=10_000)] | None = None

    alias: None = None
    actions: Off | None = None
    redirect: Off | None = None
    password: Off | None = None
    listen: Zero | None = None
    clone_from: None = None
    group_id: None = None

    uuid: Ignored = None
    premium: Ignored = None
    user_id: Ignored = None
    ip: Ignored = None
    user_agent: Ignored = None
    premium_expires_at: Ignored = None
    expires_at: Ignored = None
    created_at: Ignored = None
    updated_at: Ignored = None
    requests: Ignored = None
    latest_request_id: Ignored = None
    latest_request_at: Ignored = None


ABSENT = {
    "alias": "aliases",
    "actions": "custom actions",
    "redirect": "redirects",
    "password": "passwords",
    "listen": "Set Response",
    "clone_from": "cloning",
    "group_id": "groups",
}


def read_token_fields(body: Any, settings: TokenSettings) -> TokenSettings:
    """`settings` with what `body` changes. Raises Invalid."""
    if not isinstance(body, dict):
        raise Invalid({"body": "must be a JSON object"})
    asked = {
        name: f"must be off or absent: this version of the sink has no {what}"
        for name, what in ABSENT.items()
        if body.get(name)
    }
    if asked:
        raise Invalid(asked)
    values = converted(body, TokenFields, strict=True)
    defaults = TokenSettings()
    changes = {
        name: getattr(defaults, name) if value is None else value
        for name, value in values.items()
        if name in TokenSettings.__struct_fields__
    }
    if changes.get("expiry") is True:
        raise Invalid({"expiry": f"must be seconds up to {LONGEST_EXPIRY_S}, false or null"})
    if changes.get("expiry") is False:
        changes["expiry"] = None
    if "default_content_type" in changes:
        content_type = changes["default_content_type"].strip()
        changes["default_content_type"] = content_type or defaults.default_content_type
    return structs.replace(settings, **changes)

"""A token, and a page of tokens, as the API gives them: webhook.site's fields, old and new.

Pure: tokens in, JSON types out.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from onhook.sink.listing import TokenListing
from onhook.sink.token import Token, shown_time
from onhook.sink.token_table import ListedToken


class TokenJson(Struct, frozen=True, kw_only=True):
    """A token. `timeout` and `expiry` are seconds; what this version lacks shows as off."""

    uuid: str
    redirect: bool = False
    alias: str | None = None
    actions: bool = False
    cors: bool
    expiry: int | None
    timeout: int
    listen: int = 0
    premium: bool = False
    user_id: str | None = None
    password: bool = False
    ip: str
    user_agent: str | None
    default_content: str
    default_status: int
    default_content_type: str
    request_limit: int | None
    description: str | None
    premium_expires_at: str | None = None
    expires_at: str | None
    created_at: str
    updated_at: str


class ListedTokenJson(TokenJson, frozen=True, kw_only=True):
    """A token and what it holds: `requests` of them."""

    requests: int
    latest_request_id: str | None
    latest_request_at: str | None
    group_id: int | None = None


class TokenListJson(Struct, frozen=True, kw_only=True):
    """A page of tokens, in Laravel's paginator."""

    current_page: int
    data: list[ListedTokenJson]
    first_page_url: str
    from_: int | None = msgspec.field(name="from")
    last_page: int
    last_page_url: str
    next_page_url: str | None
    path: str
    per_page: int
    prev_page_url: str | None
    to: int | None
    total: int


def token_json(token: Token) -> TokenJson:
    return TokenJson(**_fields(token))


def token_list_json(
    tokens: list[ListedToken], total: int, listing: TokenListing, path: str
) -> TokenListJson:
    """`path` is the list's own address."""
    last_page = max(1, -(-total // listing.per_page))
    first = (listing.page - 1) * listing.per_page + 1

    def url(page: int) -> str:
        return f"{path}?page={page}"

    return TokenListJson(
        current_page=listing.page,
        data=[_listed(listed) for listed in tokens],
        first_page_url=url(1),
        from_=first if tokens else None,
        last_page=last_page,
        last_page_url=url(last_page),
        next_page_url=url(listing.page + 1) if listing.page < last_page else None,
        path=path,
        per_page=listing.per_page,
        prev_page_url=url(listing.page - 1) if listing.page > 1 else None,
        to=first + len(tokens) - 1 if tokens else None,
        total=total,
    )


def _listed(listed: ListedToken) -> ListedTokenJson:
    return ListedTokenJson(
        **_fields(listed.token),
        requests=listed.stored,
        latest_request_id=None if listed.latest_id is None else str(listed.latest_id),
        latest_request_at=None if listed.latest_us is None else shown_time(listed.latest_us),
    )


def _fields(token: Token) -> dict[str, Any]:
    settings = token.settings
    return {
        "uuid": token.uuid,
        "cors": settings.cors,
        "expiry": settings.expiry,
        "timeout": settings.timeout,
        "ip": token.ip,
        "user_agent": token.user_agent,
        "default_content": settings.default_content,
        "default_status": settings.default_status,
        "default_content_type": settings.default_content_type,
        "request_limit": settings.request_limit,
        "description": settings.description,
        "expires_at": None if token.expires_us is None else shown_time(token.expires_us),
        "created_at": shown_time(token.created_us),
        "updated_at": shown_time(token.updated_us),
    }

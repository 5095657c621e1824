"""Which captures or tokens a request asks for: paging, order and dates, checked.

Pure. What is not supported is refused by name and never ignored: a filter that is ignored on
DELETE would delete everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from onhook.sink.capture_table import NO_LIMIT, Span
from onhook.sink.invalid import Invalid, converted

MOST_PER_PAGE = 100

PerPage = Annotated[
    int, Meta(ge=1, description=f"More than {MOST_PER_PAGE} are taken as {MOST_PER_PAGE}")
]
PageNumber = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Date = Annotated[
    str,
    Meta(
        description="UTC, as 2025-07-04 14:31:21; an ISO 8601 time with a zone will do",
        extra_json_schema={"format": "date-time"},
    ),
]


class CaptureSpan(Struct, frozen=True, kw_only=True):
    """Both ends are within; a `date_to` means the whole of its second."""

    date_from: Date | UnsetType = UNSET
    date_to: Date | UnsetType = UNSET

    def span(self) -> Span:
        """Raises Invalid."""
        return Span(
            0 if self.date_from is UNSET else _microsecond("date_from", self.date_from),
            NO_LIMIT if self.date_to is UNSET else _microsecond("date_to", self.date_to) + 999_999,
        )


class CaptureListing(CaptureSpan, frozen=True, kw_only=True):
    sorting: Literal["oldest", "newest"] = "oldest"
    per_page: PerPage = 50
    page: PageNumber = 1


class TokenListing(Struct, frozen=True, kw_only=True):
    per_page: PerPage = 50
    page: PageNumber = 1
    order_by: Literal["created_at", "token_id"] = "created_at"
    order_direction: Literal["asc", "desc"] = "asc"


Listing = TypeVar("Listing", CaptureListing, TokenListing)


def read_capture_listing(query: Mapping[str, str]) -> CaptureListing:
    """Raises Invalid."""
    asked = {name: value for name, value in query.items() if (name, value) != ("query", "")}
    return _clamped(
        CaptureListing(**converted(_without_match_all(asked), CaptureListing, strict=False))
    )


def read_capture_span(query: Mapping[str, str]) -> Span:
    """Raises Invalid."""
    return CaptureSpan(**converted(_without_match_all(query), CaptureSpan, strict=False)).span()


def read_token_listing(query: Mapping[str, str]) -> TokenListing:
    """Raises Invalid."""
    return _clamped(TokenListing(**converted(query, TokenListing, strict=False)))


def _clamped(listing: Listing) -> Listing:
    return structs.replace(listing, per_page=min(listing.per_page, MOST_PER_PAGE))


def _without_match_all(query: Mapping[str, str]) -> dict[str, str]:
    """`query=*`, which the hosted product's command line sends, asks for everything."""
    asked = dict(query)
    if asked.get("query") == "*":
        del asked["query"]
    if "query" in asked:
        raise Invalid({"query": "searching is not supported by this version; leave it out"})
    return asked


def _microsecond(name: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid({name: "must be a time such as 2025-07-04 14:31:21 (UTC)"}) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return max(0, int(moment.timestamp()) * 1_000_000)
    except (OverflowError, ValueError):
        raise Invalid({name: "is out of range"}) from None

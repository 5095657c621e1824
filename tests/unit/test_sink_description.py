"""The sink's API can be described without a store, and names what it really takes."""

from __future__ import annotations

from typing import Any

import pytest

from onhook.sink.api import CAPTURE_METHODS, describe
from onhook.sink.invalid import Invalid
from onhook.sink.listing import read_capture_listing, read_capture_span
from onhook.sink.token import TokenSettings
from onhook.sink.token_fields import read_token_fields


def test_the_document_needs_no_store() -> None:
    paths = describe().document()["paths"]
    assert set(paths["/{token}"]) == {method.lower() for method in CAPTURE_METHODS}
    for word in ("request", "requests"):
        assert set(paths[f"/token/{{token}}/{word}"]) == {"get", "delete"}
        assert set(paths[f"/token/{{token}}/{word}/latest"]) == {"get"}
        assert set(paths[f"/token/{{token}}/{word}/{{request}}/raw"]) == {"get"}


def test_operations_have_names_of_their_own() -> None:
    names = [operation.name for operation in describe().operations]
    assert len(names) == len(set(names))


def test_fields_that_are_absent_stay_and_null_is_the_default() -> None:
    settings = TokenSettings(default_status=404, timeout=5, request_limit=3)
    changed = read_token_fields({"timeout": None, "expiry": False, "cors": True}, settings)
    assert changed == TokenSettings(default_status=404, request_limit=3, cors=True)


def test_whole_numbers_may_be_written_as_json_floats() -> None:
    assert read_token_fields({"default_status": 201.0}, TokenSettings()).default_status == 201


def test_every_wrong_field_is_named_at_once() -> None:
    body: dict[str, Any] = {"default_status": 1, "timeout": "x", "nope": 1}
    with pytest.raises(Invalid) as caught:
        read_token_fields(body, TokenSettings())
    assert set(caught.value.reasons) == set(body)


def test_a_span_holds_the_whole_of_its_last_second() -> None:
    span = read_capture_span({"date_from": "1970-01-01 00:00:01", "date_to": "1970-01-01 00:00:02"})
    assert (span.from_us, span.to_us) == (1_000_000, 2_999_999)
    zoned = read_capture_span({"date_from": "1970-01-01T02:00:01+02:00"})
    assert zoned.from_us == 1_000_000


def test_defaults_of_a_listing() -> None:
    listing = read_capture_listing({})
    assert (listing.sorting, listing.per_page, listing.page) == ("oldest", 50, 1)

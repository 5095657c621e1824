"""Dead letters: headers that fit any broker, and an index entry that quotes little."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from json_values import texts
from onhook.bus.limits import check
from onhook.contracts.topology import UNDELIVERED, UNPROCESSABLE
from onhook.event_flow.dead_letter import (
    About,
    cut,
    dead_message,
    headers_for,
    index_entry,
    internal_error,
)

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
REASON_BYTES = 1_000
QUOTE_BYTES = 200

anything = (
    texts
    | st.text(alphabet=st.characters(), max_size=300)  # half surrogate pairs too
    | st.sampled_from(["x" * 200_000, "é" * 5_000, "😀" * 5_000, "\ud800" * 300, "a" + "😀" * 60])
)
maybe = st.none() | anything
counts = st.none() | st.integers(0, 2**40)
abouts = st.builds(
    About,
    fault=st.sampled_from(["malformed", "unknown event", "template error", "undelivered"]),
    reason=anything,
    run_id=maybe,
    event_type=maybe,
    interaction_id=maybe,
    flow_name=maybe,
    node=maybe,
    attempts=counts,
    status=counts,
    queue=maybe,
    routing_key=maybe,
)


@given(abouts)
def test_headers_hold_at_most_4_kb_together_whatever_comes_in(about: About) -> None:
    headers = headers_for(about, AT)
    assert sum(len(name) + len(str(value).encode()) + 6 for name, value in headers.items()) <= 4_096
    assert {"onhook-fault", "onhook-reason", "onhook-at"} <= set(headers)
    check("", UNPROCESSABLE, dead_message(b"{}", "id", about, AT, None))


@given(abouts)
def test_a_header_quotes_at_most_200_bytes_without_a_broken_character(about: About) -> None:
    for name, value in headers_for(about, AT).items():
        if isinstance(value, str):
            longest = REASON_BYTES if name == "onhook-reason" else QUOTE_BYTES
            assert len(value.encode()) <= longest
            assert "\ufffd" not in value or "\ufffd" in repr(about)


@given(abouts)
def test_every_fact_that_is_known_is_in_a_header(about: About) -> None:
    facts = set(About.__struct_fields__) - {"original_headers"}
    given_facts = sum(getattr(about, name) is not None for name in facts)
    assert len(headers_for(about, AT)) == given_facts + len(["onhook-at"])


@given(abouts, st.binary(max_size=1_000))
def test_the_index_entry_can_be_stored_whatever_comes_in(about: About, body: bytes) -> None:
    about = About(fault=about.fault, reason=about.reason, event_type=about.event_type)
    entry = index_entry(body, "id", UNDELIVERED, about, AT)
    assert entry.size_bytes == len(body)
    assert len(entry.excerpt) <= QUOTE_BYTES
    assert len(entry.reason.encode()) <= REASON_BYTES


def test_a_dead_letter_keeps_its_body_and_content_type() -> None:
    about = About(fault="malformed", reason="not JSON", queue="onhook.event-flow")
    message = dead_message(b"\x00\xff", "id", about, AT, "text/plain")
    assert (message.body, message.message_id, message.content_type) == (
        b"\x00\xff",
        "id",
        "text/plain",
    )
    assert message.headers == {
        "onhook-fault": "malformed",
        "onhook-reason": "not JSON",
        "onhook-at": "2026-01-05T09:30:00.000Z",
        "onhook-queue": "onhook.event-flow",
    }


@given(anything, st.integers(3, 1_000))
def test_a_text_is_cut_between_characters(text: str, longest: int) -> None:
    found = cut(text, longest)
    readable = text.encode("utf-8", "replace").decode()
    assert len(found.encode()) <= longest
    if len(readable.encode()) <= longest:
        assert found == readable
    else:
        assert found.endswith("...")
        assert readable.startswith(found[:-3])
        assert len(found.encode()) > longest - 4


@given(anything)
def test_a_fault_of_ours_quotes_little(text: str) -> None:
    problem = internal_error(KeyError(text))
    assert problem.fault == "internal error"
    assert problem.reason.startswith("KeyError: ")
    assert len(problem.reason.encode()) <= QUOTE_BYTES + len("KeyError: ")


def test_the_publishers_own_id_and_headers_stay_with_a_dead_letter() -> None:
    about = About(
        fault="malformed",
        reason="not JSON",
        original_id="orig-1",
        original_headers={"x-tenant": "a", "x-count": 3, "onhook-reason": "forged", "x-none": None},
    )
    headers = headers_for(about, AT)
    assert headers["onhook-message-id"] == "orig-1"
    assert (headers["x-tenant"], headers["x-count"]) == ("a", 3)
    assert headers["onhook-reason"] == "not JSON"
    assert "x-none" not in headers


def test_publishers_headers_that_do_not_fit_leave_room_for_those_that_do() -> None:
    many = {f"x-{number}": "v" * 300 for number in range(50)} | {"n" * 200: "x", "x-last": "small"}
    headers = headers_for(About(fault="f", reason="r" * 5_000, original_headers=many), AT)
    assert (
        sum(len(name.encode()) + len(str(value).encode()) for name, value in headers.items())
        < 4_096
    )
    assert headers["x-last"] == "small"
    assert "n" * 200 not in headers

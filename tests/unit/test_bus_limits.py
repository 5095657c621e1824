"""Sizes that no bus takes, and the one queue that takes what an older broker let in."""

from __future__ import annotations

import pytest

from onhook.bus import limits
from onhook.bus.port import Message, NeverAccepted
from onhook.contracts.topology import EVENT_FLOW, NEXT, RESUME, UNDELIVERED, UNPROCESSABLE

TOO_LARGE = bytes(limits.BODY_BYTES + 1)


@pytest.mark.parametrize("queue", [EVENT_FLOW, NEXT, RESUME, UNDELIVERED])
def test_a_body_over_the_limit_is_never_accepted(queue: str) -> None:
    limits.check("", queue, Message(body=TOO_LARGE[1:], message_id="m"))
    with pytest.raises(NeverAccepted, match=f"body is {len(TOO_LARGE)} bytes, the bus takes"):
        limits.check("", queue, Message(body=TOO_LARGE, message_id="m"))


def test_a_body_over_the_limit_can_still_be_set_aside() -> None:
    limits.check("", UNPROCESSABLE, Message(body=TOO_LARGE, message_id="m"))


@pytest.mark.parametrize("field", ["type", "content_type", "message_id"])
@pytest.mark.parametrize("text", ["x" * 256, "\ufffd" * 86])
def test_a_text_of_more_than_255_bytes_is_never_accepted(field: str, text: str) -> None:
    given = {"message_id": "m"} | {field: text}
    with pytest.raises(NeverAccepted, match="is longer than 255 bytes"):
        limits.check("", EVENT_FLOW, Message(body=b"", **given))
    limits.check("", EVENT_FLOW, Message(body=b"", **given | {field: text[:85]}))

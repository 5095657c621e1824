"""The topology: every queue reachable, every message with a way out, AMQP's own matching."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onhook.contracts.event import EVENT_NAMES
from onhook.contracts.topology import (
    CALL_EMULATOR,
    EVENT_FLOW,
    EVENTS_EXCHANGE,
    EVICTED,
    NEXT,
    ORDERED,
    REPLAY,
    RESUME,
    SUSPECT,
    TIERS,
    TOPOLOGY,
    UNDELIVERED,
    UNPROCESSABLE,
    event_key,
    key_matches,
    routes,
    tier_for,
)

WORK = (EVENT_FLOW, NEXT, RESUME, REPLAY, ORDERED, SUSPECT)
DEAD = (UNDELIVERED, UNPROCESSABLE, EVICTED)


def test_the_tiers_are_those_of_the_schedule_up_to_ten_hours() -> None:
    assert [(tier.queue, tier.delay_s) for tier in TIERS] == [
        ("onhook.retry.5s", 5),
        ("onhook.retry.30s", 30),
        ("onhook.retry.2m", 120),
        ("onhook.retry.10m", 600),
        ("onhook.retry.30m", 1_800),
        ("onhook.retry.2h", 7_200),
        ("onhook.retry.5h", 18_000),
        ("onhook.retry.10h", 36_000),
    ]


@pytest.mark.parametrize("queue", TOPOLOGY.queues, ids=lambda queue: queue.name)
def test_every_queue_is_a_quorum_queue_with_a_limit(queue) -> None:
    arguments = queue.arguments
    assert arguments["x-queue-type"] == "quorum"
    assert arguments["x-delivery-limit"] == (
        1_000 if queue.name in (*WORK, CALL_EMULATOR) else 10**9
    )
    assert TOPOLOGY.queue(queue.name) is queue


def test_a_tier_s_messages_come_back_to_resume_and_none_is_lost_on_the_way() -> None:
    for tier in TIERS:
        assert TOPOLOGY.queue(tier.queue).arguments == {
            "x-queue-type": "quorum",
            "x-delivery-limit": 10**9,
            "x-message-ttl": tier.delay_s * 1_000,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": RESUME,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }


@pytest.mark.parametrize("name", WORK)
def test_what_a_work_queue_gives_up_goes_to_the_evicted(name: str) -> None:
    arguments = TOPOLOGY.queue(name).arguments
    assert arguments["x-dead-letter-routing-key"] == EVICTED
    assert arguments["x-dead-letter-strategy"] == "at-least-once"
    assert "x-message-ttl" not in arguments
    assert arguments.get("x-single-active-consumer", False) is (name == ORDERED)


@pytest.mark.parametrize("name", DEAD)
def test_nothing_ever_leaves_a_dead_letter_queue_by_itself(name: str) -> None:
    assert TOPOLOGY.queue(name).arguments == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 10**9,
    }


def test_screen_pops_are_bounded_and_the_oldest_dropped() -> None:
    arguments = TOPOLOGY.queue(CALL_EMULATOR).arguments
    assert (arguments["x-max-length"], arguments["x-overflow"]) == (10_000, "drop-head")


def test_names_are_ours_and_stand_there_once() -> None:
    names = [queue.name for queue in TOPOLOGY.queues]
    assert len(set(names)) == len(names)
    assert all(name.startswith("onhook.") for name in names)


@pytest.mark.parametrize("event", EVENT_NAMES)
def test_every_event_of_every_channel_reaches_the_worker(event: str) -> None:
    assert event_key(event) == f"contact.voice.{event}"
    for key in (event_key(event), event_key(event, "chat"), "contact", "contact.a.b.c.d"):
        assert routes(EVENTS_EXCHANGE, key) == (EVENT_FLOW,)


@pytest.mark.parametrize(
    ("exchange", "key", "queues"),
    [
        (EVENTS_EXCHANGE, "agent.ada.ScreenPop", (CALL_EMULATOR,)),
        (EVENTS_EXCHANGE, "agent.ScreenPop", ()),
        (EVENTS_EXCHANGE, "agent.a.b.ScreenPop", ()),
        (EVENTS_EXCHANGE, "contacts.voice.X", ()),
        (EVENTS_EXCHANGE, "", ()),
        ("", EVENT_FLOW, (EVENT_FLOW,)),
        ("", "onhook.retry.5s", ("onhook.retry.5s",)),
        ("", "contact.voice.AgentDisconnect", ()),
        ("amq.topic", "contact.voice.AgentDisconnect", ()),
    ],
)
def test_a_message_goes_to(exchange: str, key: str, queues: tuple[str, ...]) -> None:
    assert routes(exchange, key) == queues


@pytest.mark.parametrize(
    ("wait_s", "tier"),
    [
        (-1, None),
        (0, None),
        (4.999, None),
        (5, "5s"),
        (29.9, "5s"),
        (30, "30s"),
        (7_199, "30m"),
        (18_000, "5h"),
        (35_999, "5h"),
        (10**9, "10h"),
    ],
)
def test_the_longest_tier_that_does_not_overshoot(wait_s: float, tier: str | None) -> None:
    found = tier_for(wait_s)
    assert (found.name if found else None) == tier


@given(st.floats(0, 400_000))
def test_any_wait_is_travelled_in_tiers_down_to_less_than_the_smallest(wait_s: float) -> None:
    left, hops = wait_s, 0
    while tier := tier_for(left):
        left -= tier.delay_s
        hops += 1
    assert 0 <= left < 5
    assert hops < 40


words = st.lists(st.sampled_from(["a", "b", "", "*", "#"]), max_size=5).map(".".join)


@given(words, words)
def test_keys_match_as_amqp_says(pattern: str, key: str) -> None:
    """Against a second reading of AMQP 0-9-1, 3.1.3.3, as a regular expression."""
    expected = ""
    for word in pattern.split("."):
        part = {"*": r"[^.]*", "#": ""}.get(word, re.escape(word))
        expected += r"(?:\.[^.]*)*" if word == "#" else rf"\.{part}"
    assert key_matches(pattern, key) is bool(re.fullmatch(expected, f".{key}"))

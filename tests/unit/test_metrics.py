"""Metrics and what they look like to a scraper, read by Prometheus's own parsers."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_plain

from onhook.event_flow.metrics import WorkerMetrics
from onhook.event_flow.notice import AttemptMade, EventReceived, MessageSetAside, together
from onhook.web.exposition import exposed, wants_open
from onhook.web.metrics import OTHER, Names, Registry

NASTY = 'a"b\\c\nd ☕ {e="f"}'


async def shown(registry: Registry, *, is_open: bool) -> dict[str, float]:
    """Every sample, by its name and labels as text."""
    text = exposed(await registry.families(), is_open=is_open)
    read = read_open if is_open else read_plain
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in read(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("is_open", [False, True])
async def test_prometheus_reads_what_was_counted(is_open: bool) -> None:
    registry = Registry()
    counter = registry.counter("things", NASTY, "what", "how")
    counter.add((NASTY, ""))
    counter.add((NASTY, ""), 2.5)
    registry.counter("nothing", "never counted")
    registry.gauge("level", "up and down", "of").set(-1.5, ("x",))
    spread = registry.histogram("took_seconds", "how long", "who", bounds=(0.1, 1, 10))
    for value in (0.05, 0.1, 0.5, 100):
        spread.of(("me",)).observe(value)
    registry.gauge("unknown", "is not shown")
    found = await shown(registry, is_open=is_open)
    assert found == {
        f"onhook_things_total{sorted({'what': NASTY, 'how': ''}.items())}": 3.5,
        "onhook_nothing_total[]": 0,
        "onhook_level[('of', 'x')]": -1.5,
        "onhook_took_seconds_bucket[('le', '0.1'), ('who', 'me')]": 2,
        "onhook_took_seconds_bucket[('le', '1.0'), ('who', 'me')]": 3,
        "onhook_took_seconds_bucket[('le', '10.0'), ('who', 'me')]": 3,
        "onhook_took_seconds_bucket[('le', '+Inf'), ('who', 'me')]": 4,
        "onhook_took_seconds_sum[('who', 'me')]": 100.65,
        "onhook_took_seconds_count[('who', 'me')]": 4,
    }


async def test_one_refresh_that_fails_hides_nothing_else() -> None:
    registry = Registry()
    gauge = registry.gauge("level", "set at a look")

    async def fails() -> None:
        raise RuntimeError("not now")

    async def sets() -> None:
        gauge.set(7)

    registry.before_reading(fails)
    registry.before_reading(sets)
    assert await shown(registry, is_open=False) == {"onhook_level[]": 7}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", True),
        ("application/openmetrics-text;q=0.3, text/plain;q=0.5", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=x", False),
    ],
)
def test_the_format_is_what_the_scraper_prefers(accept: str, expected: bool) -> None:
    assert wants_open(accept) is expected


def test_names_beyond_the_bound_are_one() -> None:
    names = Names(2)
    assert [names(each) for each in ("a", "b", "c", "a", "d")] == ["a", "b", OTHER, "a", OTHER]


def an_attempt(**fields: Any) -> AttemptMade:
    given: dict[str, Any] = {
        "run_id": "r",
        "interaction_id": None,
        "status": 204,
        "fault": None,
        "detail": None,
        "elapsed_ms": 20.0,
        "again_in_s": None,
        "gave_up": None,
        "response_headers": {},
        "flow_name": "F",
        "origin": "https://a.example:443",
        "event_time": None,
    }
    return AttemptMade(**(given | fields))


async def test_every_notice_is_counted_where_it_belongs() -> None:
    metrics = WorkerMetrics(100)
    for notice in (
        EventReceived(event_type="AgentDisconnect", interaction_id=None, is_handled=True),
        EventReceived(event_type="AgentDisconnect", interaction_id=None, is_handled=False),
        an_attempt(),
        an_attempt(event_time="2020-01-01T00:00:00Z"),
        an_attempt(event_time="no time"),
        an_attempt(status=503, again_in_s=5.0),
        an_attempt(status=None, fault="timeout", again_in_s=5.0),
        an_attempt(status=410, gave_up="gone"),
        an_attempt(status=None, fault="shadow"),
        MessageSetAside(queue="q", reason="r", fault="malformed"),
    ):
        metrics(notice)
    found = await shown(metrics.registry, is_open=False)
    route = "[('endpoint', 'https://a.example:443'), ('flow', 'F')]"
    assert found["onhook_events_total[('outcome', 'run'), ('type', 'AgentDisconnect')]"] == 1
    assert found["onhook_events_total[('outcome', 'filtered'), ('type', 'AgentDisconnect')]"] == 1
    assert found[f"onhook_deliveries_total{route}"] == 3
    assert found[f"onhook_retries_total{route}"] == 2
    assert found[f"onhook_given_up_total{route}"] == 1
    assert found["onhook_delivery_seconds_count[('flow', 'F')]"] == 1
    assert found["onhook_attempt_seconds_count[('endpoint', 'https://a.example:443')]"] == 7
    assert found["onhook_dead_letters_total[('fault', 'malformed'), ('queue', 'q')]"] == 1
    attempts = {
        key.split("('fault', ")[1]: count
        for key, count in found.items()
        if key.startswith("onhook_attempts_total")
    }
    assert attempts == {
        "''), ('status', '2xx')]": 3,
        "''), ('status', '5xx')]": 1,
        "'timeout'), ('status', 'none')]": 1,
        "''), ('status', '4xx')]": 1,
        "'shadow'), ('status', 'none')]": 1,
    }


async def test_however_many_flows_and_endpoints_there_are_the_series_stay_few() -> None:
    metrics = WorkerMetrics(3)
    for number in range(500):
        metrics(an_attempt(flow_name=f"F{number}", origin=f"https://{number}.example:443"))
        metrics(EventReceived(event_type=f"Type{number}", interaction_id=None, is_handled=False))
    found = await shown(metrics.registry, is_open=False)
    assert len([key for key in found if key.startswith("onhook_deliveries_total")]) == 4
    assert len([key for key in found if key.startswith("onhook_events_total")]) == 51
    other = "onhook_deliveries_total[('endpoint', 'other'), ('flow', 'other')]"
    assert found[other] == 497


def test_an_observer_that_fails_keeps_nothing_from_the_others() -> None:
    told: list[Any] = []

    def fails(_: Any) -> None:
        raise RuntimeError("in this test")

    notice = MessageSetAside(queue="q", reason="r")
    together(fails, told.append)(notice)
    assert told == [notice]

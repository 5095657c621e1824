"""What an operator may say of endpoints, what then holds for each, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from onhook.egress.connector import EndpointRule
from onhook.event_flow import breaker, retry
from onhook.event_flow.endpoint import Endpoint, origin_in
from onhook.event_flow.endpoint_rule import EndpointPolicy, EndpointRules, duration_s, read_rate
from onhook.event_flow.rate import Rate
from onhook.settings.settings import SettingError

EVERYWHERE = EndpointPolicy(in_flight=32, retry=retry.Policy(), breaker=breaker.Policy())
HERE = Endpoint(flow_id="f-1", flow_name="Main", node="Post", origin="https://a.example:443")


def policy_of(*said: dict[str, Any], endpoint: Endpoint = HERE) -> EndpointPolicy:
    """Each of `said` is a rule: its delivery, and under `of` what it covers."""
    rules = [EndpointRule(**each.pop("of", {}), delivery=each) for each in map(dict, said)]
    return EndpointRules(EVERYWHERE, rules).policy(endpoint)


def test_everything_that_may_be_said_is_read():
    found = policy_of(
        {
            "in_flight": 4,
            "rate": "600/m",
            "burst": 3,
            "schedule": ["5s", "2m", 3_600],
            "give_up_after": "3d",
            "success": ["2xx", 409, "300-301"],
            "timeout": "1.5s",
            "breaker": {"failures": 2, "open": "1m", "longest": "1h"},
        }
    )
    assert found == EndpointPolicy(
        in_flight=4,
        rate=Rate(per_s=10, burst=3),
        retry=retry.Policy(
            schedule_s=(5, 120, 3_600),
            give_up_age_s=3 * 86_400,
            success=frozenset({*range(200, 300), 409, 300, 301}),
        ),
        timeout_s=1.5,
        breaker=breaker.Policy(failures=2, open_s=60, longest_open_s=3_600),
    )


def test_the_first_rule_that_covers_an_endpoint_decides_key_by_key():
    found = policy_of(
        {"of": {"flow": "Other"}, "in_flight": 1},
        {"of": {"node": "Post"}, "in_flight": 2},
        {"of": {"flow": "Main"}, "in_flight": 3, "breaker": "off"},
        {"of": {"origin": "https://a.example:443"}, "schedule": ["1m"], "breaker": {"failures": 9}},
    )
    assert found.in_flight == 2
    assert found.breaker is None
    assert found.retry.schedule_s == (60,)
    assert found.retry.give_up_age_s == EVERYWHERE.retry.give_up_age_s


def test_what_no_rule_covers_is_as_everywhere():
    assert policy_of({"of": {"flow": "Other"}, "in_flight": 1}) == EVERYWHERE


WRONG = [
    ({"in_flight": 0}, "in_flight: must be a whole number from 1 to 4096"),
    ({"in_flight": True}, "in_flight: must be a whole number"),
    ({"rate": "fast"}, "rate: must be so many a second"),
    ({"rate": "5/d"}, "rate: must be so many a second"),
    ({"burst": 5}, "burst: needs a rate beside it"),
    ({"schedule": []}, "schedule: must be a list"),
    ({"schedule": "5s"}, "schedule: must be a list"),
    ({"schedule": ["soon"]}, "schedule: must be a time from"),
    ({"give_up_after": "1y"}, "give_up_after: must be a time from"),
    ({"success": ["6xx"]}, 'success: "6xx" is no status'),
    ({"success": []}, "success: must name a status"),
    ({"timeout": "1h"}, "timeout: must be a time from 0.1 s to 600 s"),
    ({"breaker": "on"}, "breaker: must be off, or hold"),
    ({"breaker": {"closed": "1m"}}, 'breaker: no key "closed" here'),
]


@pytest.mark.parametrize(("said", "problem"), WRONG, ids=[problem for _, problem in WRONG])
def test_what_cannot_be_is_refused_by_its_place(said: dict[str, Any], problem: str):
    with pytest.raises(SettingError) as refused:
        policy_of({"in_flight": 1}, said)
    assert f"endpoints, number 2: {problem}" in str(refused.value)


@pytest.mark.parametrize("value", [0, "0", "off", None])
def test_a_rate_of_nothing_is_no_limit(value: Any):
    assert read_rate(value) is None


@pytest.mark.parametrize(("value", "per_s"), [(5, 5), ("0.5", 0.5), ("90/m", 1.5), ("36/h", 0.01)])
def test_a_rate_may_be_of_seconds_minutes_and_hours(value: Any, per_s: float):
    found = read_rate(value)
    assert found is not None
    assert found.per_s == pytest.approx(per_s)
    assert found.burst == max(1, per_s)


def test_a_time_without_a_unit_is_seconds():
    assert [duration_s(each, 0, 1e9) for each in (2, 2.5, "250ms", "2 h")] == [2, 2.5, 0.25, 7_200]


ORIGINS = {
    "https://A.example/x?y=1": "https://a.example:443",
    "http://a.example:8080?x": "http://a.example:8080",
    "https://a.example#/x": "https://a.example:443",
    "https://[2001:db8::1]:8443/x": "https://[2001:db8::1]:8443",
    "https://user@a.example/": "",
    "ftp://a.example/": "",
    "": "",
}


@pytest.mark.parametrize(("url", "origin"), ORIGINS.items(), ids=ORIGINS)
def test_the_origin_of_a_url_is_scheme_host_and_port(url: str, origin: str):
    assert origin_in(url) == origin


def test_an_endpoint_s_id_is_the_same_everywhere_and_differs_by_flow_node_and_origin():
    others = [
        Endpoint(flow_id="f-2", flow_name="Main", node="Post", origin=HERE.origin),
        Endpoint(flow_id="f-1", flow_name="Main", node="Get", origin=HERE.origin),
        Endpoint(flow_id="f-1", flow_name="Main", node="Post", origin="https://b.example:443"),
    ]
    assert len({HERE.id, *(each.id for each in others)}) == 4
    renamed = Endpoint(flow_id="f-1", flow_name="Renamed", node="Post", origin=HERE.origin)
    assert renamed.id == HERE.id

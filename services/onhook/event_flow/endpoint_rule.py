"""What an operator says of endpoints: entries of `endpoints` in ONHOOK_CONNECTORS, read and applied.

Which requests an entry covers is the connectors file's to read; what it says of delivering to them
is read here: in_flight, rate, schedule, give_up_after, success, timeout, breaker. Signing is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from onhook.egress.connector import EndpointRule
from onhook.event_flow import breaker, retry
from onhook.event_flow.endpoint import Endpoint
from onhook.event_flow.rate import Rate
from onhook.settings.settings import SettingError, Settings

MOST_IN_FLIGHT = 4_096
LONGEST_TIMEOUT_S = 600.0
"""A message may be unacknowledged for 30 minutes before the broker takes it back."""
LONGEST_WAIT_S = 30 * 86_400.0
MOST_WAITS = 100

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|m|h)")
_CLASS = re.compile(r"([1-5])xx", re.IGNORECASE)
_SPAN = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")


class EndpointPolicy(Struct, frozen=True, kw_only=True):
    """How an endpoint is delivered to."""

    in_flight: int
    rate: Rate | None = None
    retry: retry.Policy
    timeout_s: float | None = None
    """None: as the node says."""
    breaker: breaker.Policy | None
    """None: it never opens."""


def everywhere(settings: Settings, waits: retry.Policy) -> EndpointPolicy:
    """What holds for an endpoint of which nothing else is said."""
    per_s, failures = settings.endpoint_rate, settings.endpoint_breaker
    return EndpointPolicy(
        in_flight=settings.endpoint_in_flight,
        rate=Rate(per_s=per_s, burst=max(1.0, per_s)) if per_s else None,
        retry=waits,
        breaker=breaker_policy(waits.scale, failures=failures) if failures else None,
    )


class EndpointRules:
    """Look-up of what holds for an endpoint: key by key, the first entry that covers it and says
    so, else what holds everywhere."""

    def __init__(self, everywhere: EndpointPolicy, rules: Sequence[EndpointRule] = ()) -> None:
        """Raises SettingError."""
        self.everywhere = everywhere
        scale = everywhere.retry.scale
        self._rules = [
            (rule, _read(number, rule.delivery, scale))
            for number, rule in enumerate(rules, start=1)
            if rule.delivery
        ]

    def policy(self, endpoint: Endpoint) -> EndpointPolicy:
        said: dict[str, Any] = {}
        flow = (endpoint.flow_id, endpoint.flow_name)
        for rule, values in self._rules:
            if rule.covers(flow, endpoint.node, endpoint.origin):
                said = values | said
        policy = self.everywhere
        waits = {name: said.pop(name) for name in tuple(said) if name in _OF_RETRY}
        if waits:
            said["retry"] = msgspec.structs.replace(policy.retry, **waits)
        return msgspec.structs.replace(policy, **said)


_OF_RETRY = ("schedule_s", "give_up_age_s", "success")


def _read(number: int, given: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """Fields of EndpointPolicy and of its retry policy, as an entry says them."""
    said: dict[str, Any] = {}
    for key, value in given.items():
        try:
            said |= _READERS[key](value, scale)
        except ValueError as error:
            raise SettingError(
                f"ONHOOK_CONNECTORS: endpoints, number {number}: {key}: {error}"
            ) from None
    burst = said.pop("burst", None)
    if burst is not None:
        if said.get("rate") is None:
            raise SettingError(
                f"ONHOOK_CONNECTORS: endpoints, number {number}: burst: needs a rate beside it"
            )
        said["rate"] = msgspec.structs.replace(said["rate"], burst=float(burst))
    return said


def _in_flight(value: Any, _scale: float) -> dict[str, Any]:
    return {"in_flight": _whole(value, 1, MOST_IN_FLIGHT)}


def _rate(value: Any, _scale: float) -> dict[str, Any]:
    return {"rate": read_rate(value)}


def _burst(value: Any, _scale: float) -> dict[str, Any]:
    return {"burst": _whole(value, 1, 1_000_000)}


def _schedule(value: Any, _scale: float) -> dict[str, Any]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_WAITS:
        raise ValueError(f"must be a list of 1 to {MOST_WAITS} waits, such as [5s, 1m, 1h]")
    return {"schedule_s": tuple(duration_s(each, 1.0, LONGEST_WAIT_S) for each in value)}


def _give_up_after(value: Any, _scale: float) -> dict[str, Any]:
    return {"give_up_age_s": duration_s(value, 1.0, LONGEST_WAIT_S)}


def _timeout(value: Any, _scale: float) -> dict[str, Any]:
    return {"timeout_s": duration_s(value, 0.1, LONGEST_TIMEOUT_S)}


def _success(value: Any, _scale: float) -> dict[str, Any]:
    given = value if isinstance(value, list) else [value]
    if not given:
        raise ValueError("must name a status; [2xx] is what counts without it")
    return {"success": frozenset().union(*(_statuses(str(each)) for each in given))}


def _statuses(text: str) -> range:
    if found := _CLASS.fullmatch(text):
        first = int(found[1]) * 100
        return range(first, first + 100)
    if found := _SPAN.fullmatch(text):
        return range(int(found[1]), int(found[2] or found[1]) + 1)
    raise ValueError(f'"{text[:40]}" is no status; write 2xx, 409 or 200-299')


def _breaker(value: Any, scale: float) -> dict[str, Any]:
    if value in (False, "off"):
        return {"breaker": None}
    if not isinstance(value, dict):
        raise ValueError("must be off, or hold failures, open, longest")  # noqa: TRY004
    policy: dict[str, Any] = {}
    for key, each in value.items():
        if key == "failures":
            policy["failures"] = _whole(each, 1, 1_000_000)
        elif key in ("open", "longest"):
            name = "open_s" if key == "open" else "longest_open_s"
            policy[name] = duration_s(each, 1.0, 86_400.0)
        else:
            raise ValueError(f'no key "{str(key)[:40]}" here; known are failures, open, longest')
    return {"breaker": breaker_policy(scale, **policy)}


_READERS = {
    "in_flight": _in_flight,
    "rate": _rate,
    "burst": _burst,
    "schedule": _schedule,
    "give_up_after": _give_up_after,
    "success": _success,
    "timeout": _timeout,
    "breaker": _breaker,
}


def breaker_policy(scale: float, **given: Any) -> breaker.Policy:
    """With its times shrunk as the retry schedule is."""
    policy = breaker.Policy(**given)
    return msgspec.structs.replace(
        policy,
        open_s=policy.open_s * scale,
        longest_open_s=max(policy.longest_open_s, policy.open_s) * scale,
        gone_s=policy.gone_s * scale,
    )


def read_rate(value: Any) -> Rate | None:
    """`10` is that many a second, `600/m` and `1000/h` say otherwise; 0 and off are no limit.

    Raises ValueError.
    """
    if value in (0, "0", "", "off", False, None):
        return None
    text = str(value)
    found = _RATE.fullmatch(text if "/" in text else f"{text}/s")
    if found is None or float(found[1]) == 0:
        raise ValueError("must be so many a second, such as 10, or 10/s, 600/m, 1000/h")
    per_s = float(found[1]) / _UNITS_S[found[2]]
    return Rate(per_s=per_s, burst=max(1.0, per_s))


def duration_s(value: Any, low_s: float, high_s: float) -> float:
    """`90` is seconds, `90s`, `5m`, `12h` and `3d` say. Raises ValueError."""
    text = f"{value}s" if isinstance(value, int | float) and value is not True else str(value)
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else -1.0
    if not low_s <= seconds <= high_s:
        raise ValueError(
            f"must be a time from {low_s:g} s to {high_s:g} s, such as 30s, 10m, 12h or 3d"
        )
    return seconds


def _whole(value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"must be a whole number from {low} to {high}")
    return value

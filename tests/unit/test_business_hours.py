"""Business Hours: overrides, holidays and shifts, in their zone, over midnight and clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onhook.flow.business_hours import Held, held_at
from onhook.flow.surroundings import Surroundings
from onhook.settings.business_hours import BusinessHours, faults_of
from walked import Walk, a_graph_flow, a_node, an_end, compiled, walked

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1))  # noqa: DTZ001 (UTC is added)


def a_schedule(**parts: Any) -> BusinessHours:
    return msgspec.convert(
        {"id": "s-1", "name": "Hours", "time_zone": "Europe/Berlin"} | parts, BusinessHours
    )


def a_shift(name: str, days: list[str], begin: str, end: str) -> dict[str, Any]:
    return {"name": name, "days": days, "from": begin, "to": end}


SCHEDULE = a_schedule(
    working_hours=[
        a_shift("Day", WEEK[:5], "08:00", "18:00"),
        a_shift("Night", ["fri"], "22:00", "06:00"),
    ],
    holidays=[
        {"name": "New Year", "date": "2020-01-01", "yearly": True},
        {"name": "Works outing", "dates": ["2026-03-11", "2026-03-12"]},
    ],
    overrides=[
        {"name": "Training", "from": "2026-03-11T09:00:00", "to": "2026-03-11T12:00:00"},
        {
            "name": "Closed",
            "from": "2026-03-05T09:00:00",
            "to": "2026-03-05T10:00:00",
            "is_open": False,
        },
    ],
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("moment", "port", "name"),
    [
        ("2026-03-04T08:00:00", "workingHours", "Day"),
        ("2026-03-04T17:59:59", "workingHours", "Day"),
        ("2026-03-04T18:00:00", "default", ""),
        ("2026-03-04T07:59:59", "default", ""),
        ("2026-03-07T12:00:00", "default", ""),
        ("2026-03-06T23:00:00", "workingHours", "Night"),
        ("2026-03-07T05:59:59", "workingHours", "Night"),
        ("2026-03-07T06:00:00", "default", ""),
        ("2026-03-06T05:00:00", "default", ""),
        ("2026-03-07T22:30:00", "default", ""),
        ("2031-01-01T12:00:00", "holidays", "New Year"),
        ("2026-03-12T12:00:00", "holidays", "Works outing"),
        ("2027-03-12T12:00:00", "workingHours", "Day"),
        ("2026-03-11T09:00:00", "override", "Training"),
        ("2026-03-11T12:00:00", "holidays", "Works outing"),
        ("2026-03-05T09:30:00", "override", "Closed"),
    ],
)
def test_what_holds_at_a_moment(moment: str, port: str, name: str) -> None:
    assert held_at(SCHEDULE, at(moment)) == Held(port, name)


def test_the_time_is_the_zone_s() -> None:
    summer = datetime(2026, 7, 1, 6, 30, tzinfo=UTC)
    winter = datetime(2026, 2, 4, 6, 30, tzinfo=UTC)
    assert held_at(SCHEDULE, summer).port == "workingHours"
    assert held_at(SCHEDULE, winter).port == "default"


@pytest.mark.parametrize(
    ("moment", "port"),
    [
        ("2026-03-29T00:30:00+00:00", "workingHours"),
        ("2026-03-29T01:00:00+00:00", "default"),
        ("2026-10-25T00:30:00+00:00", "workingHours"),
        ("2026-10-25T01:30:00+00:00", "workingHours"),
        ("2026-10-25T02:00:00+00:00", "default"),
    ],
)
def test_a_shift_keeps_its_hours_when_the_clocks_change(moment: str, port: str) -> None:
    night = a_schedule(working_hours=[a_shift("Night", ["sat"], "22:00", "03:00")])
    assert held_at(night, datetime.fromisoformat(moment)).port == port


@pytest.mark.parametrize(("begin", "end"), [("00:00", "24:00"), ("00:00", "00:00")])
@given(MOMENTS)
def test_a_shift_of_all_days_and_hours_always_holds(begin: str, end: str, moment: datetime) -> None:
    always = a_schedule(working_hours=[a_shift("Always", WEEK, begin, end)])
    assert held_at(always, moment.replace(tzinfo=UTC)).port == "workingHours"


@given(
    MOMENTS,
    st.integers(0, 23),
    st.integers(1, 24),
)
def test_a_shift_holds_from_its_begin_for_its_length(
    moment: datetime, begin: int, hours: int
) -> None:
    end = f"{(begin + hours) % 24:02}:00"
    schedule = a_schedule(
        time_zone="UTC",
        working_hours=[a_shift("S", WEEK[moment.weekday() :][:1], f"{begin:02}:00", end)],
    )
    begins = moment.replace(hour=begin, minute=0, second=0, microsecond=0, tzinfo=UTC)
    ends = begins + timedelta(hours=hours)
    for instant, holds in (
        (begins - timedelta(seconds=1), hours > 168),
        (begins, True),
        (ends - timedelta(seconds=1), True),
        (ends, False),
    ):
        assert (held_at(schedule, instant).port == "workingHours") is holds


# As an activity


def checked(now: str, **properties: Any) -> Walk:
    node = a_node("Open", "business-hours", **properties)
    names = ("workingHours", "holidays", "override", "default", "error")
    flow = a_graph_flow(
        node,
        *(an_end(f"At {name}") for name in names),
        links=tuple(("Open", name, f"At {name}") for name in names),
        variables=({"name": "which", "value": "Hours"},),
    )
    known = Surroundings(schedules={"s-1": SCHEDULE, "Hours": SCHEDULE})
    return walked(compiled(flow, known), now=at(now))


@pytest.mark.parametrize(
    "properties",
    [
        {"businessHoursId": "s-1"},
        {"businessHoursId": "Hours"},
        {"businessHoursId": "{{which}}"},
        {"businessHoursId": "a tenant's id", "businessHoursId_name": "Hours"},
        {"businessHoursRadioGroup": "variableBusinessHours", "businessHoursVariable": "{{which}}"},
        {"businessHoursRadioGroup": "variableBusinessHours", "businessHoursVariable": "which"},
        {"businessHoursVariable": "{{which}}"},
    ],
)
def test_a_schedule_is_named_by_id_by_name_or_by_a_variable(properties: dict[str, Any]) -> None:
    run = checked("2026-03-04T12:00:00", **properties)
    assert run.path == ["Open", "At workingHours"]
    assert run.progress.outputs["Open"] == {
        "Status": "workingHours",
        "WorkingHoursShift_name": "Day",
        "Holidays_Name": "",
        "Overrides_Name": "",
    }
    assert run.entry("Open").inputs == {"schedule": "Hours", "time": "2026-03-04T12:00:00+01:00"}


@pytest.mark.parametrize(
    ("now", "end", "output"),
    [
        ("2031-01-01T12:00:00", "At holidays", {"Holidays_Name": "New Year"}),
        ("2026-03-11T10:00:00", "At override", {"Overrides_Name": "Training"}),
        ("2026-03-08T10:00:00", "At default", {"Status": "default"}),
    ],
)
def test_each_part_of_a_schedule_has_its_port_and_output(
    now: str, end: str, output: dict[str, str]
) -> None:
    run = checked(now, businessHoursId="s-1")
    assert run.path[-1] == end
    assert run.progress.outputs["Open"].items() >= output.items()


def test_the_trace_says_whether_an_override_is_open() -> None:
    assert checked("2026-03-05T09:30:00", businessHoursId="s-1").entry("Open").note == (
        'override "Closed": closed'
    )


def test_a_schedule_that_nobody_has_leaves_by_the_error_port() -> None:
    run = checked("2026-03-04T12:00:00", businessHoursId="nobody's")
    assert run.path == ["Open", "At error"]
    assert str(run.entry("Open").note).startswith('no schedule is called "nobody\'s"; add it')


# As configured


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"time_zone": "Mars/Olympus"}, 'no time zone "Mars/Olympus"; use a name like'),
        ({"time_zone": "../etc/passwd"}, "no time zone"),
        (
            {"working_hours": [a_shift("S", ["mon"], "8:00", "18:00")]},
            'working hours "S": "8:00" is no time; write HH:MM',
        ),
        ({"working_hours": [a_shift("S", ["mon"], "08:00", "24:30")]}, '"24:30" is no time'),
        ({"working_hours": [a_shift("S", ["mon"], "24:00", "01:00")]}, "begins at 23:59 at the"),
        ({"working_hours": [a_shift("S", [], "08:00", "18:00")]}, "name at least one day"),
        ({"holidays": [{"name": "H"}]}, 'holiday "H": give it a date'),
        (
            {
                "overrides": [
                    {"name": "O", "from": "2026-01-02T00:00:00", "to": "2026-01-01T00:00:00"}
                ]
            },
            'override "O": it ends before it begins',
        ),
        (
            {
                "overrides": [
                    {"name": "O", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00"}
                ]
            },
            "times are local to Europe/Berlin; leave the offset out",
        ),
    ],
)
def test_what_is_wrong_with_a_schedule_is_said(parts: dict[str, Any], fault: str) -> None:
    (found,) = faults_of(a_schedule(**parts))
    assert fault in found


def test_a_schedule_that_can_be_used_has_no_faults() -> None:
    assert faults_of(SCHEDULE) == []

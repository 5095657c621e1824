"""The Business Hours activity: which part of a schedule holds now.

An override goes before a holiday, that before working hours; outside of all it is `default`.
Times are the schedule's local ones, so a shift keeps its hours when the clocks change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from onhook.flow import expression
from onhook.flow.activity import ERROR_PORT, Activity, Moment, Outcome
from onhook.flow.errors import UNKNOWN_PLACE, RunError, quoted
from onhook.flow.expression import Reference, Template
from onhook.flow.properties import Properties, Scope
from onhook.settings.business_hours import BusinessHours, Day, Holiday, Shift, time_of

OUTPUTS = ("Status", "WorkingHoursShift_name", "Holidays_Name", "Overrides_Name")
WORKING, HOLIDAYS, OVERRIDE, OUTSIDE = "workingHours", "holidays", "override", "default"

_DAYS = tuple(Day)


class Held(Struct, frozen=True):
    """The port, and the name of what holds."""

    port: str
    name: str = ""


class BusinessHoursNode(Activity, frozen=True, kw_only=True):
    schedule: Template
    """The id or name of one."""
    schedules: Mapping[str, BusinessHours]

    @property
    def ports(self) -> frozenset[str]:
        return frozenset({WORKING, HOLIDAYS, OVERRIDE, OUTSIDE, ERROR_PORT})

    @property
    def outputs(self) -> tuple[str, ...]:
        return OUTPUTS

    @property
    def references(self) -> tuple[Reference, ...]:
        return self.schedule.references

    def perform(self, moment: Moment) -> Outcome:
        name = expression.text_of(self.schedule, moment.context, moment.now).strip()
        schedule = self.schedules.get(name)
        if schedule is None:
            raise RunError(
                self.name,
                f"no schedule is called {quoted(name)}; add it to business_hours of the contact "
                "centre",
            )
        held = held_at(schedule, moment.now)
        return Outcome(
            port=held.port,
            outputs={
                "Status": held.port,
                "WorkingHoursShift_name": held.name if held.port == WORKING else "",
                "Holidays_Name": held.name if held.port == HOLIDAYS else "",
                "Overrides_Name": held.name if held.port == OVERRIDE else "",
            },
            inputs={
                "schedule": schedule.name,
                "time": moment.now.astimezone(ZoneInfo(schedule.time_zone)).isoformat(),
            },
            note=_note(schedule, held),
        )


def compile_business_hours(properties: Properties, scope: Scope) -> BusinessHoursNode | None:
    by_variable = properties.text("businessHoursRadioGroup") == "variableBusinessHours"
    names = ("businessHoursVariable", "businessHoursId", "businessHoursId_name")
    source = (
        properties.required(*names)
        if by_variable
        else properties.required("businessHoursId", "businessHoursId_name", "businessHoursVariable")
    ).strip()
    known = scope.surroundings.schedules
    is_variable = source == properties.text("businessHoursVariable").strip() != ""
    template = properties.template(
        "businessHoursId",
        expression.named(source) if is_variable and source not in known else source,
    )
    if not source or template is None or properties.is_broken:
        return None
    shown = properties.text("businessHoursId_name", "businessHoursId:name")
    if not template.references and source not in known and shown in known:
        template = expression.compiled(shown)
    elif not template.references and source not in known:
        properties.warn(
            UNKNOWN_PLACE,
            f"no schedule is called {quoted(source)} here; the node fails until there is one",
            "add it to business_hours of ONHOOK_CONTACT_CENTRE",
        )
    node = properties.node
    return BusinessHoursNode(
        node_id=node.id, name=node.name, kind=node.activity, schedule=template, schedules=known
    )


def held_at(schedule: BusinessHours, now: datetime) -> Held:
    """What holds at `now`, a time with its offset."""
    local = now.astimezone(ZoneInfo(schedule.time_zone)).replace(tzinfo=None)
    for override in schedule.overrides:
        if override.from_ <= local < override.to:
            return Held(OVERRIDE, override.name)
    for holiday in schedule.holidays:
        if _is_on(holiday, local.date()):
            return Held(HOLIDAYS, holiday.name)
    for shift in schedule.working_hours:
        if _is_within(shift, local):
            return Held(WORKING, shift.name)
    return Held(OUTSIDE)


def _is_on(holiday: Holiday, today: date) -> bool:
    return any(
        day == today or (holiday.yearly and (day.month, day.day) == (today.month, today.day))
        for day in holiday.days
    )


def _is_within(shift: Shift, local: datetime) -> bool:
    """Also the part of a shift that began yesterday."""
    begin, end = time_of(shift.from_), time_of(shift.to)
    time = local.time()
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    if begin < end:
        return _works_on(shift, today) and begin <= time < end
    return (_works_on(shift, today) and time >= begin) or (
        _works_on(shift, yesterday) and time < end
    )


def _works_on(shift: Shift, day: date) -> bool:
    return _DAYS[day.weekday()] in shift.days


def _note(schedule: BusinessHours, held: Held) -> str | None:
    if held.port != OVERRIDE:
        return None
    override = next(each for each in schedule.overrides if each.name == held.name)
    return f'override "{override.name}": {"open" if override.is_open else "closed"}'

"""The contact centre's file: the packaged one, one's own, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from onhook.settings.contact_centre import (
    ContactCentreError,
    VariableType,
    load_contact_centre,
)


def test_the_packaged_contact_centre_takes_the_canonical_call() -> None:
    centre = load_contact_centre(None)
    (point,) = centre.entry_points
    assert point.flow == "Main_Flow"
    assert point.queue in {queue.name for queue in centre.queues}
    (agent,) = centre.agents
    assert point.queue in agent.queues
    language, who = centre.global_variables
    assert (language.name, language.default, language.type) == (
        "Global_Language",
        "en-US",
        VariableType.STRING,
    )
    assert (who.name, who.label, who.agent_editable) == ("WhoIsCalling", "Who Is Calling?", True)


CENTRE = """
agents: [{id: ada, name: Ada, queues: [Support]}]
queues: [{id: q, name: Support}]
entry_points: [{id: e, name: Main, dial_numbers: ["+1"], flow: F}]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "centre.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_contact_centre_of_one_s_own_is_read(tmp_path: Path) -> None:
    centre = load_contact_centre(written(tmp_path, CENTRE))
    assert centre.agents[0].team == "Support"
    assert centre.entry_points[0].flow_label == "Latest"
    assert centre.global_variables == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("agents: [", "did not find"),
        ("", "Expected `object`"),
        ("agents: []\nqueues: []\n", "entry_points"),
        (CENTRE.replace("name: Ada,", "name: 7,"), "$.agents[0].name"),
        (CENTRE.replace("name: Ada,", "name: Ada, quees: [],"), "quees"),
        (CENTRE.replace("[Support]}", "[Sales]}"), 'agent "ada": no queue "Sales"'),
        (
            CENTRE.replace("flow: F", "flow: F, queue: Sales"),
            'entry point "Main": no queue "Sales"',
        ),
        (CENTRE.replace('["+1"]', '["+1", "+1"]'), 'dial number "+1" stands there twice'),
        (
            CENTRE.replace(
                "{id: q, name: Support}", "{id: q, name: Support}, {id: r, name: Support}"
            ),
            'queue "Support" stands there twice; rename one',
        ),
        (
            CENTRE + "global_variables: [{name: A}, {name: A}]\n",
            'global variable "A" stands there twice',
        ),
        (CENTRE + "global_variables: [{name: A, type: TEXT}]\n", "$.global_variables[0].type"),
        (CENTRE.partition("entry_points")[0] + "entry_points: []\n", "entry_points is empty"),
        (CENTRE + "business_hours: [{id: a}]\n", "$.business_hours[0]"),
        (
            CENTRE + "business_hours: [{id: a, name: A}, {id: a, name: B}]\n",
            'business hours "a" stands there twice',
        ),
        (
            CENTRE + "business_hours: [{id: a, name: A}, {id: b, name: A}]\n",
            'business hours "A" stands there twice',
        ),
        (
            CENTRE + "business_hours: [{id: a, name: A, time_zone: Nowhere}]\n",
            'business hours "A": no time zone "Nowhere"',
        ),
        (
            CENTRE
            + "business_hours: [{id: a, name: A, working_hours: [{name: S, days: [xyz], from: '1', to: '2'}]}]",
            "$.business_hours[0].working_hours[0].days[0]",
        ),
    ],
)
def test_a_wrong_contact_centre_is_refused_with_its_file_and_place(
    tmp_path: Path, text: str, words: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ContactCentreError) as refusal:
        load_contact_centre(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert words in str(refusal.value)


def test_a_contact_centre_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContactCentreError, match=r"absent\.yaml"):
        load_contact_centre(tmp_path / "absent.yaml")


def test_the_packaged_contact_centre_has_business_hours() -> None:
    (schedule,) = load_contact_centre(None).business_hours
    assert (schedule.name, schedule.time_zone) == ("Support hours", "UTC")
    assert [shift.name for shift in schedule.working_hours] == ["Weekdays"]


def test_business_hours_of_one_s_own_are_read(tmp_path: Path) -> None:
    text = """
business_hours:
  - id: h
    name: Hours
    time_zone: Europe/Berlin
    working_hours: [{name: Day, days: [mon, sun], from: "08:00", to: "24:00"}]
    holidays: [{name: Once, dates: [2026-12-24, 2026-12-25]}]
    overrides: [{name: Late, from: 2026-03-01T08:00:00, to: 2026-03-02T00:00:00, is_open: false}]
"""
    (schedule,) = load_contact_centre(written(tmp_path, CENTRE + text)).business_hours
    assert [len(holiday.days) for holiday in schedule.holidays] == [2]
    assert not schedule.overrides[0].is_open

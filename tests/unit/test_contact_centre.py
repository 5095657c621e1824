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

"""The catalogue: which flows an event runs, and what a start publishes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from flows import a_flow, a_request, an_event
from onhook.contracts.event import Event
from onhook.contracts.run import flow_id_of
from onhook.event_flow.catalogue import (
    Catalogue,
    MissingVersion,
    NeverHandled,
    NoSuchFlow,
    UnknownFlow,
)
from onhook.event_flow.label import UnusableLabel
from onhook.event_flow.publishing import NotAllowed, Publishing
from onhook.event_flow.start_publishing import publish_at_start
from onhook.flow.errors import FlowError
from onhook.flow.loading import load
from onhook.journal import sqlite
from onhook.journal.port import Journal
from onhook.settings.contact_centre import ContactCentre, EntryPoint, load_contact_centre
from onhook.settings.contact_centre import Queue as CentreQueue
from walked import a_graph_flow, a_node, a_subflow, an_end

URL = "https://example.com/hook"
CENTRE = ContactCentre(
    agents=(),
    queues=(CentreQueue(id="q", name="Support"),),
    entry_points=(
        EntryPoint(id="ep-1", name="Front", dial_numbers=("1",), flow="F"),
        EntryPoint(id="ep-2", name="Back", dial_numbers=("2",), flow="F", flow_label="Test"),
        EntryPoint(id="ep-3", name="Nowhere", dial_numbers=("3",), flow="Gone"),
        EntryPoint(id="ep-4", name="ById", dial_numbers=("4",), flow="id-of-g"),
        EntryPoint(id="None", name="None", dial_numbers=("5",), flow="Gone"),
    ),
)
MAIN_ID = flow_id_of("Main_Flow")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with sqlite.opened(tmp_path / "journal.sqlite", synchronous="OFF") as opened:
        yield opened


async def started(journal: Journal) -> Catalogue:
    """A catalogue as a worker has it after a restart."""
    return await Catalogue.loaded(journal, CENTRE)


def publishing(journal: Journal, catalogue: Catalogue) -> Publishing:
    return Publishing(journal, catalogue, CENTRE.entry_points)


async def restarted(journal: Journal, *folders: Path) -> tuple[Catalogue, list[str]]:
    """A catalogue after a start that published what is to be published, and what it said."""
    catalogue = await started(journal)
    lines = await publish_at_start(publishing(journal, catalogue), catalogue, folders)
    return catalogue, lines


def flow_bytes(name: str, description: str = "", **fields: Any) -> bytes:
    events = fields.pop("events", ("AgentDisconnect",))
    flow = a_flow(name, a_request("A", URL), events=events, description=description)
    return json.dumps(flow | fields).encode()


async def publish(
    journal: Journal, catalogue: Catalogue, name: str, *labels: str, **fields: Any
) -> str:
    """Publish; the flow's id."""
    content = flow_bytes(name, **fields)
    published = await publishing(journal, catalogue).publish(content, name, labels=labels)
    return published.version.flow_id


def an_event_for(
    flow: str | None = None,
    label: str | None = None,
    entry_point: str | None = None,
    flowversion: int | str | None = None,
    event_type: str = "AgentDisconnect",
) -> Event:
    sent = an_event(
        event_type,
        flow=flow,
        entry_point=entry_point,
        contact={"FlowVersionLabel": label},
        flowversion=flowversion,
    )
    return msgspec.convert(sent, Event)


def refusal_of(catalogue: Catalogue, event: Event) -> str:
    with pytest.raises(UnknownFlow) as refusal:
        catalogue.selected(event)
    assert len(str(refusal.value).encode()) < 400
    return str(refusal.value)


# Which flow runs


async def test_a_flow_is_named_by_its_name_or_its_id(journal: Journal) -> None:
    catalogue = await started(journal)
    await publish(journal, catalogue, "F", id="id-of-f")
    await publish(journal, catalogue, "G", id="id-of-g")
    for name in ("F", "id-of-f"):
        assert catalogue.selected(an_event_for(name)) == [("id-of-f", 1)]
    assert catalogue.selected(an_event_for("id-of-g")) == [("id-of-g", 1)]


async def test_a_flow_without_an_id_has_the_one_of_its_name(journal: Journal) -> None:
    catalogue = await started(journal)
    await publish(journal, catalogue, "F")
    assert catalogue.selected(an_event_for("F")) == [(flow_id_of("F"), 1)]
    assert catalogue.selected(an_event_for(flow_id_of("F"))) == [(flow_id_of("F"), 1)]


async def test_an_id_goes_before_the_same_text_as_a_name(journal: Journal) -> None:
    catalogue = await started(journal)
    await publish(journal, catalogue, "F", id="one")
    await publish(journal, catalogue, "one", id="two")
    assert catalogue.selected(an_event_for("one")) == [("one", 1)]
    found = catalogue.version("one")
    assert found is not None
    assert found.name == "F"


async def test_a_label_selects_the_version(journal: Journal) -> None:
    catalogue = await started(journal)
    flow = await publish(journal, catalogue, "F", "Live")
    await publish(journal, catalogue, "F", "Test", description="second")
    await publish(journal, catalogue, "F", description="third")
    for label, number in ((None, 3), ("Latest", 3), ("Test", 2), ("Live", 1)):
        assert catalogue.selected(an_event_for("F", label)) == [(flow, number)]
    assert refusal_of(catalogue, an_event_for("F", "Dev")) == (
        'flow "F" has no version labelled "Dev"; publish one under that label, '
        "then replay this message"
    )


async def test_a_flow_that_does_not_exist_is_named(journal: Journal) -> None:
    catalogue = await started(journal)
    await publish(journal, catalogue, "F")
    assert refusal_of(catalogue, an_event_for("Gone")) == (
        'flow "Gone" is not published; publish it, then replay this message'
    )
    refusal_of(catalogue, an_event_for("😀" * 10_000))
    refusal_of(catalogue, an_event_for("F", "😀" * 10_000))


async def test_a_named_flow_is_selected_whether_it_handles_the_event_or_not(
    journal: Journal,
) -> None:
    catalogue = await started(journal)
    flow = await publish(journal, catalogue, "F")
    event = an_event_for("F", event_type="AgentOffered")
    assert catalogue.selected(event) == [(flow, 1)]


async def test_the_version_of_the_call_goes_before_a_label_that_moved(journal: Journal) -> None:
    catalogue = await started(journal)
    flow = await publish(journal, catalogue, "F")
    await publish(journal, catalogue, "F", description="published in mid-call")
    for pinned in (1, "1", "01"):
        assert catalogue.selected(an_event_for("F", "Latest", flowversion=pinned)) == [(flow, 1)]
    assert catalogue.selected(an_event_for("F", "NoLabel", flowversion=1)) == [(flow, 1)]
    assert catalogue.selected(an_event_for(entry_point="ep-1", flowversion=1)) == [(flow, 1)]


async def test_a_version_that_is_not_there_yet_is_selected_and_missing(journal: Journal) -> None:
    catalogue = await started(journal)
    flow = await publish(journal, catalogue, "F")
    assert catalogue.selected(an_event_for("F", flowversion=7)) == [(flow, 7)]
    with pytest.raises(MissingVersion, match="has no version 7"):
        catalogue.flow(flow, 7)


async def test_a_stored_version_that_cannot_run_any_more_counts_as_missing(
    journal: Journal,
) -> None:
    flow = await publish(journal, await started(journal), "F")
    content = json.dumps(a_flow("F", a_request("A", ""))).encode()
    broken = msgspec.structs.replace(
        (await journal.versions())[0], content=content, content_hash="another"
    )
    await journal.publish_version(broken, ("Latest",))
    catalogue = await started(journal)
    assert catalogue.selected(an_event_for("F")) == [(flow, 2)]
    with pytest.raises(MissingVersion, match=r'"F" v2 cannot run in this version.*FC1015'):
        catalogue.flow(flow, 2)
    assert catalogue.flow(flow, 1).name == "F"


@pytest.mark.parametrize("pinned", [0, -1, 2**31, 10**400, "", "v1", "1.0", "²", "9" * 5_000, "+1"])
async def test_what_is_no_version_number_is_refused(journal: Journal, pinned: int | str) -> None:
    catalogue = await started(journal)
    await publish(journal, catalogue, "F")
    assert "is no version number" in refusal_of(catalogue, an_event_for("F", flowversion=pinned))


async def test_without_a_flow_the_entry_point_says_which(journal: Journal) -> None:
    catalogue = await started(journal)
    flow = await publish(journal, catalogue, "F", "Test")
    await publish(journal, catalogue, "F", description="second")
    await publish(journal, catalogue, "G", id="id-of-g")
    for entry, target in (
        ("ep-1", (flow, 2)),
        ("Front", (flow, 2)),
        ("ep-2", (flow, 1)),
        ("ep-4", ("id-of-g", 1)),
    ):
        assert catalogue.selected(an_event_for(entry_point=entry)) == [target]
    assert 'flow "Gone" is not published' in refusal_of(catalogue, an_event_for(entry_point="ep-3"))


async def test_a_named_flow_goes_before_the_entry_point(journal: Journal) -> None:
    catalogue = await started(journal)
    await publish(journal, catalogue, "F")
    await publish(journal, catalogue, "G", id="id-of-g")
    assert catalogue.selected(an_event_for("G", entry_point="ep-1")) == [("id-of-g", 1)]


@pytest.mark.parametrize("entry_point", [None, "unknown"])
async def test_without_either_every_flow_that_handles_the_event_runs(
    journal: Journal, entry_point: str | None
) -> None:
    catalogue = await started(journal)
    both = [await publish(journal, catalogue, name) for name in ("F", "G")]
    await publish(journal, catalogue, "H", events=("AgentOffered",))
    event = an_event_for(entry_point=entry_point)
    assert catalogue.selected(event) == sorted((flow, 1) for flow in both)
    assert catalogue.selected(an_event_for(event_type="NewPhoneContact")) == []


async def test_every_flow_runs_once_at_its_latest_whatever_it_was_called(journal: Journal) -> None:
    catalogue = await started(journal)
    await publish(journal, catalogue, "Old", id="one")
    await publish(journal, catalogue, "New", id="one")
    await publish(journal, catalogue, "New", id="two")
    for each in (catalogue, await started(journal)):
        assert each.selected(an_event_for()) == [("one", 2), ("two", 1)]
        assert [version.flow_id for version in each.latest()] == ["one", "two"]
        assert each.name_of("one") == "New"
        assert each.selected(an_event_for("Old")) == [("one", 2)]
    assert catalogue.name_of("nobody") == "nobody"


@pytest.mark.parametrize("contact", [None, [], "text", {}, {"FlowId": 5}, {"FlowId": ""}])
async def test_an_event_that_says_little_runs_what_handles_it(
    journal: Journal, contact: Any
) -> None:
    catalogue = await started(journal)
    flow = await publish(journal, catalogue, "F")
    event = an_event_for()
    event = msgspec.structs.replace(event, data={"NewPhoneContact": contact})
    assert catalogue.selected(event) == [(flow, 1)]


# Publishing


async def test_publishing_stores_an_immutable_version_and_moves_latest(journal: Journal) -> None:
    catalogue = await started(journal)
    first = await publishing(journal, catalogue).publish(
        flow_bytes("F", "one"), "here", comment="first"
    )
    second = await publishing(journal, catalogue).publish(
        flow_bytes("F", "two"), "here", labels=("Live",)
    )
    assert (first.version.number, second.version.number) == (1, 2)
    assert (first.is_new, second.is_new) == (True, True)
    assert catalogue.labels_of(first.version.flow_id) == {"Latest": 2, "Live": 2}
    for each in (catalogue, await started(journal)):
        kept = each.version("F", "Live")
        assert kept is not None
        assert kept.number == 2
        assert each.flow(first.version.flow_id, 1).name == "F"
    assert [version.comment for version in await journal.versions()] == ["first", None]


async def test_publishing_what_is_latest_makes_no_version(journal: Journal) -> None:
    catalogue = await started(journal)
    await publishing(journal, catalogue).publish(flow_bytes("F"), "here")
    again = await publishing(journal, catalogue).publish(
        yaml.safe_dump(json.loads(flow_bytes("F"))).encode(), "there"
    )
    assert (again.is_new, again.version.number) == (False, 1)


async def test_publishing_an_older_content_makes_a_version(journal: Journal) -> None:
    catalogue = await started(journal)
    for description in ("one", "two", "one"):
        published = await publishing(journal, catalogue).publish(
            flow_bytes("F", description), "here"
        )
    assert (published.is_new, published.version.number) == (True, 3)


async def test_a_flow_with_errors_is_not_published(journal: Journal) -> None:
    catalogue = await started(journal)
    with pytest.raises(FlowError, match="FC1002"):
        await publishing(journal, catalogue).publish(flow_bytes("F", nodes=[]), "here")
    assert await journal.versions() == []
    assert catalogue.version("F") is None


async def test_a_field_that_nothing_reads_is_told_when_publishing(journal: Journal) -> None:
    publish_now = publishing(journal, await started(journal))
    published = await publish_now.publish(flow_bytes("F", descripton="What it does"), "F")
    (finding,) = (each for each in published.findings if each.code == "OH1008")
    assert 'did you mean "description"' in finding.remedy or "description" in finding.remedy
    validated = await publish_now.validated(load(flow_bytes("F", descripton="x"), "F"))
    assert "OH1008" in {each.code for each in validated}


async def test_a_flow_that_calls_one_whose_type_changed_still_compiles(journal: Journal) -> None:
    catalogue = await started(journal)
    publish_now = publishing(journal, catalogue)
    sub = a_subflow(an_end(), name="S")
    calls = a_graph_flow(
        a_node("Call", "subflow-handoff", subflowVersion={"id": "S", "tag": "Latest"}), name="A"
    )
    for flow in (sub, calls, sub | {"flowType": "FLOW"}):
        await publish_now.publish(json.dumps(flow).encode(), "test")
    with pytest.raises(FlowError, match="OH1016"):
        await publish_now.publish(json.dumps(calls).encode(), "test")
    restarted_later = await started(journal)
    assert restarted_later.flow(flow_id_of("A"), 1).calls[0].flow == "S"


async def test_what_another_worker_published_is_there_after_a_refresh(journal: Journal) -> None:
    one, other = await started(journal), await started(journal)
    flow = await publish(journal, other, "F")
    with pytest.raises(MissingVersion):
        one.flow(flow, 1)
    await one.refresh()
    assert one.flow(flow, 1).name == "F"
    assert one.selected(an_event_for("F")) == [(flow, 1)]


async def test_a_refresh_finds_what_another_stored_between_versions_of_one_s_own(
    journal: Journal,
) -> None:
    one, other = await started(journal), await started(journal)
    await publish(journal, one, "F", description="one")
    await publish(journal, other, "G")
    flow = await publish(journal, one, "F", description="two")
    await one.refresh()
    assert [version.name for version in one.latest()] == ["F", "G"]
    await publishing(journal, other).withdraw("G")
    await publish(journal, other, "F", "Live", description="three")
    for _ in range(2):
        await one.refresh()
        assert [version.name for version in one.latest()] == ["F"]
        assert one.labels_of(flow) == {"Latest": 3, "Live": 3}


async def test_a_withdrawn_flow_is_selected_by_nothing_and_its_name_stays_known(
    journal: Journal,
) -> None:
    catalogue = await started(journal)
    flow = await publish(journal, catalogue, "F", "Live")
    await publishing(journal, catalogue).withdraw("F")
    for each in (catalogue, await started(journal)):
        assert each.is_withdrawn(flow)
        assert each.latest() == []
        assert each.selected(an_event_for()) == []
        for label in (None, "Live"):
            assert "was unpublished" in refusal_of(each, an_event_for("F", label))
        assert "was unpublished" in refusal_of(each, an_event_for("F", flowversion=1))
        assert each.flow(flow, 1).name == "F"
        assert each.known_id("F") == flow


async def test_a_name_belongs_to_the_flow_that_is_published(journal: Journal) -> None:
    catalogue = await started(journal)
    await publish(journal, catalogue, "F", id="one")
    await publish(journal, catalogue, "F", id="two")
    assert catalogue.known_id("F") == "two"
    await publishing(journal, catalogue).withdraw("two")
    for each in (catalogue, await started(journal)):
        assert each.selected(an_event_for("F")) == [("one", 1)]


async def test_what_a_withdrawn_flow_never_handled_is_missed_by_nobody(journal: Journal) -> None:
    catalogue = await Catalogue.loaded(journal, CENTRE)
    await publish(journal, catalogue, "F")
    await publishing(journal, catalogue).withdraw("F")
    with pytest.raises(UnknownFlow, match="was unpublished") as missed:
        catalogue.selected(an_event_for("F"))
    assert not isinstance(missed.value, NeverHandled)
    for label in ("Latest", "Live"):
        event = an_event_for("F", label=label, event_type="AgentOffered")
        with pytest.raises(NeverHandled):
            catalogue.selected(event)
    await publish(journal, catalogue, "F")
    with pytest.raises(NeverHandled, match='no version labelled "Live"'):
        catalogue.selected(an_event_for("F", label="Live", event_type="AgentOffered"))


async def test_an_older_name_of_a_flow_hides_no_other_that_is_called_so(journal: Journal) -> None:
    catalogue = await Catalogue.loaded(journal, CENTRE)
    await publish(journal, catalogue, "A", id="one")
    await publish(journal, catalogue, "A", id="other")
    await publish(journal, catalogue, "B", id="other")
    for each in (catalogue, await Catalogue.loaded(journal, CENTRE)):
        assert each.selected(an_event_for("A")) == [("one", 1)]
        assert each.selected(an_event_for("B")) == [("other", 2)]
    await publish(journal, catalogue, "C", id="other")
    assert catalogue.known_id("B") == "other", "an older name that nothing else has"


async def test_publishing_again_goes_on_counting_with_latest_alone(journal: Journal) -> None:
    catalogue = await started(journal)
    flow = await publish(journal, catalogue, "F", "Live")
    await publishing(journal, catalogue).withdraw("F")
    again = await publishing(journal, catalogue).publish(flow_bytes("F"), "here")
    assert (again.is_new, again.version.number) == (False, 1)
    assert catalogue.labels_of(flow) == {"Latest": 1}
    await publish(journal, catalogue, "F", description="two")
    assert catalogue.labels_of(flow) == {"Latest": 2}


async def test_a_withdrawn_flow_takes_no_label_until_it_is_published_again(
    journal: Journal,
) -> None:
    catalogue = await started(journal)
    await publish(journal, catalogue, "F")
    publisher = publishing(journal, catalogue)
    await publisher.withdraw("F")
    with pytest.raises(NotAllowed, match="publish it again"):
        await publisher.move_label("F", "Live", 1)
    with pytest.raises(NoSuchFlow, match="is not published"):
        await publisher.withdraw("F")


async def test_a_label_that_cannot_be_one_stops_the_publishing(journal: Journal) -> None:
    catalogue = await started(journal)
    with pytest.raises(UnusableLabel):
        await publish(journal, catalogue, "F", "v2")
    assert await journal.versions() == []


# What a start publishes


class Folder:
    """A folder of flow files, published at start by a new catalogue each time."""

    def __init__(self, path: Path, journal: Journal) -> None:
        self.path = path
        self.path.mkdir()
        self._journal = journal

    def write(self, name: str, content: bytes) -> Path:
        path = self.path / name
        path.write_bytes(content)
        return path

    async def start(self) -> tuple[Catalogue, list[str]]:
        return await restarted(self._journal, self.path)


@pytest.fixture
def folder(tmp_path: Path, journal: Journal) -> Folder:
    return Folder(tmp_path / "flows", journal)


async def state_of(journal: Journal) -> tuple[int, dict[str, int]]:
    """How many versions there are, and where each label points."""
    labels = {f"{label.flow_id} {label.label}": label.number for label in await journal.labels()}
    return len(await journal.versions()), labels


async def test_a_start_publishes_the_files_of_its_folders(
    folder: Folder, journal: Journal, tmp_path: Path
) -> None:
    folder.write("f.json", flow_bytes("F"))
    folder.write("g.yaml", yaml.safe_dump(json.loads(flow_bytes("G"))).encode())
    folder.write("H.YML", yaml.safe_dump(json.loads(flow_bytes("H"))).encode())
    folder.write("notes.txt", b"no flow")
    (folder.path / "folder.json").mkdir()
    lone = tmp_path / "lone.json"
    lone.write_bytes(flow_bytes("I"))
    catalogue = (await folder.start())[0]
    assert [version.name for version in catalogue.latest()] == ["F", "G", "H"]
    assert await publish_at_start(publishing(journal, catalogue), catalogue, (lone,)) == []
    assert [version.name for version in catalogue.latest()] == ["F", "G", "H", "I"]


async def test_a_restart_makes_no_version_and_moves_no_label(
    folder: Folder, journal: Journal
) -> None:
    folder.write("f.json", flow_bytes("F"))
    catalogue, lines = await folder.start()
    await publish(journal, catalogue, "F", "Live")
    before = await state_of(journal)
    assert lines == []
    for _ in range(3):
        assert (await folder.start())[1] == []
        assert await state_of(journal) == before


async def test_another_layout_of_the_same_flow_is_the_same_file(
    folder: Folder, journal: Journal
) -> None:
    path = folder.write("f.json", flow_bytes("F"))
    await folder.start()
    path.write_bytes(json.dumps(json.loads(path.read_bytes()), indent=8).encode())
    assert (await folder.start())[1] == []
    assert (await state_of(journal))[0] == 1


async def test_a_changed_file_makes_the_next_version(folder: Folder, journal: Journal) -> None:
    folder.write("f.json", flow_bytes("F", "one"))
    await folder.start()
    folder.write("f.json", flow_bytes("F", "two"))
    assert (await folder.start())[1] == []
    assert await state_of(journal) == (2, {f"{flow_id_of('F')} Latest": 2})


async def test_a_file_put_back_to_an_older_content_is_skipped_and_says_how_to_publish_it(
    folder: Folder, journal: Journal
) -> None:
    path = folder.write("f.json", flow_bytes("F", "one"))
    await folder.start()
    folder.write("f.json", flow_bytes("F", "two"))
    await folder.start()
    before = await state_of(journal)
    folder.write("f.json", flow_bytes("F", "one"))
    for _ in range(2):
        catalogue, lines = await folder.start()
        assert lines == [
            f"{path} is F v1, Latest is v2; to publish the file: onhook flow publish {path}"
        ]
        assert await state_of(journal) == before
    await publishing(journal, catalogue).publish(path.read_bytes(), str(path))
    assert (await folder.start())[1] == []
    assert await state_of(journal) == (3, {f"{flow_id_of('F')} Latest": 3})


async def test_a_version_published_since_is_not_taken_back_by_a_restart(
    folder: Folder, journal: Journal
) -> None:
    folder.write("f.json", flow_bytes("F", "from the file"))
    catalogue, _ = await folder.start()
    await publish(journal, catalogue, "F", description="by hand")
    before = await state_of(journal)
    (line,) = (await folder.start())[1]
    assert "is F v1, Latest is v2" in line
    assert await state_of(journal) == before


async def test_a_file_with_errors_stops_the_start_by_name(folder: Folder) -> None:
    path = folder.write("f.json", b'{"name": 5}')
    with pytest.raises(FlowError) as refusal:
        await folder.start()
    assert str(path) in str(refusal.value)


async def test_a_file_that_cannot_be_read_stops_the_start_by_name(folder: Folder) -> None:
    (folder.path / "gone.json").symlink_to(folder.path / "nowhere")
    with pytest.raises(FlowError, match=r"gone\.json.*cannot be read: No such file"):
        await folder.start()


# The packaged flow

PACKAGED = files("onhook.flow").joinpath("main_flow.json").read_bytes()


async def test_the_packaged_flow_is_published_while_there_is_none(journal: Journal) -> None:
    for _ in range(2):
        catalogue = await started(journal)
        assert await publish_at_start(publishing(journal, catalogue), catalogue, ()) == []
        assert await state_of(journal) == (1, {f"{MAIN_ID} Latest": 1})
        assert [version.name for version in catalogue.latest()] == ["Main_Flow"]


async def test_the_seeded_centre_s_entry_point_runs_it(journal: Journal) -> None:
    centre = load_contact_centre(None)
    catalogue = await Catalogue.loaded(journal, centre)
    await publish_at_start(publishing(journal, catalogue), catalogue, ())
    event = an_event_for(entry_point=centre.entry_points[0].id)
    assert catalogue.selected(event) == [(MAIN_ID, 1)]


async def test_the_packaged_flow_is_not_published_beside_another(journal: Journal) -> None:
    await publish(journal, await started(journal), "F")
    catalogue = await started(journal)
    assert await publish_at_start(publishing(journal, catalogue), catalogue, ()) == []
    assert [version.name for version in catalogue.latest()] == ["F"]


async def test_the_packaged_flow_is_not_published_beside_folders(
    folder: Folder, journal: Journal
) -> None:
    catalogue, lines = await folder.start()
    assert (catalogue.latest(), lines) == ([], [])


async def test_a_main_flow_of_one_s_own_is_not_replaced_by_the_packaged_one(
    folder: Folder, journal: Journal
) -> None:
    folder.write("main.json", flow_bytes("Main_Flow"))
    await folder.start()
    before = await state_of(journal)
    assert (await restarted(journal))[1] == []
    assert await state_of(journal) == before


async def test_a_flow_of_the_same_name_under_another_id_is_another_flow(journal: Journal) -> None:
    await publish(journal, await started(journal), "Main_Flow", id="mine")
    catalogue = await started(journal)
    await publish_at_start(publishing(journal, catalogue), catalogue, ())
    assert [version.flow_id for version in catalogue.latest()] == ["mine"]


async def test_a_packaged_flow_that_was_edited_since_says_how_to_have_it_back(
    journal: Journal,
) -> None:
    catalogue = await started(journal)
    await publish_at_start(publishing(journal, catalogue), catalogue, ())
    await publish(journal, catalogue, "Main_Flow")
    before = await state_of(journal)
    (line,) = (await restarted(journal))[1]
    origin = line.partition(" is Main_Flow v1, Latest is v2; ")[0]
    assert line.endswith(f"to publish the file: onhook flow publish {origin}")
    assert await asyncio.to_thread(Path(origin).read_bytes) == PACKAGED
    assert await state_of(journal) == before


async def test_a_newer_packaged_flow_replaces_an_older_packaged_one(journal: Journal) -> None:
    older = json.loads(PACKAGED) | {"description": "as an older release had it"}
    await publishing(journal, await started(journal)).publish(
        json.dumps(older).encode(), "older", comment="packaged"
    )
    catalogue = await started(journal)
    assert await publish_at_start(publishing(journal, catalogue), catalogue, ()) == []
    assert await state_of(journal) == (2, {f"{MAIN_ID} Latest": 2})


async def test_the_packaged_flow_once_withdrawn_stays_so(journal: Journal) -> None:
    catalogue, _ = await restarted(journal)
    await publishing(journal, catalogue).withdraw("Main_Flow")
    catalogue, (line,) = await restarted(journal)
    assert (
        "is Main_Flow v1, which was unpublished; to publish the file: onhook flow publish" in line
    )
    assert catalogue.latest() == []

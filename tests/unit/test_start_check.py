"""What a start tells of settings that can have no effect."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flows import a_flow, a_request
from onhook.event_flow.catalogue import Catalogue
from onhook.event_flow.overrides import Overrides
from onhook.event_flow.publishing import Publishing
from onhook.event_flow.start_check import without_effect
from onhook.journal import sqlite
from onhook.journal.port import Journal
from onhook.settings.contact_centre import ContactCentre, EntryPoint

URL = "https://example.com/hook"


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with sqlite.opened(tmp_path / "journal.sqlite", synchronous="OFF") as opened:
        yield opened


def a_centre(*points: tuple[str, str, str]) -> ContactCentre:
    """Of entry points: name, flow, label."""
    return ContactCentre(
        agents=(),
        queues=(),
        entry_points=tuple(
            EntryPoint(id=f"id-{name}", name=name, dial_numbers=(), flow=flow, flow_label=label)
            for name, flow, label in points
        ),
    )


async def started(journal: Journal, centre: ContactCentre, *names: str) -> Catalogue:
    """A catalogue with these flows, each with the variable Hook."""
    catalogue = await Catalogue.loaded(journal, centre)
    for name in names:
        variables = ({"name": "Hook", "value": URL, "isExternalized": True},)
        flow = a_flow(name, a_request("A", "{{Hook}}"), variables=variables)
        content = json.dumps(flow | {"id": f"id-{name}"}).encode()
        await Publishing(journal, catalogue, ()).publish(content, name)
    return catalogue


async def told(
    journal: Journal, centre: ContactCentre, overrides: dict[str, dict[str, object]], *names: str
) -> list[str]:
    catalogue = await started(journal, centre, *names)
    return without_effect(catalogue, centre, Overrides(URL, overrides))


async def test_nothing_is_told_where_everything_can_have_its_effect(journal: Journal) -> None:
    centre = a_centre(("Front", "F", "Latest"), ("Back", "id-G", "Latest"))
    assert await told(journal, centre, {"F": {"Hook": "x"}, "id-G": {}}, "F", "G") == []


async def test_an_entry_point_without_its_flow_is_told_with_what_there_is(journal: Journal) -> None:
    centre = a_centre(("Front", "Gone", "Latest"), ("Back", "F", "Latest"))
    (line,) = await told(journal, centre, {}, "G", "F")
    assert line == (
        'entry point "Front" runs Gone (Latest), which is not published; published: F, G. '
        "Publish it (onhook flow publish FILE), or name another in ONHOOK_CONTACT_CENTRE"
    )


async def test_an_entry_point_whose_label_no_version_has_is_told(journal: Journal) -> None:
    (line,) = await told(journal, a_centre(("Front", "F", "Live")), {}, "F")
    assert line.startswith('entry point "Front" runs F (Live), which is not published; ')


async def test_where_no_flow_is_published_that_is_said(journal: Journal) -> None:
    (line,) = await told(journal, a_centre(("Front", "F", "Latest")), {})
    assert "published: none." in line


async def test_overrides_of_unknown_flows_and_variables_are_told(journal: Journal) -> None:
    overrides = {"Gone": {"Hook": "x"}, "F": {"Hok": "x", "Hook": "x", "Also": 1}, "id-F": {"B": 1}}
    assert await told(journal, a_centre(), overrides, "F") == [
        'ONHOOK_OVERRIDES names the flow "Gone", which is not published',
        'ONHOOK_OVERRIDES: flow "F" has no variable "Also"',
        'ONHOOK_OVERRIDES: flow "F" has no variable "Hok"',
        'ONHOOK_OVERRIDES: flow "id-F" has no variable "B"',
    ]


async def test_overrides_of_a_version_that_cannot_run_any_more_are_told_so(
    journal: Journal,
) -> None:
    catalogue = await started(journal, a_centre(), "F")
    (version,) = await journal.versions()
    of_a_later_version = version.content.replace(b"http-request-v2", b"of-a-later-version")
    await journal.publish_version(
        type(version)(
            **{name: getattr(version, name) for name in version.__struct_fields__}
            | {"content": of_a_later_version, "content_hash": "another"}
        ),
        ("Latest",),
    )
    await catalogue.refresh()
    overrides = Overrides(URL, {"F": {"Hook": "x"}})
    (line,) = without_effect(catalogue, a_centre(), overrides)
    assert line.startswith('flow "F" v2 cannot run in this version of onhook: ')


async def test_a_version_that_cannot_run_any_more_handles_what_its_file_names(
    journal: Journal,
) -> None:
    """Its own runs wait; events that it does not name are none of its business."""
    catalogue = await started(journal, a_centre(), "F")
    (version,) = await journal.versions()
    for number, (content, handled) in enumerate(
        (
            (version.content.replace(b"http-request-v2", b"of-a-later-version"), False),
            (b"no flow at all", True),
        ),
        start=2,
    ):
        await journal.publish_version(
            type(version)(
                **{name: getattr(version, name) for name in version.__struct_fields__}
                | {"content": content, "content_hash": str(number)}
            ),
            ("Latest",),
        )
        await catalogue.refresh()
        assert catalogue.handles("id-F", number, "AgentDisconnect")
        assert catalogue.handles("id-F", number, "AgentOffered") is handled
    assert catalogue.handles("id-F", 99, "AgentOffered")  # it may yet come

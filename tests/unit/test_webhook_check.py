"""Whether a worker that stands alone may start: each published flow's URLs need their values."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flows import a_flow, a_request
from onhook.event_flow.catalogue import Catalogue
from onhook.event_flow.overrides import Overrides
from onhook.event_flow.publishing import Publishing
from onhook.event_flow.webhook_check import WebhookUnset, check_webhooks
from onhook.journal import sqlite
from onhook.journal.port import Journal
from onhook.settings.contact_centre import load_contact_centre

URL = "https://example.com/hook"


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with sqlite.opened(tmp_path / "journal.sqlite", synchronous="OFF") as opened:
        yield opened


def external(name: str, value: str | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "isExternalized": True}


async def checked(journal: Journal, overrides: Overrides, *flows: dict[str, Any]) -> None:
    catalogue = await Catalogue.loaded(journal, load_contact_centre(None))
    for flow in flows:
        await Publishing(journal, catalogue, ()).publish(json.dumps(flow).encode(), "test")
    check_webhooks(catalogue, overrides)


def flow_to(url: str, *variables: dict[str, Any], name: str = "F") -> dict[str, Any]:
    return a_flow(name, a_request("Tell", url), variables=variables)


@pytest.mark.parametrize(
    ("flow", "overrides"),
    [
        (flow_to("{{WebhookUrl}}", external("WebhookUrl")), Overrides(URL, {})),
        (flow_to("{{WebhookUrl}}", external("WebhookUrl", URL)), Overrides("", {})),
        (flow_to("{{Crm}}/x", external("Crm")), Overrides("", {"F": {"Crm": URL}})),
        (flow_to("{{Crm}}/x", external("Crm", URL)), Overrides("", {})),
        (flow_to(f"{URL}?tag={{{{Tag}}}}", external("Tag")), Overrides("", {})),
        (flow_to(URL, external("Unused")), Overrides("", {})),
    ],
    ids=["environment", "default", "override", "default of another", "in a query", "unused"],
)
async def test_it_starts_where_every_request_can_go_somewhere(
    journal: Journal, flow: dict[str, Any], overrides: Overrides
) -> None:
    await checked(journal, overrides, flow)


async def test_every_flow_without_a_value_is_named_with_what_to_set(journal: Journal) -> None:
    with pytest.raises(WebhookUnset) as refusal:
        await checked(
            journal,
            Overrides("", {}),
            flow_to("{{WebhookUrl}}", external("WebhookUrl"), name="One"),
            flow_to("https://{{Host}}/in", external("Host", " "), name="Two"),
            flow_to(URL, name="Three"),
        )
    assert str(refusal.value) == (
        'flow "One": WebhookUrl has no value, so the requests of Tell could go nowhere; set '
        'ONHOOK_WEBHOOK_URL; flow "Two": Host has no value, so the requests of Tell could go '
        "nowhere; set it in ONHOOK_OVERRIDES: Two: {Host: https://...}"
    )


async def test_a_version_that_only_another_label_names_counts_too(journal: Journal) -> None:
    catalogue = await Catalogue.loaded(journal, load_contact_centre(None))
    publishing = Publishing(journal, catalogue, ())
    old = flow_to("{{Crm}}/x", external("Crm"))
    await publishing.publish(json.dumps(old).encode(), "test", labels=["Live"])
    await publishing.publish(json.dumps(flow_to(URL)).encode(), "test")
    with pytest.raises(WebhookUnset, match="Crm has no value"):
        check_webhooks(catalogue, Overrides("", {}))

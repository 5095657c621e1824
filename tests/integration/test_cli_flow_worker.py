"""`onhook flow publish|list|show|versions|label|unpublish` and `override`, against a running worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from command import Finished, Up, ask, captures, onhook, played, up
from endpoint import Endpoint
from flows import a_flow, a_request

VARIABLES = (
    {"name": "WebhookUrl", "value": "", "isExternalized": True},
    {"name": "Greeting", "value": "hello"},
    {"name": "Token", "value": "", "isSecure": True},
)


def a_main_flow(greeting: str = "{{Greeting}}", **fields: Any) -> dict[str, Any]:
    body = f'{{"greeting": "{greeting}"}}'
    post = a_request("Post", "{{WebhookUrl}}", httpRequestBody=body)
    return a_flow("Main_Flow", post, variables=VARIABLES) | fields


class Desk:
    """A folder with a terminal, beside a running `onhook up`."""

    def __init__(self, folder: Path, running: Up) -> None:
        self.folder = folder
        self.running = running

    async def __call__(self, *words: str, stdin: bytes = b"") -> Finished:
        services = ("emulator", "worker", "sink")
        urls = {f"{name}_url": self.running.ready[name] for name in services}
        return await onhook(*words, cwd=self.folder, stdin=stdin, **urls)

    async def publish(self, flow: dict[str, Any], *words: str) -> Finished:
        done = await self("flow", "publish", "-", *words, stdin=msgspec.json.encode(flow))
        assert done.status == 0, done.err
        return done


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    folder = tmp_path / "desk"
    folder.mkdir()
    async with up(cwd=tmp_path) as running:
        yield Desk(folder, running)


async def test_publishing_says_the_version_the_labels_and_who_is_affected(desk: Desk):
    done = await desk.publish(a_main_flow(), "--label", "Test", "--label", "Live", "--comment", "x")
    first, *affected = done.out.splitlines()
    assert first == "Main_Flow published v2 (Latest, Live, Test)"
    assert affected[0].startswith("  entry point Support: ")
    assert "next call runs v2" in affected[0]
    again = await desk.publish(a_main_flow())
    assert again.out == "Main_Flow unchanged since v2 (Latest, Live, Test)\n"
    as_json = await desk.publish(a_main_flow("hi"), "--json")
    assert (as_json.json["version"], as_json.json["is_new"]) == (3, True)


async def test_a_flow_with_errors_is_not_published_and_each_is_told(desk: Desk):
    broken = a_flow("Broken", a_request("Post", ""), a_request("Other", ""))
    done = await desk("flow", "publish", "-", stdin=msgspec.json.encode(broken))
    assert (done.status, done.out) == (1, "")
    assert done.err.count("url is empty") == 2
    listed = await desk("flow", "list", "--json")
    assert [flow["name"] for flow in listed.json] == ["Main_Flow"]


async def test_a_label_moves_forward_and_back_and_a_call_follows_it(desk: Desk):
    for greeting in ("two", "three"):
        await desk.publish(a_main_flow(greeting))
    moved = await desk("flow", "label", "Main_Flow", "Live", "v3")
    assert (moved.status, moved.err) == (0, "")
    assert moved.out.splitlines()[0] == "Main_Flow: Live is v3"
    back = await desk("flow", "label", "Main_Flow", "Live", "2")
    assert back.out.splitlines()[0] == "Main_Flow: Live is v2"
    versions = await desk("flow", "versions", "Main_Flow")
    assert [line.split()[0] for line in versions.out.splitlines()] == ["v3", "v2", "v1"]
    assert "Live" in versions.out.splitlines()[1]
    removed = await desk("flow", "label", "Main_Flow", "Live", "--remove")
    assert removed.status == 0
    as_json = await desk("flow", "versions", "Main_Flow", "--json")
    assert [version["labels"] for version in as_json.json] == [["Latest"], [], []]


async def test_labels_and_versions_that_there_are_not_are_told_with_those_that_are(desk: Desk):
    for words, said in (
        (("label", "Main_Flow", "Live", "v9"), "v9"),
        (("label", "Nowhere", "Live", "v1"), "Nowhere"),
        (("label", "Main_Flow", "Latest", "v1"), "Latest"),
        (("label", "Main_Flow", "Live", "--remove"), "Live"),
        (("show", "Nowhere"), "Nowhere"),
        (("show", "Main_Flow", "--label", "Live"), "Live"),
        (("versions", "Nowhere"), "Nowhere"),
        (("unpublish", "Nowhere", "--yes"), "Nowhere"),
    ):
        done = await desk("flow", *words)
        assert (done.status, done.out) == (1, ""), words
        assert done.err.startswith("onhook: ")
        assert said in done.err
    for words in (("label", "Main_Flow", "Live"), ("label", "Main_Flow", "Live", "x3")):
        assert (await desk("flow", *words)).status == 2


async def test_what_show_prints_as_a_file_publishes_to_the_same_version(desk: Desk):
    await desk.publish(a_main_flow())
    for words in (("--file",), ("--yaml",), ("--version", "2", "--file")):
        shown = await desk("flow", "show", "Main_Flow", *words)
        assert (shown.status, shown.err) == (0, "")
        again = await desk("flow", "publish", "-", stdin=shown.out.encode())
        assert again.out.startswith("Main_Flow unchanged since v2 "), words
    assert yaml.safe_load((await desk("flow", "show", "Main_Flow", "--yaml")).out)["name"]
    for_people = await desk("flow", "show", "Main_Flow")
    assert "AgentDisconnect" in for_people.out
    assert "http-request-v2" in for_people.out
    as_json = await desk("flow", "show", "Main_Flow", "--json")
    assert as_json.json["handlers"] == ["AgentDisconnect"]


async def test_unpublishing_asks_and_withdraws_the_flow(desk: Desk):
    kept = await desk("flow", "unpublish", "Main_Flow", stdin=b"n\n")
    assert (kept.status, kept.out) == (1, "")
    assert "stays published" in kept.err
    done = await desk("flow", "unpublish", "Main_Flow", stdin=b"y\n")
    assert done.status == 0
    assert done.out.splitlines()[0] == "Main_Flow is not published any more"
    listed = await desk("flow", "list")
    assert listed.out.startswith("no flow is published")
    versions = await desk("flow", "versions", "Main_Flow")
    assert versions.out.startswith("v1  -")
    file = (await desk("flow", "show", "Main_Flow", "--version", "1", "--file")).out
    again = await desk("flow", "publish", "-", stdin=file.encode())
    assert again.out.startswith("Main_Flow published again, as v1 (Latest)")


async def test_an_override_acts_at_once_and_is_taken_back(desk: Desk, endpoint: Endpoint):
    await desk.publish(a_main_flow())
    await played(desk.running)
    assert await captures(desk.running, 1) == [{"greeting": "hello"}]
    changed = await desk("override", "set", "Main_Flow", "Greeting", "good morning")
    assert changed.status == 0
    assert changed.out.split()[:4] == ["Main_Flow", "Greeting", "STRING", "override"]
    await played(desk.running)
    assert {"greeting": "good morning"} in await captures(desk.running, 2)
    listed = await desk("override", "list", "Main_Flow", "--json")
    held = {each["variable"]: (each["value"], each["origin"]) for each in listed.json}
    assert held["Greeting"] == ("good morning", "stored")
    assert (await desk("override", "unset", "Main_Flow", "Greeting")).status == 0
    await played(desk.running)
    found = await captures(desk.running, 3)
    assert found.count({"greeting": "hello"}) == 2


async def test_a_secure_override_comes_from_stdin_and_is_never_shown(desk: Desk):
    await desk.publish(a_main_flow())
    done = await desk("override", "set", "Main_Flow", "Token", "-", stdin=b"s3cr3t\n")
    assert done.status == 0, done.err
    for words in (("list",), ("list", "Main_Flow"), ("list", "--json")):
        listed = await desk("override", *words)
        assert listed.status == 0
        assert "s3cr3t" not in done.out + listed.out
        assert "***" in listed.out


async def test_overrides_of_what_there_is_not_are_refused(desk: Desk):
    for words in (
        ("set", "Main_Flow", "Nothing", "1"),
        ("set", "Nowhere", "WebhookUrl", "1"),
        ("unset", "Main_Flow", "WhoIsCalling"),
        ("list", "Nowhere"),
    ):
        done = await desk("override", *words)
        assert (done.status, done.out) == (1, ""), words
        assert done.err.startswith("onhook: ")


# The same over HTTP


async def test_a_flow_runs_once_over_http_with_its_trace(desk: Desk):
    worker = desk.running.worker
    body = {"file": a_main_flow(), "dry_run": True, "values": {"Greeting": "over http"}}
    body["values"]["WebhookUrl"] = "https://hooks.example.com/"
    answer = await ask("POST", f"{worker}/flows/run", body)
    assert (answer["is_finished"], len(answer["steps"])) == (True, 3)
    (request,) = answer["steps"][1]["requests"]
    assert msgspec.json.decode(request["body"]) == {"greeting": "over http"}
    failing = body | {"answers": {"Post": [{"status": 410}]}}
    failed = await ask("POST", f"{worker}/flows/run", failing)
    assert not failed["is_finished"]
    assert "answered 410" in failed["reason"]
    published = await ask("POST", f"{worker}/flows/run", {"flow": "Main_Flow"})
    assert published["is_finished"]
    (captured,) = await captures(desk.running, 1)
    assert captured["WhoCalls"] == "Ada Lovelace"


async def test_a_template_is_evaluated_over_http(desk: Desk):
    url = f"{desk.running.worker}/template"
    answer = await ask("POST", url, {"template": "{{ 1 + n }}", "context": {"n": 2}})
    assert (answer["output"], answer["type"]) == ("3", "Integer")
    sample = await ask("POST", url, {"template": "{{ NewPhoneContact.ANI }}"})
    assert sample["output"] == "+14085551234"
    body = {"template": '{"a": "{{x}}"}', "context": {"x": '"'}, "json_body": True}
    assert (await ask("POST", url, body))["output"] == '{"a": "\\""}'
    with pytest.raises(AssertionError, match="line 1, column "):
        await ask("POST", url, {"template": "{{ 1 / 0 }}"})

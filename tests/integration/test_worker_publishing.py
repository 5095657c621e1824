"""Versions, labels, overrides and connectors, changed while the worker runs."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from endpoint import Answer, Endpoint
from flows import a_flow, a_request, an_event
from onhook.bus.port import Bus
from onhook.contracts.topology import UNPROCESSABLE
from workplace import Api, Workplace, run_of, until

CENTRE = """
organisation: acme
agents: []
queues: [{id: q, name: Support}]
entry_points:
  - {id: ep-1, name: Support, dial_numbers: ["+1"], flow: F, flow_label: Live}
"""


def version(endpoint: Endpoint, number: int, name: str = "F") -> dict[str, Any]:
    """A flow that tells which version it is."""
    request = a_request("Tell", endpoint.url(), httpRequestBody=f'{{"version": {number}}}')
    return a_flow(name, request, description=f"version {number}")


def told(endpoint: Endpoint) -> list[int]:
    return [request.json["version"] for request in endpoint.requests]


async def refusal(api: Api, method: str, path: str, body: Any = None) -> tuple[int, str]:
    status, answer = await api.ask(method, path, body)
    assert status >= 400, answer
    return status, answer["error"]["message"]


@pytest.fixture
def centre(workplace: Workplace) -> str:
    path = workplace.folder / "centre.yaml"
    path.write_text(CENTRE)
    return str(path)


async def test_labels_move_by_publishing_and_by_hand_and_who_is_affected_is_told(
    workplace: Workplace, endpoint: Endpoint, centre: str
) -> None:
    def call() -> dict[str, Any]:
        return an_event(flow=None, entry_point="ep-1")

    async with workplace.working(contact_centre=centre) as working:
        api = working.api
        first = await api.post("/flows?label=Live&label=Test&comment=first", version(endpoint, 1))
        assert (first["version"], first["is_new"]) == (1, True)
        assert first["labels"] == {"Latest": 1, "Live": 1, "Test": 1}
        assert first["affected"] == ["entry point Support: Live, next call runs v1"]
        second = await api.post("/flows", version(endpoint, 2))
        assert (second["labels"], second["affected"]) == ({"Latest": 2, "Live": 1, "Test": 1}, [])
        await working.publish(event := call())
        await api.until_run(run_of(event, "F"), "done")
        again = await api.post("/flows?label=Live", version(endpoint, 2))
        assert (again["is_new"], again["version"]) == (False, 2)
        assert again["affected"] == ["entry point Support: Live, next call runs v2"]
        await working.publish(event := call())
        await api.until_run(run_of(event, "F"), "done")
        status, back = await api.ask("PUT", "/flows/F/labels/Live", {"version": 1})
        assert (status, back["labels"]["Live"]) == (200, 1)
        assert back["affected"] == ["entry point Support: Live, next call runs v1"]
        await working.publish(event := call())
        await api.until_run(run_of(event, "F"), "done")
        assert await api.get("/flows/F/versions") == [
            {**row, "version": number, "labels": labels, "comment": comment, "runs_under_way": 0}
            for row, number, labels, comment in zip(
                await api.get("/flows/F/versions"),
                (2, 1), (["Latest"], ["Live", "Test"]), (None, "first"),
                strict=True,
            )
        ]  # fmt: skip
        shown = await api.get("/flows/F?version=1")
        assert (shown["version"], shown["file"]["description"]) == (1, "version 1")
        assert (await api.get("/flows/F?label=Live"))["version"] == 1
    assert told(endpoint) == [1, 2, 1]


async def test_a_flow_that_is_sent_is_read_as_a_file_is(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    odd = version(endpoint, 1) | {"descripton": "x", "comment": None}
    async with workplace.working() as working:
        for path in ("/flows/validate", "/flows"):
            answer = await working.api.post(path, odd)
            assert "OH1008" in [finding["code"] for finding in answer["findings"]]
            status, message = await refusal(working.api, "POST", path, {"name": 1, "nodes": {}})
            assert (status, message[:6]) == (400, "Body: ")


async def test_what_cannot_be_done_with_a_label_says_what_to_do(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    async with workplace.working() as working:
        api = working.api
        await api.post("/flows", version(endpoint, 1))
        await api.post("/flows", version(endpoint, 2))
        put = "PUT", {"version": 1}
        for path, (method, body), status, words in (
            ("/flows/F/labels/Latest", put, 409, "onhook flow show F --version 1 --file"),
            ("/flows/F/labels/live", put, 422, "write Live"),
            ("/flows/F/labels/v3", put, 422, "reads like the number of a version"),
            ("/flows/F/labels/Live", ("PUT", {"version": 3}), 404, "its newest is v2"),
            ("/flows/G/labels/Live", put, 404, 'no flow "G"'),
            ("/flows/Main_Flo/labels/Live", put, 404, 'did you mean "Main_Flow"?'),
            ("/flows/F/labels/Live", ("DELETE", None), 404, "there: Latest"),
            ("/flows/F/labels/Latest", ("DELETE", None), 409, "onhook flow unpublish F"),
            ("/flows/F/labels/Live", ("PUT", {"version": 0}), 400, "version"),
            ("/flows?label=v1", ("POST", version(endpoint, 2)), 422, "cannot be a label"),
            ("/flows/F?label=Live&version=1", ("GET", None), 422, "not both"),
            ("/flows/F?version=9", ("GET", None), 404, "v9"),
        ):
            found, message = await refusal(api, method, path, body)
            assert (found, words in message) == (status, True), (path, message)
        assert (await api.get("/flows/F"))["labels"] == {"Latest": 2}


async def test_a_label_that_is_taken_away_selects_nothing(
    workplace: Workplace, endpoint: Endpoint, centre: str
) -> None:
    async with workplace.working(contact_centre=centre) as working:
        await working.api.post("/flows?label=Live", version(endpoint, 1))
        status, answer = await working.api.ask("DELETE", "/flows/F/labels/Live")
        assert (status, answer["labels"]) == (200, {"Latest": 1})
        assert answer["affected"] == [
            "entry point Support: Live, next call runs no version; its events will be set aside"
        ]
        await working.publish(an_event(flow=None, entry_point="ep-1"))
        (dead,) = await working.api.dead_letters(1)
        assert 'has no version labelled "Live"' in dead["reason"]


async def test_a_flow_that_is_unpublished_runs_no_more_and_its_waiting_runs_go_on(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    endpoint.plan(503, 204)
    under_way, pinned, named = (an_event(flow="F") for _ in range(3))
    flows = workplace.flow_folder(version(endpoint, 1))
    async with workplace.working(flows=flows, retry_scale="0.1") as working:
        await working.publish(under_way)
        await working.api.until_run(run_of(under_way, "F"), "waiting")
        status, answer = await working.api.ask("DELETE", "/flows/F")
        assert (status, answer["labels"]) == (200, {})
        assert answer["affected"] == ["1 run under way keeps v1"]
        assert await working.api.get("/flows") == []
        assert (await refusal(working.api, "GET", "/flows/F"))[0] == 404
        assert (await refusal(working.api, "DELETE", "/flows/F"))[0] == 404
        await working.publish(named, pinned | {"flowversion": 1})
        dead = await working.api.dead_letters(2)
        assert all('flow "F" was unpublished' in each["reason"] for each in dead)
        await working.publish(anyone := an_event(flow=None))
        await working.api.until_run(run_of(under_way, "F"), "done")
    async with workplace.working(flows=flows) as working:
        (line,) = [line for line in working.worker.lines if "F.json" in line]
        assert "is F v1, which was unpublished; to publish the file: onhook flow publish" in line
        assert await working.api.get("/flows") == []
        published = await working.api.post("/flows", version(endpoint, 2))
        assert (published["version"], published["is_new"], published["is_again"]) == (2, True, True)
        for each in dead:
            await working.api.post(f"/dead-letters/{each['message_id']}/replay")
        for event in (named, pinned):
            await working.api.until_run(run_of(event, "F"), "done")
        history = await working.api.get(f"/interactions/{anyone['subject']}")
        assert [event["outcome"] for event in history["events"]] == ["filtered"]
    assert sorted(told(endpoint)) == [1, 1, 2, 2]
    assert await workplace.left_over() == {}


async def test_a_file_of_an_unpublished_flow_that_changed_is_not_published_by_a_restart(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    async with workplace.working(flows=workplace.flow_folder(version(endpoint, 1))) as working:
        await working.api.ask("DELETE", "/flows/F")
    async with workplace.working(flows=workplace.flow_folder(version(endpoint, 2))) as working:
        assert await working.api.get("/flows") == []
        (line,) = [line for line in working.worker.lines if "F.json" in line]
        assert "a new version of F, which was unpublished" in line


async def test_versions_published_under_load_lose_no_event_and_none_runs_twice(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    events = [an_event(flow="F") for _ in range(150)]
    async with workplace.working() as working:
        await working.api.post("/flows", version(endpoint, 1))

        async def publishing(bus: Bus) -> None:
            for number, event in enumerate(events):
                await working.publish(event)
                if number % 10 == 5:
                    await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            group.create_task(publishing(working.bus))
            for number in range(2, 12):
                await working.api.post("/flows", version(endpoint, number))
                if number % 3 == 0:
                    await working.api.ask("PUT", "/flows/F/labels/Live", {"version": number})
        for event in events:
            await working.api.until_run(run_of(event, "F"), "done")
    assert len(endpoint.requests) == len(events)
    assert set(told(endpoint)) <= set(range(1, 12))
    assert await workplace.left_over() == {}


async def test_another_worker_on_the_same_journal_follows(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    shared = {"journal_db": f"sqlite:///{workplace.folder / 'shared.sqlite'}"}
    async with (
        workplace.working(**shared) as one,
        workplace.working_on(one.bus, data=str(workplace.folder / "other"), **shared) as other,
    ):
        await one.api.post("/flows?label=Live", version(endpoint, 1))
        found = await until(lambda: other.api.get("/flows"), lambda flows: len(flows) == 2)
        assert found[0]["labels"] == {"Latest": 1, "Live": 1}
        await other.api.ask("DELETE", "/flows/F")
        await until(lambda: one.api.get("/flows"), lambda flows: len(flows) == 1)


async def test_validation_over_http_tells_what_publishing_would(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    bad = a_flow("Bad", a_request("P", endpoint.url(), httpRequestBody="{{ 1 + }}"))
    async with workplace.working() as working:
        answer = await working.api.post("/flows/validate", bad)
        assert (answer["findings"][0]["severity"], answer["findings"][0]["node"]) == ("error", "P")
        good = await working.api.post("/flows/validate", version(endpoint, 1))
        assert not [each for each in good["findings"] if each["severity"] == "error"]
        assert await working.api.ask("GET", "/flows/Bad") != 200


async def test_labels_that_unpublishing_takes_away_are_named(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    async with workplace.working() as working:
        await working.api.post("/flows?label=Live&label=Test", version(endpoint, 1))
        _, answer = await working.api.ask("DELETE", "/flows/F")
        assert answer["affected"][0].startswith("labels Live, Test are gone")
        again = await working.api.post("/flows", version(endpoint, 1))
    assert (again["version"], again["is_new"], again["is_again"]) == (1, False, True)
    assert again["labels"] == {"Latest": 1}


# Overrides

VARIABLES = (
    {"name": "Hook", "value": "http://127.0.0.1:9/none", "isExternalized": True},
    {"name": "Tries", "type": "INTEGER", "value": "3"},
    {"name": "Pin", "value": "0000", "isSecure": True},
    {"name": "WebhookUrl", "isExternalized": True},
)


def overridden(name: str = "F") -> dict[str, Any]:
    request = a_request(
        "Tell", "{{Hook}}", httpRequestBody='{"tries": {{Tries}}, "pin": "{{Pin}}"}'
    )
    return a_flow(name, request, variables=VARIABLES)


async def test_an_override_acts_at_once_and_over_every_other_configuration(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    file = workplace.folder / "overrides.yaml"
    file.write_text(f"F: {{Hook: '{endpoint.url('/file')}', Tries: 5}}\n")
    flags = {"flows": workplace.flow_folder(overridden()), "overrides": str(file)}

    async def ran(working: Any) -> None:
        await working.publish(event := an_event(flow="F"))
        await working.api.until_run(run_of(event, "F"), "done")

    async with workplace.working(**flags) as working:
        api, path = working.api, "/flows/F/overrides"
        assert [(row["variable"], row["value"], row["origin"]) for row in await api.get(path)] == [
            ("Hook", endpoint.url("/file"), "file"),
            ("Tries", 5, "file"),
            ("Pin", "***", "default"),
            ("WebhookUrl", endpoint.url(), "environment"),
        ]
        await ran(working)
        status, row = await api.ask("PUT", f"{path}/Hook", {"value": endpoint.url("/stored")})
        assert (status, row["origin"], row["value"]) == (200, "stored", endpoint.url("/stored"))
        assert (await api.ask("PUT", f"{path}/Tries", {"value": "7"}))[1]["value"] == 7
        secure = await api.ask("PUT", f"{path}/Pin", {"value": "48151623"})
        assert (secure[1]["value"], secure[1]["origin"]) == ("***", "stored")
        await ran(working)
    async with workplace.working(**flags) as working:
        await ran(working)
        for variable in ("Hook", "Tries"):
            status, row = await working.api.ask("DELETE", f"/flows/F/overrides/{variable}")
            assert (status, row["origin"]) == (200, "file")
        await ran(working)
    assert [(each.path, each.json) for each in endpoint.requests] == [
        ("/file", {"tries": 5, "pin": "0000"}),
        ("/stored", {"tries": 7, "pin": "48151623"}),
        ("/stored", {"tries": 7, "pin": "48151623"}),
        ("/file", {"tries": 5, "pin": "48151623"}),
    ]
    assert b"48151623" not in workplace.journal.read_bytes()


async def test_an_override_that_will_not_do_what_it_looks_like_says_so(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    path = "/flows/F/overrides"
    async with workplace.working(flows=workplace.flow_folder(overridden())) as working:

        async def notes(variable: str, value: str) -> list[str]:
            _, row = await working.api.ask("PUT", f"{path}/{variable}", {"value": value})
            assert row["origin"] == "stored"
            return list(row["notes"])

        assert await notes("Hook", endpoint.url()) == []
        for value in ("not a url", "ftp://x", "http://"):
            (note,) = await notes("Hook", value)
            assert note == (
                'it is no http:// or https:// address, and stands alone as the URL of "Tell": '
                "such a request will fail"
            )
        assert await notes("Pin", "12") == []
        assert await notes("WebhookUrl", "of no request") == []
        flow = overridden() | {"variables": [*VARIABLES, {"name": "Seen", "isCAD": True}]}
        await working.api.post("/flows", flow)
        (note,) = await notes("Seen", "x")
        assert note.startswith("an event's value goes before it")


async def test_an_override_of_what_is_not_there_or_of_another_type_is_refused(
    workplace: Workplace,
) -> None:
    async with workplace.working(flows=workplace.flow_folder(overridden())) as working:
        for method, path, body, status, words in (
            ("PUT", "/flows/F/overrides/Hok", {"value": "x"}, 404, 'did you mean "Hook"?'),
            ("PUT", "/flows/E/overrides/Hook", {"value": "x"}, 404, 'no flow "E"'),
            ("GET", "/flows/E/overrides", None, 404, 'no flow "E"'),
            ("PUT", "/flows/F/overrides/Tries", {"value": "many"}, 422, "'many' is no INTEGER"),
            (
                "PUT",
                "/flows/F/overrides/Pin",
                {"value": [48151623]},
                422,
                "its override is no STRING",
            ),
            (
                "PUT",
                "/flows/F/overrides/Hook",
                {"value": None},
                422,
                "onhook override unset F Hook",
            ),
            ("PUT", "/flows/F/overrides/Hook", {}, 400, "value"),
            ("DELETE", "/flows/F/overrides/Hook", None, 404, "comes from: default"),
            ("DELETE", "/flows/F/overrides/" + quote("a b"), None, 404, "no variable"),
        ):
            found, message = await refusal(working.api, method, path, body)
            assert (found, words in message) == (status, True), (path, message)
            assert "48151623" not in message


# Connectors

SECRET = "correct-horse-battery"


async def test_a_connector_s_credentials_go_with_each_attempt_and_are_found_nowhere(
    workplace: Workplace, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workplace.folder / "connectors.yaml"
    file.write_text(f"crm: {{url: '{endpoint.url('/api')}', bearer: {SECRET}}}\n")
    endpoint.plan(Answer(503, headers={"X-Echo": SECRET}, body=SECRET.encode()), 204, path="/api/1")
    request = a_request(
        "Tell", "", authenticated=True, connectorId="crm", httpRequestPath="/{{Number}}"
    )
    flow = a_flow("F", request, variables=({"name": "Number", "value": "1"},))
    event = an_event(flow="F")
    flags = {"flows": workplace.flow_folder(flow), "connectors": str(file)}
    async with workplace.working(**flags) as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event, "F"), "done")
        found = await working.api.get(f"/runs/{run_of(event, 'F')}")
    assert [request.header("authorization") for request in endpoint.requests] == [
        f"Bearer {SECRET}"
    ] * 2
    assert run["attempts"][0]["response_excerpt"] == "***"
    assert run["attempts"][0]["response_headers"]["x-echo"] == "***"
    assert SECRET not in str(found)
    for path in workplace.folder.rglob("*.sqlite*"):
        assert SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in "".join(capsys.readouterr())


async def test_a_request_without_its_connector_takes_the_way_of_errors(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    request = a_request("Tell", "", authenticated=True, connectorId="crm", httpRequestPath="/x")
    event = an_event(flow="F")
    async with workplace.working() as working:
        published = await working.api.post("/flows", a_flow("F", request))
        assert any("ONHOOK_CONNECTORS" in each["remedy"] for each in published["findings"])
        await working.publish(event)
        run = await working.api.until_run(run_of(event, "F"), "dead")
        assert (await working.api.dead_letters(1))[0]["queue"] == UNPROCESSABLE
    assert "no connector is called" in run["reason"]
    assert endpoint.requests == []

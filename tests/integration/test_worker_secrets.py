"""Secure variables: delivered, and found nowhere else, whatever a run goes through."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from endpoint import Answer, Endpoint
from flows import a_flow, a_request, an_event
from onhook.contracts.topology import UNDELIVERED, UNPROCESSABLE
from onhook.event_flow.notice import AttemptMade, MessageSetAside
from workplace import Working, Workplace, run_of, until

CARD = "4929 1234+5678/9012é"
"""Looks different in JSON, in a URL and in a form."""
FORMS = [
    CARD,
    CARD.encode("unicode_escape").decode(),
    quote(CARD),
    quote(CARD, safe=""),
    "4929 1234",
    "4929%201234",
    base64.b64encode(CARD.encode()).decode()[:20],
    base64.b64encode(f'"{CARD}'.encode()).decode()[4:20],
]


def a_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def secure_flow(endpoint: Endpoint, name: str = "Secure") -> dict[str, Any]:
    """Sends the card in a body, a URL and a header, and hears it echoed."""
    variables = (
        {"name": "Card", "isSecure": True, "value": CARD},
        {"name": "Copy", "isSecure": True},
        {"name": "Heard"},
    )
    first = a_request(
        "First",
        endpoint.url("/first"),
        httpRequestBody='{"card": "{{Card}}"}',
        httpQueryParameters={"card": "{{Card}}"},
        onFailure="deliver",
    )
    copy = {
        "id": "id-Copy",
        "name": "SetCopy",
        "properties": {"activityName": "set-variable", "srcVariable": "Copy", "setTo":
                       "set-to-literal", "literal": "{{Card}}"},
    }  # fmt: skip
    second = a_request(
        "Second",
        endpoint.url("/second"),
        httpRequestHeaders={"X-Card": "{{Copy | urlencode}}"},
        httpRequestBody='{"copy": "{{Copy}}"}',
    )
    return a_flow(name, first, copy, second, variables=variables)


def places(workplace: Workplace) -> list[Path]:
    return [path for path in workplace.folder.rglob("*") if ".sqlite" in path.name]


def assert_nowhere(workplace: Workplace, *shown: str) -> None:
    files = places(workplace)
    assert any("journal" in path.name for path in files)
    for form in FORMS:
        for path in files:
            content = path.read_bytes()
            # The version holds the flow's default, as it was published.
            assert content.count(form.encode()) == content.count(f'"value":"{form}'.encode()), (
                form, path,
            )  # fmt: skip
        for text in shown:
            assert form not in text


async def all_that_is_told(working: Working, run_id: str, subject: str) -> str:
    parts = [
        await working.api.get(f"/runs/{run_id}"),
        await working.api.get(f"/interactions/{subject}"),
        await working.api.get("/dead-letters"),
        [str(notice) for notice in working.told.notices],
    ]
    return "".join(str(part) for part in parts)


async def test_a_secure_value_is_delivered_and_found_nowhere(
    workplace: Workplace, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    echo = Answer(503, headers={"X-Echo": quote(CARD)}, body=f"no: {CARD}".encode())
    fine = Answer(200, body=f'{{"heard": "{CARD}"}}'.encode())
    endpoint.decide = lambda received: echo if len(endpoint.at(received.path)) < 3 else fine
    event = an_event(flow="Secure")
    run_id = run_of(event, "Secure")
    flags = {"flows": workplace.flow_folder(secure_flow(endpoint))}
    async with workplace.working(**flags) as working:
        await working.publish(event)
        first = await working.api.until_run(run_id, "done")
        told = await all_that_is_told(working, run_id, event["subject"])
    assert [request.path.partition("?")[0] for request in endpoint.requests] == [
        *["/first"] * 3, *["/second"] * 3,
    ]  # fmt: skip
    assert endpoint.requests[0].json == {"card": CARD}
    assert endpoint.requests[3].json == {"copy": CARD}
    assert endpoint.requests[3].header("x-card") == endpoint.requests[5].header("x-card")
    assert first["attempts"][0]["response_excerpt"] == "no: ***"
    assert first["attempts"][0]["url"].endswith("/first?card=***")
    assert len(working.told.of(AttemptMade)) == 6
    assert_nowhere(workplace, told, "".join(capsys.readouterr()))
    assert await workplace.left_over() == {}


async def test_a_secure_value_is_not_in_what_lies_waiting_or_dead(
    workplace: Workplace, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped in mid-wait, so that bus and journal hold the run; then given up."""
    endpoint.plan(Answer(503, body=CARD.encode()))
    endpoint.decide = lambda received: (
        503 if received.path.startswith("/first") and len(endpoint.requests) < 2 else None
    )
    event = an_event(flow="Secure")
    run_id = run_of(event, "Secure")
    endpoint.plan(410, path="/second")
    flags = {"flows": workplace.flow_folder(secure_flow(endpoint)), "retry_scale": "1"}
    async with workplace.working(**flags) as working:
        await working.publish(event)
        await working.api.until_run(run_id, "waiting")
        told = await all_that_is_told(working, run_id, event["subject"])
        (waiting,) = [name for name, depth in (await working.bus.depths()).items() if depth]
        assert waiting == "onhook.retry.5s"
    assert_nowhere(workplace, told)
    async with workplace.working(**flags) as working:
        await working.api.post(f"/runs/{run_id}/try-now")
        await working.told.until(MessageSetAside, 1, lambda notice: notice.queue == UNDELIVERED)
        told = await all_that_is_told(working, run_id, event["subject"])
        (dead,) = await working.api.dead_letters(1)
        letter = await working.taken(UNDELIVERED, dead["message_id"])
        assert not [form for form in FORMS if form.encode() in letter.body]
        endpoint.plan(204, path="/second")
        await working.api.post(f"/dead-letters/{dead['message_id']}/replay")
        await working.api.until_run(run_id, "done")
    assert endpoint.requests[-1].json == {"copy": CARD}
    assert_nowhere(workplace, told, "".join(capsys.readouterr()))


async def test_a_template_error_quotes_no_secure_value(
    workplace: Workplace, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    request = a_request("Bad", "{{Card}}", httpRequestBody='{"card": "{{Card}}"}')
    flow = a_flow("Secure", request, variables=({"name": "Card", "isSecure": True, "value": CARD},))
    event = an_event(flow="Secure")
    run_id = run_of(event, "Secure")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        run = await working.api.until_run(run_id, "dead")
        assert "***" in run["reason"]
        told = await all_that_is_told(working, run_id, event["subject"])
        (dead,) = await working.api.dead_letters(1)
        letter = await working.taken(UNPROCESSABLE, dead["message_id"])
        assert not [form for form in FORMS if form in str(letter.headers)]
    assert_nowhere(workplace, told, "".join(capsys.readouterr()))


async def test_a_run_whose_key_is_missing_waits_until_it_is_back(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    endpoint.plan(503, 204, path="/first")
    endpoint.decide = lambda received: (
        503 if received.path.startswith("/first") and len(endpoint.requests) == 1 else None
    )
    old, new = a_key(), a_key()
    event = an_event(flow="Secure")
    run_id = run_of(event, "Secure")
    broker = {"amqp_url": "amqp://broker", "flows": workplace.flow_folder(secure_flow(endpoint))}
    async with workplace.working(**broker, run_key=old, retry_scale="1") as working:
        await working.publish(event)
        await working.api.until_run(run_id, "waiting")
    async with workplace.working(**broker, run_key=new) as working:
        await working.api.post(f"/runs/{run_id}/try-now")
        run = await until(
            lambda: working.api.run(run_id),
            lambda run: "sealed with the key" in (run["reason"] or ""),
        )
        assert run["state"] == "waiting"
        assert "add it there" in run["reason"]
        assert await working.api.get("/dead-letters") == []
    async with workplace.working(**broker, run_key=f"{new} {old}") as working:
        await working.api.post(f"/runs/{run_id}/try-now")
        await working.api.until_run(run_id, "done")
    assert [request.path.partition("?")[0] for request in endpoint.requests] == [
        "/first", "/first", "/second",
    ]  # fmt: skip


async def test_on_a_broker_without_a_key_a_secure_flow_may_not_wait(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    async with workplace.working(amqp_url="amqp://broker") as working:
        status, answer = await working.api.ask("POST", "/flows", secure_flow(endpoint))
        assert status == 422
        assert "ONHOOK_RUN_KEY" in answer["error"]["message"]
        only = a_request(
            "Only", endpoint.url(), httpRequestBody='{"card": "{{Card}}"}', onFailure="continue"
        )
        variables = ({"name": "Card", "isSecure": True, "value": CARD},)
        await working.api.post("/flows", a_flow("Once", only, variables=variables))
        status, answer = await working.api.ask(
            "PUT", "/flows/Once/overrides/Card", {"value": "4929 1234 other"}
        )
        assert (status, "openssl rand -base64 32" in answer["error"]["message"]) == (409, True)
        event = an_event(flow="Once")
        await working.publish(event)
        await working.api.until_run(run_of(event, "Once"), "done")
    assert endpoint.requests[0].json == {"card": CARD}
    assert_nowhere(workplace)


async def test_an_override_whose_key_is_missing_holds_its_flow_s_runs_up(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    old, new = a_key(), a_key()
    event = an_event(flow="Secure")
    run_id = run_of(event, "Secure")
    broker = {"amqp_url": "amqp://broker", "flows": workplace.flow_folder(secure_flow(endpoint))}
    async with workplace.working(**broker, run_key=old) as working:
        await working.api.ask("PUT", "/flows/Secure/overrides/Card", {"value": "other card"})
    async with workplace.working(**broker, run_key=new) as working:
        await working.publish(event)
        run = await working.api.until_run(run_id, "waiting")
        assert 'flow "Secure": override of Card: sealed with the key' in run["reason"]
    async with workplace.working(**broker, run_key=f"{new} {old}") as working:
        await working.api.post(f"/runs/{run_id}/try-now")
        await working.api.until_run(run_id, "done")
    assert endpoint.requests[0].json == {"card": "other card"}

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
from walked import a_graph_flow, a_node, a_set, a_subflow
from workplace import Working, Workplace, execute, rows_of, run_of, until

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


TOKEN = "tok-9f8e7d6c5b4a"


def token_flow(endpoint: Endpoint, *after: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """Logs in, takes the token from the response, and goes on with `after`."""
    login = a_request("Login", endpoint.url("/login"), onFailure="continue", **properties)
    names = ["Login", *(node["name"] for node in after)]
    ports = ["default" if "Request" in name or name == "Login" else "out" for name in names]
    links = tuple(zip(names, ports, names[1:], strict=False))
    variables = ({"name": "Token", "isSecure": True}, {"name": "Copy"}, {"name": "Again"})
    return a_graph_flow(login, *after, links=links, variables=variables)


async def told_of(
    workplace: Workplace, endpoint: Endpoint, *flows: dict[str, Any], state: str = "done"
) -> str:
    """All that a worker tells of a run of the first flow, while the login answers with a token."""
    endpoint.decide = lambda received: (
        Answer(200, {"X-Echo": TOKEN}, f'{{"t": "{TOKEN}"}}'.encode())
        if received.path.startswith("/login")
        else None
    )
    event = an_event(flow="F")
    async with workplace.working() as working:
        for flow in reversed(flows):
            await working.api.post("/flows", flow)
        await working.publish(event)
        await working.api.until_run(run_of(event, "F"), state)
        return await all_that_is_told(working, run_of(event, "F"), event["subject"])


def assert_told_nowhere(workplace: Workplace, told: str, secret: str = TOKEN) -> None:
    assert secret[:8] not in told
    for path in places(workplace):
        content = path.read_bytes()
        assert content.count(secret.encode()) == content.count(f'"value":"{secret}'.encode()), path


READ = [{"outputVariable": "Token", "jsonPathExp": "$.t"}]


async def test_the_request_whose_response_sets_a_secure_variable_tells_it_nowhere(
    workplace: Workplace, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    use = a_request("RequestUse", endpoint.url("/use"), httpRequestBody='{"t": "{{Token}}"}')
    told = await told_of(
        workplace, endpoint, token_flow(endpoint, use, outputVariableArray=READ)
    )  # fmt: skip
    assert endpoint.at("/use")[0].json == {"t": TOKEN}
    assert_told_nowhere(workplace, told + "".join(capsys.readouterr()))


async def test_a_response_is_masked_also_where_a_later_node_reads_the_secret_from_it(
    workplace: Workplace, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    parse = a_node(
        "Parse",
        "parse-activity",
        inputVariable="{{Login.httpResponseBody}}",
        contentType="JSON",
        outputVariableArray=READ,
    )
    told = await told_of(workplace, endpoint, token_flow(endpoint, parse))
    assert "httpResponseBody" in told
    assert_told_nowhere(workplace, told + "".join(capsys.readouterr()))


async def test_a_value_stays_masked_in_messages_after_it_was_replaced(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    told = await told_of(
        workplace,
        endpoint,
        token_flow(
            endpoint,
            a_set("Keep", Copy="{{Token}}"),
            a_set("Forget", Token="other-value"),
            a_request("Request", endpoint.url("/use"), httpRequestBody='{"t": "{{Copy}}"}'),
            a_set("Say", Again="{{Copy}}!"),
            outputVariableArray=READ,
        ),
    )
    assert endpoint.at("/use")[0].json == {"t": TOKEN}
    assert_told_nowhere(workplace, told)


async def test_a_value_stays_masked_in_messages_behind_a_go_to(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    use = a_request("Use", endpoint.url("/use"), httpRequestBody='{"t": "{{X}}"}')
    onward = a_subflow(use, name="D", kind="FLOW", variables=({"name": "X"},))
    go = a_node(
        "Go",
        "hand-off",
        handOffFlow={"handOffTo": "D"},
        mappedVariableArray=[{"src": "Token", "target": "X"}],
    )
    flow = token_flow(endpoint, go, outputVariableArray=READ)
    told = await told_of(workplace, endpoint, flow, onward)
    assert endpoint.at("/use")[0].json == {"t": TOKEN}
    assert_told_nowhere(workplace, told)


@pytest.mark.parametrize("before", [4_060, 4_085, 4_093])
async def test_what_is_cut_is_masked_before(
    workplace: Workplace, endpoint: Endpoint, before: int
) -> None:
    """Bodies, URLs, headers and responses are kept up to a length, which may fall into a value."""
    variables = ({"name": "Card", "isSecure": True, "value": TOKEN},)
    url = endpoint.url("/p?" + "x" * (1_995 - len(endpoint.url("/p?")))) + "{{Card}}"
    padded = '{"pad": "' + "x" * (before - 18) + '", "t": "{{Card}}"}'
    flow = a_graph_flow(a_request("P", url, httpRequestBody=padded), variables=variables)
    echo = Answer(503, {"X-Echo": "y" * 490 + TOKEN}, b"z" * 1_015 + TOKEN.encode())
    endpoint.decide = lambda _received: echo if len(endpoint.requests) < 2 else None
    event = an_event(flow="F")
    async with workplace.working(flows=workplace.flow_folder(flow)) as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event, "F"), "done")
        told = await all_that_is_told(working, run_of(event, "F"), event["subject"])
    assert run["attempts"][0]["response_excerpt"] == "z" * 1_015 + "***"
    assert_told_nowhere(workplace, told)


async def test_an_override_that_cannot_be_its_secure_variable_is_quoted_nowhere(
    workplace: Workplace, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    pin = {"name": "Pin", "isSecure": True, "type": "INTEGER", "value": "1"}
    flow = a_graph_flow(a_request("P", endpoint.url("/p")), variables=(pin,))
    overrides = workplace.folder / "overrides.yaml"
    overrides.write_text(f"F:\n  Pin: {TOKEN}\n")
    event = an_event(flow="F")
    flags = {"flows": workplace.flow_folder(flow), "overrides": str(overrides)}
    async with workplace.working(**flags) as working:
        await working.publish(event)
        run = await working.api.until_run(run_of(event, "F"), "dead")
        assert 'variable "Pin": its override is no INTEGER' in run["reason"]
        (dead,) = await working.api.dead_letters(1)
        letter = await working.taken(UNPROCESSABLE, dead["message_id"])
        status, refusal = await working.api.ask(
            "POST", "/flows", flow | {"variables": [pin | {"value": TOKEN}]}
        )
        assert status == 422
        told = str(
            (run, dead, letter.headers, refusal, await working.api.get("/flows/F/overrides"))
        )
        told += await all_that_is_told(working, run_of(event, "F"), event["subject"])
    assert_told_nowhere(workplace, told + "".join(capsys.readouterr()))


async def test_a_rehearsal_shows_no_secure_value_that_it_comes_by(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    endpoint.decide = lambda _received: Answer(200, {}, f'{{"t": "{TOKEN}"}}'.encode())
    flow = token_flow(
        endpoint,
        a_set("Forget", Token="other-value"),
        a_set("Say", Again="{{Login.httpResponseBody}}"),
        outputVariableArray=READ,
    )
    async with workplace.working() as working:
        status, told = await working.api.ask("POST", "/flows/run", {"file": flow})
    assert (status, told["is_finished"]) == (200, True)
    assert [step["name"] for step in told["steps"][1:4]] == ["Login", "Forget", "Say"]
    assert TOKEN[:8] not in str(told)


async def test_an_override_is_sealed_once_its_variable_becomes_secure(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    body = '{"t": "{{Card}}"}'
    flow = a_graph_flow(
        a_request("P", endpoint.url("/p"), httpRequestBody=body), variables=({"name": "Card"},)
    )
    event = an_event(flow="F")
    async with workplace.working() as working:
        await working.api.post("/flows", flow)
        await working.api.ask("PUT", "/flows/F/overrides/Card", {"value": TOKEN})
        assert rows_of(workplace.journal, "SELECT is_sealed FROM overrides") == [(0,)]
        await working.api.post("/flows", flow | {"variables": [{"name": "Card", "isSecure": True}]})
        ((is_sealed, value),) = rows_of(workplace.journal, "SELECT is_sealed, value FROM overrides")
        assert (is_sealed, TOKEN.encode() in value) == (1, False)
        execute(workplace.journal, "DELETE FROM overrides")
        await working.api.ask("PUT", "/flows/F/overrides/Card", {"value": TOKEN})
        await working.publish(event)
        await working.api.until_run(run_of(event, "F"), "done")
    assert endpoint.at("/p")[0].json == {"t": TOKEN}

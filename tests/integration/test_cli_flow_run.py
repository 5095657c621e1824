"""`onhook flow run`: a flow run once in the command's own process, as its user meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from command import Finished, onhook
from endpoint import Answer, Endpoint
from flows import a_flow, a_request, an_event

EXAMPLES = Path(__file__).parents[2] / "deploy" / "flows"
WEBHOOK = {"name": "WebhookUrl", "value": "", "isExternalized": True}
HOOK = "https://hooks.example.com/calls"


def written(folder: Path, flow: dict[str, Any], name: str = "flow.json") -> str:
    (folder / name).write_bytes(msgspec.json.encode(flow))
    return name


def edges(done: Finished) -> list[tuple[str, str | None]]:
    return [(step["name"], step["edge"]) for step in done.json["steps"]]


async def example(name: str, *words: str, cwd: Path) -> Finished:
    return await onhook("flow", "run", str(EXAMPLES / name), "--dry-run", *words, cwd=cwd)


async def test_a_dry_run_prints_each_step_and_sends_nothing(tmp_path: Path):
    done = await example("main_flow.yaml", "--set", f"WebhookUrl={HOOK}", cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert "event AgentDisconnect (a sample)" in done.out
    assert f"--> POST {HOOK}" in done.out
    assert '"WhoCalls": "Ada Lovelace"' in done.out
    assert "<-- 200 (dry run: answered here)" in done.out
    assert "requests: 1 (answered here, nothing left)" in done.out
    assert all(len(line) <= 120 for line in done.out.splitlines())


async def test_the_trace_as_json_is_one_object(tmp_path: Path):
    words = ("--set", f"WebhookUrl={HOOK}", "--json")
    done = await example("main_flow.yaml", *words, cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert (done.json["is_finished"], done.json["reason"]) == (True, None)
    assert [step["activity"] for step in done.json["steps"]] == ["event", "http-request-v2", "end"]
    (request,) = done.json["steps"][1]["requests"]
    assert (request["status"], request["was_sent"]) == (200, False)
    names = {name.lower() for name, _ in request["headers"]}
    assert {"content-type", "webhook-id", "onhook-run-id"} <= names


async def test_the_same_event_gives_the_same_ids_and_bytes_as_the_worker_would_send(
    tmp_path: Path, endpoint: Endpoint
):
    name = written(tmp_path, a_flow("Main_Flow", a_request("Post", endpoint.url())))
    event = msgspec.json.encode(an_event()).decode()
    for _ in range(2):
        done = await onhook(
            "flow",
            "run",
            name,
            "--event",
            "-",
            cwd=tmp_path,
            stdin=event.encode(),
            egress_allow="127.0.0.1/32",
        )
        assert (done.status, done.err) == (0, "")
    one, other = endpoint.requests
    assert one.header("webhook-id") == other.header("webhook-id")
    assert one.body == other.body


async def test_without_a_rule_nothing_private_is_reached_and_the_rule_is_told(
    tmp_path: Path, endpoint: Endpoint
):
    name = written(tmp_path, a_flow("Main_Flow", a_request("Post", endpoint.url())))
    done = await onhook("flow", "run", name, cwd=tmp_path)
    assert done.status == 1
    assert "ONHOOK_EGRESS_ALLOW" in done.err
    assert "the worker would try again after 5 s, 30 s" in done.err
    assert endpoint.requests == []


async def test_the_lookup_decides_the_branch_and_the_pop_is_only_told(tmp_path: Path):
    hook = ("--set", f"WebhookUrl={HOOK}", "--json")
    (tmp_path / "customer.json").write_text('{"name": "Grace Hopper"}')
    found = await example(
        "lookup_and_pop.yaml", *hook, "--answer", "LookUp=200:customer.json", cwd=tmp_path
    )
    assert [name for name, _ in edges(found)] == [
        "AgentAnswered",
        "LookUp",
        "HasRecord",
        "ShowRecord",
        "Tell",
        "EndFlow",
    ]
    assert found.json["variables"]["CustomerName"] == "Grace Hopper"
    missing = await example("lookup_and_pop.yaml", *hook, "--answer", "LookUp=404", cwd=tmp_path)
    assert ("HasRecord", "false") in edges(missing)
    assert "ShowRecord" not in dict(edges(missing))
    silent = await example("lookup_and_pop.yaml", *hook, "--answer", "LookUp=0", cwd=tmp_path)
    assert silent.status == 0
    (tell,) = [step for step in silent.json["steps"] if step["name"] == "Tell"]
    assert msgspec.json.decode(tell["requests"][0]["body"])["lookup"] == 0


async def test_a_tier_chooses_the_team(tmp_path: Path):
    hook = ("--set", f"WebhookUrl={HOOK}", "--json")
    (tmp_path / "gold.json").write_text('{"customer": {"tier": "Gold", "visits": 2}}')
    gold = await example(
        "route_by_tier.yaml", *hook, "--answer", "LookUp=200:gold.json", cwd=tmp_path
    )
    (told,) = [step for step in gold.json["steps"] if step["name"] == "TellGoldTeam"]
    body = msgspec.json.decode(told["requests"][0]["body"])
    assert body["summary"] == "14085551234 called for the 3. time"
    assert body["customer"] == {"customer": {"tier": "Gold", "visits": 2}}
    other = await example("route_by_tier.yaml", *hook, cwd=tmp_path)
    assert ("ByTier", "default") in edges(other)
    silent = await example("route_by_tier.yaml", *hook, "--answer", "LookUp=0", cwd=tmp_path)
    assert silent.status == 0
    assert "TellSupport" in dict(edges(silent))


async def test_a_subflow_is_entered_where_it_is_given_and_named_where_it_is_not(tmp_path: Path):
    hook = ("--set", f"WebhookUrl={HOOK}")
    given = ("--with", str(EXAMPLES / "mask_number.yaml"))
    done = await example("tell_masked.yaml", *hook, *given, "--json", cwd=tmp_path)
    assert done.status == 0
    assert {step["flow"] for step in done.json["steps"]} == {"Tell_Masked", "Mask_Number"}
    (tell,) = [step for step in done.json["steps"] if step["name"] == "Tell"]
    assert msgspec.json.decode(tell["requests"][0]["body"])["caller"] == "******1234"
    alone = await example("tell_masked.yaml", *hook, cwd=tmp_path)
    assert alone.status == 1
    assert "Mask_Number" in alone.err


async def test_a_delivery_that_fails_fails_the_run_and_says_what_the_worker_would_do(
    tmp_path: Path,
):
    words = ("--set", f"WebhookUrl={HOOK}", "--answer")
    gone = await example("main_flow.yaml", *words, "HTTPRequest_fwn=410", cwd=tmp_path)
    assert gone.status == 1
    assert 'failed: node "HTTPRequest_fwn": answered 410; the worker would not' in gone.err
    refused = await example("main_flow.yaml", *words, "HTTPRequest_fwn=404", cwd=tmp_path)
    assert "the worker would try again after 5 s, 30 s\n" in refused.err
    broken = await example("main_flow.yaml", *words, "HTTPRequest_fwn=503", cwd=tmp_path)
    assert "after 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h" in broken.err


async def test_an_error_handler_takes_over_and_a_wait_is_passed_over(tmp_path: Path):
    wait = {
        "id": "id-Wait",
        "name": "Wait",
        "properties": {"activityName": "wait-activity", "duration": "01:00:00"},
    }
    flow = a_flow(
        "Main_Flow",
        a_request("Post", HOOK),
        on_error=(a_request("Alarm", "https://alarm.example.com/"),),
    )
    group = flow["eventFlows"]["GLOBAL_EVENTS"]
    group["nodes"].append(wait)
    for edge in group["edges"]:
        if edge["from"] == "AgentDisconnect":
            edge["to"] = "Wait"
    group["edges"].append({"from": "Wait", "condition": "out", "to": "Post"})
    name = written(tmp_path, flow)
    done = await onhook(
        "flow", "run", name, "--dry-run", "--answer", "Post=500", "--json", cwd=tmp_path
    )
    assert done.status == 0
    assert [step for step, _ in edges(done)] == [
        "AgentDisconnect",
        "Wait",
        "Post",
        "OnGlobalError",
        "Alarm",
        "EndFlow",
    ]
    assert "would wait 3600 s" in done.json["steps"][1]["notes"][0]
    assert done.json["elapsed_ms"] < 5_000


async def test_secure_values_are_masked_wherever_they_would_stand(tmp_path: Path):
    token = {"name": "Token", "value": "s3cr3t/token", "isSecure": True}
    post = a_request(
        "Post",
        f"{HOOK}?t={{{{Token}}}}",
        httpRequestHeaders={"X-Token": "{{Token}}"},
        httpRequestBody='{"token": "{{Token}}"}',
    )
    name = written(tmp_path, a_flow("Main_Flow", post, variables=(token,)))
    for words in ((), ("--json",)):
        done = await onhook("flow", "run", name, "--dry-run", *words, cwd=tmp_path)
        assert done.status == 0, done.err
        assert "s3cr3t" not in done.out + done.err
        assert "***" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--event", "nowhere.json"), "nowhere.json: No such file or directory"),
        (("--event", "AgentOffered"), "has no handler for AgentOffered"),
        (("--event", "bad.json"), "bad.json: not a CloudEvent"),
        (("--event", "-"), "stdin: "),
        (("--answer", "Post=200"), "--answer is for a dry run"),
        (("--dry-run", "--answer", "Post"), "names no HTTP Request"),
        (("--dry-run", "--answer", "Pots=200"), "with NODE one of: Post"),
        (("--dry-run", "--answer", "Post=99"), "200 to 599"),
        (("--dry-run", "--answer", "Post=200:none.json"), "none.json: No such file"),
        (("--set", "Webhookurl=x", "--dry-run"), "did you mean WebhookUrl?"),
        (("--set", "WebhookUrl", "--dry-run"), "write WebhookUrl=VALUE"),
        (("--at", "noon", "--dry-run"), "is no time"),
        (("--with", "none.yaml"), "none.yaml: No such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_wrong_usage_is_told_in_one_line_with_status_2(
    tmp_path: Path, words: tuple[str, ...], said: str
):
    name = written(tmp_path, a_flow("Main_Flow", a_request("Post", HOOK), variables=(WEBHOOK,)))
    (tmp_path / "bad.json").write_text('{"id": 1}')
    done = await onhook("flow", "run", name, *words, cwd=tmp_path)
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert done.err.startswith("onhook: ")
    assert said in done.err


async def test_a_terminal_does_not_obey_what_a_caller_sends(tmp_path: Path):
    event = an_event(variables={"WhoIsCalling": "\x1b]0;owned\x07\x9b31m"})
    (tmp_path / "event.json").write_bytes(msgspec.json.encode(event))
    words = ("--set", f"WebhookUrl={HOOK}", "--event", "event.json")
    done = await example("main_flow.yaml", *words, cwd=tmp_path)
    assert done.status == 0
    assert not any(control in done.out for control in "\x1b\x07\x9b")


async def test_a_connector_authenticates_and_its_credentials_are_never_shown(
    tmp_path: Path, endpoint: Endpoint
):
    endpoint.plan(Answer(200, body=b'{"you said": "Bearer t0ps3cret"}'))
    (tmp_path / "connectors.yaml").write_text(
        f"crm:\n  url: {endpoint.url('')}\n  bearer: t0ps3cret\n"
    )
    get = a_request(
        "Get",
        "",
        authenticated=True,
        connectorId="crm",
        httpRequestPath="/hook",
        httpRequestMethod="GET",
        httpContentType="None",
        httpRequestBody="",
    )
    name = written(tmp_path, a_flow("Main_Flow", get))
    settings = {"connectors": "connectors.yaml", "egress_allow": "127.0.0.1/32"}
    done = await onhook("flow", "run", name, cwd=tmp_path, **settings)
    assert (done.status, done.err) == (0, "")
    (request,) = endpoint.requests
    assert request.header("authorization") == "Bearer t0ps3cret"
    assert "t0ps3cret" not in done.out
    assert "Authorization: Bearer ***" in done.out


async def test_a_subflow_alone_is_started_by_nothing(tmp_path: Path):
    done = await onhook("flow", "run", str(EXAMPLES / "mask_number.yaml"), cwd=tmp_path)
    assert (done.status, done.out) == (2, "")
    assert "onhook flow run CALLER --with FILE" in done.err

"""contracts/: in step with the code, valid by its own standards, and true of the examples."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq_event
from cloudevents.core.formats.json import JSONFormat

from onhook.contracts.event import CONTENT_TYPE, decode_event, encode_event
from onhook.contracts.run import RUN_TYPE, decode_run, encode_run, flow_id_of, webhook_id_of
from onhook.contracts.sample import SAMPLE_EVENTS
from onhook.contracts.screen_pop import SCREEN_POP
from onhook.contracts.topology import (
    EVENTS_EXCHANGE,
    TOPOLOGY,
    event_key,
    key_matches,
    routes,
    screen_pop_key,
)
from onhook.event_flow.dead_letter import About, headers_for

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
SCHEMAS = sorted(path.stem for path in (CONTRACTS / "schemas").glob("*.json"))
EXAMPLES = sorted(path.stem for path in (CONTRACTS / "examples").glob("*.json"))
APIS = ("call-emulator", "event-flow", "sink")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/contracts as a module."""
    loader = SourceFileLoader("contracts_script", str(ROOT / "scripts" / "contracts"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def schema(name: str) -> dict[str, Any]:
    return json.loads((CONTRACTS / "schemas" / f"{name}.json").read_bytes())


def example(name: str) -> bytes:
    return (CONTRACTS / "examples" / f"{name}.json").read_bytes()


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(name))


def references(part: Any) -> Iterator[str]:
    """Every `$ref` in a document, but in the examples, which are data."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for key, value in part.items():
            if key != "examples":
                yield from references(value)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def resolve(document: dict[str, Any], reference: str) -> Any:
    """What a reference of `document`, which lies in contracts/, leads to."""
    file, _, pointer = reference.partition("#")
    found: Any = json.loads((CONTRACTS / file).read_bytes()) if file else document
    for part in pointer.split("/")[1:]:
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


# --- In step


def test_the_published_form_is_what_the_code_says(script: ModuleType) -> None:
    assert list(script.differences(CONTRACTS)) == [], "run: make contracts"


def test_a_changed_a_missing_and_a_stale_file_are_differences(
    script: ModuleType, tmp_path: Path
) -> None:
    wanted = script.published()
    for name, content in wanted.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert script.differences(tmp_path) == {}
    (tmp_path / "schemas" / "flow.json").unlink()
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 3.0.0\n")
    (tmp_path / "examples" / "Old.json").write_text("{}\n")
    assert script.differences(tmp_path) == {
        "examples/Old.json": None,
        "asyncapi.yaml": wanted["asyncapi.yaml"],
        "schemas/flow.json": wanted["schemas/flow.json"],
    }


def test_check_writes_nothing_and_names_what_differs_and_what_mends_it(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(script, "CONTRACTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["contracts", "--check"])
    assert script.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert list(tmp_path.iterdir()) == []
    assert len(lines) == len(script.published())
    assert "contracts/asyncapi.yaml is not what the code says; run: make contracts" in lines
    monkeypatch.setattr("sys.argv", ["contracts"])
    assert script.main() == 0
    monkeypatch.setattr("sys.argv", ["contracts", "--check"])
    capsys.readouterr()
    assert script.main() == 0
    assert capsys.readouterr().out == ""


# --- Schemas and examples


def test_there_is_a_schema_and_an_example_of_every_message() -> None:
    assert set(EXAMPLES) == {*SAMPLE_EVENTS, RUN_TYPE, SCREEN_POP}
    assert set(SCHEMAS) == {*SAMPLE_EVENTS, RUN_TYPE, SCREEN_POP, "flow"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_2020_12_with_an_id_beside_its_file(name: str) -> None:
    document = schema(name)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"{name}.json"
    assert document["title"]
    jsonschema.Draft202012Validator.check_schema(document)
    assert all(resolve(document, reference) for reference in references(document))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_reads_the_same_to_older_tools(name: str) -> None:
    """AsyncAPI tools read draft-07, which takes `prefixItems` and `items: false` for "empty"."""
    jsonschema.Draft7Validator.check_schema(schema(name))
    assert "prefixItems" not in json.dumps(schema(name))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid_by_its_own_schema_alone(name: str) -> None:
    message = json.loads(example(name))
    valid_by = [each for each in EXAMPLES if validator(each).is_valid(message)]
    assert valid_by == [name]


@pytest.mark.parametrize("name", SAMPLE_EVENTS)
def test_an_example_is_read_by_the_code_and_written_the_same(name: str) -> None:
    event = decode_event(example(name))
    assert event.type == name
    plain = json.loads(example(name))
    again = json.loads(encode_event(event))
    assert {key: again[key] for key in plain} == plain


def test_the_example_run_is_read_by_the_code_and_written_the_same() -> None:
    body = example(RUN_TYPE)
    assert json.loads(encode_run(decode_run(body))) == json.loads(body)


@pytest.mark.parametrize("name", SAMPLE_EVENTS)
def test_an_example_is_read_by_the_cloudevents_sdk(name: str) -> None:
    event = JSONFormat().read(None, example(name))
    ours = decode_event(example(name))
    assert (event.get_id(), event.get_type()) == (ours.id, name)
    assert (event.get_source(), event.get_subject()) == (ours.source, ours.subject)
    assert event.get_specversion() == "1.0"
    assert event.get_data() == ours.data


@pytest.mark.parametrize("name", SAMPLE_EVENTS)
def test_an_example_is_read_by_the_cloudevents_sdk_off_rabbitmq(name: str) -> None:
    message = RabbitMQMessage(headers={}, content_type=CONTENT_TYPE, body=example(name))
    assert from_rabbitmq_event(message).get_type() == name


def test_the_examples_tell_one_call_in_order() -> None:
    events = [decode_event(example(name)) for name in SAMPLE_EVENTS]
    assert len({event.interaction_id for event in events}) == 1
    assert len({event.id for event in events}) == len(events)
    times = [event.time or "" for event in events]
    assert times == sorted(times)
    assert decode_run(example(RUN_TYPE)).event == events[3]


def test_the_example_run_stands_at_the_packaged_flow_s_request() -> None:
    flow = json.loads((ROOT / "services/onhook/flow/main_flow.json").read_bytes())
    run = decode_run(example(RUN_TYPE))
    handlers = flow["eventFlows"]["GLOBAL_EVENTS"]["nodes"]
    (request,) = (n for n in handlers if n["properties"]["activityName"] == "http-request-v2")
    assert run.flow_name == flow["name"]
    assert run.flow_id == flow.get("id", flow_id_of(flow["name"]))
    assert run.request is not None
    assert run.progress.node == run.request.node == request["id"]
    assert run.request.method == request["properties"]["httpRequestMethod"]
    assert dict(run.request.headers)["webhook-id"] == webhook_id_of(run.run_id, request["id"], 1)
    context = run.event.data | run.event.data["variables"]
    wanted = re.sub(
        r"\{\{(.+?)\}\}",
        lambda found: reduce(lambda part, name: part[name], found[1].split("."), context),
        request["properties"]["httpRequestBody"],
    )
    assert run.request.body == wanted.encode()


def test_the_packaged_flow_is_valid_by_the_flow_schema() -> None:
    flow = json.loads((ROOT / "services/onhook/flow/main_flow.json").read_bytes())
    validator("flow").validate(flow)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"specversion": "0.3"}, ["specversion"]),
        ({"type": "AgentOffered"}, ["type"]),
        ({"id": ""}, ["id"]),
        ({"data": {"variables": {}}}, ["data"]),
        ({"data": []}, ["data"]),
    ],
)
def test_a_schema_refuses_what_is_no_such_event(change: dict[str, Any], place: list[str]) -> None:
    message = json.loads(example("AgentDisconnect")) | change
    errors = list(validator("AgentDisconnect").iter_errors(message))
    assert errors
    assert {tuple(error.absolute_path)[:1] for error in errors} == {tuple(place)}


def test_a_publisher_may_add_what_cloudevents_allows() -> None:
    message = json.loads(example("AgentDisconnect"))
    message |= {"source": "/my/ivr", "traceparent": "00-abc", "flowversion": 3, "subject": None}
    validator("AgentDisconnect").validate(message)


def test_a_contact_that_nobody_answered_ends_too() -> None:
    message = json.loads(example("PhoneContactEnded"))
    for name in ("AgentOffered", "AgentAnswered", "AgentDisconnect"):
        del message["data"][name]
    message["data"]["PhoneContactEnded"] |= {"AgentID": None, "TeamID": None}
    validator("PhoneContactEnded").validate(message)


# --- AsyncAPI


@pytest.fixture(scope="module")
def bus() -> dict[str, Any]:
    return yaml.safe_load((CONTRACTS / "asyncapi.yaml").read_bytes())


def channels_of(bus: dict[str, Any], kind: str) -> dict[str, Any]:
    bound = {name: channel["bindings"]["amqp"] for name, channel in bus["channels"].items()}
    return {name: amqp for name, amqp in bound.items() if amqp["is"] == kind}


def test_the_bus_document_s_references_lead_somewhere(bus: dict[str, Any]) -> None:
    found = list(references(bus))
    assert found
    for reference in found:
        assert resolve(bus, reference), reference


def test_the_bus_document_s_queues_are_the_topology_s(bus: dict[str, Any]) -> None:
    queues = channels_of(bus, "queue")
    assert list(queues) == [queue.name for queue in TOPOLOGY.queues]
    for queue in TOPOLOGY.queues:
        declared = queues[queue.name]["queue"]
        assert declared["name"] == bus["channels"][queue.name]["address"] == queue.name
        assert declared["x-arguments"] == queue.arguments
        assert (declared["durable"], declared["exclusive"]) == (True, False)
    bindings = [
        (bound["exchange"], bound["routingKey"], name)
        for name, amqp in queues.items()
        for bound in amqp["queue"]["x-bindings"]
    ]
    assert sorted(bindings) == sorted(
        (binding.exchange, binding.routing_key, binding.queue) for binding in TOPOLOGY.bindings
    )


def test_the_bus_document_has_a_routing_key_for_every_event(bus: dict[str, Any]) -> None:
    keys = channels_of(bus, "routingKey")
    pop = keys.pop("agent.{agentId}.ScreenPop")
    assert pop["exchange"]["name"] == EVENTS_EXCHANGE
    assert routes(EVENTS_EXCHANGE, screen_pop_key("ada.l")) == ("onhook.call-emulator",)
    assert list(keys) == [event_key(name) for name in SAMPLE_EVENTS]
    patterns = [b.routing_key for b in TOPOLOGY.bindings if b.queue == "onhook.event-flow"]
    for key, amqp in keys.items():
        assert amqp["exchange"]["name"] == EVENTS_EXCHANGE
        assert any(key_matches(pattern, key) for pattern in patterns)


def test_the_bus_document_s_operations_use_messages_of_their_channel(bus: dict[str, Any]) -> None:
    assert {tag["name"] for row in bus["operations"].values() for tag in row["tags"]} == {
        "call-emulator",
        "event-flow",
    }
    for name, row in bus["operations"].items():
        channel = row["channel"]["$ref"]
        assert row["action"] in ("send", "receive")
        assert row["messages"], name
        assert all(m["$ref"].startswith(f"{channel}/messages/") for m in row["messages"])


def test_the_bus_document_s_messages_are_the_published_ones(bus: dict[str, Any]) -> None:
    messages = bus["components"]["messages"]
    published = (*SAMPLE_EVENTS, RUN_TYPE, SCREEN_POP)
    assert set(messages) == {*published, "undelivered", "unprocessable"}
    for name in published:
        message = messages[name]
        assert resolve(bus, message["payload"]["$ref"])["$id"] == f"{name}.json"
        (shown,) = message["examples"]
        assert shown["payload"] == json.loads(example(name))


def test_the_bus_document_s_dead_letter_headers_are_the_worker_s(bus: dict[str, Any]) -> None:
    known = {
        name: 7 if name in ("attempts", "status") else "text"
        for name in About.__struct_fields__
        if name != "original_headers"
    }
    sent = headers_for(About(**known), datetime(2026, 1, 5, tzinfo=UTC))
    for name in ("undelivered", "unprocessable"):
        described = bus["components"]["messages"][name]["headers"]
        assert list(described["properties"]) == list(sent)
        jsonschema.validate(sent, described)


def test_no_document_names_a_real_host(bus: dict[str, Any]) -> None:
    assert [server["host"] for server in bus["servers"].values()] == ["localhost:5672"]


# --- OpenAPI


@pytest.mark.parametrize("service", APIS)
def test_a_service_s_description_is_whole(service: str) -> None:
    content = (CONTRACTS / "http" / f"{service}.openapi.yaml").read_bytes()
    document = yaml.safe_load(content)
    assert document["openapi"].startswith("3.1")
    assert {"/livez", "/readyz"} <= set(document["paths"])
    assert b"&id0" not in content
    for reference in references(document):
        assert resolve(document, reference), reference
    rows = [row for item in document["paths"].values() for row in item.values()]
    names = [row["operationId"] for row in rows]
    assert len(names) == len(set(names))
    for path, item in document["paths"].items():
        for row in item.values():
            in_path = {p["name"] for p in row["parameters"] if p["in"] == "path"}
            assert in_path == {part.partition("}")[0] for part in path.split("{")[1:]}
    for kind in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(kind)


def test_the_layout_is_stable(script: ModuleType) -> None:
    assert script.published() == script.published()
    for name, content in script.published().items():
        assert content.endswith(b"\n"), name
        if name.endswith(".json"):
            assert content == msgspec.json.format(content, indent=2) + b"\n"

"""Exports of Flow Designer's pages become flow files; what became of each part is said."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flows import a_flow, a_request, an_event
from json_values import json_values
from onhook.cli.failure import Failure
from onhook.cli.flow_import import import_file
from onhook.contracts.event import decode_event
from onhook.flow.compiled import Flow, compile_flow
from onhook.flow.effect import Finished, Moved, SendRequest
from onhook.flow.engine import begin, context_of, step, succeeded
from onhook.flow.errors import FlowError
from onhook.flow.importing import Imported, import_flow
from onhook.flow.loading import load, load_flow
from onhook.flow.model import GLOBAL_EVENTS, FlowType, Node, Point
from onhook.flow.performing import World
from onhook.flow.writing import write_flow

FOLDER = Path(__file__).parents[1] / "flows_exported"
EXPORTS = sorted(path.stem for path in FOLDER.glob("*.json"))
PACKAGED = load_flow(files("onhook.flow").joinpath("main_flow.json").read_bytes(), "main_flow.json")


def exported(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_bytes())


def imported(export: Any) -> Imported:
    return import_flow(json.dumps(export).encode(), "export.json")


def handler_node(result: Imported, name: str) -> Node:
    (node,) = (n for n in result.file.event_flows[GLOBAL_EVENTS].nodes if n.name == name)
    return node


def ports_of(result: Imported, name: str) -> set[str | None]:
    node = handler_node(result, name)
    edges = result.file.event_flows[GLOBAL_EVENTS].edges
    return {edge.condition for edge in edges if edge.from_ == node.id}


def an_export(*activities: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The smallest export, with these activities in its main flow."""
    process = {"activities": {each["id"]: each for each in activities}, "links": []}
    return {"name": "F", "flowType": "FLOW", "process": process} | fields


def an_activity(name: str = "A", group: str = "action", **properties: Any) -> dict[str, Any]:
    return {"id": f"id-{name}", "name": name, "group": group, "properties": properties}


def the_node(result: Imported) -> Node:
    (node,) = result.file.nodes
    return node


# --- The samples


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_becomes_a_flow_file_that_is_read_without_a_finding(name: str) -> None:
    result = import_flow((FOLDER / f"{name}.json").read_bytes(), name)
    for as_yaml in (False, True):
        loaded = load(write_flow(result.file, as_yaml=as_yaml).encode(), name)
        assert (loaded.file, loaded.findings) == (result.file, ())


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_in_yaml_is_the_same_flow(name: str) -> None:
    content = yaml.safe_dump(exported(name), allow_unicode=True, sort_keys=False).encode()
    assert import_flow(content, name).file == imported(exported(name)).file


@pytest.mark.parametrize("name", EXPORTS)
def test_nothing_is_lost_in_silence(name: str) -> None:
    """Each activity, link, variable and field is there again, or a line says why not."""
    export = exported(name)
    if isinstance(export.get("flow"), str):
        export = json.loads(export["flow"])
    result = import_flow((FOLDER / f"{name}.json").read_bytes(), name)
    told = " ".join(result.left_out)
    graphs = [(export, result.file)]
    if GLOBAL_EVENTS in export["eventFlows"]["eventsMap"]:
        event_flow = export["eventFlows"]["eventsMap"][GLOBAL_EVENTS]
        graphs.append((event_flow, result.file.event_flows[GLOBAL_EVENTS]))
    lost_links = 0
    for source, target in graphs:
        assert {node.id for node in target.nodes} == set(source["process"]["activities"])
        lost_links += len(source["process"]["links"]) - len(target.edges)
    assert lost_links == told.count("a link without both of its ends")
    lost_variables = len(export["variables"]) - len(result.file.variables)
    assert lost_variables == told.count("which has no name")
    carried = {*json.loads(write_flow(result.file)), "process", "diagram", "eventFlows"}
    for field in export.keys() - carried:
        assert field in told or export[field] in (None, "", [], {}), field


def test_the_canonical_flow_s_export_is_the_canonical_flow() -> None:
    """Same name and no id, so the same run ids; same nodes, so the same webhook ids."""
    file = imported(exported("main_flow")).file
    assert (file.name, file.id, file.flow_type) == ("Main_Flow", None, FlowType.FLOW)
    assert file.description == PACKAGED.description
    for ours, theirs in zip(file.variables, PACKAGED.variables, strict=True):
        assert (ours.name, ours.type, ours.value) == (theirs.name, theirs.type, theirs.value)
        assert ours.is_global == theirs.is_global
        assert ours.is_agent_viewable == theirs.is_agent_viewable
        assert ours.is_agent_editable == theirs.is_agent_editable
        assert ours.is_externalized == theirs.is_externalized
    ours, theirs = (each.event_flows[GLOBAL_EVENTS] for each in (file, PACKAGED))
    nodes = {node.id: node for node in ours.nodes}
    for wanted in theirs.nodes:
        found = nodes[wanted.id]
        assert found.activity == wanted.activity
        if wanted.activity != "event":
            assert found.name == wanted.name
            assert wanted.properties.items() <= found.properties.items()
    assert [(e.from_, e.to, e.condition) for e in ours.edges] == [
        (e.from_, e.to, e.condition) for e in theirs.edges
    ]
    specification = "FCAsk(ContactLastAgentRemoved)"
    assert ours.on_events[specification] == theirs.on_events[specification]


def test_the_canonical_flow_s_export_runs_as_the_canonical_flow_runs() -> None:
    """The same run in every notation: same ids, same address, same bytes."""
    event = decode_event(json.dumps(an_event()).encode())
    overrides = {"WebhookUrl": "https://example.com/hook"}
    world = World(
        event=event, overrides=overrides, now=datetime(2026, 1, 5, tzinfo=UTC), run_id="r"
    )
    canonical = write_flow(PACKAGED)
    in_yaml = write_flow(PACKAGED, as_yaml=True)
    again = write_flow(imported(exported("main_flow")).file)
    runs = []
    for text in (canonical, in_yaml, again):
        flow = compile_flow(load_flow(text.encode(), "here"))
        progress = begin(flow, event, overrides)
        seen: list[Any] = [flow.id]
        while not isinstance(taken := step(flow, _no_other_flow, progress, world), Finished):
            if isinstance(taken, SendRequest):
                context = context_of(flow, _no_other_flow, progress, world)
                node = taken.node
                seen += [taken.address, taken.visit, taken.continues, node.name]
                seen += [node.method, node.render_url(context, now=world.now)]
                seen += [node.render_headers(context, now=world.now)]
                seen += [node.render_body(context, now=world.now)]
                taken = succeeded(flow, _no_other_flow, progress, taken, {}, world)
            assert isinstance(taken, Moved)
            progress = taken.progress
        runs.append(seen)
    assert len(runs[0]) > 5
    assert runs[0] == runs[1] == runs[2]


def _no_other_flow(flow_id: str, version: int) -> Flow:
    raise AssertionError((flow_id, version))


def test_an_export_from_before_flow_types_names_its_activities_and_ports() -> None:
    result = imported(exported("before_flow_types"))
    assert result.file.flow_type is FlowType.FLOW
    assert "flowType was unset" in " ".join(result.changed)
    nodes = {node.name: node for node in result.file.nodes}
    assert nodes["Greeting"].activity == "play-message"
    assert nodes["Greeting"].point == Point(360, 140.5)
    assert {variable.is_externalized for variable in result.file.variables} == {False}
    edges = {(edge.from_, edge.to): edge.condition for edge in result.file.edges}
    music, queue = nodes["HoldMusic"].id, nodes["QueueToSupport"].id
    assert edges[music, music] == "default", "a link to its own source stays"
    assert edges[queue, nodes["EndFlow_1"].id] == "failure", "the port, out of properties.value"
    assert any("handlers without a link" in line for line in result.kept)


def test_activities_that_are_not_run_come_along_untouched_and_are_named() -> None:
    export = exported("before_flow_types")
    nodes = {node.id: node for node in imported(export).file.nodes}
    for activity in export["process"]["activities"].values():
        if activity["properties"].get("activityName") in ("queue-contact", "play-music"):
            assert nodes[activity["id"]].properties == activity["properties"]
    (line,) = (each for each in imported(export).kept if each.startswith("untouched"))
    assert '"QueueToSupport" (queue-contact)' in line


def test_a_data_dip_keeps_what_its_activities_read() -> None:
    result = imported(exported("data_dip"))
    get = handler_node(result, "GetCustomer").properties
    assert get["httpResponseTimeout"] == "5000"
    assert get["httpContentType"] == "None"
    assert [row["outputVariable"] for row in get["outputVariableArray"]] == [
        "customerTier",
        "accountId",
    ]
    assert any("'Select', which has no path" in line for line in result.left_out)
    assert not any(":" in name or name.endswith(("_name", "_type")) for name in get)
    case = handler_node(result, "ByTier").properties
    assert (case["menuLinks"], case["menuLinks_input"]) == (["0", "1"], ["gold", "silver"])
    assert ports_of(result, "ByTier") == {"0", "1", "default"}
    post = handler_node(result, "TellCrm").properties
    assert (post["httpRequestMethod"], post["httpContentType"]) == ("POST", "Application/JSON")
    assert len(handler_node(result, "Remember").properties["setVariablesArray"]) == 2


def test_routing_names_its_targets_and_ports() -> None:
    result = imported(exported("routing"))
    assert handler_node(result, "Split").properties["allocations"] == [
        {"percent": 70, "desc": "Main"},
        {"percent": 20, "desc": "Overflow"},
        {"percent": 10, "desc": "Main (2)"},
    ]
    assert ports_of(result, "Split") == {"Main", "Overflow", "Main (2)"}
    hours = handler_node(result, "Hours").properties
    assert hours["businessHoursId"] == "Support hours"
    subflow = handler_node(result, "Balance").properties
    assert subflow["subflowName"] == "checkBalance"
    assert "id" not in subflow["subflowVersion"]
    assert "subflowId" not in subflow
    go_to = handler_node(result, "ToSurvey").properties["handOffFlow"]
    assert (go_to["handOffTo"], go_to["flowTagName"]) == ("Survey_Flow", "Latest")
    assert go_to["mappedVariableArray"][0]["src"] == "amount"
    search = handler_node(result, "Search").properties
    assert search["connectorId"] == "Example CRM"
    assert search["httpRequestBodyGQL"]["query"].startswith("{ task")
    assert result.file.comment == "Live since May"
    voice = result.file.variables[2]
    assert (voice.source, voice.overwrite, voice.is_global) == ("GLOBAL_TM", True, True)
    assert result.file.variable_orders["interaction-panel"][0].variable_seq == 1
    assert any("runtimeVariables" in line for line in result.left_out)


def test_a_subflow_in_a_template_is_found() -> None:
    file = imported(exported("subflow_in_a_template")).file
    assert (file.name, file.flow_type) == ("checkBalance", FlowType.SUBFLOW)
    assert [(v.name, v.is_input, v.is_output) for v in file.variables[:2]] == [
        ("patientId", True, False),
        ("balance", False, True),
    ]
    assert [node.activity_type for node in file.nodes] == ["start", "action", "end"]


def test_oddities_are_mended_and_told() -> None:
    result = imported(exported("oddities"))
    assert result.file.name == "Odd_Flow"
    values = {variable.name: variable for variable in result.file.variables}
    assert (values["retries"].value, values["ratio"].value) == ("3", "1.5")
    assert values["when"].type.value == "DATETIME"
    assert (values["flag"].value, values["flag"].is_agent_viewable) == ("true", True)
    handlers = result.file.event_flows[GLOBAL_EVENTS]
    assert set(handlers.on_events) == {"FCAsk(ContactLastAgentRemoved)", "ContactEnded"}
    assert handlers.edges[0].condition == "out"
    assert handlers.nodes[1].activity == "end"
    left_out = "\n".join(result.left_out)
    for part in ("variable 5", "a link without both", 'event flow "OTHER"', 'field "extra"'):
        assert part in left_out


# --- Select fields, one by one


SELECTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the value wins over what was shown": (
        {"contentType": "JSON", "contentType_name": "XML", "contentType:name": "YAML"},
        {"contentType": "JSON", "contentType_name": "XML"},
    ),
    "what is shown stands in for a word that is unset": (
        {"contentType": None, "contentType:name": "XML"},
        {"contentType": "XML"},
    ),
    "what was shown once never does": (
        {"contentType": None, "contentType:name:name": "XML", "contentType_name:name": "XML"},
        {},
    ),
    "an empty text is unset": (
        {"httpRequestMethod": "", "httpRequestMethod_name": "PUT"},
        {"httpRequestMethod": "PUT"},
    ),
    "a tenant's id becomes the name": (
        {"connectorId": "7", "connectorId:name": "CRM"},
        {"connectorId": "CRM"},
    ),
    "a name without an id is the name": (
        {"connectorId": None, "connectorId_name": "CRM"},
        {"connectorId": "CRM"},
    ),
    "a tenant's id without a name stays": ({"connectorId": "7"}, {"connectorId": "7"}),
    "a GraphQL body's blank variables are none": (
        {"httpRequestBodyGQL": {"query": "{ a }", "variables": " "}},
        {"httpRequestBodyGQL": {"query": "{ a }"}},
    ),
    "a name that says the same is not": (
        {"httpContentType": "XML", "httpContentType_name": "XML", "httpContentType:type": None},
        {"httpContentType": "XML"},
    ),
    "a field that only looks repeated stands for itself": (
        {"screen_type": "x", "retry_name": "y"},
        {"screen_type": "x", "retry_name": "y"},
    ),
    "unset fields are left out": ({"httpRequestPath": None, "_renderRequestTimestamp": 1}, {}),
}


@pytest.mark.parametrize(("given", "wanted"), SELECTS.values(), ids=SELECTS)
def test_a_select_field_comes_once(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    node = the_node(imported(an_export(an_activity(activityName="http-request-v2", **given))))
    assert node.properties == {"activityName": "http-request-v2"} | wanted


def test_a_target_that_an_expression_gives_stays_one() -> None:
    target = {
        "handOffTo": "{{goToFlow}}",
        "handOffToName": "goToFlow",
        "isDynamic": True,
        "flowTagId": "{{goToVersion}}",
        "flowTagName": "goToVersion",
    }
    node = the_node(imported(an_export(an_activity(activityName="hand-off", handOffFlow=target))))
    assert node.properties["handOffFlow"] == {
        "handOffTo": "{{goToFlow}}",
        "isDynamic": True,
        "flowTagName": "{{goToVersion}}",
    }


# --- Activities, links, event flows


@pytest.mark.parametrize(
    ("group", "properties", "activity"),
    [
        ("event", {"activityId": "event"}, "event"),
        ("start", {"activityId": "start"}, "start"),
        ("end", {"activityId": "end"}, "end"),
        ("action", {"activityId": "http-request-v2"}, "http-request-v2"),
        ("action", {"activityId": "5faa898c8bf5b65b82f0706b"}, "disconnect-contact"),
        ("action", {"activityId": "5f1", "activityName": "end"}, "end"),
        ("enum-gateway", {"activityId": "condition-activity", "activityName": None},
         "condition-activity"),
        ("action", {"activityId": "ffffffffffffffffffffffff"}, "action"),
        ("action", {}, "action"),
    ],
)  # fmt: skip
def test_an_activity_without_a_name_is_known_by_what_there_is(
    group: str, properties: dict[str, Any], activity: str
) -> None:
    assert the_node(imported(an_export(an_activity("A", group, **properties)))).activity == activity


def test_handlers_that_on_events_leaves_out_are_named_by_their_nodes() -> None:
    nodes = [
        an_activity("one", "event", eventSpecificationName="ContactEnded"),
        an_activity("two", "event", event="NewContact"),
        an_activity("three", "event"),
    ]
    events = {GLOBAL_EVENTS: an_export(*nodes) | {"onEvents": {"AgentOffered": "three"}}}
    result = imported(an_export(eventFlows={"eventsMap": events}))
    assert result.file.event_flows[GLOBAL_EVENTS].on_events == {
        "AgentOffered": "id-three",
        "ContactEnded": "id-one",
        "NewContact": "id-two",
    }


def test_event_flows_without_the_map_around_them_are_read_too() -> None:
    events = {GLOBAL_EVENTS: an_export() | {"onEvents": None}}
    assert GLOBAL_EVENTS in imported(an_export(eventFlows=events)).file.event_flows


@pytest.mark.parametrize(
    "empty", [None, {}, [], "", {"eventsMap": None}, {"eventsMap": {"GLOBAL_EVENTS": None}}]
)
def test_an_export_without_event_flows_is_a_flow(empty: Any) -> None:
    assert imported(an_export(eventFlows=empty)).file.event_flows == {}


def test_the_flow_store_s_answer_is_unwrapped() -> None:
    assert imported({"flow": an_export(name="G")}).file.name == "G"
    native = a_flow("N", a_request("A", "https://example.com"))
    assert imported({"flow": native}).file == load_flow(json.dumps(native).encode(), "here")


def test_a_flow_file_comes_back_as_it_is_and_says_so() -> None:
    native = a_flow("N", a_request("A", "https://example.com"))
    result = imported(native | {"misspelt": 1})
    assert result.file == load_flow(json.dumps(native).encode(), "here")
    assert result.kept == ("all of it: this is a flow file already, printed as it is",)
    assert result.changed == ()
    (line,) = result.left_out
    assert line.startswith('unknown field "misspelt" of the flow')


# --- What is no flow


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "this is no flow"),
        (b"{}", "neither process.activities nor nodes"),
        (b"[]", "this is no flow"),
        (b"null", "this is no flow"),
        (b"just words", "this is no flow"),
        (b'{"name": "package", "version": "1.0.0", "dependencies": {}}', "this is no flow"),
        (b'{"name": "F", "process": []}', "this is no flow"),
        (b'{"flow": ""}', "this is no flow"),
        (b'{"flow": "{"}', "neither JSON nor YAML"),
        (b'{"process": {}}', "the exported flow has no name"),
        (b'{"name": " ", "process": {}}', "the exported flow has no name"),
        (b'{"name": "F", "name": "G", "process": {}}', 'the key "name" stands twice'),
        (b'{"name": "F", "process": {}', "neither JSON nor YAML"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "neither JSON nor YAML"),
        (b'{"nodes": []}', '"name" is missing; write name'),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_what_is_no_flow_is_refused_with_what_to_do(content: bytes, words: str) -> None:
    with pytest.raises(FlowError) as refusal:
        import_flow(content, "x.json")
    assert words in str(refusal.value)
    assert str(refusal.value).startswith('flow "x.json": OH1000 ')


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_flow_or_refused(content: bytes) -> None:
    try:
        assert import_flow(content, "x").file.name
    except FlowError as refusal:
        assert refusal.findings


@given(
    activities=json_values,
    links=json_values,
    rest=st.dictionaries(
        st.sampled_from(["variables", "eventFlows", "variableOrders", "diagram", "flowType"]),
        json_values,
    ),
    properties=json_values,
)
def test_any_values_in_an_export_s_places_are_a_flow_or_refused(
    activities: Any, links: Any, rest: dict[str, Any], properties: Any
) -> None:
    shapes = [activities, {"a": activities}, {"a": {"properties": properties, "group": activities}}]
    for shape in shapes:
        export = {"name": "F", "process": {"activities": shape, "links": links}} | rest
        export["eventFlows"] = {
            "eventsMap": {"G": {"process": export["process"], "onEvents": properties}}
        }
        for link in ({}, {"links": [links, {"sourceActivityId": links, "targetActivityId": 1}]}):
            export["process"] = export["process"] | link
            try:
                file = imported(export).file
            except FlowError as refusal:
                assert refusal.findings
            else:
                assert load_flow(write_flow(file).encode(), "again") == file


# --- The command


def test_the_command_prints_the_flow_and_says_the_rest_on_stderr() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    assert import_file(str(FOLDER / "main_flow.json"), stdout, stderr) == 0
    assert load_flow(stdout.getvalue().encode(), "printed").name == "Main_Flow"
    words = [line.partition(":")[0] for line in stderr.getvalue().splitlines()]
    assert words == sorted(words, key=["kept", "changed", "left out", "next"].index)
    assert set(words) == {"kept", "changed", "left out", "next"}


def test_the_command_prints_yaml_where_asked() -> None:
    stdout = io.StringIO()
    assert import_file(str(FOLDER / "main_flow.json"), stdout, io.StringIO(), as_yaml=True) == 0
    assert stdout.getvalue().startswith("name: Main_Flow\n")


def test_the_command_exits_1_with_a_clear_error_for_what_is_no_flow(tmp_path: Path) -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    (tmp_path / "x.json").write_text("{}")
    assert import_file(str(tmp_path / "x.json"), stdout, stderr) == 1
    assert stdout.getvalue() == ""
    assert stderr.getvalue().startswith("onhook: flow ")
    assert "this is no flow" in stderr.getvalue()
    with pytest.raises(Failure):
        import_file(str(tmp_path / "none.json"), stdout, stderr)

"""Compiling a flow: links, handlers, who may set what, and each finding with its remedy."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from flows import a_flow, a_request
from onhook.contracts.event import ERROR_EVENT, EVENT_NAMES
from onhook.contracts.run import flow_id_of
from onhook.flow.activity import End, EventNode
from onhook.flow.compiled import Flow, compile_flow
from onhook.flow.errors import Finding, FlowError, Severity
from onhook.flow.http_request import HttpRequest
from onhook.flow.loading import load_flow

URL = "https://example.com/hook"
GLOBAL = {"source": "GLOBAL"}


def compiled(flow: dict[str, Any]) -> Flow:
    return compile_flow(load_flow(json.dumps(flow).encode(), "test"))


def errors_of(flow: dict[str, Any]) -> list[Finding]:
    with pytest.raises(FlowError) as refusal:
        compiled(flow)
    said = str(refusal.value).split("\n")
    assert all(line.startswith('flow "F": ') for line in said)
    return [each for each in refusal.value.findings if each.severity is Severity.ERROR]


def changed(flow: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """The flow with parts of its event flow replaced."""
    event_flow = flow["eventFlows"]["GLOBAL_EVENTS"] | parts
    return flow | {"eventFlows": {"GLOBAL_EVENTS": event_flow}}


def a_variable(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name} | fields


def body(*references: str) -> str:
    """Each as a bare value, which no quote breaks."""
    return f"[{', '.join(f'{{{{{reference}}}}}' for reference in references)}]"


def test_the_packaged_flow_compiles_and_is_told_of_what_an_agent_types() -> None:
    content = files("onhook.flow").joinpath("main_flow.json").read_bytes()
    flow = compile_flow(load_flow(content, "main_flow.json"))
    assert (flow.id, flow.name) == (flow_id_of("Main_Flow"), "Main_Flow")
    (found,) = flow.findings
    assert (found.code, found.severity) == ("OH1022", Severity.WARNING)
    assert found.node == "HTTPRequest_fwn"
    assert found.message == (
        "a double quote in {{WhoIsCalling}} would break the body on the hosted product, not here"
    )
    assert found.remedy == 'to run there too, write {{WhoIsCalling | escape("json")}}'
    assert flow.handlers == {"AgentDisconnect": "agent-disconnect"}
    assert [type(each) for each in flow.events.nodes.values()] == [EventNode, HttpRequest, End]
    assert flow.events.after("agent-disconnect") == "http-request"
    assert flow.events.after("http-request") == "end-event"
    assert flow.events.after("end-event") is None
    assert flow.settable == {"Global_Language", "WhoIsCalling"}
    assert flow.continuing == frozenset()


def test_a_flow_s_id_is_the_file_s_or_made_of_its_name() -> None:
    flow = a_flow("F", a_request("A", URL))
    assert compiled(flow).id == flow_id_of("F")
    assert compiled(flow | {"id": "abc"}).id == "abc"


# Links and handlers


def test_links_name_their_ends_by_id_or_by_name() -> None:
    flow = a_flow("F", a_request("A", URL))
    by_id = [{"from": "on-AgentDisconnect", "to": "id-A"}, {"from": "id-A", "to": "end"}]
    by_name = [{"from": "AgentDisconnect", "to": "A"}, {"from": "A", "to": "EndFlow"}]
    assert (
        compiled(changed(flow, edges=by_id)).events.ports
        == compiled(changed(flow, edges=by_name)).events.ports
    )


def test_an_id_goes_before_the_same_text_as_a_name() -> None:
    first, second = a_request("A", URL), a_request("B", URL) | {"id": "A"}
    flow = changed(a_flow("F", first, second), edges=[{"from": "AgentDisconnect", "to": "A"}])
    assert compiled(flow).events.after("on-AgentDisconnect") == "A"


@pytest.mark.parametrize("port", ["default", "out", "", None])
def test_a_plain_port_may_have_any_name(port: str | None) -> None:
    edge = {"from": "AgentDisconnect", "to": "A", "condition": port}
    flow = compiled(changed(a_flow("F", a_request("A", URL)), edges=[edge]))
    assert flow.events.after("on-AgentDisconnect") == "id-A"


def test_an_error_edge_is_a_port_of_its_own() -> None:
    nodes = a_request("A", URL), a_request("B", URL)
    flow = compiled(a_flow("F", *nodes, edges=(("A", "error", "EndFlow"),)))
    assert flow.events.after("id-A") == "id-B"
    assert flow.events.after_error("id-A") == "end"
    assert flow.events.after_error("id-B") is None


EVERY_NAME = [
    (alias, name)
    for name, aliases in [*EVENT_NAMES.items(), (ERROR_EVENT, ("GlobalErrorHandling",))]
    for alias in (name, *aliases)
]


@pytest.mark.parametrize(("alias", "name"), EVERY_NAME)
def test_a_handler_names_its_event_by_any_name_or_specification(alias: str, name: str) -> None:
    flow = compiled(a_flow("F", a_request("A", URL), events=(alias,)))
    assert flow.handlers == {name: f"on-{alias}"}


def test_a_handler_without_a_link_is_empty() -> None:
    flow = compiled(changed(a_flow("F", a_request("A", URL)), edges=[]))
    assert flow.events.after(flow.handlers["AgentDisconnect"]) is None


def test_a_flow_without_event_flows_handles_nothing() -> None:
    assert compiled(a_flow("F", a_request("A", URL)) | {"eventFlows": {}}).handlers == {}


# What an event may set


@pytest.mark.parametrize(
    ("fields", "is_settable"),
    [
        ({"source": "GLOBAL"}, True),
        ({"source": "GLOBAL_TM"}, True),
        ({"isCAD": True}, True),
        ({}, False),
        ({"source": ""}, False),
        ({"isAgentEditable": True}, False),
        ({"source": "GLOBAL", "isExternalized": True}, False),
        ({"isCAD": True, "isExternalized": True}, False),
    ],
)
def test_an_event_sets_only_what_is_global_or_viewable_and_not_external(
    fields: dict[str, Any], is_settable: bool
) -> None:
    flow = a_flow("F", a_request("A", URL), variables=(a_variable("v", **fields),))
    assert compiled(flow).settable == ({"v"} if is_settable else set())


@pytest.mark.parametrize(
    ("url", "is_settable"),
    [
        ("{{v}}", False),
        ("{{v}}/path", False),
        ("https://{{v}}/", False),
        ("https://{{v.host}}/", False),
        ("https://example.com{{v}}/", False),
        ("https://example.com:{{v}}/", False),
        ("{{other}}://{{v}}/", False),
        ("{{other}}{{v}}", False),
        ("https://example.com/{{v}}", True),
        ("https://example.com/?x={{v}}", True),
        ("{{other}}/{{v}}", True),
    ],
)
def test_an_event_never_sets_what_steers_a_request(url: str, is_settable: bool) -> None:
    variables = a_variable("v", **GLOBAL), a_variable("other", isExternalized=True)
    flow = a_flow("F", a_request("A", URL), a_request("B", url), variables=variables)
    assert ("v" in compiled(flow).settable) is is_settable


def test_an_event_never_sets_what_names_a_header() -> None:
    node = a_request("A", URL, httpRequestHeaders={"X-{{v}}": "{{w}}"})
    variables = a_variable("v", value="Who", **GLOBAL), a_variable("w", **GLOBAL)
    assert compiled(a_flow("F", node, variables=variables)).settable == {"w"}


# onFailure


def test_a_request_whose_status_is_read_later_continues() -> None:
    first = a_request("First", URL)
    second = a_request("Second", URL, httpRequestBody=body("First.httpStatusCode"))
    flow = compiled(a_flow("F", first, second))
    assert flow.continuing == {"id-First"}


@pytest.mark.parametrize("place", ["url", "query", "header", "body"])
def test_a_status_may_be_read_anywhere_later(place: str) -> None:
    reads = "{{First.httpStatusCode}}"
    third = {
        "url": a_request("Third", f"{URL}/{reads}"),
        "query": a_request("Third", URL, httpQueryParameters={"s": reads}),
        "header": a_request("Third", URL, httpRequestHeaders={"X": reads}),
        "body": a_request("Third", URL, httpRequestBody=f"[{reads}]"),
    }[place]
    flow = a_flow("F", a_request("First", URL), a_request("Second", URL), third)
    assert compiled(flow).continuing == {"id-First"}


@pytest.mark.parametrize("output", ["httpResponseBody", "httpResponseHeaders"])
def test_reading_only_what_came_back_keeps_a_request_delivered(output: str) -> None:
    second = a_request("Second", URL, httpRequestBody=body(f"First.{output}"))
    assert compiled(a_flow("F", a_request("First", URL), second)).continuing == frozenset()


def test_a_status_read_before_or_beside_is_not_read_later() -> None:
    first = a_request("First", URL, httpRequestBody=body("Second.httpStatusCode"))
    beside = a_request("Beside", URL, httpRequestBody=body("Second.httpStatusCode"))
    flow = a_flow("F", first, a_request("Second", URL), on_error=(beside,))
    assert compiled(flow).continuing == frozenset()


def test_a_status_read_on_the_way_round_a_loop_is_read_later() -> None:
    first = a_request("First", URL, httpRequestBody=body("Second.httpStatusCode"))
    flow = a_flow("F", first, a_request("Second", URL))
    edges = flow["eventFlows"]["GLOBAL_EVENTS"]["edges"][:-1]
    looped = changed(flow, edges=[*edges, {"from": "Second", "to": "First"}])
    assert compiled(looped).continuing == {"id-Second"}


@pytest.mark.parametrize(
    ("said", "continues"), [("deliver", False), ("continue", True), ("", True)]
)
def test_what_the_file_says_of_failure_wins(said: str, continues: bool) -> None:
    first = a_request("First", URL, onFailure=said)
    second = a_request("Second", URL, httpRequestBody=body("First.httpStatusCode"))
    assert ("id-First" in compiled(a_flow("F", first, second)).continuing) is continues


# Findings


def test_a_flow_needs_exactly_one_start() -> None:
    flow = a_flow("F", a_request("A", URL))
    (start,) = flow["nodes"]
    for nodes, count in (([], "no"), ([start, start | {"id": "s", "name": "S"}], "2")):
        (found,) = errors_of(flow | {"nodes": nodes})
        assert found.code == "FC1002"
        assert found.message == f"the main flow has {count} start nodes"
        assert found.remedy == "give it exactly one node with activityType start"


@pytest.mark.parametrize(
    ("edge", "missing"),
    [
        ({"from": "A", "to": "start"}, "start"),
        ({"from": "gone", "to": "A"}, "gone"),
        ({"from": "gone", "to": "away"}, "gone"),
    ],
)
def test_a_link_that_leaves_the_event_flow_is_named(edge: dict[str, str], missing: str) -> None:
    (found,) = errors_of(changed(a_flow("F", a_request("A", URL)), edges=[edge]))
    assert found.code == "FC1012"
    assert found.message.startswith(f'a link from "{edge["from"]}" to "{edge["to"]}" leaves')
    assert f'("{missing}")' in found.message
    assert found.remedy == "correct or remove the link"


@pytest.mark.parametrize("origin", ["A", "AgentDisconnect"])
def test_a_link_back_to_an_event_is_named(origin: str) -> None:
    edge = {"from": origin, "to": "AgentDisconnect"}
    (found,) = errors_of(changed(a_flow("F", a_request("A", URL)), edges=[edge]))
    assert found.code == "FC1012"
    assert found.message == f'a link from "{origin}" leads to the event "AgentDisconnect"'
    assert found.remedy == "an event only begins a handler; remove the link"


def test_two_links_from_one_port_are_named() -> None:
    flow = a_flow("F", a_request("A", URL), a_request("B", URL), edges=(("A", "out", "EndFlow"),))
    (found,) = errors_of(flow)
    assert (found.code, found.node) == ("FC1012", "A")
    assert found.message == "two links leave by the same port, which default and out both name"


def test_the_same_link_twice_is_one_link() -> None:
    flow = a_flow("F", a_request("A", URL), edges=(("A", "default", "EndFlow"),))
    assert compiled(flow).events.after("id-A") == "end"


def test_a_handler_without_its_node_is_named() -> None:
    (found,) = errors_of(
        changed(a_flow("F", a_request("A", URL)), onEvents={"AgentDisconnect": "gone"})
    )
    assert found.code == "FC1012"
    assert found.message == 'onEvents names node "gone", which is not there'


def test_two_handlers_for_one_event_are_named() -> None:
    events = ("AgentDisconnect", "FCAsk(ContactLastAgentRemoved)")
    (found,) = errors_of(a_flow("F", a_request("A", URL), events=events))
    assert found.code == "OH1004"
    assert found.message.startswith("AgentDisconnect has two handlers")


def test_an_event_that_only_a_source_can_make_is_a_warning_and_has_a_handler() -> None:
    flow = compiled(a_flow("F", a_request("A", URL), events=("AgentDisconnect", "AgentSneezed")))
    assert set(flow.handlers) == {"AgentDisconnect", "AgentSneezed"}
    (found,) = flow.findings
    assert (found.code, found.severity) == ("OH1005", Severity.WARNING)
    assert found.message == 'no event is called "AgentSneezed"'


CALL_ONLY = [
    "play-message",
    "play-music",
    "ivr-menu",
    "ivr-collectdigits",
    "queue-contact",
    "queue-lookup",
    "queue-to-agent",
    "set-contact-priority",
    "callback",
    "scheduled-callback",
    "blind-transfer",
    "bridged-transfer",
    "ivr-virtualassistantvoice",
    "record",
    "Feedback-V2",
    "bre-request",
    "fn-activity",
    "send-digits",
    "set-announcement",
    "SetCallerID",
    "generate-otp",
    "cryptographic-hash",
]


@pytest.mark.parametrize("activity", CALL_ONLY)
def test_an_activity_that_needs_a_call_is_named_with_what_to_do_instead(activity: str) -> None:
    (found,) = errors_of(with_node(activity))
    assert (found.code, found.node) == ("OH1001", "Odd")
    assert found.message == f'activity "{activity}" cannot run in an event flow'
    assert "these can run" not in found.remedy


@pytest.mark.parametrize(
    ("activity", "meant"),
    [
        ("case", "case-statement"),
        ("casestatment", "case-statement"),
        ("HTTPRequest", "http-request-v2"),
        ("set", "set-variable"),
        ("goto", "hand-off"),
        ("switch", "case-statement"),
        ("EndFlow", "end"),
    ],
)
def test_an_activity_that_is_nearly_one_is_suggested(activity: str, meant: str) -> None:
    (found,) = errors_of(with_node(activity))
    assert (found.code, found.remedy) == ("OH1001", f"did you mean {meant}?")
    assert found.message == f'there is no activity "{activity}" that can run in an event flow'


def test_an_activity_that_nobody_knows_is_named_with_what_can_run() -> None:
    (found,) = errors_of(with_node("custom"))
    assert found.remedy.startswith("remove it; these can run: http-request-v2, parse-activity, ")


def with_node(activity: str) -> dict[str, Any]:
    node = {"id": "n", "name": "Odd", "properties": {"activityName": activity}}
    flow = a_flow("F", a_request("A", URL))
    return changed(flow, nodes=[*flow["eventFlows"]["GLOBAL_EVENTS"]["nodes"], node])


def test_an_activity_without_a_name_is_told_by_its_group() -> None:
    flow = a_flow("F", a_request("A", URL))
    nodes = flow["eventFlows"]["GLOBAL_EVENTS"]["nodes"]
    for node in nodes:
        if node["properties"]["activityName"] in ("event", "end"):
            node["group"] = node["properties"].pop("activityName")
    assert compiled(changed(flow, nodes=nodes)).handlers == {
        "AgentDisconnect": "on-AgentDisconnect"
    }


def test_two_nodes_of_one_name_or_id_are_named() -> None:
    twins = a_request("A", URL), a_request("A", URL)
    found = errors_of(a_flow("F", *twins) | {})
    messages = [each.message for each in found if each.code == "OH1004"]
    assert messages == ['two nodes have the id "id-A"', 'two nodes have the name "A"']


@pytest.mark.parametrize(
    ("fields", "code", "message", "remedy"),
    [
        (
            {"type": "INTEGER", "value": "many"},
            "OH1003",
            "variable \"v\": its default 'many' is no INTEGER",
            "give it a value of that type, or declare another",
        ),
        (
            {"type": "DATETIME", "value": "{{soon()}}"},
            "OH1003",
            "variable \"v\": its default '{{soon()}}' is no DATETIME",
            "give it a value of that type, or declare another",
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    fields: dict[str, Any], code: str, message: str, remedy: str
) -> None:
    flow = a_flow("F", a_request("A", URL), variables=(a_variable("v", **fields),))
    (found,) = errors_of(flow)
    assert (found.code, found.message, found.remedy) == (code, message, remedy)


def test_a_variable_declared_twice_is_named() -> None:
    twins = a_variable("v"), a_variable("v", type="INTEGER")
    (found,) = errors_of(a_flow("F", a_request("A", URL), variables=twins))
    assert (found.code, found.message) == ("OH1004", 'variable "v" is declared twice')


@pytest.mark.parametrize(
    ("reference", "is_known"),
    [
        ("Declared", True),
        ("NewPhoneContact.ANI", True),
        ("NewContact.ANI", True),
        ("AgentAccepted.AgentID", True),
        ("OnGlobalError.errorMessage", True),
        ("A.httpStatusCode", True),
        ("Undeclared", False),
        ("Undeclared.deeper", False),
        ("ContactStartWorkflow.ANI", False),
        ("EndFlow.x", False),
    ],
)
def test_a_reference_to_nothing_is_a_warning(reference: str, is_known: bool) -> None:
    node = a_request("A", URL, httpRequestBody=body(reference))
    flow = compiled(a_flow("F", node, variables=(a_variable("Declared", type="JSON"),)))
    assert (flow.findings == ()) is is_known
    for found in flow.findings:
        assert (found.code, found.severity, found.node) == ("FC1038", Severity.WARNING, "A")
        assert found.message.startswith(f"{{{{{reference}}}}} names no variable")


def test_every_finding_comes_at_once_each_on_a_line_of_its_own() -> None:
    flow = a_flow("F", a_request("A", ""), variables=(a_variable("v"), a_variable("v")))
    with pytest.raises(FlowError) as refusal:
        compiled(flow | {"nodes": []})
    first, second, third = str(refusal.value).split("\n")
    assert first == 'flow "F": OH1004 variable "v" is declared twice; remove one'
    assert second.startswith('flow "F": FC1002 the main flow has no start nodes; give it exactly')
    assert third == (
        'flow "F": FC1015 node "A": url is empty; set httpRequestUrl or remove the node'
    )

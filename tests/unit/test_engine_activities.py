"""The activities, each performed by the engine: what it sets, the port it leaves by, its trace."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import a_request, an_event
from json_values import json_values
from onhook.flow import engine
from onhook.flow.errors import RunError
from onhook.flow.percent_allocation import drawn
from walked import Walk, a_graph_flow, a_node, a_set, an_end, begun, compiled, walked

URL = "https://example.com/hook"
JSON = {"type": "JSON"}


def a_variable(name: str, value: str = "", **fields: Any) -> dict[str, Any]:
    return {"name": name, "value": value} | fields


# Set Variable


def set_to(value: str, kind: str = "STRING", default: str = "", **walk: Any) -> Any:
    flow = a_graph_flow(a_set("Set", v=value), variables=(a_variable("v", default, type=kind),))
    return walked(flow, **walk).progress.variables["v"]


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        ("plain", "STRING", "plain"),
        ("", "STRING", ""),
        ("{{ '' }}", "STRING", ""),
        ("{{Nothing}}", "STRING", ""),
        ("{{ 1 + 1 }}", "STRING", "2"),
        ("{{ 1 + 1 }}", "INTEGER", 2),
        ("7", "INTEGER", 7),
        ("{{ 1.5 * 2 }}", "DECIMAL", 3.0),
        ("{{ 1 == 1 }}", "BOOLEAN", True),
        ("true", "BOOLEAN", True),
        ("{{Nothing}}", "INTEGER", None),
        ('{"a": [1]}', "JSON", {"a": [1]}),
        ("{{ {'a': [1]} }}", "JSON", {"a": [1]}),
        ("{{ {'a': [1]} }}", "STRING", '{"a":[1]}'),
        ("{{ now() }}", "DATETIME", "2026-03-04T12:00Z[UTC]"),
        ("2026-03-04T12:00Z", "DATETIME", "2026-03-04T12:00Z"),
        ("{{NewPhoneContact.ANI | slice(1)}}", "STRING", "14085551234"),
        ("a{{ 1 }}b", "STRING", "a1b"),
    ],
)
def test_a_variable_is_set_to_a_value_of_its_type(value: str, kind: str, found: Any) -> None:
    assert set_to(value, kind) == found
    assert type(set_to(value, kind)) is type(found)


def test_a_value_of_the_wrong_type_leaves_by_the_error_port() -> None:
    flow = a_graph_flow(
        a_set("Set", v="many"),
        an_end("Wrong"),
        an_end("Right"),
        links=(("Set", "out", "Right"), ("Set", "error", "Wrong")),
        variables=(a_variable("v", "1", type="INTEGER"),),
    )
    run = walked(flow)
    assert run.path == ["Set", "Wrong"]
    assert run.progress.variables == {"v": 1}
    entry = run.entry("Set")
    assert entry.edge == "error"
    assert entry.note == (
        "variable \"v\": the value 'many' is no INTEGER; give it a value of that type, or declare "
        "another"
    )


def test_assignments_are_made_in_order_each_seeing_those_before() -> None:
    variables = (a_variable("a", "1", type="INTEGER"), a_variable("b", "0", type="INTEGER"))
    run = walked(a_graph_flow(a_set("Set", a="{{a + 1}}", b="{{a * 10}}"), variables=variables))
    assert run.progress.variables == {"a": 2, "b": 20}
    assert run.entry("Set").inputs == {"a": 2, "b": 20}


def test_the_trace_names_the_port_as_the_file_does() -> None:
    flow = a_graph_flow(
        a_set("Set", v="1"),
        a_node("Read", "parse-activity", inputVariable="{{v}}"),
        an_end(),
        links=(("Set", "out", "Read"), ("Read", "default", "End")),
        variables=(a_variable("v"),),
    )
    run = walked(flow)
    names = ("AgentDisconnect", "Set", "Read", "End")
    assert [run.entry(name).edge for name in names] == ["out", "out", "default", None]


def test_one_that_fails_sets_none_of_them() -> None:
    variables = (a_variable("a", "1"), a_variable("b", "0", type="INTEGER"))
    flow = a_graph_flow(
        a_set("Set", a="new", b="x"),
        an_end(),
        links=(("Set", "error", "End"),),
        variables=variables,
    )
    assert walked(flow).progress.variables == {"a": "1", "b": 0}


def test_a_variable_is_set_to_another_by_its_bare_name() -> None:
    node = a_node("Set", "set-variable", srcVariable="v", setTo="set-to-variable", expr="other")
    variables = (a_variable("v"), a_variable("other", "found"))
    assert walked(a_graph_flow(node, variables=variables)).progress.variables["v"] == "found"


def test_the_first_assignment_may_stand_at_the_top_alone() -> None:
    node = a_node("Set", "set-variable", srcVariable="v", setTo="set-to-literal", expr="x")
    assert walked(a_graph_flow(node, variables=(a_variable("v"),))).progress.variables["v"] == "x"


COPIES = compiled(
    a_graph_flow(
        a_set("Set", to="{{from_}}"),
        variables=(a_variable("from_", **JSON), a_variable("to", **JSON)),
    )
)


@given(json_values.filter(lambda value: not isinstance(value, str)))
def test_any_json_value_goes_from_variable_to_variable_unchanged(value: Any) -> None:
    run = walked(COPIES, overrides={"from_": value})
    assert run.progress.variables["to"] == run.progress.variables["from_"]


# Condition


def taken(expression: str, **walk: Any) -> str | None:
    node = a_node("Is", "condition-activity", expression=expression)
    ends = [an_end(name) for name in ("Yes", "No", "Failed")]
    links = (("Is", "true", "Yes"), ("Is", "false", "No"), ("Is", "error", "Failed"))
    variables = (a_variable("v", "x"), a_variable("list", "[1]", **JSON))
    return walked(a_graph_flow(node, *ends, links=links, variables=variables), **walk).path[-1]


@pytest.mark.parametrize(
    ("expression", "port"),
    [
        ("{{ 1 == 1 }}", "Yes"),
        ("{{ 1 == 2 }}", "No"),
        ("{{ v == 'x' and 2 > 1 }}", "Yes"),
        ("{{ v }}", "Yes"),
        ("{{ '' }}", "No"),
        ("{{ 0 }}", "No"),
        ("{{ 2 }}", "Yes"),
        ("{{ Nothing }}", "No"),
        ("{{ NewPhoneContact.DNIS contains '1800' }}", "Yes"),
        ("{{ list }}", "Failed"),
        ("{{ 'a' > 1 }}", "Failed"),
    ],
)
def test_a_condition_leaves_by_what_its_expression_comes_to(expression: str, port: str) -> None:
    assert taken(expression) == port


def test_a_condition_tells_its_expression_and_value() -> None:
    node = a_node("Is", "condition-activity", expression="{{ 1 == 1 }}")
    run = walked(a_graph_flow(node, an_end(), links=(("Is", "true", "End"),)))
    assert run.entry("Is").inputs == {"expression": "{{ 1 == 1 }}", "value": True}
    assert run.entry("Is").edge == "true"


def test_a_port_that_no_link_leaves_by_ends_the_flow() -> None:
    node = a_node("Is", "condition-activity", expression="{{ 1 == 2 }}")
    run = walked(a_graph_flow(node, an_end(), links=(("Is", "true", "End"),)))
    assert run.path == ["Is"]
    assert run.entry("Is").edge is None


# Case


def case(**properties: Any) -> dict[str, Any]:
    given_properties = {
        "expression": "{{v}}",
        "menuLinks": ["0", "1"],
        "menuLinks_input": ["gold", "2"],
    }
    return a_node("Which", "case-statement", **given_properties | properties)


def which(value: str, kind: str = "STRING", **properties: Any) -> str:
    ends = [an_end(name) for name in ("Zero", "One", "Else")]
    links = (("Which", "0", "Zero"), ("Which", "1", "One"), ("Which", "default", "Else"))
    variables = (a_variable("v", value, type=kind), a_variable("two", "2"))
    flow = a_graph_flow(case(**properties), *ends, links=links, variables=variables)
    return walked(flow).path[-1]


@pytest.mark.parametrize(
    ("value", "kind", "end"),
    [
        ("gold", "STRING", "Zero"),
        ("2", "STRING", "One"),
        ("2", "INTEGER", "One"),
        ("Gold", "STRING", "Else"),
        ("", "STRING", "Else"),
        (" gold", "STRING", "Else"),
    ],
)
def test_a_case_compares_texts(value: str, kind: str, end: str) -> None:
    assert which(value, kind) == end


def test_a_case_s_value_may_be_an_expression() -> None:
    assert which("2", menuLinks_input=["gold", "{{two}}"]) == "One"


def test_ports_of_a_case_are_counted_where_they_are_not_named() -> None:
    assert which("2", menuLinks=None) == "One"


# Percent Allocation


def allocated(run_id: str, *shares: tuple[int, str]) -> str:
    rows = [{"percent": percent, "desc": name} for percent, name in shares]
    ends = [an_end(f"At {name}") for _, name in shares]
    links = tuple(("Split", name, f"At {name}") for _, name in shares)
    flow = a_graph_flow(a_node("Split", "percent-allocation", allocations=rows), *ends, links=links)
    run = walked(flow, run_id=run_id)
    outputs = run.progress.outputs["Split"]
    assert run.path[-1] == f"At {outputs['description']}"
    assert {name: percent for percent, name in shares}[outputs["description"]] == (
        outputs["percentage"]
    )
    return str(outputs["description"])


def test_shares_are_right_in_the_long_run() -> None:
    counted = Counter(drawn(f"run {number}", "id-Split", 1) // 10 for number in range(20_000))
    assert set(counted) == set(range(10))
    assert all(1_800 < count < 2_200 for count in counted.values())


@given(st.text(), st.text(), st.integers(1, 100))
def test_the_same_run_draws_the_same_number(run_id: str, address: str, visit: int) -> None:
    number = drawn(run_id, address, visit)
    assert number == drawn(run_id, address, visit)
    assert 0 <= number < 100


@given(st.text())
def test_every_run_leaves_by_one_of_the_ports(run_id: str) -> None:
    assert allocated(run_id, (60, "A"), (40, "B")) in "AB"


def test_a_share_of_nothing_is_never_taken() -> None:
    names = {allocated(str(number), (0, "never"), (100, "always")) for number in range(50)}
    assert names == {"always"}


def test_allocations_as_exports_hold_them_are_read() -> None:
    node = a_node(
        "Split",
        "percent-allocation",
        allocations=["0", "1"],
        allocations_input=['{"percent":100,"desc":"Main"}', '{"percent":0,"desc":"Other"}'],
    )
    run = walked(a_graph_flow(node, an_end(), links=(("Split", "Main", "End"),)))
    assert run.progress.outputs["Split"] == {"percentage": 100, "description": "Main"}


# Parse


def parsed(text: str, content: str | None, *rows: tuple[str, str], **walk: Any) -> Walk:
    node = a_node(
        "Read",
        "parse-activity",
        inputVariable="text",
        contentType=content,
        outputVariableArray=[{"outputVariable": name, "jsonPathExp": path} for name, path in rows],
    )
    variables = (
        a_variable("text", text),
        a_variable("s", "old"),
        a_variable("n", "5", type="INTEGER"),
        a_variable("j", "{}", **JSON),
    )
    return walked(a_graph_flow(node, variables=variables), **walk)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("JSON", '{"a": {"b": "1"}}'),
        (None, '{"a": {"b": "1"}}'),
        ("XML", "<root><a><b>1</b></a></root>"),
        ("YAML", 'a: {b: "1"}'),
        ("TOML", '[a]\nb = "1"'),
    ],
)
def test_a_text_is_read_as_what_it_is(content: str | None, text: str) -> None:
    run = parsed(text, content, ("s", "$.a.b"), ("n", "$.a.b"), ("j", "$.a"))
    assert run.progress.variables | {"text": ""} == {"text": "", "s": "1", "n": 1, "j": {"b": "1"}}
    assert run.entry("Read").note is None


def test_a_list_becomes_the_json_text_of_a_string() -> None:
    run = parsed('{"a": [{"t": 1}, {"t": 2}]}', "JSON", ("s", "$.a[*].t"), ("j", "$.a[*].t"))
    assert (run.progress.variables["s"], run.progress.variables["j"]) == ("[1,2]", [1, 2])


def test_what_is_missing_leaves_its_variable_empty_and_says_so() -> None:
    run = parsed("{}", "JSON", ("s", "$.a"), ("n", "$.a"), ("j", "$"))
    assert run.progress.variables | {"text": ""} == {"text": "", "s": "", "n": None, "j": {}}
    note = run.entry("Read").note
    assert note is not None
    assert note.startswith("s emptied: ")
    assert "n emptied: " in note


def test_what_cannot_be_read_leaves_all_of_them_empty_and_says_so() -> None:
    run = parsed("{", "JSON", ("s", "$.a"), ("n", "$.a"))
    assert (run.progress.variables["s"], run.progress.variables["n"]) == ("", None)
    assert str(run.entry("Read").note).startswith("s, n emptied: ")


def test_a_value_of_the_wrong_type_leaves_its_variable_empty() -> None:
    run = parsed('{"a": "many"}', "JSON", ("n", "$.a"), ("s", "$.a"))
    assert (run.progress.variables["n"], run.progress.variables["s"]) == (None, "many")
    assert "is no INTEGER" in str(run.entry("Read").note)


def test_an_empty_path_leaves_its_variable_as_it_was() -> None:
    assert parsed('{"a": 1}', "JSON", ("s", "")).progress.variables["s"] == "old"


def test_a_json_variable_is_read_as_it_is() -> None:
    node = a_node(
        "Read",
        "parse-activity",
        inputVariable="{{j}}",
        outputVariableArray=[{"outputVariable": "s", "jsonPathExp": "$.a"}],
    )
    variables = (a_variable("j", '{"a": "x"}', **JSON), a_variable("s"))
    assert walked(a_graph_flow(node, variables=variables)).progress.variables["s"] == "x"


# HTTP Request


def test_a_response_sets_variables_that_later_nodes_see() -> None:
    ask = a_request(
        "Ask",
        URL,
        outputVariableArray=[
            {"outputVariable": "tier", "jsonPathExp": "$.customer.tier"},
            {"outputVariable": "gone", "jsonPathExp": "$.nothing"},
            {"outputVariable": "kept", "jsonPathExp": ""},
            {"outputVariable": "", "jsonPathExp": ""},
        ],
    )
    tell = a_request("Tell", URL, httpRequestBody='{"tier": "{{tier}}"}')
    variables = (a_variable("tier"), a_variable("gone", "old"), a_variable("kept", "kept"))
    flow = a_graph_flow(ask, tell, links=(("Ask", "default", "Tell"),), variables=variables)
    run = walked(flow, results={"Ask": (200, '{"customer": {"tier": "gold"}}')})
    assert json.loads(run.rendered[1][1]) == {"tier": "gold"}
    assert run.progress.variables == {"tier": "gold", "gone": "", "kept": "kept"}
    entry = run.entry("Ask")
    assert entry.outputs["tier"] == "gold"
    assert str(entry.note).startswith("gone emptied: ")


def test_a_response_that_is_no_json_leaves_its_variables_empty() -> None:
    rows = [{"outputVariable": "tier", "jsonPathExp": "$.tier"}]
    flow = a_graph_flow(
        a_request("Ask", URL, outputVariableArray=rows), variables=(a_variable("tier", "old"),)
    )
    run = walked(flow, results={"Ask": (500, "<html>")})
    assert run.progress.variables["tier"] == ""
    assert run.progress.outputs["Ask"]["httpResponseBody"] == "<html>"


def test_a_template_that_fails_in_a_request_fails_its_node() -> None:
    node = a_request("Ask", URL, httpRequestBody='{"a": {{ "x" > 1 }}}')
    run = begun(a_graph_flow(node))
    run.step()
    effect = engine.step(run.flow, run.lookup, run.progress, run.world)
    assert isinstance(effect, engine.SendRequest)
    with pytest.raises(RunError, match=r"httpRequestBody: line 1"):
        effect.node.render_body(run.context(), now=run.now)


# Screen Pop


def popped(event: dict[str, Any] | None = None, **properties: Any) -> engine.PopScreen:
    node = a_node(
        "Pop",
        "screen-pop",
        **{
            "screenPopUrl": "https://crm.example/find",
            "queryParameters": {"ani": "{{NewPhoneContact.ANI}}"},
            "screenPopDesktopLabel": "Caller {{NewPhoneContact.ANI}}",
            "target": "outsideDesktop",
        }
        | properties,
    )
    (effect,) = walked(a_graph_flow(node), event=event).effects
    assert isinstance(effect, engine.PopScreen)
    return effect


def test_a_screen_pop_asks_for_a_page_on_the_agent_s_desktop() -> None:
    pop = popped().pop
    assert pop.url == "https://crm.example/find?ani=%2B14085551234"
    assert (pop.label, pop.target) == ("Caller +14085551234", "outsideDesktop")


@pytest.mark.parametrize(
    ("outputs", "agent"),
    [
        ({"AgentDisconnect": {"AgentId": "a"}, "AgentAnswered": {"AgentID": "b"}}, "a"),
        ({"AgentDisconnect": {"AgentID": "a"}}, "a"),
        ({"AgentDisconnected": {"AgentId": "a"}}, "a"),
        ({"AgentDisconnect": {}, "AgentAccepted": {"AgentID": "b"}}, "b"),
        ({"AgentDisconnect": None, "AgentOffered": {"agentId": "c"}}, "c"),
    ],
)
def test_the_agent_is_the_event_s_in_any_spelling(outputs: dict[str, Any], agent: str) -> None:
    event = an_event()
    event["data"] = {"NewPhoneContact": event["data"]["NewPhoneContact"]} | outputs
    assert popped(event).pop.agent_id == agent


def test_without_an_agent_a_screen_pop_fails() -> None:
    event = an_event()
    event["data"] = {"NewPhoneContact": event["data"]["NewPhoneContact"]}
    with pytest.raises(RunError, match="names no agent whose desktop could show it"):
        popped(event)


@pytest.mark.parametrize("port", ["default", "out"])
def test_a_screen_pop_leads_on_by_either_name_of_its_port(port: str) -> None:
    node = a_node("Pop", "screen-pop", screenPopUrl="https://crm.example/")
    run = walked(a_graph_flow(node, an_end(), links=(("Pop", port, "End"),)))
    assert run.path == ["Pop", "End"]
    assert run.entry("Pop").inputs["url"] == "https://crm.example/"


# Wait


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("00:00:10", 10), ("00:01:00", 60), ("72:00:00", 259_200), ("{{v}}", 3_600)],
)
def test_a_wait_asks_for_its_time(duration: str, seconds: int) -> None:
    node = a_node("Wait", "wait-activity", duration=duration)
    run = walked(
        a_graph_flow(
            node,
            an_end(),
            links=(("Wait", "out", "End"),),
            variables=(a_variable("v", "01:00:00"),),
        )
    )
    (effect,) = run.effects
    assert isinstance(effect, engine.Wait)
    assert effect.seconds == seconds
    assert run.path == ["Wait", "End"]


@pytest.mark.parametrize("value", ["", "9", "00:00:09", "72:00:01", "00:99:00", "soon"])
def test_a_time_that_cannot_be_waited_for_leaves_by_the_error_port(value: str) -> None:
    node = a_node("Wait", "wait-activity", duration="{{v}}")
    flow = a_graph_flow(
        node, an_end(), links=(("Wait", "error", "End"),), variables=(a_variable("v", value),)
    )
    run = walked(flow)
    assert run.effects == []
    assert run.path == ["Wait", "End"]
    assert "is not 10 seconds to 72 hours, as HH:MM:SS" in str(run.entry("Wait").note)


# Ends


def test_disconnect_contact_ends_an_event_flow_and_says_that_the_call_goes_on() -> None:
    run = walked(a_graph_flow(a_node("Bye", "disconnect-contact")))
    assert run.path == ["Bye"]
    assert run.entry("Bye").note == "ends this flow; the call is not this flow's to end"


# Errors


def test_a_failed_activity_goes_to_on_global_error_which_sees_what_failed() -> None:
    flow = a_graph_flow(
        a_set("Set", v="many"),
        a_set("Note", s="{{OnGlobalError.activityName}}: {{OnGlobalError.errorMessage}}"),
        on_error="Note",
        variables=(a_variable("v", "1", type="INTEGER"), a_variable("s")),
    )
    run = walked(flow)
    assert run.path == ["Set", "Note"]
    assert run.entry("Set").edge == "OnGlobalError"
    assert run.progress.variables["s"].startswith('Set: variable "v": the value')
    assert run.progress.in_error_handler


def test_an_empty_on_global_error_handles_nothing() -> None:
    flow = a_graph_flow(
        a_set("Set", v="many"), on_error="Set", variables=(a_variable("v", "1", type="INTEGER"),)
    )
    edges = flow["eventFlows"]["GLOBAL_EVENTS"]["edges"]
    edges[:] = [edge for edge in edges if edge["from"] != "OnGlobalError"]
    with pytest.raises(RunError, match='node "Set"'):
        walked(flow)


def test_an_unhandled_failure_is_raised_with_its_node() -> None:
    with pytest.raises(RunError) as refusal:
        walked(
            a_graph_flow(a_set("Set", v="many"), variables=(a_variable("v", "1", type="INTEGER"),))
        )
    assert str(refusal.value).startswith('node "Set": variable "v": the value')


def test_a_loop_of_any_activities_is_bounded() -> None:
    flow = a_graph_flow(
        a_set("Count", n="{{n + 1}}"),
        an_end("Out"),
        links=(("Count", "out", "Count"), ("Count", "error", "Out")),
        variables=(a_variable("n", "0", type="INTEGER"),),
    )
    run = walked(flow)
    assert run.progress.variables["n"] == 100
    assert run.entry("Count").note == "entered more than 100 times"
    assert run.path[-1] == "Out"


@given(st.text(), st.booleans())
def test_the_same_inputs_give_the_same_steps(run_id: str, is_true: bool) -> None:
    flow = a_graph_flow(
        a_node(
            "Split",
            "percent-allocation",
            allocations=[{"percent": 50, "desc": "A"}, {"percent": 50, "desc": "B"}],
        ),
        a_set("Set", v="{{Split.description}}"),
        a_node("Is", "condition-activity", expression=f"{{{{ {str(is_true).lower()} }}}}"),
        a_node("Wait", "wait-activity", duration="00:00:10"),
        a_request("Ask", URL),
        links=(
            ("Split", "A", "Set"),
            ("Split", "B", "Is"),
            ("Set", "out", "Is"),
            ("Is", "true", "Wait"),
            ("Is", "false", "Ask"),
            ("Wait", "out", "Ask"),
        ),
        variables=(a_variable("v"),),
    )
    event = an_event()
    first, second = (walked(flow, event=event, run_id=run_id) for _ in range(2))
    assert first.trace == second.trace
    assert first.progress == second.progress

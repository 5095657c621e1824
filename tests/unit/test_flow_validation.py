"""What validation says of each activity, of links and graphs, of limits and of called flows."""

from __future__ import annotations

from typing import Any

import pytest

from flows import a_flow, a_request
from onhook.flow.compiled import compile_flow, validate
from onhook.flow.errors import Finding, FlowError, Severity
from onhook.flow.surroundings import ALONE, Surroundings
from walked import a_graph_flow, a_node, a_set, a_subflow, an_end, at_hand, compiled, loaded

URL = "https://example.com/hook"
ERROR, WARNING, INFO = Severity
ENDS_HERE = "no link leaves it: the flow ends here"


def a_variable(name: str, value: str = "", **fields: Any) -> dict[str, Any]:
    return {"name": name, "value": value} | fields


V = a_variable("v", "x")


def found(
    flow: dict[str, Any], surroundings: Surroundings = ALONE, *, with_info: bool = False
) -> list[Finding]:
    """What is said of it, but for its last node, which most flows here do not link to an end."""
    return [
        each
        for each in validate(loaded(flow), surroundings)
        if (with_info or each.severity is not INFO) and each.message != ENDS_HERE
    ]


def only(flow: dict[str, Any], surroundings: Surroundings = ALONE) -> Finding:
    (finding,) = found(flow, surroundings)
    return finding


def linked(node: dict[str, Any], *ports: str, **more: Any) -> dict[str, Any]:
    """A flow of one node, whose ports all lead to an end."""
    links = tuple((node["name"], port, "End") for port in ports or ("out",))
    return a_graph_flow(node, an_end(), links=links, **more)


def condition(expression: str) -> dict[str, Any]:
    return a_node("Is", "condition-activity", expression=expression)


# Activities

WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    (a_node("N", "condition-activity"), "FC1015", "expression of condition-activity", "set"),
    (condition("v == 1"), "OH1010", "is not one expression in braces", "inside one pair of braces"),
    (condition("{{v}} == 1"), "OH1010", "is not one expression", "one pair of braces"),
    (condition("{{ v == }}"), "OH1002", "expression: line 1, column ", "correct the expression"),
    (a_node("N", "case-statement"), "FC1015", "expression of case-statement", "set"),
    (
        a_node(
            "N", "case-statement", expression="{{v}}", menuLinks=["0"], menuLinks_input=["a", "b"]
        ),
        "OH1003",
        "menuLinks has 1 ports for the 2 values",
        "give each value one port",
    ),
    (
        a_node("N", "percent-allocation", allocations=[{"percent": 60, "desc": "A"}] * 1),
        "OH1003",
        "the percentages add up to 60",
        "make them add up to 100",
    ),
    (
        a_node("N", "percent-allocation", allocations=[{"percent": 50, "desc": "A"}] * 2),
        "OH1003",
        'two allocations are called "A"',
        "rename one",
    ),
    (
        a_node("N", "percent-allocation", allocations=[{"percent": 99.5, "desc": "A"}]),
        "OH1003",
        "is no row of a whole percent and a desc",
        "write {percent: 60, desc: A}",
    ),
    (a_node("N", "percent-allocation"), "FC1015", "allocations of percent-allocation", "rows"),
    (a_node("N", "wait-activity"), "FC1015", "duration of wait-activity", "set duration"),
    (
        a_node("N", "wait-activity", duration="00:00:05"),
        "OH1003",
        "duration '00:00:05' is not 10 seconds to 72 hours, as HH:MM:SS",
        "correct it",
    ),
    (a_node("N", "set-variable"), "FC1015", "srcVariable of set-variable", "name the variable"),
    (a_set("N", other="1"), "FC1038", 'it sets "other", which is not declared', "declare"),
    (a_set("N", v="{{ 1 + }}"), "OH1002", "v: line 1, column ", "correct the expression"),
    (a_node("N", "parse-activity"), "FC1015", "inputVariable of parse-activity", "set"),
    (
        a_node("N", "parse-activity", inputVariable="v", contentType="CSV"),
        "OH1003",
        'contentType "CSV" cannot be read',
        "use one of JSON, XML, TOML, YAML",
    ),
    (a_node("N", "business-hours"), "FC1015", "businessHoursId of business-hours", "set"),
    (a_node("N", "screen-pop"), "FC1015", "screenPopUrl of screen-pop", "set"),
    (
        a_node("N", "screen-pop", screenPopUrl="ftp://x"),
        "OH1003",
        "is no http:// or https:// address",
        "correct screenPopUrl",
    ),
    (a_node("N", "subflow-handoff"), "FC1015", "subflowVersion of subflow-handoff", "{id, tag}"),
    (
        a_node(
            "N", "subflow-handoff", subflowVersion={"id": "S"}, subflowInputVariables=[{"src": "v"}]
        ),
        "OH1003",
        "subflowInputVariables has a row without src or target",
        "complete the row",
    ),
    (
        a_node("N", "subflow-handoff", subflowVersion={"id": "S"}, subflowOutputVariables=[{}]),
        "OH1003",
        "subflowOutputVariables has a row without outputVariable or target",
        "complete the row",
    ),
    (a_node("N", "hand-off"), "FC1015", "handOffFlow of hand-off", "id or name"),
]


@pytest.mark.parametrize(
    ("node", "code", "message", "remedy"), WRONG, ids=lambda each: str(each)[:50]
)
def test_what_an_activity_cannot_be_is_an_error(
    node: dict[str, Any], code: str, message: str, remedy: str
) -> None:
    errors = [each for each in found(a_graph_flow(node, variables=(V,))) if each.severity is ERROR]
    assert errors[0].code == code
    assert errors[0].node == node["name"]
    assert message in errors[0].message
    assert remedy in errors[0].remedy
    with pytest.raises(FlowError):
        compiled(a_graph_flow(node, variables=(V,)))


DOUBTFUL: list[tuple[dict[str, Any], tuple[str, ...], str, str]] = [
    (
        a_node(
            "N",
            "case-statement",
            expression="{{v}}\n",
            menuLinks_input=["a"],
        ),
        ("0", "default"),
        "",
        "",
    ),
    (
        a_node(
            "N",
            "case-statement",
            expression="{{\nv}}",
            menuLinks_input=["a"],
        ),
        ("0", "default"),
        "OH1011",
        "holds a line break",
    ),
    (
        a_node("N", "case-statement", expression="{{v}}", menuLinks_input=["a", "a"]),
        ("0", "1", "default"),
        "OH1003",
        'the value "a" stands there twice',
    ),
    (a_node("N", "disconnect-contact"), (), "OH1013", "leaves the call as it is"),
    (
        a_node("N", "business-hours", businessHoursId="nobody"),
        ("workingHours",),
        "OH1009",
        "no schedule is called 'nobody' here",
    ),
    (
        a_request("N", URL, authenticated=True, connectorId="nobody", httpRequestPath="/a"),
        ("default",),
        "OH1009",
        "no connector is called 'nobody' here",
    ),
    (
        a_node("N", "hand-off", handOffFlow="nobody"),
        ("error",),
        "OH1009",
        'no flow "nobody" is published under the label "Latest"',
    ),
    (
        a_node("N", "screen-pop", screenPopUrl=URL, target="inTheSky"),
        ("out",),
        "OH1003",
        'target "inTheSky" is none of',
    ),
    (
        a_node(
            "N",
            "parse-activity",
            inputVariable="v",
            outputVariableArray=[{"outputVariable": "v", "jsonPathExp": ""}],
        ),
        ("default",),
        "OH1023",
        'no jsonPathExp says what "v" is set to',
    ),
]


@pytest.mark.parametrize(
    ("node", "ports", "code", "message"), DOUBTFUL, ids=lambda each: str(each)[:50]
)
def test_what_an_activity_had_better_not_be_is_a_warning(
    node: dict[str, Any], ports: tuple[str, ...], code: str, message: str
) -> None:
    flow = linked(node, *ports, variables=(V,)) if ports else a_graph_flow(node, variables=(V,))
    warnings = found(flow)
    assert [each.code for each in warnings] == ([code] if code else [])
    for each in warnings:
        assert (each.severity, each.node) == (WARNING, "N")
        assert message in each.message
    compiled(flow)


# Links and graphs


@pytest.mark.parametrize(
    ("node", "port", "known"),
    [
        (condition("{{v}}"), "maybe", "error, false, true"),
        (condition("{{v}}"), "default", "error, false, true"),
        (a_request("N", URL), "failure", "default, error"),
        (a_set("N", v="1"), "failure", "error, out"),
        (a_node("N", "wait-activity", duration="00:00:10"), "timeout", "error, out"),
        (
            a_node("N", "case-statement", expression="{{v}}", menuLinks_input=["a"]),
            "7",
            "0, default, error",
        ),
    ],
)
def test_a_port_that_the_activity_does_not_have_is_an_error(
    node: dict[str, Any], port: str, known: str
) -> None:
    flow = linked(node, port, variables=(V,))
    finding = next(each for each in found(flow) if each.severity is ERROR)
    assert (finding.code, finding.node) == ("OH1012", node["name"])
    assert f'{node["properties"]["activityName"]} has no port "{port}"' in finding.message
    assert finding.remedy == f"use one of its ports: {known}"


def test_nothing_leaves_an_end() -> None:
    flow = a_graph_flow(an_end("A"), an_end("B"), links=(("A", "out", "B"),))
    finding = found(flow)[0]
    assert (finding.code, finding.remedy) == (
        "OH1012",
        "remove the link: nothing comes after it",
    )


def test_what_nothing_leads_to_is_named() -> None:
    flow = a_graph_flow(
        a_request("A", URL), a_request("B", URL), an_end(), links=(("B", "default", "End"),)
    )
    assert [(each.code, each.node) for each in found(flow)] == [("FC1004", "B"), ("FC1004", "End")]


def test_an_event_node_without_links_is_an_empty_handler() -> None:
    flow = a_graph_flow(a_request("A", URL))
    flow["eventFlows"]["GLOBAL_EVENTS"]["nodes"].append(a_node("PreDial", "event"))
    assert found(flow) == []


def test_a_branch_that_leads_nowhere_is_named() -> None:
    finding = only(linked(condition("{{v}}"), "true", variables=(V,)))
    assert (finding.code, finding.node) == ("OH1014", "Is")
    assert finding.message == 'no link leaves by "false": the flow ends there'


@pytest.mark.parametrize(
    ("links", "ends"),
    [
        ((), ["A"]),
        ((("A", "default", "B"),), ["B"]),
        ((("A", "error", "B"),), ["A", "B"]),
        ((("A", "default", "B"), ("B", "out", "End")), []),
    ],
)
def test_a_node_that_nothing_comes_after_is_named_where_the_flow_just_ends(
    links: tuple[tuple[str, str, str], ...], ends: list[str]
) -> None:
    nodes = (a_request("A", URL), a_set("B", v="1"), an_end())
    flow = a_graph_flow(*nodes, links=links, variables=(V,))
    dangling = [each for each in validate(loaded(flow)) if each.message == ENDS_HERE]
    assert [each.node for each in dangling] == ends
    for each in dangling:
        assert (each.code, each.severity) == ("OH1014", WARNING)
        assert each.remedy == "link it to End Flow, or to what comes next"


def test_a_flow_that_handles_nothing_and_does_nothing_is_told_of() -> None:
    flow = a_graph_flow(an_end())
    flow["eventFlow"] = flow.pop("eventFlows")
    finding = only(flow)
    assert (finding.code, finding.severity) == ("OH1029", WARNING)
    assert "it handles no event" in finding.message
    flow["nodes"].append(a_node("Say", "play-message"))
    assert found(flow)[0].code == "FC1004"


def test_a_subflow_handles_no_event() -> None:
    assert found(a_subflow(an_end("Back"))) == []


def test_two_screen_pops_are_one_too_many_on_the_hosted_product() -> None:
    nodes = [a_node(name, "screen-pop", screenPopUrl=URL) for name in "AB"]
    finding = only(a_graph_flow(*nodes, links=(("A", "out", "B"),)))
    assert (finding.code, finding.node) == ("OH1015", "B")


def test_a_main_flow_holds_what_only_a_call_can_run_but_its_links_are_checked() -> None:
    flow = a_graph_flow(a_request("A", URL))
    flow["nodes"] += [a_node("Say", "play-message"), a_node("Ask", "ivr-menu"), an_end("Bye")]
    links = [("NewPhoneContact", "out", "Say"), ("Say", "default", "Ask"), ("Ask", "1", "Bye")]
    flow["edges"] = [{"from": one, "condition": port, "to": two} for one, port, two in links]
    assert found(flow) == []
    flow["edges"].append({"from": "Ask", "condition": "A", "to": "Bye"})
    flow["edges"].append({"from": "Ask", "condition": "2", "to": "A"})
    assert [each.code for each in found(flow)] == ["OH1012", "FC1012"]


# Names


def test_an_output_that_a_node_has_not_is_a_warning() -> None:
    flow = a_graph_flow(
        a_request("Ask", URL),
        a_set("Set", v="{{Ask.responseBody}}"),
        links=(("Ask", "default", "Set"),),
        variables=(V,),
    )
    finding = only(flow)
    assert (finding.code, finding.node) == ("OH1006", "Set")
    assert finding.message == '{{Ask.responseBody}}: the node Ask has no output "responseBody" here'
    assert finding.remedy == "did you mean httpResponseBody?"


def test_an_output_of_the_main_flow_does_not_come_to_an_event_flow() -> None:
    flow = a_graph_flow(a_set("Set", v="{{Ask.httpStatusCode}}"), variables=(V,))
    flow["nodes"].append(a_request("Ask", URL))
    flow["edges"] = [{"from": "NewPhoneContact", "to": "Ask"}]
    finding = only(flow)
    assert (finding.code, finding.node) == ("FC1038", "Set")
    assert "names a node of the other tab" in finding.message


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    flow = a_graph_flow(
        a_set("Set", v="{{Global_Langage}}"),
        variables=(
            V,
            a_variable("Global_Language", "en-US", source="GLOBAL"),
        ),
    )
    assert only(flow).remedy.startswith("did you mean Global_Language? ")


def test_a_node_that_cannot_be_compiled_is_a_name_all_the_same() -> None:
    broken = a_request("LookUp", URL, httpResponseTimeout="2s")
    reading = a_request("Tell", URL, httpRequestBody='{"a": {{LookUp.httpStatusCode}}}')
    finding = only(a_flow("F", broken, reading))
    assert (finding.code, finding.node) == ("OH1003", "LookUp")
    assert finding.message == (
        "httpResponseTimeout must be a whole number of milliseconds up to 1000000000, not '2s'"
    )
    assert finding.remedy == "correct it: a number alone, which counts milliseconds"


def test_names_that_a_template_makes_itself_are_none_of_the_flow_s() -> None:
    flow = a_graph_flow(
        a_set("Set", v="{% set a = 1 %}{% for b in [1] %}{{a}}{{b}}{{loop.index}}{% endfor %}"),
        variables=(V,),
    )
    assert found(flow) == []


SINGLES = {
    "a variable": ("Hello {v}", "{v}", "write {{v}} for its value"),
    "an output": ('{"a": "{ NewPhoneContact.ANI }"}', "{NewPhoneContact.ANI}", "{{NewPhone"),
    "two braces": ("Hello {{v}} {{ v }}", "", ""),
    "what is no name of the flow": ("Hello {x} {} {1}", "", ""),
    "an interpolation": ('{{ "a#{v}" }}', "", ""),
    "a map of one name": ('{{ v | replace({v: ""}) }}', "", ""),
}


@pytest.mark.parametrize(("text", "name", "remedy"), SINGLES.values(), ids=SINGLES)
def test_a_name_of_the_flow_in_single_braces_is_a_warning(text: str, name: str, remedy: str):
    findings = [
        each for each in found(linked(a_set("N", v=text), variables=(V,))) if each.code == "OH1030"
    ]
    assert [each.message for each in findings] == (
        [f"{name} in single braces prints as it stands"] if name else []
    )
    assert all(remedy in each.remedy and each.node == "N" for each in findings)


def test_the_error_s_outputs_are_known() -> None:
    flow = a_graph_flow(a_set("Set", v="{{OnGlobalError.message}}"), variables=(V,))
    assert only(flow).remedy == "did you mean errorMessage?"


# Requests: delivered or not


READS = [
    condition("{{Ask.httpStatusCode == 404}}"),
    a_node("N", "case-statement", expression="{{Ask.httpStatusCode}}", menuLinks_input=["404"]),
    a_set("N", v="{{Ask.httpStatusCode}}"),
    a_node("N", "parse-activity", inputVariable="{{ Ask }}"),
    a_request("N", URL, httpQueryParameters={"s": "{{Ask.httpStatusCode}}"}),
    a_request("N", URL, httpRequestHeaders={"S": "{{Ask.httpStatusCode}}"}),
    a_request("N", URL, httpRequestBody='{"s": {{Ask.httpStatusCode}}}'),
    a_node("N", "screen-pop", screenPopUrl=f"{URL}/{{{{Ask.httpStatusCode}}}}"),
    a_node(
        "N",
        "subflow-handoff",
        subflowVersion={"id": "S"},
        subflowInputVariables=[{"src": "Ask.httpStatusCode", "target": "s"}],
    ),
]


@pytest.mark.parametrize("reader", READS, ids=lambda node: node["properties"]["activityName"])
def test_a_request_whose_status_is_read_later_continues_and_validation_says_why(
    reader: dict[str, Any],
) -> None:
    name = reader["name"]
    flow = a_graph_flow(
        a_request("Ask", URL),
        a_set("Between", v="x"),
        reader,
        links=(("Ask", "default", "Between"), ("Between", "out", name)),
        variables=(V,),
    )
    assert compiled(flow).continuing == {"id-Ask"}
    told = [each for each in found(flow, with_info=True) if each.code == "OH1019"]
    kind = reader["properties"]["activityName"]
    assert told[0].message == f'continues whatever the answer: {kind} "{name}" reads its status'
    assert told[0].severity is INFO


def test_a_request_whose_status_nobody_reads_is_delivered_and_validation_says_so() -> None:
    told = [
        each
        for each in found(a_graph_flow(a_request("Ask", URL)), with_info=True)
        if each.code == "OH1019"
    ]
    assert [each.message for each in told] == [
        "is retried until it is delivered: nothing later reads its status"
    ]


def test_what_handles_no_failure_is_told() -> None:
    flow = a_graph_flow(a_request("Ask", URL), a_set("S", v="x"), on_error="S", variables=(V,))
    assert "OH1024" not in {each.code for each in found(flow, with_info=True)}
    told = {each.code: each for each in found(a_graph_flow(a_request("A", URL)), with_info=True)}
    assert told["OH1024"].message.startswith('nothing handles a failure of "A"')


# Limits


def test_more_than_the_hosted_product_takes_is_a_warning() -> None:
    variables = (
        *(a_variable(f"c{number}", isCAD=True) for number in range(31)),
        *(a_variable(f"j{number}", "{}", type="JSON") for number in range(6)),
        *(a_variable(f"x{number}", isExternalized=True) for number in range(16)),
        a_variable("big", f'"{"x" * 17_000}"', type="JSON"),
        a_variable("long", "x" * 257, source="GLOBAL"),
    )
    flow = a_graph_flow(
        a_set("S", **{f"c{number}": "x" for number in range(11)}), variables=variables
    )
    messages = [each.message for each in found(flow) if each.code == "OH1020"]
    *counted, big, long = messages
    assert counted == [
        "11 assignments; the hosted product takes 10",
        "31 agent-viewable or reportable variables; the hosted product takes 30",
        "7 JSON variables; the hosted product takes 5",
        "16 externally overridable variables; the hosted product takes 15",
    ]
    assert big == (
        'the default of variable "big" has more than the 16 KB that the hosted product takes'
    )
    assert long == (
        'the default of variable "long" has more than the 256 characters that the hosted product '
        "takes"
    )


def test_what_has_no_description_is_told_once() -> None:
    flow = a_graph_flow(a_request("A", URL)) | {"description": "What it does."}
    told = [each for each in found(flow, with_info=True) if each.code == "FC1007"]
    assert [each.message for each in told] == [
        "no description: AgentDisconnect, A, NewPhoneContact"
    ]


# Called flows


SUB = a_subflow(an_end(), variables=(a_variable("in"), a_variable("out")))


def a_call(**fields: Any) -> dict[str, Any]:
    node = a_node("Call", "subflow-handoff", subflowVersion={"id": "Sub", "tag": "Live"}, **fields)
    return linked(node, "default", variables=(V,))


def test_a_subflow_that_is_at_hand_is_no_finding() -> None:
    flow = a_call(
        subflowInputVariables=[{"src": "v", "target": "in"}],
        subflowOutputVariables=[{"outputVariable": "v", "target": "out"}],
    )
    assert found(flow, at_hand(SUB)) == []


def test_a_subflow_that_may_be_published_later_is_a_warning() -> None:
    finding = only(a_call())
    assert (finding.code, finding.severity) == ("OH1009", WARNING)
    assert finding.remedy == "publish it under that label"


def test_a_mapping_to_a_variable_that_is_not_there_is_a_warning() -> None:
    flow = a_call(subflowInputVariables=[{"src": "v", "target": "inn"}])
    finding = only(flow, at_hand(SUB))
    assert (finding.code, finding.message) == ("FC1038", '"Sub" has no variable "inn" to map')


def test_a_flow_is_no_subflow() -> None:
    finding = only(a_call(), at_hand(SUB | {"flowType": "FLOW"}))
    assert (finding.code, finding.severity) == ("OH1016", ERROR)
    assert finding.message == '"Sub" is a FLOW, and subflow-handoff goes into a SUBFLOW'


def test_a_subflow_that_needs_a_call_is_told_of() -> None:
    sub = a_subflow(a_node("Say", "play-message"))
    finding = only(a_call(), at_hand(sub))
    assert (finding.code, finding.severity) == ("OH1017", WARNING)
    assert '"Say" (play-message)' in finding.message


def test_a_subflow_of_its_own_is_published_without_a_finding() -> None:
    assert found(SUB) == []


# Secure variables


SECURE = a_variable("pin", isSecure=True)


def test_with_a_key_secure_variables_are_like_any_other_but_for_events() -> None:
    flow = compiled(a_graph_flow(a_request("A", URL), variables=(SECURE | {"source": "GLOBAL"},)))
    assert flow.settable == frozenset()


def test_a_secure_variable_is_shown_to_nobody() -> None:
    finding = only(a_graph_flow(an_end(), variables=(SECURE | {"isCAD": True},)))
    assert (finding.code, finding.severity) == ("OH1021", WARNING)


# What steers a request


def test_what_an_event_sets_steers_no_request_through_other_variables() -> None:
    names = {"source": "GLOBAL"}
    flow = a_graph_flow(
        a_set("One", b="{{a}}"),
        a_set("Two", c="https://{{ b | lower }}/"),
        a_request("Ask", "{{c}}"),
        links=(("One", "out", "Two"), ("Two", "out", "Ask")),
        variables=(
            a_variable("a", "own.example.com", **names),
            a_variable("b", **names),
            a_variable("c", **names),
            a_variable("d", **names),
        ),
    )
    assert compiled(flow).settable == {"d"}


@pytest.mark.parametrize(
    "node",
    [
        a_request("N", URL, httpRequestHeaders={"X-{{v}}": "1"}),
        a_request("N", "", authenticated=True, connectorId="{{v}}", httpRequestPath="/"),
        a_node("N", "screen-pop", screenPopUrl="https://{{v}}/"),
    ],
    ids=["a header's name", "a connector", "a page"],
)
def test_an_event_never_sets_where_something_goes(node: dict[str, Any]) -> None:
    variable = a_variable("v", "x", source="GLOBAL")
    assert compiled(a_graph_flow(node, variables=(variable,))).settable == frozenset()


def test_what_is_parsed_out_of_an_event_s_value_steers_as_well() -> None:
    read = a_node(
        "Read",
        "parse-activity",
        inputVariable="a",
        outputVariableArray=[{"outputVariable": "b", "jsonPathExp": "$.host"}],
    )
    flow = a_graph_flow(
        read,
        a_request("Ask", "https://{{b}}/"),
        links=(("Read", "default", "Ask"),),
        variables=(a_variable("a", source="GLOBAL"), a_variable("b", "x")),
    )
    assert compiled(flow).settable == frozenset()


# All of it


def test_errors_come_first_and_what_was_worked_out_last() -> None:
    flow = a_graph_flow(a_request("A", ""), a_request("B", URL), variables=(V, V))
    severities = [each.severity for each in validate(loaded(flow))]
    assert severities == sorted(severities, key=[ERROR, WARNING, INFO].index)
    assert {ERROR, WARNING, INFO} == set(severities)


def test_a_refusal_tells_severities_where_warnings_are_among_its_lines() -> None:
    flow = linked(a_set("N", v="{{nobody}}", u="1"), variables=(V,))
    with pytest.raises(FlowError) as refusal:
        compile_flow(loaded(flow))
    assert str(refusal.value).startswith('flow "F": FC1038 node "N": it sets "u"')
    flow = a_graph_flow(a_set("N", v="1", u="1"), an_end("Far"), variables=(V,))
    with pytest.raises(FlowError) as refusal:
        compile_flow(loaded(flow))
    first, second = str(refusal.value).splitlines()
    assert first.startswith('flow "F": error FC1038 node "N": it sets "u"')
    assert second.startswith('flow "F": warning ')


def test_a_refusal_holds_errors_and_warnings() -> None:
    with pytest.raises(FlowError) as refusal:
        compile_flow(loaded(a_flow("F", a_request("A", ""), a_request("B", URL))))
    assert INFO not in {each.severity for each in refusal.value.findings}

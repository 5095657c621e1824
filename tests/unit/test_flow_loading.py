"""Reading flow files: JSON or YAML, one content hash however they are laid out, garbage refused."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flows import a_flow, a_request
from json_values import json_values
from onhook.flow.errors import FlowError, Severity
from onhook.flow.loading import content_hash, load, load_flow
from onhook.flow.model import FlowFile, Point

PACKAGED = files("onhook.flow").joinpath("main_flow.json").read_bytes()
FLOW = a_flow("F", a_request("A", "https://example.com", httpResponseTimeout=2000))


def refusal_of(content: bytes) -> str:
    with pytest.raises(FlowError) as refusal:
        load_flow(content, "here.yaml")
    (finding,) = refusal.value.findings
    assert finding.code == "OH1000"
    said = str(refusal.value)
    assert said.startswith('flow "here.yaml": OH1000 ')
    assert len(said.splitlines()) == 1
    return said


def reordered(value: Any) -> Any:
    """The same maps, back to front."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(each) for each in value] if isinstance(value, list) else value


LAYOUTS = {
    "indented": lambda flow: json.dumps(flow, indent=4).encode(),
    "compact": lambda flow: json.dumps(flow, separators=(",", ":")).encode(),
    "escaped": lambda flow: json.dumps(flow, ensure_ascii=True).encode(),
    "another order": lambda flow: json.dumps(reordered(flow)).encode(),
    "blanks around": lambda flow: b"\n\t " + json.dumps(flow).encode() + b"\r\n",
    "a byte-order mark": lambda flow: b"\xef\xbb\xbf" + json.dumps(flow).encode(),
    "yaml": lambda flow: yaml.safe_dump(flow).encode(),
    "yaml in utf-8": lambda flow: yaml.safe_dump(flow, allow_unicode=True, width=9_999).encode(),
    "yaml in flow style": lambda flow: b"# a remark\n" + json.dumps(flow).encode(),
    "unknown fields": lambda flow: json.dumps(
        flow | {"orgId": "o", "validationResults": []}
    ).encode(),
    "defaults written out": lambda flow: json.dumps(
        flow | {"id": None, "flowType": "FLOW"}
    ).encode(),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("flow", [FLOW, json.loads(PACKAGED)], ids=["F", "Main_Flow"])
def test_a_flow_is_the_same_however_it_is_laid_out(layout: Any, flow: dict[str, Any]) -> None:
    plain, laid_out = load_flow(json.dumps(flow).encode(), "a"), load_flow(layout(flow), "b")
    assert laid_out == plain
    assert content_hash(laid_out) == content_hash(plain)


CHANGES: dict[str, Any] = {
    "name": {"name": "G"},
    "id": {"id": "1"},
    "description": {"description": "other"},
    "variable": {"variables": [{"name": "v"}]},
    "order of nodes": {"nodes": [*FLOW["nodes"], {"id": "b", "name": "b"}]},
    "event flows": {"eventFlows": {}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_content_has_another_hash(change: dict[str, Any]) -> None:
    other = load_flow(json.dumps(FLOW | change).encode(), "b")
    assert content_hash(other) != content_hash(load_flow(json.dumps(FLOW).encode(), "a"))


@given(st.dictionaries(st.text(min_size=1), json_values, max_size=4))
def test_a_node_s_properties_come_through_as_they_are(properties: dict[str, Any]) -> None:
    node = {"id": "n", "name": "N", "properties": properties}
    content = json.dumps({"name": "F", "nodes": [node]}).encode()
    assert load_flow(content, "here").nodes[0].properties == properties


def test_a_hash_is_the_same_for_ever() -> None:
    """Journals hold it: another hash of the same content would make a version at each start."""
    flow = load_flow(b"name: F\nvariables: [{name: v, value: '1'}]", "here")
    assert content_hash(flow) == "2107bbf3a6986c0d3197493f3003cff76bb136127db0668eb5c54f1eb5a165d2"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no flow file: nothing stands where a map is wanted; `onhook flow new` prints"),
        (b"   \n", "nothing stands where a map is wanted"),
        (b"null", "nothing stands where a map is wanted"),
        (b"[]", "a list stands where a map is wanted"),
        (b"just words", "a text stands where a map is wanted"),
        (b"{}", '"name" is missing; write name'),
        (b'{"name": ""}', "name, line 1: a text must not be empty"),
        (b'{"name": []}', "name, line 1: a list stands where a text is wanted"),
        (
            b'{"name": "F", "flowType": "X"}',
            'flowType, line 1: "X" is none of FLOW, SUBFLOW; use one of them',
        ),
        (
            b"name: F\nvariables:\n- name: v\n  type: INT\n",
            "INTEGER, DECIMAL, BOOLEAN, DATETIME, JSON; did you mean INTEGER?",
        ),
        (
            b"name: F\nvariables:\n- name: v\n  type: INT\n",
            'variables[0] ("v").type, line 4: "INT" is none of STRING, ',
        ),
        (
            b"name: F\neventFlows:\n  GLOBAL_EVENTS:\n  - a\n",
            "eventFlows.GLOBAL_EVENTS, line 4: a list stands where a map is wanted; write a map",
        ),
        (
            b"name: F\neventFlows:\n  A: {}\n  B:\n    onEvents: {X: a, Y: [b]}\n",
            "eventFlows.B.onEvents.Y, line 5: a list stands where a text is wanted",
        ),
        (
            b'{"name": "F",\n\t"edges": [{"from": "a"}]}',
            'edges[0], line 2: "to" is missing; write to',
        ),
        (
            b'{"name": "F", "variables": [{"name": "v", "value": []}]}',
            'variables[0] ("v").value, line 1: ',
        ),
        (b'{"name": "F", "name": "G"}', 'the key "name" stands twice in one map; keep one'),
        (b'{"name": "F", "x": {"a": [{"b": 1, "b": 1}]}}', 'the key "b" stands twice'),
        (b"name: F\nid: a\nid: b", 'line 3: the key "id" stands twice in one map'),
        (b"name: F\nx: [{1: a, 1: b}]", 'line 2: the key "1" stands twice'),
        (b'{"name": "F", "process": {"activities": {}}}', "onhook flow import FILE"),
        (b'{"name": "F", "edges": [{"from": "a"}]}', 'edges[0], line 1: "to" is missing'),
        (
            b'{"name": "F", "nodes": [{"id": "a", "name": ""}]}',
            "nodes[0].name, line 1: a text must not be empty",
        ),
        (b'{"name": "F"', "neither JSON nor YAML"),
        (b'{"name": "F"} x', "neither JSON nor YAML"),
        (b'{"name": "\\ud800"}', "neither JSON nor YAML"),
        (b'name: "\\ud800"', "neither JSON nor YAML"),
        (b"name: [F", "neither JSON nor YAML"),
        (b"name: F\n\tnodes: []", "neither JSON nor YAML"),
        (b"name: F\nname2: !!python/object:os.system x", "neither JSON nor YAML"),
        (b"name: F\nx: 2025-13-41", "holds a value that cannot be read"),
        (b"name: F\nx: !!timestamp soon", "holds a value that cannot be read"),
        (b"name: F\nx: !!int ''", "holds a value that cannot be read"),
        (b"name: F\nx: !!bool maybe", "holds a value that cannot be read"),
        (b"name: F\nx: " + b"9" * 5_000, "holds a value that cannot be read"),
        (b"name: F\nnodes: &all [*all]", "holds itself"),
        (b"[" * 100_000, "neither JSON nor YAML"),
        (b'{"a":' * 100_000, "neither JSON nor YAML"),
        (b"\xff\xfe\x00\x00", "neither JSON nor YAML"),
        (b"\x00" * 1_000, "neither JSON nor YAML"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_what_is_no_flow_is_refused_in_words_that_name_the_fault(
    content: bytes, words: str
) -> None:
    assert words in refusal_of(content)


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.text(alphabet="{}[]\"':!&*-|>%@ \nab1").map(str.encode)
)
def test_any_bytes_are_a_flow_or_refused(content: bytes) -> None:
    try:
        assert isinstance(load_flow(content, "here"), FlowFile)
    except FlowError as refusal:
        assert refusal.findings


@given(json_values)
def test_any_json_is_a_flow_or_refused_alike_in_both_notations(value: Any) -> None:
    outcomes = []
    for content in (json.dumps(value).encode(), yaml.safe_dump(value, allow_unicode=True).encode()):
        try:
            outcomes.append(load_flow(content, "here"))
        except FlowError:
            outcomes.append(None)
    assert outcomes[0] == outcomes[1]


def test_the_packaged_flow_keeps_the_hash_that_journals_hold() -> None:
    """Another hash would publish a new version of it at the next start, everywhere."""
    flow = load_flow(PACKAGED, "main_flow.json")
    assert content_hash(flow) == "c7d2de2089f6c85fe7d767a45732b19f72e90e9c472df78442c4170c306f23c6"


LATER: dict[str, dict[str, Any]] = {
    "comment": {"comment": "x"},
    "variable orders": {"variableOrders": {"pop-over": [{"name": "v", "variableSeq": 1}]}},
    "overwrite": {"variables": [{"name": "v", "overwrite": True}]},
    "point": {"nodes": [FLOW["nodes"][0] | {"point": {"x": 1, "y": 2}}]},
    "edge properties": {"edges": [{"from": "a", "to": "b", "properties": {"value": "out"}}]},
}


@pytest.mark.parametrize("change", LATER.values(), ids=LATER)
def test_a_field_that_came_later_counts_only_where_it_is_set(change: dict[str, Any]) -> None:
    unset = FLOW | {"variables": [{"name": "v"}], "edges": [{"from": "a", "to": "b"}]}
    nulls = unset | {"comment": None, "variableOrders": None}
    hashes = [
        content_hash(load_flow(json.dumps(flow).encode(), "here"))
        for flow in (unset, nulls, unset | change)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_schema_line_makes_no_new_version() -> None:
    with_line = load_flow(json.dumps({"$schema": "flow.schema.json"} | FLOW).encode(), "here")
    assert with_line.schema == "flow.schema.json"
    assert content_hash(with_line) == content_hash(load_flow(json.dumps(FLOW).encode(), "here"))


def test_every_field_of_the_api_s_form_is_kept() -> None:
    variable = {"name": "v", "type": "JSON", "overwrite": True, "source": "GLOBAL_TM", "id": "7"}
    node = {"id": "n", "name": "N", "point": {"x": 12.5, "y": -3}}
    edge = {"id": "e", "from": "n", "to": "n", "condition": "error", "properties": {"value": "x"}}
    orders = {"interaction-panel": [{"name": "v", "variableSeq": 2}]}
    written = {"name": "F", "comment": "c", "variableOrders": orders, "variables": [variable]}
    flow = load_flow(json.dumps(written | {"nodes": [node], "edges": [edge]}).encode(), "here")
    assert (flow.comment, flow.variable_orders["interaction-panel"][0].variable_seq) == ("c", 2)
    assert (flow.variables[0].overwrite, flow.variables[0].is_global) == (True, True)
    assert flow.nodes[0].point == Point(12.5, -3)
    assert flow.edges[0].properties == {"value": "x"}


@pytest.mark.parametrize("field", ["variables", "nodes", "eventFlows", "flowType", "description"])
def test_null_is_as_good_as_left_out(field: str) -> None:
    assert load_flow(json.dumps({"name": "F", field: None}).encode(), "a") == FlowFile(name="F")


AS_WRITTEN = {
    "5": "5",
    "007": "007",
    "1.50": "1.50",
    "1_000": "1_000",
    "true": "true",
    "yes": "yes",
    "2025-02-06": "2025-02-06",
    "2025-02-06 10:00:00": "2025-02-06 10:00:00",
    "12:30": "12:30",
    "'5'": "5",
    "~": None,
    "": None,
}


@pytest.mark.parametrize(("written", "meant"), AS_WRITTEN.items())
def test_a_default_in_yaml_is_the_text_that_stands_there(written: str, meant: str | None) -> None:
    content = f"name: F\nvariables:\n- name: v\n  value: {written}\n".encode()
    assert load_flow(content, "here").variables[0].value == meant


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        ("BOOLEAN", "yes", "true"),
        ("BOOLEAN", "false", "false"),
        ("INTEGER", "1_000", "1000"),
        ("INTEGER", "010", "010"),
        ("DECIMAL", "1.50", "1.50"),
        ("DECIMAL", ".5", "0.5"),
        ("JSON", "{a: [1, yes]}", '{"a":[1,true]}'),
        ("JSON", "5", "5"),
        ("STRING", "no", "no"),
        ("DATETIME", "2025-02-06T10:00:00Z", "2025-02-06T10:00:00Z"),
    ],
)
def test_a_default_in_yaml_means_a_value_of_its_type(kind: str, written: str, meant: str) -> None:
    content = f"name: F\nvariables: [{{name: v, type: {kind}, value: {written}}}]".encode()
    assert load_flow(content, "here").variables[0].value == meant


def test_numbers_in_json_are_texts_where_texts_are_wanted() -> None:
    content = b"""{"name": 7, "variables": [{"name": "a", "value": 1.50}, {"name": "b", "value": true}],
      "edges": [{"from": 1, "to": 2, "condition": 0}]}"""
    flow = load_flow(content, "here")
    assert flow.name == "7"
    assert [variable.value for variable in flow.variables] == ["1.50", "true"]
    assert (flow.edges[0].from_, flow.edges[0].to, flow.edges[0].condition) == ("1", "2", "0")


def test_properties_that_are_texts_are_read_as_they_were_written() -> None:
    content = b"""
name: F
nodes:
- {id: 1, name: W, properties: {activityName: wait-activity, duration: 10:00:30}}
- id: 2
  name: H
  properties:
    activityName: http-request-v2
    authenticated: false
    httpRequestHeaders: {X-Version: 1.10, X-On: yes}
    httpResponseTimeout: 2000
    of_nobody: 1.10
- {id: 3, name: C, properties: {activityName: case-statement, menuLinks_input: [010, no]}}
"""
    wait, request, case = load_flow(content, "here").nodes
    assert wait.properties["duration"] == "10:00:30"
    assert request.properties["httpRequestHeaders"] == {"X-Version": "1.10", "X-On": "yes"}
    assert request.properties["authenticated"] is False
    assert request.properties["httpResponseTimeout"] == 2000
    assert request.properties["of_nobody"] == 1.1
    assert case.properties["menuLinks_input"] == ["010", "no"]


def test_merged_and_repeated_parts_of_yaml_are_read_with_their_texts() -> None:
    content = b"""
name: F
base: &base {type: STRING, value: 007, isCAD: true}
variables:
- {<<: *base, name: a}
- {<<: *base, name: b, value: 010}
"""
    first, second = load_flow(content, "here").variables
    assert (first.value, second.value, second.is_agent_viewable) == ("007", "010", True)


def test_a_body_in_a_block_scalar_keeps_its_lines() -> None:
    content = b"""
name: F
nodes:
- id: a
  name: A
  properties:
    httpRequestBody: |-
      {
        "ANI": "{{NewPhoneContact.ANI}}"
      }
"""
    body = load_flow(content, "here").nodes[0].properties["httpRequestBody"]
    assert body == '{\n  "ANI": "{{NewPhoneContact.ANI}}"\n}'


def test_a_misspelt_field_is_noticed_with_the_one_that_was_meant() -> None:
    content = b"""
name: F
varaibles: []
variables: [{name: v, isEditable: true, default: x}, {name: w, is_secure: true}]
variableOrders: {pop-over: [{name: v, sequence: 1}]}
nodes:
- {id: a, name: A, activityName: end, point: {x: 1, z: 2}}
- {id: b, name: B, properties: {activityName: http-request-v2, httpRequestURL: x, mine: 1}}
edges: [{from: a, to: b, port: out}]
eventFlows: {GLOBAL_EVENTS: {onEvent: {}, nodes: [{id: c, name: C, propertys: {}}]}}
"""
    findings = load(content, "here").findings
    assert {(each.code, each.severity) for each in findings} == {("OH1008", Severity.WARNING)}
    unknown = "remove it, or see the schema of the flow file"
    assert [(each.node, each.message, each.remedy) for each in findings] == [
        (None, 'unknown field "varaibles" of the flow', "did you mean variables?"),
        (None, "unknown field \"isEditable\" of variable 'v'", "did you mean isAgentEditable?"),
        (None, "unknown field \"default\" of variable 'v'", "did you mean value?"),
        (None, "unknown field \"is_secure\" of variable 'w'", "did you mean isSecure?"),
        (None, "unknown field \"sequence\" of variableOrders 'pop-over'", unknown),
        ("A", '"activityName" stands beside properties', "put it into properties"),
        ("A", 'unknown field "z" of its point', unknown),
        ("B", 'unknown field "httpRequestURL" of its properties', "did you mean httpRequestUrl?"),
        (None, "unknown field \"port\" of the edge from 'a' to 'b'", "did you mean condition?"),
        (None, "unknown field \"onEvent\" of event flow 'GLOBAL_EVENTS'", "did you mean onEvents?"),
        ("C", 'unknown field "propertys"', "did you mean properties?"),
    ]


def test_the_hosted_product_s_own_fields_are_no_findings() -> None:
    flow = FLOW | {"orgId": "o", "version": 3, "createdBy": "a", "validationResults": [], "id": "x"}
    flow["variables"] = [{"name": "v", "resourceType": "", "__typename": "T"}]
    flow["nodes"] = [
        FLOW["nodes"][0],
        {
            "id": "h",
            "name": "H",
            "properties": {
                "activityName": "http-request-v2",
                "httpRequestMethod:name": "GET",
                "httpRequestMethod_type": None,
                "_renderRequestTimestamp": 1,
                "flowDecryptAccess": False,
            },
        },
    ]
    assert load(json.dumps(flow).encode(), "here").findings == ()
    assert load(PACKAGED, "main_flow.json").findings == ()


def test_a_date_in_yaml_is_the_text_that_json_would_hold() -> None:
    flow = load_flow(b"name: F\nvariables: [{name: d, type: DATETIME, value: 2025-02-06}]", "here")
    assert flow.variables[0].value == "2025-02-06"

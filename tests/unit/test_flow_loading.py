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
from onhook.flow.errors import FlowError
from onhook.flow.loading import content_hash, load_flow
from onhook.flow.model import FlowFile

PACKAGED = files("onhook.flow").joinpath("main_flow.json").read_bytes()
FLOW = a_flow("F", a_request("A", "https://example.com", httpResponseTimeout=2000))


def refusal_of(content: bytes) -> str:
    with pytest.raises(FlowError) as refusal:
        load_flow(content, "here.yaml")
    (finding,) = refusal.value.findings
    assert finding.code == "OH1000"
    said = str(refusal.value)
    assert said.startswith('flow "here.yaml": OH1000 ')
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
    "unknown fields": lambda flow: json.dumps(flow | {"orgId": "o", "validationResults": []}).encode(),
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
        (b"", "no flow file: Expected `object`, got `null`"),
        (b"   \n", "Expected `object`, got `null`"),
        (b"null", "Expected `object`, got `null`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"just words", "Expected `object`, got `str`"),
        (b"{}", "missing required field `name`"),
        (b'{"name": ""}', "Expected `str` of length >= 1 - at `$.name`"),
        (b'{"name": 5}', "Expected `str`, got `int` - at `$.name`"),
        (b'{"name": "F", "flowType": "X"}', "Invalid enum value 'X' - at `$.flowType`"),
        (b'{"name": "F", "variables": [{"name": "v", "type": "int"}]}', "at `$.variables[0].type`"),
        (b'{"name": "F", "variables": [{"name": "v", "value": 5}]}', "at `$.variables[0].value`"),
        (b'{"name": "F", "edges": [{"from": "a"}]}', "missing required field `to`"),
        (b'{"name": "F", "nodes": [{"id": "a", "name": ""}]}', "at `$.nodes[0].name`"),
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


def test_a_date_in_yaml_is_the_text_that_json_would_hold() -> None:
    flow = load_flow(b"name: F\nvariables: [{name: d, type: DATETIME, value: 2025-02-06}]", "here")
    assert flow.variables[0].value == "2025-02-06"

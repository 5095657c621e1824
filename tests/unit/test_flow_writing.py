"""Writing flow files: tidy, and read back as the same flow in either notation."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from json_values import json_values, texts
from onhook.cli.flow_new import MAIN_FLOW, new_flow, new_flow_text
from onhook.flow.loading import content_hash, load, load_flow
from onhook.flow.model import (
    DesktopPlace,
    Edge,
    EventFlow,
    FlowFile,
    FlowType,
    Node,
    Point,
    Variable,
)
from onhook.flow.writing import write_flow
from onhook.settings.contact_centre import VariableType

PACKAGED = load_flow(files("onhook.flow").joinpath("main_flow.json").read_bytes(), "main_flow.json")

lines = st.lists(texts | st.sampled_from(["{", "}", "  x", "# no remark", ""])).map("\n".join)
some_text = texts | lines
names = some_text.filter(bool)
maybe = st.none() | some_text
coordinates = st.floats(allow_nan=False, allow_infinity=False)
variables = st.builds(
    Variable,
    name=names,
    type=st.sampled_from(VariableType),
    value=maybe,
    description=maybe,
    desktop_label=maybe,
    is_agent_viewable=st.booleans(),
    is_secure=st.booleans(),
    source=maybe,
    overwrite=st.booleans(),
)
nodes = st.builds(
    Node,
    id=names,
    name=names,
    group=maybe,
    properties=st.dictionaries(texts, json_values | lines, max_size=3),
    point=st.none() | st.builds(Point, x=coordinates, y=coordinates),
)
edges = st.builds(
    Edge,
    id=maybe,
    from_=some_text,
    to=some_text,
    condition=maybe,
    properties=st.dictionaries(texts, json_values, max_size=1),
)
event_flows = st.builds(
    EventFlow,
    id=maybe,
    on_events=st.dictionaries(texts, some_text, max_size=2),
    nodes=st.lists(nodes, max_size=2).map(tuple),
    edges=st.lists(edges, max_size=2).map(tuple),
)
places = st.builds(DesktopPlace, name=names, variable_seq=st.integers(0, 99))
flows = st.builds(
    FlowFile,
    name=names,
    id=maybe,
    flow_type=st.sampled_from(FlowType),
    description=maybe,
    comment=maybe,
    schema=maybe,
    variables=st.lists(variables, max_size=2).map(tuple),
    nodes=st.lists(nodes, max_size=2).map(tuple),
    edges=st.lists(edges, max_size=2).map(tuple),
    event_flows=st.dictionaries(texts, event_flows, max_size=1),
    variable_orders=st.dictionaries(texts, st.lists(places, max_size=2).map(tuple), max_size=1),
)


@pytest.mark.parametrize("as_yaml", [False, True])
@given(flow=flows)
def test_a_written_flow_is_read_back_the_same(as_yaml: bool, flow: FlowFile) -> None:
    assert load_flow(write_flow(flow, as_yaml=as_yaml).encode(), "here") == flow


@pytest.mark.parametrize("as_yaml", [False, True])
def test_the_packaged_flow_is_written_without_a_change_of_content(as_yaml: bool) -> None:
    text = write_flow(PACKAGED, as_yaml=as_yaml)
    again = load(text.encode(), "here")
    assert (again.file, again.findings) == (PACKAGED, ())
    assert content_hash(again.file) == content_hash(PACKAGED)
    assert text.endswith("\n")
    assert "null" not in text
    assert "isSecure" not in text


def test_a_body_of_several_lines_is_a_block_in_yaml() -> None:
    assert "httpRequestBody: |-\n          {\n" in write_flow(PACKAGED, as_yaml=True)


def test_the_schema_line_stands_first() -> None:
    assert write_flow(new_flow(start=True)).startswith('{\n  "$schema": "flow.schema.json",')


def test_a_new_flow_in_yaml_names_its_schema_as_editors_of_yaml_read_it() -> None:
    text = new_flow_text(start=True, as_yaml=True)
    assert text.startswith("# yaml-language-server: $schema=flow.schema.json\nname: Main_Flow\n")


def test_the_smallest_flow_hears_the_agent_hang_up_and_ends() -> None:
    flow = new_flow("Hang_Up", start=True)
    handlers = flow.event_flows["GLOBAL_EVENTS"]
    assert flow.name == "Hang_Up"
    assert handlers.on_events == {"AgentDisconnect": handlers.nodes[0].id}
    assert [node.activity for node in handlers.nodes] == ["event", "end"]
    assert [(edge.from_, edge.to) for edge in handlers.edges] == [("agent-disconnect", "end-event")]
    assert [node.activity_type for node in flow.nodes] == ["start", "end"]


def test_a_new_flow_posts_the_canonical_body() -> None:
    flow = new_flow(start=False, schema=None)
    assert flow == PACKAGED
    assert new_flow("Other", start=False).variables == PACKAGED.variables


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize("as_yaml", [True, False])
def test_a_new_flow_s_text_is_a_flow_file_without_findings(start: bool, as_yaml: bool) -> None:
    loaded = load(new_flow_text("Mine", start=start, as_yaml=as_yaml).encode(), "here")
    assert (loaded.file.name, loaded.findings) == ("Mine", ())
    assert MAIN_FLOW == "Main_Flow"


def test_yaml_holds_no_anchors_for_parts_that_are_alike() -> None:
    part = {"a": [1]}
    node = Node(id="n", name="N", properties={"one": part, "two": part})
    text = write_flow(FlowFile(name="F", nodes=(node,)), as_yaml=True)
    assert "&" not in text
    assert yaml.safe_load(text)["nodes"][0]["properties"] == json.loads(
        '{"one": {"a": [1]}, "two": {"a": [1]}}'
    )

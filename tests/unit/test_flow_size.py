"""Large flows: validated in time that grows with them and no faster, and refused beyond a size."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest

from flows import a_request
from onhook.flow.compiled import FlowError, compile_flow, compile_stored, validate
from onhook.flow.reachability import Later, reached
from walked import a_graph_flow, a_node, a_set, a_subflow, an_end, at_hand, loaded

LINK = tuple[str, str, str]
SLOWEST_S = 10.0
"""What took minutes takes about a second; a machine that is busy is given ten."""


def in_a_row(nodes: list[dict[str, Any]]) -> tuple[LINK, ...]:
    return tuple((one["name"], "default", other["name"]) for one, other in pairwise(nodes))


def requests(count: int, body: str = '{"a": "{{v}}"}') -> list[dict[str, Any]]:
    return [
        a_request(
            f"R{place}", "https://example.com/", httpRequestBody=body.replace("#", str(place))
        )
        for place in range(count)
    ]


def a_row(count: int, body: str = '{"a": "{{v}}"}') -> dict[str, Any]:
    nodes = requests(count, body)
    return a_graph_flow(*nodes, links=in_a_row(nodes), variables=({"name": "v"},))


def readers(count: int) -> dict[str, Any]:
    """Each status is read by the first node, which comes behind none."""
    asked = requests(count)
    readings = [a_set(f"S{place}", v=f"{{{{R{place}.httpStatusCode}}}}") for place in range(count)]
    nodes = [*readings, *asked]
    return a_graph_flow(*nodes, links=in_a_row(nodes), variables=({"name": "v"},))


def a_chain(count: int) -> dict[str, Any]:
    names = [f"v{place}" for place in range(10 * count + 1)]
    nodes = [
        a_set(
            f"S{place}",
            **{names[at]: f"{{{{{names[at + 1]}}}}}" for at in range(begin, begin + 10)},
        )
        for place in range(count)
        for begin in [10 * place]
    ]
    steered = a_request("Send", "https://{{v0}}/")
    variables = tuple({"name": name, "value": "x"} for name in names)
    nodes = [steered, *nodes]
    return a_graph_flow(*nodes, links=in_a_row(nodes), variables=variables)


def calls(count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    inside = requests(count)
    sub = a_subflow(*inside, links=in_a_row(inside), variables=({"name": "v"},))
    row = {"src": "v", "target": "v"}
    nodes = [
        a_node(
            f"C{place}",
            "subflow-handoff",
            subflowVersion={"id": "Sub"},
            subflowInputVariables=[row],
        )
        for place in range(count)
    ]
    return a_graph_flow(*nodes, links=in_a_row(nodes), variables=({"name": "v"},)), sub


@pytest.mark.parametrize(
    ("flow", "called"),
    [
        (a_row(2_000), ()),
        (a_row(1_000, '{"a": "{{Unknown#}}"}'), ()),
        (readers(1_500), ()),
        (a_chain(1_000), ()),
        (calls(400)[0], (calls(400)[1],)),
    ],
    ids=["requests", "unknown names", "readers", "a chain of variables", "calls"],
)
def test_a_large_flow_is_validated_in_a_moment(
    flow: dict[str, Any], called: tuple[dict[str, Any], ...]
) -> None:
    file, surroundings = loaded(flow), at_hand(*called)
    began = time.perf_counter()
    validate(file, surroundings)
    assert time.perf_counter() - began < SLOWEST_S


def test_a_flow_that_is_too_large_is_refused_before_anything_else() -> None:
    ends = [an_end(f"E{place}") for place in range(5_000)]
    file = loaded(a_graph_flow(*ends))
    with pytest.raises(FlowError) as refusal:
        compile_flow(file)
    (finding,) = refusal.value.findings
    assert finding == validate(file)[0]
    assert (finding.code, finding.remedy) == ("OH1026", "make subflows of its parts")
    assert finding.message == "it has 5002 nodes, more than 5000"
    assert compile_stored(file).name == "F"


def test_too_many_variables_are_refused() -> None:
    variables = tuple({"name": f"v{place}"} for place in range(20_001))
    (finding,) = validate(loaded(a_graph_flow(an_end(), variables=variables)))
    assert finding.message == "it has 20001 variables, more than 20000"


LEADING = {
    "a": ["b"],
    "b": ["c", "d"],
    "c": ["b"],
    "d": ["e"],
    "e": ["e"],
    "f": ["a"],
}


def test_what_comes_later_is_what_can_be_reached() -> None:
    later = Later(LEADING, LEADING)
    for one in LEADING:
        behind = {other for other in LEADING if later.comes(other, behind=one)}
        assert behind == reached([one], LEADING), one


def test_a_long_row_is_walked_without_recursion() -> None:
    row = {str(place): [str(place + 1)] for place in range(50_000)}
    assert reached(["0"], row) == {str(place) for place in range(1, 50_001)}
    short = {name: row[name] for name in list(row)[:5_000]}
    assert Later(short, short).comes("5000", behind="0")
    assert not Later(short, short).comes("0", behind="0")

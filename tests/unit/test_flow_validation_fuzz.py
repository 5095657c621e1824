"""Validation of anything: whatever a file's properties hold, findings come and never an exception.

What it lets through runs to an end or to a failure with a node's name.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from json_values import json_values
from onhook.flow.compiled import compile_flow, compile_stored, validate
from onhook.flow.errors import FlowError, RunError, Severity
from onhook.flow.model import FlowFile, FlowType, Variable
from onhook.flow.surroundings import FlowAtHand, Surroundings
from onhook.pebble import PebbleError
from walked import Unhandled, a_graph_flow, a_node, an_end, begun

PROPERTIES = {
    "http-request-v2": (
        "authenticated connectorId connectorId_name httpRequestPath httpRequestUrl "
        "httpRequestMethod httpQueryParameters httpRequestHeaders httpContentType httpRequestBody "
        "httpRequestBodyGQL httpRequestBodyFormData httpRequestBodyFiles contentType "
        "outputVariableArray httpResponseTimeout retryAttempts onFailure"
    ),
    "parse-activity": "inputVariable contentType outputVariableArray",
    "set-variable": "srcVariable srcVariableType setTo literal expr setVariablesArray",
    "condition-activity": "expression",
    "case-statement": "expression menuLinks menuLinks_input menuLinks:input",
    "percent-allocation": "allocations allocations_input",
    "business-hours": "businessHoursId businessHoursVariable businessHoursRadioGroup",
    "screen-pop": "screenPopUrl queryParameters screenPopDesktopLabel target",
    "wait-activity": "duration",
    "subflow-handoff": "subflowVersion subflowId subflowInputVariables subflowOutputVariables",
    "hand-off": "handOffFlow flowVersionLabel",
    "disconnect-contact": "x",
    "end": "x",
}
PLAUSIBLE = st.sampled_from(
    [
        *("v", "{{v}}", "{{ v | upper }}", "{{", "{% if v %}1{% endif %}", "{{ 1 > 'a' }}", ""),
        *("00:00:10", "99:99:99", "JSON", "XML", "Application/JSON", "GraphQL", "Form Data"),
        *("https://example.com/{{v}}", "https://{{v}}/", "/a/{{v}}", "error", "default", "POST"),
        *(True, False, None, 0, 5, "7", -1, 1e300),
        *({"v": "{{v}}"}, {"{{v}}": "v"}, {"id": "F", "tag": "Live"}, {"handOffTo": "{{v}}"}),
        *(
            {"query": "{{v}}", "variables": "{}"},
            ["a", "b"],
            [1, None],
            '{"percent":100,"desc":"a"}',
        ),
        [{"percent": 100, "desc": "a"}],
        [{"percent": 100, "desc": "default"}],
        [{"srcVariable": "v", "setTo": "set-to-literal", "literal": "{{v}}x"}],
        [{"outputVariable": "v", "jsonPathExp": "$.a[?(@.b)]"}],
        [{"src": "v", "target": "v", "outputVariable": "v"}],
        '{"a": "{{v}}"}',
    ]
)
NODES = st.sampled_from(sorted(PROPERTIES)).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.dictionaries(
            st.sampled_from(PROPERTIES[kind].split()), PLAUSIBLE | PLAUSIBLE | json_values
        ),
    )
)
PORTS = st.sampled_from(["default", "out", "error", "true", "false", "0", "a", "", "nowhere"])


def judged_beside(file: FlowFile) -> None:
    """Among flows that are all this one, with a secret and without a key; and as stored."""
    secret = Variable(name="secret", is_secure=True)
    secure = msgspec.structs.replace(file, variables=(*file.variables, secret))
    for other in (file, secure, msgspec.structs.replace(secure, flow_type=FlowType.SUBFLOW)):
        at_hand = FlowAtHand(file=other)
        beside = Surroundings(
            flows=lambda _name, _label, found=at_hand: found,
            connectors={"/a/{{v}}": "https://{{", "7": "https://example.com"},
            can_seal=False,
        )
        validate(other, beside)
        with contextlib.suppress(FlowError):
            compile_stored(other, beside)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(NODES, PORTS, st.sampled_from(["STRING", "INTEGER", "JSON", "DATETIME"]))
def test_whatever_a_node_holds_is_judged_and_what_passes_ends(
    node: tuple[str, dict[str, Any]], port: str, kind: str
) -> None:
    activity, properties = node
    flow = a_graph_flow(
        a_node("N", activity) | {"properties": {"activityName": activity} | properties},
        an_end(),
        links=(("N", port, "End"),),
        variables=({"name": "v", "type": kind, "isCAD": True},),
    )
    file = msgspec.convert(flow, FlowFile)
    judged_beside(file)
    findings = validate(file)
    for finding in findings:
        assert finding.message
        assert finding.remedy
    if any(finding.severity is Severity.ERROR for finding in findings):
        return
    run = begun(compile_flow(file))
    try:
        run.to_the_end()
    except (RunError, Unhandled) as failure:
        assert str(failure)
    msgspec.json.encode([run.progress, run.trace])


@given(json_values, json_values, json_values)
def test_whatever_a_file_holds_is_judged(nodes: Any, edges: Any, events: Any) -> None:
    flow = {
        "name": "F",
        "nodes": nodes,
        "eventFlows": {"GLOBAL_EVENTS": {"onEvents": events, "nodes": [], "edges": edges}},
    }
    try:
        file = msgspec.convert(flow, FlowFile)
    except msgspec.ValidationError:
        return
    try:
        compile_flow(file)
    except (FlowError, PebbleError) as refusal:
        assert isinstance(refusal, FlowError)

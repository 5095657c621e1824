"""The engine: a pure stepper, walked through here without a worker, a bus or a clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import a_flow, a_request, an_event
from json_values import json_values, texts
from onhook.contracts.event import TEMPLATE_ALIASES, Event
from onhook.contracts.run import Progress
from onhook.flow import engine
from onhook.flow.compiled import Flow, compile_flow
from onhook.flow.engine import Finished, Moved, SendRequest, Step, World
from onhook.flow.errors import RunError, VariableError
from onhook.flow.loading import load_flow
from walked import NOW, compiled, read

URL = "https://example.com/hook"
EXTERNAL = {"name": "WebhookUrl", "value": "https://own.example.com", "isExternalized": True}
GLOBAL = {"source": "GLOBAL"}


def lookup(_flow_id: str, _version: int) -> Flow:
    raise AssertionError


def world(event: Event, overrides: Mapping[str, Any] | None = None) -> World:
    return World(event=event, overrides=overrides or {}, now=NOW, run_id="run")


EVENT = read(an_event())


def begun(flow: Flow, event: dict[str, Any] | None = None, **overrides: Any) -> Progress:
    return engine.begin(flow, read(event or an_event()), overrides)


def request(effect: Step) -> SendRequest:
    assert isinstance(effect, SendRequest)
    return effect


def next_effect(flow: Flow, progress: Progress) -> tuple[Progress, Step]:
    """Over the nodes that need nothing, to the next effect or the end."""
    while True:
        step = engine.step(flow, lookup, progress, world(EVENT))
        if not isinstance(step, Moved):
            return progress, step
        progress = step.progress


def succeeded(flow: Flow, progress: Progress, effect: Step, outputs: Any) -> Progress:
    done = engine.succeeded(flow, lookup, progress, request(effect), outputs, world(EVENT))
    return done.progress


def failed(flow: Flow, progress: Progress, effect: Step, reason: str) -> Progress | None:
    done = engine.failed(flow, lookup, progress, request(effect), reason, world(EVENT))
    return None if done is None else done.progress


def context_of(
    flow: Flow, event: Event, progress: Progress, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    return engine.context_of(flow, lookup, progress, world(event, overrides))


def answered(flow: Flow, progress: Progress, status: int = 204) -> Progress:
    """Perform the next request, which is answered."""
    progress, effect = next_effect(flow, progress)
    outputs = engine.response_outputs(status, (("X", "y"),), b"{}")
    return succeeded(flow, progress, effect, outputs)


def failing(flow: Flow, progress: Progress, reason: str = "broken") -> Progress | None:
    progress, effect = next_effect(flow, progress)
    return failed(flow, progress, effect, reason)


def names_of(flow: Flow, progress: Progress) -> list[str]:
    """The requests from here on, all answered."""
    found = []
    while True:
        progress, effect = next_effect(flow, progress)
        if isinstance(effect, Finished):
            return found
        found.append(request(effect).node.name)
        progress = succeeded(flow, progress, effect, {})


def body_of(
    reference: str, event: dict[str, Any], progress: Progress | None = None, **overrides: Any
) -> Any:
    """What a bare reference in a body becomes."""
    node = a_request("A", "{{WebhookUrl}}", httpRequestBody=f"[{{{{{reference}}}}}]")
    flow = compiled(a_flow("F", node, variables=(EXTERNAL, {"name": "Local", "value": "mine"})))
    begun_here = progress or engine.begin(flow, read(event), overrides)
    begun_here, effect = next_effect(flow, begun_here)
    context = context_of(flow, read(event), begun_here, overrides)
    return json.loads(request(effect).node.render_body(context))[0]


def test_the_packaged_flow_sends_one_request_with_the_five_values() -> None:
    content = files("onhook.flow").joinpath("main_flow.json").read_bytes()
    flow = compile_flow(load_flow(content, "main_flow.json"))
    event = an_event(variables={"Global_Language": "fr-FR", "WhoIsCalling": 'Ada "A", née X'})
    progress, effect = next_effect(flow, begun(flow, event))
    node = request(effect).node
    context = context_of(flow, read(event), progress, {"WebhookUrl": URL})
    assert (node.method, node.render_url(context)) == ("POST", URL)
    assert json.loads(node.render_body(context)) == {
        "DNIS": "+18005550100",
        "ANI": "+14085551234",
        "InteractionId": event["subject"],
        "Language": "fr-FR",
        "WhoCalls": 'Ada "A", née X',
    }
    after = succeeded(flow, progress, effect, {})
    assert next_effect(flow, after)[1].__class__ is Finished


def test_an_event_without_its_variables_takes_the_flow_s_defaults() -> None:
    content = files("onhook.flow").joinpath("main_flow.json").read_bytes()
    flow = compile_flow(load_flow(content, "main_flow.json"))
    for variables in ({}, {"Global_Language": None, "Other": "ignored"}):
        assert begun(flow, an_event(variables=variables)).variables == {
            "Global_Language": "en-US",
            "WhoIsCalling": "",
        }


# The walk


def test_requests_come_in_the_order_of_their_links() -> None:
    flow = compiled(a_flow("F", *(a_request(name, URL) for name in "ABC")))
    assert names_of(flow, begun(flow)) == ["A", "B", "C"]


def test_an_empty_handler_does_nothing() -> None:
    flow = a_flow("F", a_request("A", URL))
    flow["eventFlows"]["GLOBAL_EVENTS"]["edges"] = []
    compiled_flow = compiled(flow)
    assert next_effect(compiled_flow, begun(compiled_flow))[1].__class__ is Finished


def test_a_second_request_reads_the_first_one_s_answer() -> None:
    body = (
        '{"s": {{A.httpStatusCode}}, "b": {{A.httpResponseBody}}, "h": "{{A.httpResponseHeaders}}"}'
    )
    flow = compiled(a_flow("F", a_request("A", URL), a_request("B", URL, httpRequestBody=body)))
    event = an_event()
    progress = answered(flow, begun(flow, event), status=201)
    _, effect = next_effect(flow, progress)
    context = context_of(flow, read(event), progress, {})
    assert json.loads(request(effect).node.render_body(context)) == {
        "s": 201,
        "b": {},
        "h": '{"X":"y"}',
    }


def test_a_network_fault_is_status_0_with_an_empty_body() -> None:
    assert engine.response_outputs(0, (), b"") == {
        "httpStatusCode": 0,
        "httpResponseBody": "",
        "httpResponseHeaders": {},
    }


def test_a_stored_response_is_at_most_256_kb_of_text() -> None:
    outputs = engine.response_outputs(200, (), b"\xc3\xa9" * 262_144)
    assert outputs["httpResponseBody"] == "é" * 131_072
    assert engine.response_outputs(200, (), b"a\xff")["httpResponseBody"] == "a\ufffd"


def test_a_failed_request_leaves_by_its_error_edge() -> None:
    nodes = (a_request("A", URL), a_request("B", URL), a_request("C", URL))
    handler = (a_request("H", URL),)
    flow = compiled(a_flow("F", *nodes, on_error=handler, edges=(("A", "error", "C"),)))
    progress = failing(flow, begun(flow), "it broke")
    assert progress is not None
    assert names_of(flow, progress) == ["C"]
    assert not progress.in_error_handler
    assert progress.outputs["OnGlobalError"] == {"activityName": "A", "errorMessage": "it broke"}


def test_without_an_error_edge_a_failed_request_goes_to_on_global_error() -> None:
    handler = (a_request("H1", URL), a_request("H2", URL))
    flow = compiled(a_flow("F", a_request("A", URL), a_request("B", URL), on_error=handler))
    progress = failing(flow, answered(flow, begun(flow)))
    assert progress is not None
    assert progress.in_error_handler
    assert names_of(flow, progress) == ["H1", "H2"]


def test_an_error_inside_on_global_error_is_handled_by_nothing_but_its_own_edge() -> None:
    handler = (a_request("H1", URL), a_request("H2", URL), a_request("H3", URL))
    flow = compiled(
        a_flow("F", a_request("A", URL), on_error=handler, edges=(("H1", "error", "H3"),))
    )
    in_handler = failing(flow, begun(flow))
    assert in_handler is not None
    by_edge = failing(flow, in_handler)
    assert by_edge is not None
    assert names_of(flow, by_edge) == ["H3"]
    assert failing(flow, answered(flow, in_handler)) is None


def test_without_either_a_failure_is_unhandled() -> None:
    flow = compiled(a_flow("F", a_request("A", URL)))
    assert failing(flow, begun(flow)) is None


def test_what_an_error_says_is_kept_short() -> None:
    flow = compiled(a_flow("F", a_request("A", URL), on_error=(a_request("H", URL),)))
    progress = failing(flow, begun(flow), "x" * 10_000)
    assert progress is not None
    assert len(progress.outputs["OnGlobalError"]["errorMessage"]) == 1_000


def test_each_time_a_node_is_entered_is_a_visit_however_it_ended() -> None:
    flow = compiled(a_flow("F", a_request("A", URL), edges=(("A", "error", "A"),)))
    progress = begun(flow)
    for visit in (1, 2, 3):
        _, effect = next_effect(flow, progress)
        assert request(effect).visit == visit
        handled = failing(flow, progress)
        assert handled is not None
        progress = handled
    assert progress.visits == {"id-A": 3}


# Loops


def loop(**more: Any) -> dict[str, Any]:
    flow = a_flow("F", a_request("A", URL), **more)
    edges = flow["eventFlows"]["GLOBAL_EVENTS"]["edges"]
    edges[:] = [edge for edge in edges if edge["from"] != "A" or edge["condition"] == "error"]
    edges.append({"from": "A", "condition": "default", "to": "A"})
    return flow


def entered_100_times(flow: Flow) -> Progress:
    progress = begun(flow)
    for _ in range(100):
        progress = answered(flow, progress)
    return progress


def test_a_node_is_entered_100_times_and_no_more() -> None:
    flow = compiled(loop())
    with pytest.raises(RunError) as refusal:
        next_effect(flow, entered_100_times(flow))
    assert str(refusal.value) == 'node "A": entered more than 100 times'


def test_a_node_entered_too_often_leaves_by_its_error_edge() -> None:
    flow = compiled(loop(edges=(("A", "error", "EndFlow"),)))
    assert next_effect(flow, entered_100_times(flow))[1].__class__ is Finished


def test_a_node_entered_too_often_goes_to_on_global_error() -> None:
    flow = compiled(loop(on_error=(a_request("H", URL),)))
    assert names_of(flow, entered_100_times(flow)) == ["H"]


def test_an_error_edge_that_leads_back_is_no_way_out_of_a_loop() -> None:
    flow = compiled(loop(edges=(("A", "error", "A"),)))
    with pytest.raises(RunError):
        next_effect(flow, entered_100_times(flow))


# What templates see


@pytest.mark.parametrize(("alias", "name"), TEMPLATE_ALIASES.items())
def test_every_alias_reads_the_same_outputs(alias: str, name: str) -> None:
    for sent in (alias, name):
        event = an_event()
        event["data"].pop(name, None)
        event["data"][sent] = {"X": 1}
        assert body_of(f"{alias}.X", event) == body_of(f"{name}.X", event) == 1


def test_of_two_names_for_one_event_the_bus_s_own_is_read() -> None:
    event = an_event(contact={"ANI": "right"})
    event["data"]["NewContact"] = {"ANI": "wrong"}
    assert body_of("NewContact.ANI", event) == "right"
    assert body_of("NewPhoneContact.ANI", event) == "right"


@pytest.mark.parametrize(
    ("contact", "subject", "found"),
    [
        ({"InteractionId": "a"}, "s", "a"),
        ({"interactionId": "a"}, "s", "a"),
        ({"InteractionId": "a", "interactionId": "b"}, None, "a"),
        ({"InteractionId": "", "interactionId": "b"}, None, "b"),
        ({}, "s", "s"),
        (None, "s", "s"),
        ({}, None, None),
        ("odd", "s", None),
    ],
)
def test_both_spellings_of_the_interaction_read_the_same(
    contact: Any, subject: str | None, found: str | None
) -> None:
    event = an_event(subject=subject)
    event["data"]["NewPhoneContact"] = contact
    assert body_of("NewPhoneContact.InteractionId", event) == found
    assert body_of("NewPhoneContact.interactionId", event) == found
    assert body_of("NewContact.interactionId", event) == found


def test_an_externalized_variable_has_the_value_of_now() -> None:
    event = an_event()
    flow = compiled(a_flow("F", a_request("A", "{{WebhookUrl}}"), variables=(EXTERNAL,)))
    progress = begun(flow, event)
    assert progress.variables == {}
    for overrides, url in (({}, EXTERNAL["value"]), ({"WebhookUrl": URL}, URL)):
        context = context_of(flow, read(event), progress, overrides)
        assert context["WebhookUrl"] == url


@given(json_values)
def test_no_event_sets_where_a_request_goes(value: Any) -> None:
    variables = (EXTERNAL, {"name": "Steering", "value": "https://own.example.com"} | GLOBAL)
    nodes = a_request("A", "{{WebhookUrl}}"), a_request("B", "{{Steering}}")
    flow = compiled(a_flow("F", *nodes, variables=variables))
    event = an_event(variables={"WebhookUrl": value, "Steering": value})
    event["data"] |= {"WebhookUrl": value, "Steering": value}
    progress = begun(flow, event)
    for _ in nodes:
        _, effect = next_effect(flow, progress)
        context = context_of(flow, read(event), progress, {})
        assert request(effect).node.render_url(context) == "https://own.example.com"
        progress = answered(flow, progress)


@pytest.mark.parametrize("name", ["Local", "WebhookUrl", "A", "OnGlobalError"])
def test_an_event_s_outputs_never_stand_in_for_a_name_of_the_flow_s_own(name: str) -> None:
    event = an_event()
    event["data"][name] = {"httpStatusCode": 200, "errorMessage": "forged"}
    for output in ("httpStatusCode", "errorMessage"):
        assert body_of(f"{name}.{output}", event) is None


def test_outputs_of_no_known_event_are_not_there() -> None:
    event = an_event()
    event["data"]["Crm"] = {"Tier": "gold"}
    assert body_of("Crm.Tier", event) is None


def test_an_event_s_variables_are_no_outputs() -> None:
    assert body_of("variables.WhoIsCalling", an_event()) is None


def test_an_override_reaches_a_variable_of_the_flow() -> None:
    assert body_of("Local", an_event()) == "mine"
    assert body_of("Local", an_event(), Local="overridden") == "overridden"


def test_a_value_of_the_wrong_type_stops_the_run_before_it_begins() -> None:
    count = {"name": "Count", "type": "INTEGER", "value": "1"} | GLOBAL
    flow = compiled(a_flow("F", a_request("A", URL), variables=(count,)))
    with pytest.raises(VariableError):
        begun(flow, an_event(variables={"Count": "many"}))


def test_an_override_of_the_wrong_type_fails_the_node_that_reads_it() -> None:
    count = {"name": "Count", "type": "INTEGER", "isExternalized": True}
    flow = compiled(a_flow("F", a_request("A", URL), variables=(count,)))
    with pytest.raises(RunError) as refusal:
        context_of(flow, read(an_event()), begun(flow), {"Count": "many"})
    assert "its override 'many' is no INTEGER" in str(refusal.value)


# Purity


@given(
    st.lists(st.booleans(), max_size=8),
    st.dictionaries(texts, json_values, max_size=3),
    st.sampled_from([(), (("A", "error", "C"),), (("A", "error", "A"), ("B", "default", "A"))]),
)
def test_the_same_progress_and_results_give_the_same_effects(
    results: list[bool], variables: dict[str, Any], edges: tuple[tuple[str, str, str], ...]
) -> None:
    nodes = (a_request("A", "{{u}}"), a_request("B", URL), a_request("C", URL))
    file = a_flow("F", *nodes, on_error=(a_request("H", URL),), variables=({"name": "u"},))
    event_flow = file["eventFlows"]["GLOBAL_EVENTS"]
    replaced = {(origin, port) for origin, port, _ in edges}
    event_flow["edges"] = [
        edge for edge in event_flow["edges"] if (edge["from"], edge["condition"]) not in replaced
    ] + [{"from": origin, "condition": port, "to": to} for origin, port, to in edges]
    event = an_event(variables=variables)

    def walk() -> list[Any]:
        flow, steps = compiled(file), []
        progress: Progress | None = begun(flow, event)
        for is_success in results:
            assert progress is not None
            before = msgspec.json.encode(progress)
            progress, effect = next_effect(flow, msgspec.json.decode(before, type=Progress))
            steps.append((before, type(effect), getattr(effect, "address", None)))
            if isinstance(effect, Finished):
                break
            progress = (
                succeeded(flow, progress, effect, {"n": 1})
                if is_success
                else failed(flow, progress, effect, "no")
            )
            if progress is None:
                break
        return steps

    assert walk() == walk()


def test_a_step_changes_nothing_that_it_was_given() -> None:
    flow = compiled(a_flow("F", a_request("A", URL), on_error=(a_request("H", URL),)))
    event = read(an_event())
    progress = engine.begin(flow, event, {})
    before = msgspec.json.encode((progress, event))
    answered(flow, progress)
    failing(flow, progress)
    context_of(flow, event, progress, {"x": 1})
    assert msgspec.json.encode((progress, event)) == before

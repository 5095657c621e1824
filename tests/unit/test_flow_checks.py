"""What validation finds in names and references: where a request goes, outputs, flow names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flows import a_flow, a_request
from onhook.flow.compiled import Flow, compile_flow
from onhook.flow.errors import Finding, FlowError, Severity
from onhook.flow.loading import load_flow

URL = "https://example.com/hook"


def compiled(flow: dict[str, Any]) -> Flow:
    return compile_flow(load_flow(json.dumps(flow).encode(), "test"))


def findings_of(
    url: str = URL, body: str = "{}", variables: tuple[dict[str, Any], ...] = ()
) -> tuple[Finding, ...]:
    flow = a_flow("F", a_request("A", url, httpRequestBody=body), variables=variables)
    try:
        return compiled(flow).findings
    except FlowError as refusal:
        return refusal.findings


def a_variable(name: str, value: str = "", **fields: Any) -> dict[str, Any]:
    return {"name": name, "value": value} | fields


# Names that nothing has


@pytest.mark.parametrize(
    "url",
    [
        "{{Hok}}",
        "{{Hok}}/calls",
        "https://{{Hok}}/calls",
        "https://api.{{Hok}}.com/",
        "{{Hok}}://example.com",
        "https://example.com:{{Hok}}/",
    ],
)
def test_a_name_that_nothing_has_is_an_error_where_it_decides_where_a_request_goes(
    url: str,
) -> None:
    (found,) = findings_of(url)
    assert (found.code, found.severity, found.node) == ("FC1038", Severity.ERROR, "A")
    assert found.message == (
        "{{Hok}} names no variable, event or node, and decides where the request goes"
    )
    assert found.remedy == 'declare the variable "Hok" or correct the name'


@pytest.mark.parametrize("url", ["https://example.com/{{Hok}}", "https://example.com/?q={{Hok}}"])
def test_a_name_that_nothing_has_is_a_warning_elsewhere_in_the_address(url: str) -> None:
    (found,) = findings_of(url)
    assert (found.code, found.severity) == ("FC1038", Severity.WARNING)
    assert found.message.endswith("names no variable, event or node, and prints nothing")


def test_a_name_that_is_known_may_decide_where_a_request_goes() -> None:
    assert findings_of("{{Hook}}", variables=(a_variable("Hook", URL),)) == ()


# Outputs that an event has not


@pytest.mark.parametrize(
    ("reference", "event", "output", "hint"),
    [
        ("NewPhoneContact.AIN", "NewPhoneContact", "AIN", "did you mean ANI?"),
        ("NewContact.AIN", "NewPhoneContact", "AIN", "did you mean ANI?"),
        ("NewPhoneContact.Ani", "NewPhoneContact", "Ani", "did you mean ANI?"),
        ("AgentDisconnect.AgentID", "AgentDisconnect", "AgentID", "did you mean AgentId?"),
        ("AgentOffered.QueuName", "AgentOffered", "QueuName", "did you mean QueueName?"),
        (
            "PhoneContactEnded.Zzz",
            "PhoneContactEnded",
            "Zzz",
            "see the schema of PhoneContactEnded",
        ),
    ],
)
def test_an_output_that_its_event_has_not_is_a_warning_that_names_the_nearest(
    reference: str, event: str, output: str, hint: str
) -> None:
    (found,) = findings_of(body=f'{{"a": {{{{{reference}}}}}}}')
    assert (found.code, found.severity, found.node) == ("OH1006", Severity.WARNING, "A")
    assert found.message == (
        f'{{{{{reference}}}}}: the event {event} has no output "{output}" here'
    )
    assert found.remedy == hint


@pytest.mark.parametrize(
    "reference",
    [
        "NewPhoneContact.ANI",
        "NewPhoneContact",
        "AgentOffered.CAD.anything.deeper",
        "AgentAccepted.AgentID",
        "OnGlobalError.errorMessage",
        "A.httpResponseBody",
        "A.httpResponseHeaders.anything",
        "V.anything",
    ],
)
def test_an_output_that_there_is_or_that_cannot_be_known_is_none(reference: str) -> None:
    body = f'{{"a": {{{{{reference}}}}}}}'
    assert findings_of(body=body, variables=(a_variable("V", "x"),)) == ()


# Addresses that stay empty


@pytest.mark.parametrize("fields", [{}, {"value": None}, {"value": "  "}, {"source": "GLOBAL"}])
def test_an_empty_default_that_decides_where_a_request_goes_is_a_warning(
    fields: dict[str, Any],
) -> None:
    (found,) = findings_of("{{Hook}}", variables=(a_variable("Hook") | fields,))
    assert (found.code, found.severity, found.node) == ("OH1007", Severity.WARNING, "A")
    assert found.message == (
        "{{Hook}} decides where the request goes, so no event sets it, and its default is empty"
    )
    assert found.remedy == "give it a default, or make it isExternalized and configure it"


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("{{Hook}}", a_variable("Hook", URL)),
        ("{{Hook}}", a_variable("Hook", isExternalized=True)),
        ("https://example.com/{{Hook}}", a_variable("Hook")),
    ],
    ids=["a default", "configured", "only in the path"],
)
def test_an_address_that_can_be_filled_is_no_finding(url: str, variable: dict[str, Any]) -> None:
    assert findings_of(url, variables=(variable,)) == ()


# Names of flows


@pytest.mark.parametrize(
    "name", [" F", "F ", "F\n", "\tF", "F\x00G", "F\x1b[31m", "F\u2028G", "F\u200b"]
)
def test_a_flow_s_name_has_no_control_characters_and_no_blanks_at_its_ends(name: str) -> None:
    with pytest.raises(FlowError) as refusal:
        compiled(a_flow("F", a_request("A", URL)) | {"name": name})
    (found,) = refusal.value.findings
    assert (found.code, found.severity) == ("OH1003", Severity.ERROR)
    assert found.message == (
        f"the flow's name {name!r} has blanks at its ends or control characters"
    )
    assert all(line.isprintable() for line in str(refusal.value).split("\n"))


@pytest.mark.parametrize("name", ["F", "Main Flow", "Hauptfluß (neu)", "流れ", "a/b?c"])
def test_any_printable_text_names_a_flow(name: str) -> None:
    assert compiled(a_flow("F", a_request("A", URL)) | {"name": name}).name == name

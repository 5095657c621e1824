"""The HTTP Request node: its properties read and checked, and the request that it renders."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from msgspec import structs

from flows import a_request
from json_values import texts
from onhook.flow.errors import Finding, RunError
from onhook.flow.hosted_checks import check_bodies
from onhook.flow.http_request import METHODS, HttpRequest, compile_http_request
from onhook.flow.model import Node, Variable
from onhook.flow.properties import Properties, Scope
from onhook.flow.surroundings import Surroundings
from onhook.settings.contact_centre import VariableType

URL = "https://example.com/hook"
STRING, INTEGER, _, _, _, JSON = VariableType


VARIABLES = {
    name: Variable(name=name, type=kind)
    for name, kind in (("Text", STRING), ("Count", INTEGER), ("Data", JSON))
}
CONNECTORS = {"Crm": "https://crm.example/api", "crm-id": "https://crm.example/api"}


def read(url: str = URL, **properties: Any) -> tuple[HttpRequest | None, list[Finding]]:
    kept = a_request("Ask", url, **properties)
    node = Properties(Node(id=kept["id"], name=kept["name"], properties=kept["properties"]))
    surroundings = Surroundings(connectors=CONNECTORS)
    request = compile_http_request(node, Scope(variables=VARIABLES, surroundings=surroundings))
    return request, node.findings


def compiled(url: str = URL, **properties: Any) -> HttpRequest:
    request, findings = read(url, **properties)
    assert [each for each in findings if each.code != "OH1022"] == []
    assert request is not None
    return request


def finding(url: str = URL, **properties: Any) -> Finding:
    request, findings = read(url, **properties)
    assert request is None
    (found,) = findings
    assert found.node == "Ask"
    return found


def test_a_request_posts_its_json() -> None:
    request = compiled(httpRequestBody='{"who": "{{Who}}"}')
    context = {"Who": 'A "B"'}
    assert (request.method, request.render_url(context)) == ("POST", URL)
    assert request.render_headers(context) == (("Content-Type", "application/json"),)
    assert json.loads(request.render_body(context)) == {"who": 'A "B"'}


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_is_taken_in_any_case(method: str) -> None:
    assert compiled(httpRequestMethod=method).method == method
    assert compiled(httpRequestMethod=method.lower()).method == method


def test_a_request_without_a_method_posts() -> None:
    assert compiled(httpRequestMethod=None).method == "POST"


@pytest.mark.parametrize("kind", ["None", "none", "", None])
def test_a_request_without_a_content_type_has_no_body(kind: str | None) -> None:
    request = compiled(httpContentType=kind, httpRequestBody="")
    assert request.render_body({}) == b""
    assert request.render_headers({}) == ()


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_content_type_without_a_body_is_no_body_where_none_is_usual(method: str) -> None:
    request = compiled(httpRequestMethod=method, httpRequestBody="")
    assert request.render_body({}) == b""
    assert request.render_headers({}) == ()


def test_a_content_type_of_the_author_s_own_replaces_ours() -> None:
    own = {"content-type": "application/vnd.api+json"}
    assert compiled(httpRequestHeaders=own).render_headers({}) == tuple(own.items())


def test_header_values_are_templates_without_blanks_around() -> None:
    request = compiled(httpRequestHeaders={"X-Who": "{{Who}} ", "X-Fixed": "é"})
    assert request.render_headers({"Who": "\n Ada\t"})[1:] == (("X-Who", "Ada"), ("X-Fixed", "é"))
    assert request.render_headers({})[1] == ("X-Who", "")


@pytest.mark.parametrize("control", [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))])
def test_no_control_character_ever_stands_in_a_header(control: str) -> None:
    request = compiled(httpRequestHeaders={"X-Who": "{{Who}}"})
    with pytest.raises(RunError) as refusal:
        request.render_headers({"Who": f"a{control}b"})
    assert str(refusal.value) == (
        'node "Ask": header "X-Who": the value of the header holds control characters; remove them'
    )


@given(texts)
def test_any_text_is_a_header_s_value_or_refused(value: str) -> None:
    try:
        headers = compiled(httpRequestHeaders={"X": "{{v}}"}).render_headers({"v": value})
    except RunError:
        return
    assert headers[1] == ("X", value.strip())
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in headers[1][1])


@pytest.mark.parametrize(
    ("given_value", "timeout_s"),
    [(None, None), ("", None), (0, None), (2000, 2.0), ("2500", 2.5), (" 100 ", 0.1)],
)
def test_a_timeout_is_milliseconds_as_a_number_or_its_text(
    given_value: Any, timeout_s: float | None
) -> None:
    assert compiled(httpResponseTimeout=given_value).timeout_s == timeout_s


@pytest.mark.parametrize(
    ("given_value", "attempts"), [(None, 1), ("", 1), (0, 0), ("3", 3), (99, 10)]
)
def test_retry_attempts_are_one_unless_given_and_ten_at_most(
    given_value: Any, attempts: int
) -> None:
    assert compiled(retryAttempts=given_value).retry_attempts == attempts


@pytest.mark.parametrize(
    ("url", "properties", "code", "message", "remedy"),
    [
        ("", {}, "FC1015", "url is empty", "set httpRequestUrl or remove the node"),
        (" ", {}, "FC1015", "url is empty", "set httpRequestUrl"),
        (
            "example.com/hook",
            {},
            "OH1003",
            "url 'example.com/hook' is no http:// or https:// address",
            "correct httpRequestUrl",
        ),
        (
            "https://h/{{a|b(}}",
            {},
            "OH1002",
            "httpRequestUrl: line 1, column 16: ",
            "correct the expression",
        ),
        (
            URL,
            {"httpRequestMethod": "BREW"},
            "OH1003",
            'method "BREW" is unknown',
            "use DELETE, GET",
        ),
        (URL, {"httpRequestMethod": 5}, "OH1003", "httpRequestMethod must be text", "quotes"),
        (
            URL,
            {"authenticated": True},
            "FC1015",
            "connectorId is not set, and authenticated is on",
            "set connectorId, or set authenticated to false",
        ),
        (URL, {"authenticated": None}, "FC1015", "connectorId is not set", "set connectorId"),
        (
            URL,
            {"outputVariableArray": [{"outputVariable": "x", "jsonPathExp": "$.a"}]},
            "FC1038",
            'it sets "x", which is not declared',
            "declare the variable",
        ),
        (
            URL,
            {"outputVariableArray": [{"outputVariable": "Text", "jsonPathExp": "$.["}]},
            "OH1002",
            "jsonPathExp: ",
            "correct the path",
        ),
        (
            URL,
            {"outputVariableArray": [{"outputVariable": "", "jsonPathExp": "$.a"}]},
            "FC1015",
            "outputVariableArray has a path without outputVariable",
            "name the variable",
        ),
        (URL, {"outputVariableArray": "x"}, "OH1003", "must be a list of maps", "correct it"),
        (URL, {"contentType": "CSV"}, "OH1003", 'contentType "CSV" cannot be read', "JSON, XML"),
        (
            URL,
            {"httpContentType": "Carrier Pigeon", "httpRequestBody": "coo"},
            "OH1003",
            'content type "Carrier Pigeon" is unknown',
            "correct httpContentType",
        ),
        (
            URL,
            {"httpContentType": "XML", "httpRequestBody": "<a>"},
            "OH1002",
            "httpRequestBody: line 1",
            "make it XML",
        ),
        (
            URL,
            {"httpContentType": "File", "httpRequestBody": "", "httpRequestBodyFiles": ["f"]},
            "OH1001",
            "its files lie in the hosted product",
            "put what is to be sent into httpRequestBody",
        ),
        (
            URL,
            {"httpContentType": "Form Data", "httpRequestBodyFormData": "a"},
            "OH1003",
            "is no list of {key, value}",
            "give each field a name",
        ),
        (
            URL,
            {"httpContentType": "GraphQL", "httpRequestBodyGQL": {"query": ""}},
            "FC1015",
            "httpRequestBodyGQL of http-request-v2 has no query",
            "give it one",
        ),
        (
            URL,
            {"httpContentType": "None", "httpRequestBody": "{}"},
            "FC1015",
            "a body needs a content type",
            "set httpContentType to Application/JSON",
        ),
        (
            URL,
            {"httpRequestBody": '{\n "a": {{x}} }}'},
            "OH1002",
            "httpRequestBody: line 2, column 14: the body is no JSON: ",
            "make it JSON",
        ),
        (
            URL,
            {"httpRequestBody": '{"a": {{ x | upper( }}}'},
            "OH1002",
            "httpRequestBody: line 1, column ",
            "correct the expression",
        ),
        (URL, {"httpRequestBody": ""}, "OH1002", "the body is no JSON", "make it JSON"),
        (URL, {"httpRequestHeaders": ["X"]}, "OH1003", "must map names to texts", "correct it"),
        (URL, {"httpRequestHeaders": {"X": []}}, "OH1003", "must map names to texts", "correct it"),
        (
            URL,
            {"httpRequestHeaders": {"X": "{{ a b }}"}},
            "OH1002",
            "httpRequestHeaders.X: line 1, column 6",
            "correct the expression",
        ),
        (
            URL,
            {"httpRequestHeaders": {"X Y": "1"}},
            "OH1003",
            "header name 'X Y' is no header name",
            "correct or remove it",
        ),
        (URL, {"httpRequestHeaders": {"Host": "x"}}, "OH1003", 'header "Host" is set by', "remove"),
        (
            URL,
            {"httpRequestHeaders": {"X": "a\r\nY: b"}},
            "OH1002",
            "httpRequestHeaders.X: line 1, column 2: a header cannot hold control characters",
            "remove the control characters",
        ),
        (
            URL,
            {"httpResponseTimeout": "2s"},
            "OH1003",
            "httpResponseTimeout must be a whole number of milliseconds up to 1000000000, not '2s'",
            "correct it",
        ),
        (URL, {"httpResponseTimeout": -1}, "OH1003", "httpResponseTimeout must be", "correct it"),
        (URL, {"httpResponseTimeout": 10**400}, "OH1003", "httpResponseTimeout must be", "correct"),
        (URL, {"retryAttempts": "²"}, "OH1003", "retryAttempts must be a whole number", "correct"),
        (URL, {"retryAttempts": True}, "OH1003", "retryAttempts must be a whole number", "correct"),
        (URL, {"retryAttempts": 1.5}, "OH1003", "retryAttempts must be a whole number", "correct"),
        (
            URL,
            {"onFailure": "ignore"},
            "OH1003",
            'onFailure is "ignore"',
            "use deliver or continue",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_sent_is_a_finding_with_its_remedy(
    url: str, properties: dict[str, Any], code: str, message: str, remedy: str
) -> None:
    found = finding(url, **properties)
    assert found.code == code
    assert message in found.message
    assert remedy in found.remedy


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Transfer-Encoding", "connection", "Expect", "TE", "Upgrade"],
)
def test_a_header_that_frames_the_message_cannot_be_set(name: str) -> None:
    assert finding(httpRequestHeaders={name: "1"}).message.endswith("is set by the worker itself")


def test_all_findings_of_a_node_come_at_once() -> None:
    _, findings = read("", httpRequestMethod="BREW", httpRequestBody="{", retryAttempts="x")
    assert [each.code for each in findings] == ["OH1003", "FC1015", "OH1002", "OH1003"]


def test_an_empty_address_names_the_variable_that_would_fill_it() -> None:
    with pytest.raises(RunError) as refusal:
        compiled("{{WebhookUrl}}").render_url({})
    assert str(refusal.value) == (
        'node "Ask": url is empty; set {{WebhookUrl}}: ONHOOK_WEBHOOK_URL, onhook override set FLOW '
        "WebhookUrl VALUE or --set WebhookUrl=VALUE in flow run"
    )


def test_a_request_knows_everything_that_it_reads() -> None:
    request = compiled(
        "https://{{a}}/{{b}}",
        httpQueryParameters={"q": "{{c}}"},
        httpRequestHeaders={"X": "{{d.e}}"},
        httpRequestBody='["{{f}}", {{g}}]',
    )
    assert [str(each) for each in request.references] == [
        "{{a}}",
        "{{b}}",
        "{{c}}",
        "{{d.e}}",
        "{{f}}",
        "{{g}}",
    ]


# Connectors


def connected(**properties: Any) -> HttpRequest:
    return compiled("", **{"authenticated": True, "connectorId": "Crm"} | properties)


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/customers", "https://crm.example/api/customers"),
        ("customers", "https://crm.example/api/customers"),
        ("", "https://crm.example/api"),
        (None, "https://crm.example/api"),
        ("/find/{{Who}}", "https://crm.example/api/find/a%20b%2F..%3Fc"),
        ("/find?q={{Who}}&x=1", "https://crm.example/api/find?q=a%20b%2F..%3Fc&x=1"),
        ("{{Path}}", "https://crm.example/api/v1/a?b=c"),
        ("https://crm.example/api/other", "https://crm.example/api/other"),
    ],
)
def test_a_connector_s_base_is_joined_with_the_path(path: str | None, url: str) -> None:
    context = {"Who": "a b/..?c", "Path": "/v1/a?b=c"}
    request = connected(httpRequestPath=path)
    assert request.render_url(context) == url
    assert request.connector(context) == "Crm"


def test_query_parameters_follow_a_connector_s_path() -> None:
    for path in ("/a", "{{Path}}"):
        request = connected(httpRequestPath=path, httpQueryParameters={"q": "{{Who}}"})
        url = request.render_url({"Who": "ä", "Path": "/a"})
        assert url == "https://crm.example/api/a?q=%C3%A4"


def test_a_connector_may_be_named_by_a_variable() -> None:
    request = connected(connectorId="{{Text}}", httpRequestPath="/a")
    assert request.render_url({"Text": "crm-id"}) == "https://crm.example/api/a"
    assert request.connector({"Text": " crm-id"}) == "crm-id"
    with pytest.raises(RunError, match=r"no connector is called 'other'; set \{\{Text\}\}"):
        request.render_url({"Text": "other"})


def test_a_connector_s_readable_name_serves_where_its_id_is_the_tenant_s() -> None:
    request = connected(connectorId="9f1c", connectorId_name="Crm", httpRequestPath="/a")
    assert request.render_url({}) == "https://crm.example/api/a"
    assert request.connector({}) == "Crm"


def test_a_whole_address_of_an_authenticated_request_stays_at_its_connector() -> None:
    request = connected(httpRequestUrl="https://crm.example/other")
    assert request.render_url({}) == "https://crm.example/other"


def test_a_request_without_a_connector_has_none() -> None:
    assert compiled().connector({}) is None


@given(texts)
def test_no_value_leaves_a_connector_s_origin(value: str) -> None:
    for path in ("{{v}}", "{{v}}/a", "/{{v}}", "a?{{v}}"):
        try:
            url = connected(httpRequestPath=path).render_url({"v": value})
        except RunError:
            continue
        assert url.startswith("https://crm.example/")


@pytest.mark.parametrize(
    "value",
    ["https://evil.example/", "//evil.example", "\\\\evil.example", "@evil.example", "https:/x"],
)
def test_an_address_in_place_of_a_path_goes_nowhere_else(value: str) -> None:
    try:
        url = connected(httpRequestPath="{{v}}").render_url({"v": value})
    except RunError as refusal:
        assert "leaves the origin" in str(refusal) or "url" in str(refusal)
        return
    assert url.startswith("https://crm.example/api/")


# Names that are expressions


def test_names_of_headers_and_query_parameters_may_be_expressions() -> None:
    request = compiled(
        httpRequestHeaders={"X-{{Who}}": "{{v}}"}, httpQueryParameters={"{{Who}} x": "{{v}}"}
    )
    context = {"Who": "Ada", "v": "1"}
    assert request.render_headers(context)[1] == ("X-Ada", "1")
    assert request.render_url(context) == f"{URL}?Ada%20x=1"
    assert [str(each) for each in request.steering] == ["{{Who}}"]


@pytest.mark.parametrize("value", ["", "a b", "a\r\nb", "Host", "content-length", "ä", ":"])
def test_a_header_s_name_that_is_none_fails_the_node(value: str) -> None:
    with pytest.raises(RunError, match="header"):
        compiled(httpRequestHeaders={"{{n}}": "1"}).render_headers({"n": value})


# Bodies


@pytest.mark.parametrize(
    ("kind", "source", "content_type", "sent"),
    [
        ("Form URL Encoded", "a={{v}}&b=2", "application/x-www-form-urlencoded", "a=x+%26+y&b=2"),
        ("XML", "<a>{{v}}</a>", "application/xml", "<a>x &amp; y</a>"),
        ("TOML", 'a = "{{v}}"', "application/toml", 'a = "x & y"'),
        ("YAML", "a: {{v}}", "application/yaml", None),
        ("File", "raw {{v}}", "application/octet-stream", "raw x & y"),
        ("Other", "raw {{v}}", None, "raw x & y"),
        ("GraphQL", '{ find(name: "{{v}}") { id } }', "application/json", None),
    ],
)
def test_every_content_type_is_sent(
    kind: str, source: str, content_type: str | None, sent: str | None
) -> None:
    request = compiled(httpContentType=kind, httpRequestBody=source)
    headers = dict(request.render_headers({}))
    assert headers.get("Content-Type") == content_type
    body = request.render_body({"v": "x & y"}).decode()
    assert "x" in body
    assert sent is None or body == sent


def test_parts_of_a_form_have_one_boundary_in_header_and_body() -> None:
    request = compiled(httpContentType="Form Data", httpRequestBody="a={{v}}")
    for boundary in ("", "given-boundary"):
        kind = dict(request.render_headers({}, boundary=boundary))["Content-Type"]
        body = request.render_body({"v": "x"}, boundary=boundary).decode()
        assert kind == f"multipart/form-data; boundary={boundary or request.boundary}"
        assert body.startswith(f"--{boundary or request.boundary}\r\n")


@pytest.mark.parametrize(
    "fields",
    [{"a b": "{{v}}", "c": "1"}, [{"key": "a b", "value": "{{v}}"}, {"name": "c", "value": 1}]],
)
def test_a_form_s_fields_may_stand_one_by_one(fields: Any) -> None:
    request = compiled(
        httpContentType="Form URL Encoded", httpRequestBody=None, httpRequestBodyFormData=fields
    )
    assert request.render_body({"v": "x&y"}) == b"a+b=x%26y&c=1"
    parts = compiled(
        httpContentType="Form Data", httpRequestBody=None, httpRequestBodyFormData=fields
    )
    body = parts.render_body({"v": "x&y"}, boundary="zz")
    assert b'name="a b"\r\n\r\nx&y\r\n--zz' in body


def test_a_graphql_query_has_its_variables_beside_it() -> None:
    request = compiled(
        httpContentType="GraphQL",
        httpRequestBody=None,
        httpRequestBodyGQL={"query": "query($n: String) { a }", "variables": '{"n": "{{v}}"}'},
    )
    assert json.loads(request.render_body({"v": 'x"y'})) == {
        "query": "query($n: String) { a }",
        "variables": {"n": 'x"y'},
    }
    assert dict(request.render_headers({}))["Content-Type"] == "application/json"


def test_a_body_that_a_quote_would_break_elsewhere_is_a_warning() -> None:
    request = compiled(httpRequestBody='{"a": "{{Text}}", "b": "{{Count}}"}')
    (found,) = check_bodies([request])
    assert (found.code, found.severity.value, found.node) == ("OH1022", "warning", "Ask")
    assert found.message == (
        "a double quote in {{Text}} would break the body on the hosted product, not here"
    )
    assert found.remedy == 'to run there too, write {{Text | escape("json")}}'


def test_the_remedy_for_the_hosted_product_is_no_finding_here_but_an_info() -> None:
    request, (found,) = read(httpRequestBody='{"a": "{{Text | escape("json")}}"}')
    assert request is not None
    assert check_bodies([request]) == []
    assert (found.code, found.severity.value) == ("OH1022", "info")
    assert found.remedy == "keep it where the flow must also run on the hosted product"


def test_what_breaks_elsewhere_is_said_once_for_all_requests_of_a_flow() -> None:
    one = compiled(httpRequestBody='{"a": "{{Text}}", "b": "{{Text}}"}')
    other = structs.replace(compiled(httpRequestBody='{"a": "{{Who}}"}'), name="Tell")
    (found,) = check_bodies([one, other])
    assert found.node is None
    assert "{{Text}}, {{Who}} would" in found.message


def test_a_text_without_quotes_is_no_json_elsewhere() -> None:
    request = compiled(httpRequestBody='{"a": {{Text}}, "b": {{Count}}, "c": {{Data}}}')
    (found,) = check_bodies([request])
    assert (found.code, found.severity.value) == ("OH1022", "warning")
    assert found.message == (
        "a text in {{Text}}, without quotes, is no JSON on the hosted product; it is here"
    )
    assert found.remedy == 'write "{{Text}}", in quotes'


# Responses


def test_a_response_is_read_into_variables() -> None:
    rows = [
        {"outputVariable": "Text", "jsonPathExp": "$.a.b"},
        {"outputVariable": "Count", "jsonPathExp": "$.n"},
        {"outputVariable": "Data", "jsonPathExp": "$.a"},
    ]
    answers = {
        "JSON": '{"a": {"b": "x"}, "n": "7"}',
        "XML": "<r><a><b>x</b></a><n>7</n></r>",
        "YAML": "a: {b: x}\nn: 7",
        "TOML": 'n = 7\n[a]\nb = "x"',
    }
    for kind, text in answers.items():
        request = compiled(outputVariableArray=rows, contentType=kind)
        values, note = request.read({"httpResponseBody": text})
        assert values == {"Text": "x", "Count": 7, "Data": {"b": "x"}}
        assert note is None
    assert compiled().read({"httpResponseBody": "{"}) == ({}, None)


def test_an_address_that_is_none_says_how_to_set_its_variable() -> None:
    with pytest.raises(
        RunError, match=r"set \{\{Who\}\}: onhook override set FLOW Who VALUE or --set"
    ):
        compiled("{{Who}}").render_url({"Who": ""})


@pytest.mark.parametrize(
    ("properties", "timeout_s"),
    [
        ({"httpResponseTimeout": 2000.0}, 2.0),
        ({"httpResponseTimeout": "2000.0"}, 2.0),
        ({"httpResponseTimeout": " 2000 "}, 2.0),
        ({"authenticated": "false"}, None),
        ({"authenticated": "False "}, None),
        ({"httpQueryParameters": []}, None),
        ({"httpRequestHeaders": []}, None),
    ],
)
def test_what_exports_may_write_is_read(
    properties: dict[str, Any], timeout_s: float | None
) -> None:
    request = compiled(**properties)
    assert request.timeout_s == timeout_s
    assert request.render_url({}) == URL


def test_authenticated_is_true_or_false() -> None:
    _, findings = read(authenticated="maybe")
    assert findings[0].message == "authenticated must be true or false, not 'maybe'"

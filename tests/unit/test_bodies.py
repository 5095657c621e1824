"""Bodies of every content type: what is sent, and that no value leaves its place."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json_values import NASTY, json_values, texts
from onhook import pebble
from onhook.flow.bodies import CONTENT_TYPES, Body, UnknownContentType, compile_body
from onhook.flow.header_value import check_header, header_value
from onhook.pebble import PebbleError

BOUNDARY = "0a1b2c3d-boundary"


def compiled(kind: str, source: str) -> Body:
    return compile_body(kind, pebble.compile(source))


def rendered(kind: str, source: str, **context: Any) -> bytes:
    return compiled(kind, source).render(context, boundary=BOUNDARY)


def fields_of(source: str, **context: Any) -> list[tuple[str, str]]:
    """The fields of a multipart body, read by a reader of mails."""
    body = compiled("Form Data", source)
    head = f"Content-Type: {body.type_with(BOUNDARY)}\r\n\r\n".encode()
    content = body.render(context, boundary=BOUNDARY)
    message = message_from_bytes(head + content, policy=policy.HTTP)
    assert not message.defects
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_payload(decode=True).decode(),  # type: ignore[union-attr]
        )
        for part in message.iter_parts()  # type: ignore[attr-defined]
    ]


@pytest.mark.parametrize(
    ("kind", "source", "content_type", "content"),
    [
        ("None", "{{x}}", None, b""),
        ("", "", None, b""),
        ("Application/JSON", '{"a": {{x}}}', "application/json", b'{"a": "1 & 2"}'),
        (
            "Form URL Encoded",
            "a={{x}}",
            "application/x-www-form-urlencoded",
            b"a=1+%26+2",
        ),
        ("XML", "<a>{{x}}</a>", "application/xml", b"<a>1 &amp; 2</a>"),
        ("TOML", "a = {{x}}", "application/toml", b'a = "1 & 2"'),
        ("YAML", "a: {{x}}", "application/yaml", b'a: "1 & 2"'),
        ("File", "a {{x}}\n", "application/octet-stream", b"a 1 & 2"),
        ("Other", "a {{x}}", None, b"a 1 & 2"),
        (
            "GraphQL",
            "{ me(n: {{x}}) { id } }",
            "application/json",
            b'{"query":"{ me(n: \\"1 & 2\\") { id } }"}',
        ),
        ("GraphQL", '{"query": "{{x}}"}', "application/json", b'{"query": "1 & 2"}'),
    ],
)
def test_each_content_type_is_sent_as_its_own(
    kind: str, source: str, content_type: str | None, content: bytes
) -> None:
    for spelled in (kind, kind.upper(), kind.lower()):
        body = compiled(spelled, source)
        assert body.content_type == body.type_with(BOUNDARY) == content_type
        assert body.render({"x": "1 & 2"}, boundary=BOUNDARY) == content
        assert [each.path for each in body.references] == ([("x",)] if content else [])


def test_every_content_type_of_flow_designer_is_known() -> None:
    sources = {"XML": "<a/>", "TOML": "a = 1"}
    for kind in CONTENT_TYPES:
        assert compiled(kind, sources.get(kind, '{"a": 1}')).notes == ()


def test_an_unknown_content_type_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownContentType, match=r'"CSV" is unknown; use one of None, App'):
        compiled("CSV", "x")


# -- forms ---------------------------------------------------------------------------------------


@given(texts, texts)
def test_a_form_holds_its_values_whatever_they_are(first: str, second: str) -> None:
    source = "a={{x}}&b=1{{y}}2&c={{ x | urlencode }}&{{y}}=d e&f=%20"
    expected = [("a", first), ("b", f"1{second}2"), ("c", first), (second, "d e"), ("f", " ")]
    content = rendered("Form URL Encoded", source, x=first, y=second).decode("ascii")
    assert parse_qsl(content, keep_blank_values=True) == expected


@given(texts, st.lists(texts, max_size=3))
def test_a_form_of_json_holds_its_values_whatever_they_are(first: str, several: list[str]) -> None:
    source = '{"a": "{{x}}", "{{x}}": 1.50, "l": {{l}}, "gone": {{gone}}, "t": true}'
    content = rendered("Form URL Encoded", source, x=first, l=several).decode("ascii")
    pairs = parse_qsl(content, keep_blank_values=True)
    fields = {"a": [first]} | {first: ["1.5"]} | {"l": several, "gone": [""], "t": ["true"]}
    if first not in ("l", "gone", "t"):
        assert pairs == [(name, value) for name, values in fields.items() for value in values]


def test_a_form_may_be_laid_out_on_lines() -> None:
    source = "\n  a={{x}}&\n  b={{y}}\n{% for each in l %}&l={{each}}{% endfor %}\n"
    assert rendered("Form URL Encoded", source, x=1, y=" ", l=[1, 2]) == b"a=1&b=+&l=1&l=2"


@given(texts, texts.filter(lambda text: not set("\r\n\0") & set(text)))
def test_the_parts_of_a_form_hold_their_values_whatever_they_are(value: str, name: str) -> None:
    content = rendered("Form Data", "a={{x}}&{{n}}=1+1 %&b=", x=value, n=name)
    parts = content.split(f"--{BOUNDARY}".encode())
    assert parts[0] == b""
    assert parts[-1] == b"--\r\n"
    bodies = [part.split(b"\r\n\r\n", 1)[1][:-2] for part in parts[1:-1]]
    assert bodies == [value.encode(), b"1+1 %", b""]


def test_the_parts_of_a_form_are_read_as_what_they_are() -> None:
    assert fields_of("a={{x}}\nb={{y}}\r\nc=d e", x="ä\r\n--b", y="") == [
        ("a", "ä\r\n--b"),
        ("b", ""),
        ("c", "d e"),
    ]
    assert fields_of('{"a\\"": {{x}}, "b": [1, 2]}', x={"k": 1}) == [
        ("a%22", '{"k":1}'),
        ("b", "1"),
        ("b", "2"),
    ]


def test_a_value_that_holds_the_boundary_of_the_parts_is_refused() -> None:
    with pytest.raises(PebbleError, match="boundary"):
        rendered("Form Data", "a={{x}}", x=f"--{BOUNDARY}--")


def test_a_form_of_other_json_is_refused() -> None:
    with pytest.raises(PebbleError, match="the body is no JSON"):
        compiled("Form Data", '{"a": }')


# -- GraphQL -------------------------------------------------------------------------------------


def query_of(source: str, **context: Any) -> str:
    return str(json.loads(rendered("GraphQL", source, **context))["query"])


@given(texts)
def test_a_value_in_a_graphql_string_stays_in_it(value: str) -> None:
    query = query_of('{ me(a: "x{{v}}", b: {{v}}) { id } } # {{v}}\n', v=value)
    head, _, rest = query.partition(", b: ")
    bare, _, comment = rest.partition(") { id } } # ")
    assert json.loads(head.removeprefix("{ me(a: ")) == f"x{value}"
    assert json.loads(bare) == value
    assert len(comment.splitlines()) <= 1


def test_graphql_has_literals_and_block_strings() -> None:
    assert query_of("{ a(m: {{m}}, l: {{l}}, n: {{n}}) }", m={"k": "v"}, l=[1, "x"], n=None) == (
        '{ a(m: {k: "v"}, l: [1, "x"], n: null) }'
    )
    assert query_of('{ a(t: """{{t}}""") }', t='a """ b\nc') == '{ a(t: """a \\""" b\nc""") }'


@pytest.mark.parametrize(
    ("source", "value", "words"),
    [
        ('{ a(t: """{{v}}""") }', 'a"', "quotes cannot stand"),
        ("{ a(m: {{v}}) }", {"a b": 1}, "no name of GraphQL"),
        ("{ a(t: x{{v}}) }", "", "directly behind another text"),
        ("{ a(t: {{v}}x) }", "", "directly behind an expression"),
        ('{ a(t: "\\{{v}}") }', "", "a backslash"),
        ('{ a(t: ""{{v}}) }', "", "directly behind another text"),
        ('{ a(t: "{{v}}"") }', "", "quotes stand in one piece"),
        ('{ a(t: """") }{{v}}', "", "quotes stand in one piece"),
        ('{ a(t: "{% if v %}""{% endif %}") }', "x", "quotes stand in one piece"),
        ('{ a(t: "{{v}}) }', "", "never closed"),
    ],
)
def test_what_could_leave_its_place_in_graphql_is_refused(
    source: str, value: Any, words: str
) -> None:
    with pytest.raises(PebbleError, match=words):
        rendered("GraphQL", source, v=value)


# -- any body ------------------------------------------------------------------------------------


@given(
    st.sampled_from(CONTENT_TYPES),
    st.lists(
        st.sampled_from(
            [
                *(
                    "{{v}}",
                    '"',
                    "'",
                    "<",
                    ">",
                    "a",
                    "=",
                    ":",
                    " ",
                    "\n",
                    "{",
                    "}",
                    "[",
                    "]",
                    ",",
                    "&",
                ),
                *(
                    "</a>",
                    "<a>",
                    "a = ",
                    "a: ",
                    "- ",
                    "|\n",
                    "#",
                    "\\",
                    "{% if v %}",
                    "{% endif %}",
                ),
            ]
        ),
        max_size=10,
    ).map("".join),
    json_values | st.sampled_from(NASTY),
)
def test_any_body_is_rendered_or_an_error_of_ours(kind: str, source: str, value: Any) -> None:
    try:
        rendered(kind, source, v=value).decode("utf-8")
    except PebbleError:
        return


@pytest.mark.parametrize(
    ("kind", "source", "offset"),
    [
        ("XML", "<a>{{ v | escape }}{{ v | escape('html') }}</a>", 3),
        ("Form URL Encoded", "a={{ v | urlencode }}", 2),
        ("YAML", 'a: "{{ v | escape("json") }}"', 4),
        ("Application/JSON", '"{{ v | escape("json") }}"', 1),
    ],
)
def test_what_is_escaped_already_is_not_escaped_again_and_gets_a_note(
    kind: str, source: str, offset: int
) -> None:
    notes = [note for note in compiled(kind, source).notes if "already" in note.message]
    assert notes[0].offset == offset
    plain = source.replace(" | escape('html')", "").replace(' | escape("json")', "")
    plain = plain.replace(" | escape", "").replace(" | urlencode", "")
    assert rendered(kind, source, v='<&"') == rendered(kind, plain, v='<&"')


# -- headers -------------------------------------------------------------------------------------


@given(texts)
def test_a_header_has_no_control_characters_ever(value: str) -> None:
    template = pebble.compile(" x{{v}}\n")
    try:
        shown = header_value(template, {"v": value}, now=None)
    except PebbleError as refusal:
        assert value not in refusal.message or not value.strip()
    else:
        assert shown == f"x{value}".strip()
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)


def test_a_header_s_own_text_is_checked_beforehand() -> None:
    check_header(pebble.compile("\n Bearer {{v}} \n"))
    with pytest.raises(PebbleError) as refusal:
        check_header(pebble.compile("a{{v}}b\nc"))
    assert (refusal.value.line, refusal.value.column) == (1, 8)

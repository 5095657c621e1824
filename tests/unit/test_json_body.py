"""JSON bodies: whatever the values are, the body is JSON and holds exactly them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from json_values import NASTY, json_values, numbers, texts
from onhook import pebble
from onhook.flow.json_body import compile_json_body
from onhook.pebble import PebbleError, Reference

CANONICAL = """{
"DNIS": "{{NewPhoneContact.DNIS}}",
"ANI": "{{NewPhoneContact.ANI}}",
"InteractionId": "{{NewPhoneContact.InteractionId}}",
"Language": "{{Global_Language}}",
"WhoCalls": "{{WhoIsCalling}}"
}"""


def is_response(reference: Reference) -> bool:
    return reference.path == ("Get", "httpResponseBody")


def rendered(source: str, **context: Any) -> bytes:
    return compile_json_body(pebble.compile(source), is_response).render(context)


def parsed(source: str, **context: Any) -> Any:
    """Read by two readers, one of them strict, which must agree."""
    body = rendered(source, **context)
    read = json.loads(body)
    assert msgspec.json.decode(body) == read
    return read


def refusal_of(source: str) -> PebbleError:
    with pytest.raises(PebbleError) as refusal:
        compile_json_body(pebble.compile(source), is_response)
    return refusal.value


@given(texts, texts, texts, texts, texts)
def test_the_canonical_body_holds_its_five_values_whatever_they_are(
    dnis: str, ani: str, interaction: str, language: str, who: str
) -> None:
    contact = {"DNIS": dnis, "ANI": ani, "InteractionId": interaction}
    read = parsed(CANONICAL, NewPhoneContact=contact, Global_Language=language, WhoIsCalling=who)
    assert read == {
        "DNIS": dnis,
        "ANI": ani,
        "InteractionId": interaction,
        "Language": language,
        "WhoCalls": who,
    }


@given(texts)
def test_a_text_inside_a_string_arrives_as_it_is(value: str) -> None:
    source = '{"a": "{{v}}", "b": ["x{{v}}y{{v}}"], "{{v}}": 1}'
    assert parsed(source, v=value) == {"a": value, "b": [f"x{value}y{value}"]} | {value: 1}


@given(json_values)
def test_any_value_inside_a_string_is_its_text_and_nothing_more(value: Any) -> None:
    read = parsed('{"a": "{{v}}", "b": 1}', v=value)
    assert set(read) == {"a", "b"}
    if isinstance(value, str):
        assert read["a"] == value
    elif value is None:
        assert read["a"] == ""
    else:
        assert json.loads(read["a"]) == value


@given(json_values)
def test_any_bare_value_is_itself(value: Any) -> None:
    assert parsed("{{v}}", v=value) == value
    assert parsed('{"a": {{v}}, "b": [1, {{ v }}]}', v=value) == {"a": value, "b": [1, value]}


@given(texts | numbers)
def test_a_bare_key_is_a_text(value: Any) -> None:
    (key,) = parsed("{ {{v}} : 1}", v=value)
    assert key == value if isinstance(value, str) else json.loads(key) == value


def test_what_is_missing_is_null_when_bare_and_nothing_in_a_string() -> None:
    read = parsed('{"a": {{gone}}, "b": "{{gone.further}}", {{gone}} : 1}')
    assert read == {"a": None, "b": "", "": 1}


@given(json_values)
def test_a_response_that_is_json_goes_in_as_json(value: Any) -> None:
    body = json.dumps(value)
    assert parsed('{"got": {{Get.httpResponseBody}}}', Get={"httpResponseBody": body}) == {
        "got": value
    }


@given(st.text() | st.sampled_from(NASTY) | st.binary().map(lambda b: b.decode("utf-8", "replace")))
def test_a_response_that_is_no_json_goes_in_as_a_text(body: str) -> None:
    try:
        expected = json.loads(msgspec.json.format(body)) if body.strip() else None
    except msgspec.DecodeError:
        expected = body
    read = json.loads(rendered("[{{Get.httpResponseBody}}]", Get={"httpResponseBody": body}))
    assert read == [expected]


def test_a_response_s_numbers_keep_their_digits() -> None:
    body = '{"n": 12345678901234567890.12345678901234567890, "m": 1E400}'
    rest = {"httpResponseBody": body}
    assert rendered("{{Get.httpResponseBody}}", Get=rest) == body.replace(" ", "").encode()


def test_a_response_nested_beyond_reading_goes_in_as_a_text() -> None:
    body = "[" * 100_000 + "]" * 100_000
    assert parsed("[{{Get.httpResponseBody}}]", Get={"httpResponseBody": body}) == [body]


def test_a_response_inside_a_string_is_escaped_like_any_text() -> None:
    assert parsed('["{{Get.httpResponseBody}}"]', Get={"httpResponseBody": '{"a": 1}'}) == [
        '{"a": 1}'
    ]


def test_a_variable_that_looks_like_json_stays_a_text() -> None:
    assert parsed("[{{v}}]", v='{"a": 1}') == ['{"a": 1}']


def test_the_bytes_are_the_author_s_but_for_the_values() -> None:
    source = '{ "a" :\t"{{v}}" ,\r\n "ü\\u00fc" : 1.50e+3 , "n": 123456789012345678901234567890 }'
    assert rendered(source, v="é") == source.replace("{{v}}", "é").encode()


def test_a_number_of_any_size_may_stand_in_the_body() -> None:
    digits = "9" * 5_000
    assert rendered(f"[{digits}, {{{{v}}}}]", v=1) == f"[{digits}, 1]".encode()


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ("", 1, 1, "ends too early: expected a value"),
        ("{", 1, 2, "ends too early: expected a key"),
        ('{"a": 1,}', 1, 9, 'found "}" where a key in double quotes is expected'),
        ('{"a": {{v}}', 1, 12, 'ends too early: expected "," or "}"'),
        ('{"a": "{{v}}', 1, 13, "a string is not closed"),
        ('{\n"a": "{{v}}"\n"b": 1}', 3, 1, """found '"' where "," or "}" is expected"""),
        ('{"a": {{v}}{{w}}}', 1, 12, 'an expression stands where "," or "}" is expected'),
        ('{"a": 1{{v}}}', 1, 8, "directly behind a number"),
        ('{"a": {{v}}1}', 1, 12, 'found "1" where "," or "}" is expected'),
        ('{"a": -{{v}}}', 1, 8, "directly behind a number"),
        ('{"a": 1e{{v}}}', 1, 9, "directly behind a number"),
        ('{"a" {{v}}: 1}', 1, 6, 'where ":" and a value is expected'),
        ('{"a": tru{{v}}}', 1, 10, "directly behind a number or literal"),
        ('{"a": True}', 1, 7, "True is no JSON value"),
        ('["a\nb"]', 1, 4, "a line break stands inside a string"),
        ('["a\tb"]', 1, 4, "a string holds U+0009"),
        ('["\\x{{v}}"]', 1, 3, "begins no JSON escape"),
        ('["\\u00{{v}}41"]', 1, 3, "begins no JSON escape"),
        ('["\\ud83d{{v}}"]', 1, 3, "begins no JSON escape"),
        ('["\\{{v}}"]', 1, 3, "an expression or tag cannot follow a backslash"),
        ("{'a': {{v}}}", 1, 2, 'write "..."'),
        ('{"a": NaN}', 1, 7, "NaN is no JSON value"),
        ('{"NaN": "NaN",\n "b": -Infinity}', 2, 8, "Infinity is no JSON value"),
        ('{{v}} {"a": 1}', 1, 7, "where the end of the body is expected"),
        ("{{v}}{{v}}", 1, 6, "behind the end of the body"),
        ("{{v}}: 1", 1, 6, "where the end of the body is expected"),
        ('\n\n{"a": 1} x', 3, 10, "where the end of the body is expected"),
        ('\ufeff{"a": 1}', 1, 1, "a byte order mark"),
        ("[" * 100_000 + "]" * 100_000, 1, 513, "nested too deeply"),
        ("[1}", 1, 3, 'found "}"'),
        ("01", 1, 2, 'found "1"'),
        ('["{{v}}\ud800"]', 1, 8, "a string holds"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_body_that_cannot_become_json_is_refused_with_its_place(
    source: str, line: int, column: int, words: str
) -> None:
    refusal = refusal_of(source)
    assert (refusal.line, refusal.column) == (line, column)
    assert refusal.message.startswith("the body is no JSON: ")
    assert words in refusal.message


@given(st.text(alphabet='{}[]":,\\ \n1-.eutrfalsn{v', max_size=30), json_values)
def test_a_body_that_is_accepted_is_json_for_every_value(source: str, value: Any) -> None:
    marked = source.replace("v", "{{v}}")
    try:
        body = compile_json_body(pebble.compile(marked))
    except PebbleError:
        return
    json.loads(body.render({"v": value}))


@given(
    st.lists(
        st.sampled_from(["{", "}", "[", "]", '"', ":", ",", "\\", "u00", "4", "{{v}}", " ", "1"]),
        max_size=12,
    ),
    texts,
)
def test_a_body_put_together_from_tokens_is_refused_or_always_json(
    tokens: list[str], value: str
) -> None:
    try:
        body = compile_json_body(pebble.compile("".join(tokens)))
    except PebbleError:
        return
    assert json.loads(body.render({"v": value})) is not ...

"""Templates: references over plain data, and everything else refused with its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json_values import json_values, texts
from onhook.pebble import PebbleError, Reference, compile_template

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() not in ("true", "false", "null", "none")
)


def rendered(source: str, **context: Any) -> str:
    return compile_template(source).render(context)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("plain { text } }} %} #}", "plain { text } }} %} #}"),
        ("{{name}}", "Ada"),
        ("{{ name }}", "Ada"),
        ("{{\n\tname\r\n}}", "Ada"),
        ("a{{name}}b{{name}}", "aAdabAda"),
        ("{{Contact.ANI}}", "+1408"),
        ("{{ Contact.Inner.deep }}", "x"),
        ('{"a":{"b":"{{name}}"}}', '{"a":{"b":"Ada"}}'),
        ("{{name}}}", "Ada}"),
        ("{ {{name}} }", "{ Ada }"),
        ("😀{{name}}", "😀Ada"),
    ],
)
def test_a_reference_prints_the_value_that_it_names(source: str, text: str) -> None:
    contact = {"ANI": "+1408", "Inner": {"deep": "x"}}
    assert rendered(source, name="Ada", Contact=contact) == text


@pytest.mark.parametrize(
    "source", ["{{gone}}", "{{gone.further}}", "{{map.gone}}", "{{text.x}}", "{{n.x}}", "{{none_}}"]
)
def test_what_is_missing_prints_nothing(source: str) -> None:
    assert rendered(f"[{source}]", map={}, text="abc", n=5) == "[]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-(10**300), "-1" + "0" * 300),
        (1.5, "1.5"),
        ([1, "a"], '[1,"a"]'),
        ({"k": None}, '{"k":null}'),
    ],
)
def test_a_value_prints_as_its_json_but_a_text_as_it_is(value: object, text: str) -> None:
    assert rendered("{{v}}", v=value) == text


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028"])
def test_one_line_break_behind_a_reference_is_dropped_as_pebble_does(line_break: str) -> None:
    assert rendered(f"{{{{a}}}}{line_break}b", a="A") == "Ab"
    assert rendered("{{a}}\n\n b", a="A") == "A\n b"


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("{{ }}", 1, 1),
        ("{{", 1, 1),
        ("{{name", 1, 1),
        ("{{ name }", 1, 1),
        ("ok {{name}} {{ name | upper }}", 1, 13),
        ("one\ntwo {% if a %}", 2, 5),
        ("one\n\n  {# a remark #}", 3, 3),
        ("{{ a == b }}", 1, 1),
        ("{{ 'text' }}", 1, 1),
        ("{{ 5 }}", 1, 1),
        ("{{ true }}", 1, 1),
        ("{{ null }}", 1, 1),
        ("{{ NONE }}", 1, 1),
        ("{{ list[0] }}", 1, 1),
        ("{{ list.0 }}", 1, 1),
        ("{{ a.b() }}", 1, 1),
        ("{{ now() }}", 1, 1),
        ("{{ a . b }}", 1, 1),
        ("{{ .a }}", 1, 1),
        ("{{ a. }}", 1, 1),
        ("{{ naïve }}", 1, 1),
        ("{{- a -}}", 1, 1),
        ("{{{a}}}", 1, 1),
        ("{{ a-b }}", 1, 1),
        ("😀\n😀{{ a|b }}", 2, 2),
    ],
)
def test_anything_but_a_reference_is_refused_with_its_line_and_column(
    source: str, line: int, column: int
) -> None:
    with pytest.raises(PebbleError) as refusal:
        compile_template(source)
    assert (refusal.value.line, refusal.value.column) == (line, column)
    assert f"line {line}, column {column}: only dotted references" in str(refusal.value)


class Secret:
    """Whatever Python can reach by a dot, were it ever handed in."""

    password = "hunter2"


@pytest.mark.parametrize("value", ["text", 5, 1.5, [1], {"k": 1}, None, True, Secret()])
@pytest.mark.parametrize(
    "path",
    ["__class__", "__class__.__mro__", "upper", "keys", "items", "append", "password", "real"],
)
def test_no_attribute_of_a_python_object_is_reachable(value: object, path: str) -> None:
    assert rendered(f"[{{{{v.{path}}}}}]", v=value) == "[]"


@given(texts)
def test_any_text_is_a_template_or_refused_with_a_place_inside_it(source: str) -> None:
    try:
        compile_template(source)
    except PebbleError as refusal:
        lines = source.split("\n")
        assert 1 <= refusal.line <= len(lines)
        assert 1 <= refusal.column <= len(lines[refusal.line - 1])


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="{")))
def test_text_without_a_brace_renders_as_it_is(source: str) -> None:
    assert compile_template(source).render({}) == source


@given(st.lists(names, min_size=1, max_size=4), texts)
def test_a_path_of_any_names_finds_its_value(path: list[str], value: str) -> None:
    context: Any = value
    for name in reversed(path):
        context = {name: context}
    template = compile_template("{{" + ".".join(path) + "}}")
    assert template.references == (Reference(tuple(path), 0),)
    assert template.render(context) == value


@given(json_values, texts)
def test_a_value_is_never_read_as_a_template(value: Any, other: str) -> None:
    once = rendered("{{v}}", v=value, Global_Language=other)
    assert once == rendered("{{v}}", v=value)

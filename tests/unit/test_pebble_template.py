"""A compiled template: values, output piece by piece, references, its tree, places of errors."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json_values import json_values, texts
from onhook import pebble
from onhook.pebble.nodes import FinalFilter, For, If, Macro, Set

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: (
        name.lower() not in ("true", "false", "null", "none", "is", "and", "or", "not")
        and name not in ("contains", "equals", "loop", "locale", "_context")
    )
)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ n }}", 5),
        (" {{ n == 5 }}\n", True),
        ("{{ n / 2.0 }}", 2.5),
        ("{{ nosuch }}", None),
        ("{{ m }}", {"k": [1, None]}),
        ("{{ 'a,b' | split(',') }}", ["a", "b"]),
        ("{{ 'ab' | first }}", "a"),
        ("{{ '<' | escape }}", "&lt;"),
        ("{{ m.k | length }}", 2),
        ("{{ now() }}", "2025-02-06T00:00Z[UTC]"),
        ("{{ m.entrySet() }}", ["k=[1, null]"]),
        ("x{{ n }}", "x5"),
        ("{{ n }}{{ n }}", "55"),
        ("plain", "plain"),
    ],
)
def test_a_template_of_one_expression_has_a_value(source: str, value: object) -> None:
    context = {"n": 5, "m": {"k": [1, None]}}
    found = pebble.compile(source).value(context, now=datetime(2025, 2, 6, tzinfo=UTC))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0, "0"),
        (-(10**300), "-1" + "0" * 300),
        (1.0, "1.0"),
        (1e-5, "1.0E-5"),
        (12345678.9, "1.23456789E7"),
        (math.inf, "Infinity"),
        (math.nan, "NaN"),
        ("a", "a"),
        ([1, "a", None, [True]], "[1, a, null, [true]]"),
        ({"k": None, "l": {}}, "{k=null, l={}}"),
    ],
)
def test_a_value_prints_as_java_prints_it(value: object, text: str) -> None:
    assert pebble.as_text(value) == text
    assert pebble.compile("{{ v }}").render({"v": value}) == text


class Pieces:
    def __init__(self) -> None:
        self.got: list[Any] = []

    def text(self, node: pebble.Text) -> None:
        self.got.append(node.text)

    def value(self, value: Any, node: pebble.Print) -> None:
        assert isinstance(node, pebble.Print)
        self.got.append((value,))


def test_the_output_arrives_piece_by_piece_and_unprinted() -> None:
    pieces = Pieces()
    pebble.compile(
        "a{{ n }}{% if n %}b{{ l }}{% endif %}{% for i in l %}{{ i }};{% endfor %}"
        "{% macro m() %}x{{ 1 }}{% endmacro %}{{ m() }}{% filter upper %}y{{ n }}{% endfilter %}{{ z }}"
    ).render_to({"n": 5, "l": [1, "s"]}, pieces)
    assert pieces.got == [
        "a",
        (5,),
        "b",
        ([1, "s"],),
        (1,),
        ";",
        ("s",),
        ";",
        ("x1",),
        ("Y5",),
        (None,),
    ]


def test_a_print_tells_its_final_filter() -> None:
    def final(source: str) -> FinalFilter | None:
        (node,) = pebble.compile(source).body
        assert isinstance(node, pebble.Print)
        return node.final_filter

    assert final("{{ a | upper | escape('json') }}") == FinalFilter("escape", ("json",))
    assert final("{{ a | escape(strategy='js') }}") == FinalFilter("escape", (), {"strategy": "js"})
    assert final("{{ a | default(b) }}") == FinalFilter("default", (None,))
    assert final("{{ a | raw }}") == FinalFilter("raw")
    assert final("{{ (a | raw) ~ b }}") is None


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("{{ a }}{{ b.c.d }}", ["a", "b.c.d"]),
        ("{{ b['c'].d }}{{ b[c].d }}{{ l[0].x }}", ["b.c.d", "b", "c", "l"]),
        ("{{ a.f(b.c) }}{{ g(h) }}", ["a", "b.c", "h"]),
        ("{{ a ? b : c | default(d) }}{{ [e, {f: g}] }}", ["a", "b", "c", "d", "e", "f", "g"]),
        ('{{ "#{a}#{b.c}" }}{{ not d }}{{ e is empty }}', ["a", "b.c", "d", "e"]),
        ("{% set x = y %}{{ x }}{{ z }}", ["y", "z"]),
        ("{{ x }}{% set x = x %}{{ x.y }}", ["x", "x"]),
        (
            "{% for i in l %}{{ i.a }}{{ loop.index }}{{ k }}{% else %}{{ i }}{% endfor %}{{ i }}",
            ["l", "k", "i", "i"],
        ),
        ("{% macro m(p, q=r) %}{{ p }}{{ s }}{% endmacro %}{{ m(t) }}", ["t"]),
        (
            "{% if a %}{{ b }}{% elseif c %}{{ d }}{% else %}{{ e }}{% endif %}",
            ["a", "b", "c", "d", "e"],
        ),
        (
            "{% filter replace({f: 'x'}) %}{{ g }}{% endfilter %}{% block n %}{{ o }}{% endblock %}",
            ["f", "g", "o"],
        ),
        ("{{ _context.a.b }}{{ _context }}{{ locale }}", ["a.b"]),
        ("{% verbatim %}{{ a }}{% endverbatim %}{# {{ b }} #}", []),
    ],
)
def test_references_are_what_is_read_from_the_context(source: str, paths: list[str]) -> None:
    found = pebble.compile(source).references
    assert [".".join(reference.path) for reference in found] == paths
    assert list(found) == sorted(found, key=lambda reference: reference.offset)


def test_a_reference_knows_its_place_and_its_value() -> None:
    (reference,) = pebble.compile("ab {{ x.y }}").references
    assert (reference.path, reference.offset, str(reference)) == (("x", "y"), 6, "{{x.y}}")
    assert reference.value({"x": {"y": 5}}) == 5
    assert reference.value({"x": "text"}) is None


def test_the_tree_is_public() -> None:
    body = pebble.compile(
        "a {{- b }}{% if c %}d{% else %}e{% endif %}{% for f in g %}{% endfor %}{% set h = 1 %}"
        "{% macro i(j) %}{% endmacro %}"
    ).body
    assert [type(node) for node in body] == [pebble.Text, pebble.Print, If, For, Set, Macro]
    assert body[0] == pebble.Text("a", 0)
    assert body[1].offset == 2
    branch = body[2]
    assert isinstance(branch, If)
    assert branch.branches[0].body == (pebble.Text("d", 20),)
    assert branch.otherwise == (pebble.Text("e", 31),)


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("{{ a", 1, 1),
        ("{{ 'x }}", 1, 4),
        ("one\ntwo {% nosuch %}", 2, 8),
        ("{{ a }}\n\n  {{ 1 / 0 }}", 3, 8),
        ("{{ 1 +\n  nul * 2 }}", 2, 7),
        ("{{ a | nosuch }}", 1, 8),
        ("{{ [1, (2 / 0)] }}", 1, 11),
        ("{% if t %}\n{% if [] %}{% endif %}{% endif %}", 2, 7),
        ("{% for i in 1 %}{% endfor %}", 1, 1),
        ("{% macro m(a) %}\n{{ a / 0 }}{% endmacro %}{{ m(1) }}", 2, 6),
        ("😀😀{{ 1 / 0 }}", 1, 8),
        ("{% if t %}", 1, 4),
        ("{{ (1 }}", 1, 4),
        ("{{ x.y() / 0 }}", 1, 10),
    ],
)
def test_an_error_has_the_place_of_the_expression(source: str, line: int, column: int) -> None:
    with pytest.raises(pebble.PebbleError) as refusal:
        pebble.compile(source).render({"t": True, "nul": None, "x": {}})
    assert (refusal.value.line, refusal.value.column) == (line, column)
    assert str(refusal.value) == f"line {line}, column {column}: {refusal.value.message}"


def test_a_position_counts_from_one() -> None:
    assert pebble.position("ab\ncd", 0) == (1, 1)
    assert pebble.position("ab\ncd", 4) == (2, 2)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="{")))
def test_text_without_a_brace_renders_as_it_is(source: str) -> None:
    assert pebble.compile(source).render({}) == source


@given(st.lists(names, min_size=1, max_size=4), texts)
def test_a_path_of_any_names_finds_its_value(path: list[str], value: str) -> None:
    context: Any = value
    for name in reversed(path):
        context = {name: context}
    template = pebble.compile("{{" + ".".join(path) + "}}")
    assert [reference.path for reference in template.references] == [tuple(path)]
    assert template.render(context) == value


@given(json_values, texts)
def test_a_value_is_never_read_as_a_template(value: Any, other: str) -> None:
    template = pebble.compile("{{v}}")
    assert template.render({"v": value, "Global_Language": other}) == template.render({"v": value})


@given(json_values)
def test_the_short_way_and_the_long_way_print_the_same(value: Any) -> None:
    context = {"v": value, "m": {"v": value}}
    short, long = pebble.compile("{{ v }}:{{ m.v }}"), pebble.compile("{{ v }}:{{ m['v'] }}")
    assert short.render(context) == long.render(context)


@given(json_values)
def test_the_value_of_a_name_is_the_value_itself(value: Any) -> None:
    assert pebble.compile("{{ v }}").value({"v": value}) == value


def test_names_that_do_not_exist_are_known_before_rendering() -> None:
    template = pebble.compile(
        "{% if false %}{{ a | nosuch | upper }}{{ b is odder }}{% endif %}\n"
        "{% filter none %}{{ f() }}{{ m() }}{{ block('x') }}{% endfilter %}{% macro m() %}{% endmacro %}"
    )
    assert [str(problem) for problem in template.problems] == [
        'line 1, column 22: there is no filter "nosuch"',
        'line 1, column 47: there is no test "odder"; did you mean odd?',
        'line 2, column 11: there is no filter "none"',
        'line 2, column 21: there is no function "f"',
    ]
    assert pebble.compile("{{ a | upper }}{{ max(1) }}{{ b is even }}").problems == ()


def test_now_is_in_utc_and_to_the_millisecond() -> None:
    template = pebble.compile("{{ now() }}")
    at = datetime(2025, 2, 6, 22, 9, 2, 712345, tzinfo=timezone(timedelta(hours=1)))
    assert template.render({}, now=at) == "2025-02-06T21:09:02.712Z[UTC]"
    assert template.render({}, now=at.replace(tzinfo=None)) == "2025-02-06T22:09:02.712Z[UTC]"
    assert template.render({}).endswith("Z[UTC]")


def test_half_a_character_never_leaves_a_template() -> None:
    for source in ("{{ 'a\ud83d' }}", "\ud83d", "{{ v }}", "{{ '😀' | slice(1) }}"):
        assert pebble.compile(source).render({"v": "\ude00"}).endswith("?")
    assert pebble.compile("{{ '😀' | slice(0, 1) ~ ('😀' | slice(1)) }}").render({}) == "😀"
    with pytest.raises(pebble.PebbleError) as refusal:
        pebble.compile("{{ \ud83d }}")
    assert str(refusal.value) == 'line 1, column 4: unexpected "?"'


def test_an_array_is_no_key() -> None:
    assert pebble.compile("[{{ m['x'.toCharArray()] }}]").render({"m": {"x": 1}}) == "[]"
